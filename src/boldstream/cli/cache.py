"""``boldstream cache``: what is kept of images that were decoded, and how to be rid of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from boldstream.cli.console import say
from boldstream.core.budget import format_bytes

if TYPE_CHECKING:
    from boldstream.memory.store import Entry, Store

cache = typer.Typer(
    name="cache",
    no_args_is_help=True,
    help="Show or remove what is kept of images that were decoded.",
)

CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache-dir",
        metavar="DIR",
        help="The folder; by default the one that BOLDSTREAM_CACHE and the like say.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]


@cache.command()
def path(*, cache_dir: CacheFolder = None) -> None:
    """Print the folder.

    Example: boldstream cache path
    """
    typer.echo(_open(cache_dir).folder.path)


@cache.command(name="list")
def list_entries(*, cache_dir: CacheFolder = None, as_json: AsJson = False) -> None:
    """List what is kept, what was used last first.

    Example: boldstream cache list
    """
    from boldstream.memory.clearing import kept_folders

    store = _open(cache_dir)
    entries, kept = store.entries(), kept_folders(store.folder.path)
    if as_json:
        facts = [_facts(entry) for entry in entries]
        typer.echo(json.dumps({"entries": facts, "kept": [str(one) for one in kept]}, indent=2))
        return
    for entry in entries:
        say(entry.path.name, _row(entry))
        for source in entry.sources:
            say("", source)
    for folder in kept:
        say(folder.name, "files of a loader, kept as CLEANUP_TEMP_FILES was off")
    if not entries and not kept:
        typer.echo(f"nothing is kept in {store.folder.path}")


@cache.command()
def stats(*, cache_dir: CacheFolder = None, as_json: AsJson = False) -> None:
    """Say how much is kept.

    Example: boldstream cache stats
    """
    facts = _open(cache_dir).stats()
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    say("folder  ", facts["folder"] + (", in memory (tmpfs)" if facts["is_memory"] else ""))
    numbers = ", ".join(f"{facts[name]} {name}" for name in ("outdated", "damaged"))
    say("images  ", f"{facts['entries']}: {facts['in_use']} in use, {numbers}")
    size, free = format_bytes(facts["bytes"]), format_bytes(facts["free_bytes"])
    say("size    ", f"{size}; {free} are free on that disk")


@cache.command()
def clear(
    *,
    cache_dir: CacheFolder = None,
    in_use: Annotated[
        bool,
        typer.Option(
            "--in-use", help="Remove what someone has open too; who reads it can go on with it."
        ),
    ] = False,
) -> None:
    """Remove what is kept and no one uses.

    Example: boldstream cache clear
    """
    from boldstream.memory.clearing import clear_folder

    store = _open(cache_dir)
    freed = clear_folder(store, unused_only=not in_use)
    left = len(store.entries())
    typer.echo(f"freed {format_bytes(freed)}" + (f"; {left} left, in use" if left else ""))


def _open(cache_dir: Path | None) -> Store:
    from boldstream.memory.store import Store

    return Store(cache_dir)


def _row(entry: Entry) -> str:
    used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
    states = ["in use"] * entry.in_use
    if entry.layout != "damaged" and not entry.is_current:
        states.append("outdated")
    return ", ".join([entry.layout, format_bytes(entry.n_bytes), f"used {used}", *states])


def _facts(entry: Entry) -> dict[str, Any]:
    return {
        "path": str(entry.path),
        "layout": entry.layout,
        "sources": entry.sources,
        "bytes": entry.n_bytes,
        "used": entry.used,
        "in_use": entry.in_use,
        "is_current": entry.is_current,
    }
