"""What tests of pages share: a real browser."""

from __future__ import annotations

from tests.report.browser import browser, open_page, page
from tests.report.results import made_results, report, results

__all__ = ["browser", "made_results", "open_page", "page", "report", "results"]
