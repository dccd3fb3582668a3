from boldstream._version import __version__
from boldstream.api import extract, load_mask, mean_image, plan, read_volume, stream
from boldstream.core.errors import (
    BoldstreamError,
    CorruptImageError,
    GridMismatchError,
    ImageFileError,
    MaskError,
    MemoryBudgetError,
    MissingDependencyError,
    NonFiniteError,
    OutputExistsError,
    ParameterError,
    StorageError,
    TableError,
    UnsupportedImageError,
)
from boldstream.glm.betas import StoredBetas, TrialBetas, open_betas, trial_betas
from boldstream.glm.first_level import FirstLevel
from boldstream.io.opening import open_image
from boldstream.io.study import OAKConfig
from boldstream.memory.cache import CacheConfig
from boldstream.memory.config import MemoryConfig, configure_for_cluster
from boldstream.memory.context import MemoryEfficientContext, create_memory_efficient_loader
from boldstream.memory.loader import MemoryEfficientLoader
from boldstream.memory.mapped import MemoryMappedArray
from boldstream.memory.monitor import MemoryMonitor
from boldstream.memory.store import Store
from boldstream.report.viewer import view_map
from boldstream.streaming.plan import Plan
from boldstream.streaming.preparations import Prepared
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
from boldstream.study.pipeline import (
    CachedMVPAPipeline,
    ParallelMVPAProcessor,
    create_cached_processor,
)
from boldstream.study.studies import StudyResult, run_study

__all__ = [
    "TSNR",
    "BoldstreamError",
    "CacheConfig",
    "CachedMVPAPipeline",
    "CorruptImageError",
    "FirstLevel",
    "GridMismatchError",
    "ImageFileError",
    "Labels",
    "Maps",
    "MaskError",
    "Mean",
    "MemoryBudgetError",
    "MemoryConfig",
    "MemoryEfficientContext",
    "MemoryEfficientLoader",
    "MemoryMappedArray",
    "MemoryMonitor",
    "MissingDependencyError",
    "NonFiniteError",
    "OAKConfig",
    "OutputExistsError",
    "ParallelMVPAProcessor",
    "ParameterError",
    "Plan",
    "Prepared",
    "Project",
    "Reduction",
    "RegionSeries",
    "Spheres",
    "Std",
    "StorageError",
    "Store",
    "StoredBetas",
    "StudyResult",
    "TableError",
    "TrialBetas",
    "UnsupportedImageError",
    "Volumes",
    "Voxels",
    "__version__",
    "configure_for_cluster",
    "create_cached_processor",
    "create_memory_efficient_loader",
    "extract",
    "load_mask",
    "mean_image",
    "open_betas",
    "open_image",
    "plan",
    "read_volume",
    "run_study",
    "stream",
    "trial_betas",
    "view_map",
]
