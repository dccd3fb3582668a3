"""Interactive maps: slices through a crosshair, with the value there, in one offline page."""

from boldstream.report.viewer.views import Views, view_map, write_views

__all__ = ["Views", "view_map", "write_views"]
