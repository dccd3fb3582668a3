"""Sections of pages: what there is of a topic, or None where there is nothing."""
