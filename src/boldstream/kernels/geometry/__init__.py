"""Kernels of geometry: what each voxel adds to the dissimilarities of a sphere."""
