"""Who does the work: this process, others, a cluster."""
