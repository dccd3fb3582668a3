"""Representational geometry: dissimilarities of conditions, and models of them."""

from boldstream.geometry.ceiling import noise_ceiling
from boldstream.geometry.comparing import compare
from boldstream.geometry.dissimilarities import RDM
from boldstream.geometry.embedding import (
    Embedding,
    PrincipalComponents,
    embed,
    participation_ratio,
    principal_components,
)
from boldstream.geometry.estimating import rdm
from boldstream.geometry.models import read_model
from boldstream.geometry.regions import Geometry, geometry_of_rois
from boldstream.geometry.searchlight import RDMSearchlight, rdm_searchlight
from boldstream.geometry.temporal import temporal_distance

__all__ = [
    "RDM",
    "Embedding",
    "Geometry",
    "PrincipalComponents",
    "RDMSearchlight",
    "compare",
    "embed",
    "geometry_of_rois",
    "noise_ceiling",
    "participation_ratio",
    "principal_components",
    "rdm",
    "rdm_searchlight",
    "read_model",
    "temporal_distance",
]
