"""The programs that the document on memory-efficient loading shows, run as they are written there.

Only their import lines are changed, to import from boldstream.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import tempfile
import time
import types
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from nilearn.signal import clean

import boldstream as bs
from tests.conftest import REPOSITORY
from tests.memory.studies import AFFINE, Study, make_study
from tests.study.made import N_TRIALS, atlas_of, make_inputs

SEED = REPOSITORY.parent / "shared" / "seeds" / "003_4c3628f790b3f877.txt"

BASIC_USAGE = """
from memory_efficient_data import MemoryEfficientContext

# Use context manager for automatic cleanup
with MemoryEfficientContext() as loader:
    # Load fMRI data efficiently
    fmri_data = loader.load_fmri_memmap('sub-001')
    
    # Extract ROI time series
    roi_mask = load_mask('striatum_mask.nii.gz')
    timeseries = loader.extract_roi_timeseries_memmap(
        'sub-001', roi_mask, standardize=True
    )
"""  # noqa: W293

ADVANCED_CONFIGURATION = """
from memory_efficient_data import MemoryConfig, create_memory_efficient_loader

# Custom memory configuration
memory_config = MemoryConfig()
memory_config.MEMMAP_THRESHOLD_GB = 0.5  # Use memmap for data > 0.5GB
memory_config.AVAILABLE_MEMORY_BUFFER = 0.3  # Keep 30% memory free
memory_config.SHARED_MEMORY_PARALLEL = True  # Enable shared memory

# Create loader with custom config
loader = create_memory_efficient_loader(config, memory_config)

# Process multiple subjects efficiently
for subject_id in subjects:
    fmri_data = loader.load_fmri_memmap(subject_id)
    # Process data...
"""

INTEGRATION_WITH_CACHING = """
from caching_utils import create_cached_processor
from memory_efficient_data import MemoryConfig

# Create cached processor with memory efficiency
memory_config = MemoryConfig()
memory_config.USE_MEMMAP = True

cached_processor = create_cached_processor(
    config=config,
    cache_config=cache_config,
    memory_config=memory_config
)

# Process with both caching and memory efficiency
result = cached_processor.beta_extraction(
    subject_id='sub-001',
    roi_name='striatum'
)
"""

MVPA_PIPELINE_INTEGRATION = """
# Enhanced MVPA pipeline with memory efficiency
from delay_discounting_mvpa_pipeline_cached import CachedMVPAPipeline
from memory_efficient_data import MemoryConfig

# Configure memory efficiency
memory_config = MemoryConfig()
memory_config.USE_MEMMAP = True
memory_config.MEMMAP_THRESHOLD_GB = 1.0

# Create cached pipeline with memory efficiency
pipeline = CachedMVPAPipeline(
    config=config,
    cache_config=cache_config,
    memory_config=memory_config  # Added parameter
)

# Process subjects with memory efficiency
results = pipeline.run_analysis(subjects)
"""

PARALLEL_PROCESSING_INTEGRATION = """
from parallel_mvpa_utils import ParallelMVPAProcessor
from memory_efficient_data import MemoryConfig

# Configure for HPC environment
memory_config = MemoryConfig()
memory_config.SHARED_MEMORY_PARALLEL = True
memory_config.MAX_MEMORY_PER_PROCESS_GB = 8.0

# Create parallel processor with memory efficiency
processor = ParallelMVPAProcessor(
    config=config,
    memory_config=memory_config
)

# Process with memory-efficient parallel execution
results = processor.process_subjects_parallel(
    subjects=subjects,
    n_jobs=16  # Scale to more workers safely
)
"""

AUTOMATIC_CONFIGURATION = """
# Low memory system (< 16GB)
memory_config.MEMMAP_THRESHOLD_GB = 0.5
memory_config.AVAILABLE_MEMORY_BUFFER = 0.3
memory_config.MAX_MEMORY_PER_PROCESS_GB = 4.0

# Medium memory system (16-64GB)
memory_config.MEMMAP_THRESHOLD_GB = 1.0
memory_config.AVAILABLE_MEMORY_BUFFER = 0.2
memory_config.MAX_MEMORY_PER_PROCESS_GB = 8.0

