from boldstream._version import __version__
from boldstream.api import extract, mean_image, plan, read_volume, stream
from boldstream.core.errors import (
    BoldstreamError,
    CorruptImageError,
    GridMismatchError,
    ImageFileError,
    MaskError,
    MemoryBudgetError,
    MissingDependencyError,
    OutputExistsError,
    ParameterError,
    TableError,
    UnsupportedImageError,
)
from boldstream.io.opening import open_image
from boldstream.streaming.plan import Plan
from boldstream.streaming.reduction import Reduction
from boldstream.streaming.reductions import (
    TSNR,
    Labels,
    Maps,
    Mean,
    Project,
    Spheres,
    Std,
    Volumes,
    Voxels,
)
from boldstream.streaming.results import RegionSeries

__all__ = [
    "TSNR",
    "BoldstreamError",
    "CorruptImageError",
    "GridMismatchError",
    "ImageFileError",
    "Labels",
    "Maps",
    "MaskError",
    "Mean",
    "MemoryBudgetError",
    "MissingDependencyError",
    "OutputExistsError",
    "ParameterError",
    "Plan",
    "Project",
    "Reduction",
    "RegionSeries",
    "Spheres",
    "Std",
    "TableError",
    "UnsupportedImageError",
    "Volumes",
    "Voxels",
    "__version__",
    "extract",
    "mean_image",
    "open_image",
    "plan",
    "read_volume",
    "stream",
]
