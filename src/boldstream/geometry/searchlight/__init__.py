"""`rdm_searchlight`: models compared with the dissimilarities around every voxel."""

from boldstream.geometry.searchlight.search import RDMSearchlight, rdm_searchlight

__all__ = ["RDMSearchlight", "rdm_searchlight"]
