"""Files to volumes and tables, and back."""
