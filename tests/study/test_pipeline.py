from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

import boldstream as bs
from boldstream.core.errors import ParameterError
from boldstream.simulate.study import ATLAS, BRAIN_MASK
from tests.study.made import make_inputs

SUBJECTS = ["sub-01", "sub-02"]
SEED = Path(__file__).parents[3] / "shared" / "seeds"


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> bs.OAKConfig:
    root = tmp_path_factory.mktemp("study") / "data"
    make_inputs(root)
    atlas: Any = nib.load(root / ATLAS)
    labels = np.asarray(atlas.dataobj)
    (root / "masks").mkdir()
    for label in (1, 2):
        mask = nib.Nifti1Image((labels == label).astype(np.uint8), atlas.affine)
        mask.to_filename(root / "masks" / f"roi{label}.nii.gz")
    return bs.OAKConfig(root=root, task="demo", rois=["roi1", "roi2"])


def test_the_documented_calls_give_a_table_status_and_folder(
    config: bs.OAKConfig, tmp_path: Path
) -> None:
    memory_config = bs.MemoryConfig()
    memory_config.USE_MEMMAP = True
    memory_config.MEMMAP_THRESHOLD_GB = 1.0
    pipeline = bs.CachedMVPAPipeline(
        config=config,
        cache_config=bs.CacheConfig(folder=tmp_path / "cache"),
        memory_config=memory_config,
        targets={"picture": "picture"},
        output_dir=tmp_path / "out",
    )
    results = pipeline.run_analysis(SUBJECTS)
    assert results.output_dir == tmp_path / "out"
    assert set(results.status["state"]) == {"done"}
    assert {"subject", "roi", "target", "score", "chance", "p"} <= set(results.table.columns)
    assert results.table["subject"].tolist() == ["01", "01", "02", "02"]
    assert results.table["roi"].tolist() == ["roi1", "roi2"] * 2
    again = pipeline.run_analysis(SUBJECTS)
    assert set(again.status["state"]) == {"cached"}
    # Betas, two regions and quality of each subject.
    assert again.statistics.hits == 8
    assert again.statistics.misses == 0
    assert again.statistics.seconds_saved > 0
    pd.testing.assert_frame_equal(again.table, results.table)


def test_parallel_serial_mapped_and_standard_runs_are_equal(
    config: bs.OAKConfig, tmp_path: Path
) -> None:
    tables = []
    ways: list[tuple[int, dict[str, Any]]] = [
        (1, {"USE_MEMMAP": False}),
        (2, {"MEMMAP_THRESHOLD_GB": 1e-9}),
        (2, {"USE_MEMMAP": True, "SHARED_MEMORY_PARALLEL": True}),
    ]
    for i, (n_jobs, settings) in enumerate(ways):
        processor = bs.ParallelMVPAProcessor(
            config=config,
            memory_config=bs.MemoryConfig(**settings),
            targets={"picture": "picture"},
            permutations=20,
            output_dir=tmp_path / str(i),
        )
        results = processor.process_subjects_parallel(subjects=SUBJECTS, n_jobs=n_jobs)
        assert not len(results.failed), results.failed["traceback"].tolist()
        tables.append(results.table)
    for other in tables[1:]:
        pd.testing.assert_frame_equal(other, tables[0])


def test_betas_of_a_region_come_with_their_trials(config: bs.OAKConfig, tmp_path: Path) -> None:
    processor = bs.create_cached_processor(
        config=config,
        cache_config=bs.CacheConfig(folder=tmp_path / "cache"),
        memory_config=bs.MemoryConfig(),
        output_dir=tmp_path / "out",
    )
    found = processor.beta_extraction(subject_id="sub-01", roi_name="roi2")
    image: Any = nib.load(config.mask("roi2"))
    mask = np.asarray(image.dataobj) > 0
    expected = bs.trial_betas(
        [str(path) for path in config.images("01")], [str(path) for path in config.events("01")]
    )
    values = np.asarray(expected.image.dataobj)[mask].T
    np.testing.assert_allclose(found.values, values, rtol=1e-5, atol=1e-5)
    assert found.trials["onset"].tolist() == expected.trials["onset"].tolist()
    assert processor.cache_statistics.misses == 1
    other = processor.beta_extraction("01", "roi1")
    assert other.values.shape[0] == found.values.shape[0]
    assert (processor.cache_statistics.hits, processor.cache_statistics.misses) == (1, 1)