# High memory system (> 64GB)
memory_config.MEMMAP_THRESHOLD_GB = 2.0
memory_config.AVAILABLE_MEMORY_BUFFER = 0.15
memory_config.MAX_MEMORY_PER_PROCESS_GB = 16.0
"""

SLURM_EXPORTS = """
export MVPA_USE_MEMMAP=1
export MVPA_MEMMAP_THRESHOLD_GB=0.5
export MVPA_SHARED_MEMORY=1
"""

RESOURCE_OPTIMIZATION = """
# Configure for cluster environment
def configure_for_cluster():
    memory_config = MemoryConfig()
    
    # Get SLURM environment variables
    mem_per_node = int(os.environ.get('SLURM_MEM_PER_NODE', '32000'))  # MB
    n_tasks = int(os.environ.get('SLURM_NTASKS_PER_NODE', '16'))
    
    # Calculate memory per process
    mem_per_process_gb = (mem_per_node / 1024) / n_tasks * 0.8  # 80% utilization
    
    # Configure memory settings
    memory_config.MAX_MEMORY_PER_PROCESS_GB = mem_per_process_gb
    memory_config.MEMMAP_THRESHOLD_GB = min(1.0, mem_per_process_gb / 4)
    memory_config.SHARED_MEMORY_PARALLEL = True
    
    return memory_config
"""  # noqa: W293

MEMORY_MAPPING_FAILS = """
# Check disk space for temporary files
loader = MemoryEfficientLoader(config, memory_config)
temp_dir = loader.temp_dir
disk_usage = shutil.disk_usage(temp_dir)
print(f"Available disk space: {disk_usage.free / (1024**3):.1f} GB")
"""

PERFORMANCE_DEGRADATION = """
# Monitor memory usage
with MemoryEfficientContext() as loader:
    # Check memory usage
    memory_report = loader.get_memory_usage_report()
    print(f"Memory usage: {memory_report}")
    
    # Check if memory mapping is being used
    fmri_data = loader.load_fmri_memmap('sub-001')
    print(f"Using memory mapping: {type(fmri_data).__name__}")
"""  # noqa: W293

CLEANUP_ISSUES = """
# Manual cleanup if needed
def cleanup_memory_maps():
    import tempfile
    import shutil
    
    temp_dir = Path(tempfile.gettempdir()) / 'mvpa_memmap'
    if temp_dir.exists():
        shutil.rmtree(temp_dir)
        print(f"Cleaned up: {temp_dir}")
"""  # noqa: W293

THRESHOLD_OPTIMIZATION = """
# Test different thresholds
def optimize_memory_threshold():
    thresholds = [0.5, 1.0, 1.5, 2.0]
    results = {}
    
    for threshold in thresholds:
        memory_config = MemoryConfig()
        memory_config.MEMMAP_THRESHOLD_GB = threshold
        
        # Benchmark with this threshold
        start_time = time.time()
        # ... run analysis ...
        results[threshold] = time.time() - start_time
    
    best_threshold = min(results, key=results.get)
    print(f"Optimal threshold: {best_threshold} GB")
    return best_threshold
"""  # noqa: W293

LOADER = """
class MemoryEfficientLoader:
    def __init__(self, config: OAKConfig, memory_config: MemoryConfig)
    def load_fmri_memmap(self, subject_id: str) -> Union[MemoryMappedArray, np.ndarray]
    def extract_roi_timeseries_memmap(self, subject_id: str, roi_mask: np.ndarray) -> np.ndarray
    def create_shared_memmap(self, data: np.ndarray, identifier: str) -> MemoryMappedArray
    def get_memory_usage_report(self) -> Dict[str, Any]
    def cleanup(self)
"""

MAPPED_ARRAY = """
class MemoryMappedArray:
    def __init__(self, file_path: Path, shape: Tuple, dtype: np.dtype)
    @property
    def array(self) -> np.memmap
    @property
    def size_gb(self) -> float
    def flush(self)
    def close(self)
    def cleanup(self)
"""

MONITOR = """
class MemoryMonitor:
    def __init__(self, config: MemoryConfig)
    def get_memory_info(self) -> Dict[str, float]
    def check_memory_threshold(self, required_gb: float) -> bool
    def suggest_memmap(self, data_size_gb: float) -> bool
    def log_memory_usage(self, operation: str)
"""

UTILITIES = """
def create_memory_efficient_loader(config: OAKConfig, memory_config: MemoryConfig) \
-> MemoryEfficientLoader

