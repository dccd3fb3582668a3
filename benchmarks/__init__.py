"""Benchmarks that anyone can run: ``python -m benchmarks.seed_scale --help``."""
