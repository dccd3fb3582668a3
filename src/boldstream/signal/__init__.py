"""Cleaning of time courses: filters, confounds, censoring, standardisation."""