class MemoryEfficientContext:
    def __enter__(self) -> MemoryEfficientLoader
    def __exit__(self, exc_type, exc_val, exc_tb)
"""

TEXTS = [
    value for name, value in sorted(globals().items()) if name.isupper() and isinstance(value, str)
]


@pytest.fixture
def study(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Study:
    """A study in the current folder, with the mask that the programs name."""
    made = make_study(tmp_path, rng)
    nib.save(nib.Nifti1Image(made.mask.astype("u1"), AFFINE), tmp_path / "striatum_mask.nii.gz")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BOLDSTREAM_CACHE", str(tmp_path / "cache"))
    for name in list(os.environ):
        if name.startswith(("MVPA_", "SLURM_")):
            monkeypatch.delenv(name)
    return made


def run(text: str, **given: object) -> dict[str, Any]:
    """Run a program with what it uses without defining it, and return its names."""
    imported = re.sub(r"^from \w+ import", "from boldstream import", text, flags=re.MULTILINE)
    names = dict(given)
    exec(imported, names)
    return names


@pytest.mark.parametrize("text", TEXTS)
def test_the_programs_are_those_of_the_document(text: str) -> None:
    if not SEED.is_file():
        pytest.skip("needs the document in ../shared/seeds")
    assert text in SEED.read_text()


def test_basic_usage(study: Study) -> None:
    found = run(BASIC_USAGE, load_mask=bs.load_mask)
    np.testing.assert_array_equal(np.asarray(found["fmri_data"]), study.values("001").astype("f4"))
    runs = [values[study.mask].T for values in study.runs("001")]
    wanted = np.concatenate(
        [clean(one, detrend=False, standardize="zscore_sample") for one in runs]
    )
    np.testing.assert_allclose(found["timeseries"], wanted, atol=2e-4)
    assert not list(study.root.rglob("*.boldstream-*"))


def test_advanced_configuration(study: Study) -> None:
    found = run(ADVANCED_CONFIGURATION, config=study.config, subjects=["sub-001", "sub-002"])
    assert found["fmri_data"].shape == study.values("002").shape
    assert found["loader"].memory_config is found["memory_config"]


@pytest.fixture(scope="module")
def choices(tmp_path_factory: pytest.TempPathFactory) -> bs.OAKConfig:
    """A study with two subjects of three digits, pictures of three kinds, and a region."""
    root = tmp_path_factory.mktemp("choices") / "data"
    make_inputs(root)
    for path in sorted(root.rglob("sub-0[12]*"), key=lambda path: -len(path.parts)):
        path.rename(path.with_name(path.name.replace("sub-0", "sub-00")))
    for table in root.rglob("*_events.tsv"):
        events = pd.read_csv(table, sep="\t")
        events.assign(trial_type=events["picture"]).to_csv(table, sep="\t", index=False)
    atlas: Any = nib.load(atlas_of(root))
    region = (np.asarray(atlas.dataobj) == 1).astype("u1")
    (root / "masks").mkdir()
    nib.save(nib.Nifti1Image(region, atlas.affine), root / "masks" / "striatum.nii.gz")
    return bs.OAKConfig(root=root, task="demo", rois=["striatum"])


@pytest.fixture
def given(choices: bs.OAKConfig, tmp_path: Path) -> dict[str, Any]:
    """What the programs take for granted."""
    cache = bs.CacheConfig(folder=tmp_path / "cache")
    return {"config": choices, "cache_config": cache, "subjects": ["sub-001", "sub-002"]}


def test_integration_with_caching(given: dict[str, Any]) -> None:
    result = run(INTEGRATION_WITH_CACHING, **given)["result"]
    assert len(result.values) == len(result.trials)
    assert len(result.trials) == 2 * N_TRIALS


def test_pipeline_integration(given: dict[str, Any]) -> None:
    pipelined = run(MVPA_PIPELINE_INTEGRATION, **given)["results"]
    assert pipelined.table["subject"].tolist() == ["001", "002"]
    assert pipelined.table["roi"].tolist() == ["striatum", "striatum"]
    assert pipelined.output_dir.is_dir()
    parallel = run(PARALLEL_PROCESSING_INTEGRATION, **given)["results"]
    pd.testing.assert_frame_equal(parallel.table, pipelined.table)
    assert set(parallel.status["state"]) == {"cached"}


def test_automatic_configuration(study: Study) -> None:
    found = run(AUTOMATIC_CONFIGURATION, memory_config=bs.MemoryConfig())["memory_config"]
    assert found.MAX_MEMORY_PER_PROCESS_GB == 16


def test_slurm_exports(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in re.findall(r"export (\w+)=(\S+)", SLURM_EXPORTS):
        monkeypatch.setenv(name, value)
    wanted = bs.MemoryConfig(USE_MEMMAP=True, MEMMAP_THRESHOLD_GB=0.5, SHARED_MEMORY_PARALLEL=True)
    assert bs.MemoryConfig() == wanted


@pytest.mark.parametrize(
    "variables",
    [{}, {"SLURM_MEM_PER_NODE": "32768"}, {"SLURM_NTASKS_PER_NODE": "3"}],
    ids=["defaults", "memory", "tasks"],
)
def test_resource_optimization(
    study: Study, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = run(RESOURCE_OPTIMIZATION, MemoryConfig=bs.MemoryConfig, os=os)
    assert bs.configure_for_cluster() == found["configure_for_cluster"]()


def test_memory_mapping_fails(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(
        MEMORY_MAPPING_FAILS,
        MemoryEfficientLoader=bs.MemoryEfficientLoader,
        config=study.config,
        memory_config=bs.MemoryConfig(),
        shutil=shutil,
    )
    assert found["temp_dir"].is_relative_to(study.root / "cache")
    assert re.fullmatch(r"Available disk space: \d+\.\d GB\n", capsys.readouterr().out)


@pytest.mark.parametrize(("threshold", "kind"), [("0", "MemoryMappedArray"), ("1", "ndarray")])
def test_performance_degradation(
    study: Study,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    threshold: str,
    kind: str,
) -> None:
    monkeypatch.setenv("MVPA_MEMMAP_THRESHOLD_GB", threshold)
    run(PERFORMANCE_DEGRADATION, MemoryEfficientContext=bs.MemoryEfficientContext)
    shown = capsys.readouterr().out
    assert "Memory usage: {'system_memory': {'total_gb': " in shown
    assert shown.endswith(f"Using memory mapping: {kind}\n")


def test_cleanup_issues(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files that are put there are found and removed as the document does it."""
    monkeypatch.setattr(tempfile, "tempdir", str(study.root))
    config = bs.MemoryConfig(
        MEMMAP_TEMP_DIR=study.root / "mvpa_memmap", MEMMAP_THRESHOLD_GB=0, CLEANUP_TEMP_FILES=False
    )
    with bs.MemoryEfficientContext(study.config, config) as loader:
        loader.load_fmri_memmap("sub-001")
    assert list((study.root / "mvpa_memmap").rglob("*.npy"))
    run(CLEANUP_ISSUES, Path=Path)["cleanup_memory_maps"]()
    assert not (study.root / "mvpa_memmap").exists()
    assert capsys.readouterr().out.startswith("Cleaned up: ")


