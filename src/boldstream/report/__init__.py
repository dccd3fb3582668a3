"""The results of a study as HTML that opens offline: pages, and interactive maps.

Examples
--------
>>> from boldstream.report import write_report
>>> write_report("derivatives/none")
Traceback (most recent call last):
boldstream.core.errors.ParameterError: `run_dir` must be the output folder of a study, got ...
"""

from boldstream.report.viewer import Views, view_map, write_views
from boldstream.report.writing import write_report

__all__ = ["Views", "view_map", "write_report", "write_views"]
