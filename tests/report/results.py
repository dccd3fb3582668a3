"""Results of a small study with one of everything, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from boldstream.study.studies import run_study
from tests.study.made import atlas_of, make_inputs

STUDY = """\
data: {{root: {root}, task: demo, mask: "{mask}"}}
rois: {{atlas: {{image: {atlas}, regions: [region_01, region_02]}}}}
betas: {{method: lsa, high_pass: 0.0125, smoothing_fwhm: 4.5}}
behaviour: {{}}
targets:
  picture: {{column: picture}}
  value: {{column: subjective_value, values: true}}
analyses:
  - {{kind: decoding, name: regions, estimator: lda, permutations: 19}}
  - {{kind: searchlight, name: light, target: picture, estimator: lda, radius: 7.5}}
  - kind: geometry
    name: geo
    target: picture
    models: {{tools: tools.tsv}}
    permutations: 5
    embedding: mds
  - {{kind: rdm_searchlight, name: around, target: picture, models: {{tools: tools.tsv}}}}
  - {{kind: contrasts, name: maps, contrasts: {{offer: offer}}}}
  - {{kind: group, name: group_regions, of: regions, permutations: 123}}
  - {{kind: group, name: group_light, of: light}}
  - {{kind: group, name: group_maps, of: maps}}
  - {{kind: group, name: group_geo, of: geo}}
  - {{kind: group, name: group_around, of: around}}
execution: {{kind: serial}}
"""
MODEL = """\
condition\tface\thouse\ttool
face\t0\t1\t2
house\t1\t0\t2
tool\t2\t2\t0
"""


def make_results(folder: Path) -> Path:
    """Make a study in a folder and run it; its results' folder."""
    root = folder / "data"
    make_inputs(root)
    (mask,) = root.rglob("*_desc-brain_mask.nii.gz")
    (folder / "tools.tsv").write_text(MODEL)
    study = folder / "study.yaml"
    study.write_text(STUDY.format(root=root, mask=mask.relative_to(root), atlas=atlas_of(root)))
    result = run_study(study)
    assert not len(result.failed), result.failed["error"].tolist()
    return result.output_dir


@pytest.fixture(scope="session")
def made_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the study; read only."""
    return make_results(tmp_path_factory.mktemp("study"))


@pytest.fixture
def results(made_results: Path, tmp_path: Path) -> Path:
    """A copy of the results, to be changed; with pictures of one subject only, for speed."""
    copy = Path(shutil.copytree(made_results, tmp_path / "results"))
    for name in ("quality", "light", "maps", "around"):
        shutil.rmtree(copy / "sub-02" / name)
    return copy


@pytest.fixture(scope="session")
def report(made_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of their report; read only."""
    from boldstream.report import write_report

    place = tmp_path_factory.mktemp("report") / "report"
    return write_report(made_results, place, title="A <b>study</b>").parent
