"""Spheres solved and scored: by engines in threads, or by scikit-learn in processes."""
