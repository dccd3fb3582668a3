"""Group statistics: regions and maps of many subjects, against chance."""

from boldstream.decoding.group.bootstrap import group_bootstrap
from boldstream.decoding.group.maps import group_maps
from boldstream.decoding.group.result import GroupMaps
from boldstream.decoding.group.scores import group_scores

__all__ = ["GroupMaps", "group_bootstrap", "group_maps", "group_scores"]
