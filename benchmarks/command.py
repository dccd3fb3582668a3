"""The command line that each suite has of its own: ``python -m benchmarks.SUITE``."""

from __future__ import annotations

import argparse
import ctypes
import json
import logging
import signal
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.forking import forked
from benchmarks.rows import Row, counted, print_table
from benchmarks.settings import IMAGES, Group, Settings

_PR_SET_PDEATHSIG = 1

_log = logging.getLogger(__name__)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options that all command lines of the benchmarks have."""
    parser.add_argument(
        "--folder", type=Path, default=IMAGES, help="keeps the images (%(default)s)"
    )
    parser.add_argument("--repeats", type=int, help="of what takes seconds (3, quick: 1)")
    parser.add_argument("--quick", action="store_true", help="small images; nothing is judged")


def settings_of(options: argparse.Namespace) -> Settings:
    """What the options say."""
    repeats = options.repeats or (1 if options.quick else 3)
    return Settings(options.folder.absolute(), options.quick, repeats)


def end_cleanly(*, with_parent: bool = False) -> None:
    """Let SIGTERM end what runs, as Ctrl-C does; and the end of who started this, if asked."""

    def leave(number: int, _: Any) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    if with_parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def run_suite(suite: str, groups: Mapping[str, Group], about: str | None) -> None:
    """Take the figures that are asked for, tell each on standard error, and print them."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{suite}", description=about)
    add_settings(parser)
    parser.add_argument("--only", action="append", choices=[*groups], help="may be given again")
    parser.add_argument("--json", type=Path, help="write the rows there as well")
    parser.add_argument("--with-parent", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    logging.basicConfig(format="    %(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("benchmarks").setLevel(logging.INFO)
    end_cleanly(with_parent=options.with_parent)
    settings, rows = settings_of(options), list[Row]()
    try:
        with forked() if settings.quick else nullcontext():
            for name in groups:
                if name in (options.only or groups):
                    for row in groups[name](settings):
                        rows.append(row)
                        _log.info("%s: %s", row.key, row.told)
    finally:
        # An hour of work is shown even where its end fails.
        print_table(rows, judged=not settings.quick)
    print(f"{len(rows)} figures, not judged" if settings.quick else counted(rows))
    if options.json:
        options.json.write_text(json.dumps([row.content for row in rows], indent=2) + "\n")
