"""cgroups: what the group of this process, and each group above it, may use and uses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TypeAlias

# cgroup v1 writes "no limit" as a number near 2**63 that depends on the page size.
_NO_LIMIT = 1 << 60

Group: TypeAlias = tuple[str, int, int]
"""Name for a user, limit and use in bytes."""


def cgroup_limits(root: Path) -> Iterator[Group]:
    """Limits of all cgroups that hold this process, of version 1 and 2."""
    for line in read_kernel_file(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers == "":
            for folder in _group_folders(root, "cgroup2", "", group):
                yield from _v2_limit(root, folder)
        elif "memory" in controllers.split(","):
            for folder in _group_folders(root, "cgroup", "memory", group):
                yield from _v1_limit(root, folder)


def _group_folders(root: Path, kind: str, controller: str, group: str) -> Iterator[Path]:
    """Folders of a group and of the groups above it, as far as they are mounted."""
    for mount_root, mount_point in _cgroup_mounts(root, kind, controller):
        top = root / mount_point.relative_to("/")
        path = PurePosixPath(group)
        # In a container the mount may start at the container's own group, or
        # the path may lead out of the namespace ("/.."): its top is all we see.
        inside = path.is_relative_to(mount_root) and ".." not in path.parts
        folder = top / path.relative_to(mount_root) if inside else top
        while folder != top:
            yield folder
            folder = folder.parent
        yield top


def _cgroup_mounts(
    root: Path, kind: str, controller: str
) -> Iterator[tuple[PurePosixPath, PurePosixPath]]:
    """Root within the hierarchy and mount point, for each mount of a hierarchy."""
    for line in read_kernel_file(root / "proc/self/mountinfo").splitlines():
        before, _, after = line.partition(" - ")
        file_system, _, options = after.split(" ", 2)
        if file_system == kind and (not controller or controller in options.split(",")):
            fields = before.split()
            yield PurePosixPath(fields[3]), PurePosixPath(fields[4])


def _v2_limit(root: Path, folder: Path) -> Iterator[Group]:
    # Above memory.high a group is not killed but slowed to a crawl.
    limit = min(_number(folder / "memory.max"), _number(folder / "memory.high"))
    if limit < _NO_LIMIT:
        used = _number(folder / "memory.current") - _page_cache(folder, "")
        yield (_group_name("cgroup v2", root, folder), limit, max(0, used))


def _v1_limit(root: Path, folder: Path) -> Iterator[Group]:
    limit = min(
        _number(folder / "memory.limit_in_bytes"),
        _stat(folder).get("hierarchical_memory_limit", _NO_LIMIT),
    )
    if limit < _NO_LIMIT:
        used = _number(folder / "memory.usage_in_bytes") - _page_cache(folder, "total_")
        yield (_group_name("cgroup v1", root, folder), limit, max(0, used))


def _group_name(version: str, root: Path, folder: Path) -> str:
    return f"{version} /{folder.relative_to(root)}"


def _page_cache(folder: Path, prefix: str) -> int:
    """Cached file pages of a group: they count as used and go when memory is needed.

    The active ones too: an image that was read twice would else fill the group for good.
    """
    stat = _stat(folder)
    return stat.get(f"{prefix}inactive_file", 0) + stat.get(f"{prefix}active_file", 0)


def _stat(folder: Path) -> dict[str, int]:
    pairs = re.findall(
        r"^(\w+) (\d+)$", read_kernel_file(folder / "memory.stat"), flags=re.MULTILINE
    )
    return {name: int(value) for name, value in pairs}


def read_kernel_file(path: Path) -> str:
    """A file of the kernel, empty where it does not exist or may not be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _number(path: Path) -> int:
    """A file that holds one number; no limit where it says ``max`` or is absent."""
    text = read_kernel_file(path).strip()
    return int(text) if text.isdigit() else _NO_LIMIT
