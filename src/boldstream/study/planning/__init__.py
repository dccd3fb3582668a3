"""Units of work, and what they need."""
