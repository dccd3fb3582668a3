"""Kernels of neighbourhoods: which voxels or vertices lie near which."""
