"""boldstream: fMRI analysis in bounded memory.

Read every image once, in order, and let many reductions share that one decode.
Names are loaded when they are first used, so ``import boldstream`` is light.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from boldstream._version import __version__

_HOMES = {
    "boldstream.api": ("extract", "load_mask", "mean_image", "plan", "read_volume", "stream"),
    "boldstream.glm.betas": ("StoredBetas", "TrialBetas", "open_betas", "trial_betas"),
    "boldstream.glm.first_level": ("FirstLevel",),
    "boldstream.io.opening": ("open_image",),
    "boldstream.io.study": ("OAKConfig",),
    "boldstream.memory.cache": ("CacheConfig",),
    "boldstream.memory.config": ("MemoryConfig", "configure_for_cluster"),
    "boldstream.memory.context": ("MemoryEfficientContext", "create_memory_efficient_loader"),
    "boldstream.memory.loader": ("MemoryEfficientLoader",),
    "boldstream.memory.mapped": ("MemoryMappedArray",),
    "boldstream.memory.monitor": ("MemoryMonitor",),
    "boldstream.memory.store": ("Store",),
    "boldstream.report.viewer": ("view_map",),
    "boldstream.study.pipeline": (
        *("CachedMVPAPipeline", "ParallelMVPAProcessor", "create_cached_processor"),
    ),
    "boldstream.study.studies": ("StudyResult", "run_study"),
    "boldstream.streaming.preparations": ("Prepared",),
    "boldstream.streaming.reductions": (
        *("Labels", "Maps", "Mean", "Project", "Spheres", "Std", "TSNR", "Volumes", "Voxels"),
    ),
    "boldstream.streaming.plan": ("Plan",),
    "boldstream.streaming.reduction": ("Reduction",),
    "boldstream.streaming.results": ("RegionSeries",),
    "boldstream.core.errors": (
        *("BoldstreamError", "CorruptImageError", "GridMismatchError", "ImageFileError"),
        *("MaskError", "MemoryBudgetError", "MissingDependencyError", "NonFiniteError"),
        *("OutputExistsError", "ParameterError", "StorageError", "TableError"),
        "UnsupportedImageError",
    ),
}
# Found as bs.NAME too, and imported only then.
_PACKAGES = ("behaviour", "decoding", "geometry", "glm", "maskers", "plotting", "report")
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *_HOME_OF]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES])