def test_threshold_optimization(study: Study, capsys: pytest.CaptureFixture[str]) -> None:
    found = run(THRESHOLD_OPTIMIZATION, MemoryConfig=bs.MemoryConfig, time=time)
    assert found["optimize_memory_threshold"]() in (0.5, 1.0, 1.5, 2.0)
    assert capsys.readouterr().out.startswith("Optimal threshold: ")


@pytest.mark.parametrize("text", [LOADER, MAPPED_ARRAY, MONITOR, UTILITIES])
def test_documented_signatures(text: str) -> None:
    owner: Any = bs
    signatures = re.findall(r"^(class|(?: {4})?def) (\w+)(?:\((.*?)\)(?: ->.*)?)?:?$", text, re.M)
    assert len(signatures) >= 3
    for kind, name, parameters in signatures:
        if kind == "class":
            owner = getattr(bs, name)
            continue
        found = inspect.getattr_static(owner, name)
        if isinstance(found, property):
            continue
        assert isinstance(found, types.FunctionType) or owner is bs
        wanted = [parameter.split(":")[0].strip() for parameter in parameters.split(",")]
        positional = [
            parameter.name
            for parameter in inspect.signature(getattr(owner, name)).parameters.values()
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        ]
        if name == "__exit__":
            assert len(positional) == len(wanted)
        else:
            assert positional[: len(wanted)] == wanted
