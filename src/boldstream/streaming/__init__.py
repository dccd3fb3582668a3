"""One decode pass, many reductions."""
