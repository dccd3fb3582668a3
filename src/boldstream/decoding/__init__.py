"""Decoding: searchlight, regions, permutation inference."""

from boldstream.decoding.estimators import CorrelationClassifier, RidgeCovariance
from boldstream.decoding.f_scores import FScores, f_scores
from boldstream.decoding.group import GroupMaps, group_bootstrap, group_maps, group_scores
from boldstream.decoding.inference import (
    Inference,
    NullMaps,
    open_null_maps,
)
from boldstream.decoding.roi import Decoding, decode
from boldstream.decoding.samples.selected import Selected
from boldstream.decoding.searchlight import SearchLight

__all__ = [
    "CorrelationClassifier",
    "Decoding",
    "FScores",
    "GroupMaps",
    "Inference",
    "NullMaps",
    "RidgeCovariance",
    "SearchLight",
    "Selected",
    "decode",
    "f_scores",
    "group_bootstrap",
    "group_maps",
    "group_scores",
    "open_null_maps",
]