def test_a_region_beside_the_brain_has_no_betas(config: bs.OAKConfig, tmp_path: Path) -> None:
    brain: Any = nib.load(config.root / BRAIN_MASK)
    beside = tmp_path / "beside.nii.gz"
    nib.Nifti1Image((np.asarray(brain.dataobj) == 0).astype("u1"), brain.affine).to_filename(beside)
    study = tmp_path / "study.yaml"
    study.write_text(
        f'data: {{root: {config.root}, task: demo, mask: "{BRAIN_MASK}"}}\n'
        f"rois: {{masks: {{beside: {beside}}}}}\n"
        "betas: {method: lsa}\n"
        "targets: {picture: {column: picture}}\n"
        "analyses: [{kind: decoding, name: regions}]\n"
        "quality: false\n"
    )
    processor = bs.create_cached_processor(study, output_dir=tmp_path / "out")
    with pytest.raises(ParameterError, match="'beside' has no voxel in the mask of the betas"):
        processor.beta_extraction("01", "beside")


def test_a_subject_that_is_not_there_is_named(config: bs.OAKConfig) -> None:
    pipeline = bs.CachedMVPAPipeline(config=config)
    with pytest.raises(bs.ParameterError, match=r"`subjects` must be in the study, got '03'"):
        pipeline.run_analysis(["sub-03"])
    with pytest.raises(bs.ParameterError, match="roi3"):
        bs.create_cached_processor(config=config).beta_extraction("01", "roi3")


def test_one_bad_subject_does_not_stop_the_other(tmp_path: Path) -> None:
    root = tmp_path / "data"
    inputs = make_inputs(root)
    (root / "masks").mkdir()
    image: Any = nib.load(root / ATLAS)
    nib.Nifti1Image((np.asarray(image.dataobj) == 1).astype(np.uint8), image.affine).to_filename(
        root / "masks/roi1.nii.gz"
    )
    bold = inputs.subjects["02"].runs[0].image
    bold.write_bytes(bold.read_bytes()[: bold.stat().st_size // 2])
    config = bs.OAKConfig(root=root, task="demo", rois=["roi1"])
    pipeline = bs.CachedMVPAPipeline(config=config, targets={"picture": "picture"})
    results = pipeline.run_analysis(["01", "02"], n_jobs=2)
    assert results.table["subject"].tolist() == ["01"]
    states = dict(zip(results.status["unit"], results.status["state"], strict=True))
    assert states["sub-02/betas"] == "failed"
    assert states["sub-02/decoding/roi1"] == "blocked"
    row = results.failed.set_index("unit").loc["sub-02/betas"]
    assert row["attempts"] == 2
    assert re.search(r"CorruptImageError.*truncated", row["error"])
    assert "Traceback" in row["traceback"]


def test_what_a_study_file_says_is_not_said_again(config: bs.OAKConfig, tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    start = (
        f"data: {{root: {config.root}, task: demo}}\ntargets: {{picture: {{column: picture}}}}\n"
    )
    rois = f"rois: {{masks: {{roi1: {config.root}/masks/roi1.nii.gz}}}}\n"
    analyses = "analyses: [{kind: decoding, name: regions}]\n"
    file.write_text(start + rois + analyses)
    for options in ({"estimator": "lda"}, {"permutations": 5}, {"targets": {"a": "choice"}}):
        with pytest.raises(ParameterError, match=f"`{next(iter(options))}` must be left out"):
            bs.CachedMVPAPipeline(config=file, **options)
    # Without such an analysis there is one more, of these targets.
    file.write_text(start + rois + analyses.replace("decoding", "geometry, target: picture"))
    pipeline = bs.CachedMVPAPipeline(
        config=file,
        targets={"choice": "choice"},
        estimator="lda",
        permutations=3,
        output_dir=tmp_path / "out",
    )
    result = pipeline.run_analysis(["01"])
    assert set(result.status["state"]) == {"done"}
    assert result.table["target"].tolist() == ["choice"]
    assert "LinearDiscriminantAnalysis" in result.table["estimator"].item()
    assert result.table["p"].notna().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": "loggo"}, "`cv`: must be 'kfold:4'"),
        ({"estimator": "svcc"}, "`estimator`: must be one of svc"),
        ({"permutations": -1}, "`permutations`: "),
        ({"targets": {"../a": "choice"}}, "a label of letters"),
    ],
)
def test_wrong_options_are_named(
    config: bs.OAKConfig, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        bs.CachedMVPAPipeline(config=config, **options)


def test_subjects_and_regions_are_lists(config: bs.OAKConfig) -> None:
    with pytest.raises(ParameterError, match=r"`subjects` must be a list, got the text 'sub-01'"):
        bs.CachedMVPAPipeline(config=config).run_analysis("sub-01")
    with pytest.raises(ParameterError, match=r"must be a label .*, got 1"):
        bs.create_cached_processor(config=config).beta_extraction(1, "roi1")  # type: ignore[arg-type]
