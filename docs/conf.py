"""How the site is built: ``make docs``, from what is in the repository, without a network."""

from __future__ import annotations

import os
import re
import sys
import warnings
from pathlib import Path
from typing import Any

from sphinx_gallery.sorting import ExplicitOrder

import boldstream

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
# nilearn would ask a browser, and matplotlib a screen.
os.environ["MPLBACKEND"] = "Agg"

project = "boldstream"
author = "The boldstream developers"
copyright = author  # noqa: A001 - Sphinx's name
version = release = boldstream.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
    "commands",
    "offline",
]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# A fence that names no language is the output of a program, or a drawing.
highlight_language = "none"

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

# `Name` in a docstring is a link where there is a page for it, and plain code where there is none.
default_role = "py:obj"
nitpick_ignore_regex = [("py:obj", ".*"), ("py:.*", r"(nilearn|nibabel)\..*")]

autosummary_generate = True
autodoc_typehints = "none"
# What nilearn and scikit-learn say of their own methods refers to pages of theirs.
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_title = "boldstream"
html_static_path = ["_static"]
html_css_files = ["boldstream.css"]
html_show_sourcelink = False
html_show_sphinx = False
# It is fetched page by page, which browsers refuse where the site is opened from a disk.
html_show_search_summary = False
html_context = {"default_mode": "auto"}
html_theme_options: dict[str, Any] = {
    "icon_links": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    # Everywhere but in the gallery, where scripts are wide. A page must match one pattern at most.
    "secondary_sidebar_items": {
        "[!g]*": ["page-toc"],
        "g[!a]*": ["page-toc"],
        "gallery/*": [],
    },
    "show_toc_level": 2,
    "show_version_warning_banner": False,
}
html_sidebars = {"index": []}

_SEEDS = [
    "plot_many_masks.py",
    "plot_load_mean_volume.py",
    "plot_proxies.py",
    "plot_memory_efficient_loader.py",
    "plot_searchlight.py",
]
sphinx_gallery_conf: dict[str, Any] = {
    "examples_dirs": ["../examples"],
    "gallery_dirs": ["gallery"],
    "within_subsection_order": ExplicitOrder(_SEEDS),
    "abort_on_example_error": True,
    "capture_repr": (),
    "doc_module": ("boldstream",),
    "reference_url": {"boldstream": None},
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "backreferences_dir": "api/generated/backreferences",
}

# An example that warns is wrong, as a test that warns is.
warnings.filterwarnings("error", module="__main__")

# A link by name, which may be to a page of another site.
_ROLE = re.compile(r":(?:\w+:)?(\w+):`~?([^`<]+?)(?:\s*<([^`>]+)>)?`")
_NILEARN_DIRECTIVE = re.compile(r"\.\. nilearn_(\w+):: *")


def setup(app: Any) -> None:
    """Keep to what is said here: nilearn and scikit-learn add methods, and refer to their sites."""
    app.connect("autodoc-skip-member", _is_foreign)
    app.connect("autodoc-process-docstring", _make_own)


def _is_foreign(app: Any, kind: str, name: str, member: Any, skip: bool, options: Any) -> bool:
    del app, kind, member, options
    return skip or (name.startswith("set_") and name.endswith("_request"))


def _make_own(app: Any, kind: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    del app, kind, name, value, options
    lines[:] = [
        _NILEARN_DIRECTIVE.sub(".. \\1:: nilearn\N{NO-BREAK SPACE}", line) for line in lines
    ]
    lines[:] = [_ROLE.sub(_plain, line) for line in lines]


def _plain(role: re.Match[str]) -> str:
    kind, title, target = role.groups()
    if (target or title).startswith("boldstream"):
        return role[0]
    return title if kind in {"term", "ref", "doc"} else f"``{title}``"
