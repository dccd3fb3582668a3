"""What was done, by whom, with what."""
