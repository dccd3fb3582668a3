"""Whole studies: a file that says what to do, and who does it."""
