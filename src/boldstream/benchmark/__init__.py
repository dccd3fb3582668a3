"""What `boldstream benchmark` does: ways to do the same, each in a process of its own, compared."""
