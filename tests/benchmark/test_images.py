"""Images, masks and labels of a user are taken as they are meant; sizes and room are told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest

import boldstream as bs
from boldstream.benchmark.compare import compare_ways
from boldstream.benchmark.images import open_users_image, place_masks, write_region
from boldstream.benchmark.inputs import Asked
from boldstream.benchmark.labels import labels_of_events, labels_of_table, made_up_labels
from boldstream.benchmark.room import needed_disk, needed_memory
from boldstream.benchmark.samples import make_samples
from boldstream.benchmark.sizes import SIZES, Size, parse_size

AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture
def bold(tmp_path: Path, rng: np.random.Generator) -> Path:
    """An image that is bright in a box."""
    data = rng.normal(10, 1, (10, 9, 8, 40))
    data[3:8, 2:7, 2:7] += 1000
    image = nib.Nifti1Image(data.astype("f4"), AFFINE)
    image.header.set_zooms((3, 3, 3, 2.0))
    nib.save(image, tmp_path / "bold.nii.gz")
    return tmp_path / "bold.nii.gz"


def save(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> Path:
    nib.save(nib.Nifti1Image(values, affine), path)
    return path


def load(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)  # type: ignore[attr-defined]


def test_the_brain_is_what_is_brighter_than_the_average(bold: Path, tmp_path: Path) -> None:
    image = open_users_image(tmp_path, bold)
    wanted = np.zeros((10, 9, 8), bool)
    wanted[3:8, 2:7, 2:7] = True
    assert np.array_equal(load(image.brain) != 0, wanted)
    assert (image.n_volumes, image.decoded_bytes) == (40, 10 * 9 * 8 * 40 * 4)
    assert not image.made_up


def test_images_that_cannot_be_compared(tmp_path: Path) -> None:
    flat = save(tmp_path / "flat.nii", np.ones((4, 4, 4, 5), "f4"))
    with pytest.raises(bs.ParameterError, match=r"flat.nii must be brighter in some voxels"):
        open_users_image(tmp_path, flat)
    one = save(tmp_path / "one.nii", np.ones((4, 4, 4), "f4"))
    with pytest.raises(bs.ParameterError, match="4-D image of 2 volumes"):
        open_users_image(tmp_path, one)


def test_masks_and_atlases_are_brought_to_the_grid(bold: Path, tmp_path: Path) -> None:
    from nilearn.image import resample_to_img

    # Of half the voxel size, and shifted.
    fine = np.diag([1.5, 1.5, 1.5, 1.0])
    fine[:3, 3] = 0.7
    atlas = np.zeros((18, 16, 14), np.int16)
    for label in range(1, 7):
        atlas[2 * label : 2 * label + 3, 3:12, 3:9] = label
    path = save(tmp_path / "atlas.nii", atlas, fine)
    mask = save(tmp_path / "mask.nii", (atlas == 6).astype("u1"), fine)
    image = open_users_image(tmp_path, bold)
    places = place_masks(tmp_path, image, {"six": mask}, path)
    volume: Any = nib.load(bold)
    resampled = resample_to_img(path, volume.slicer[..., 0], interpolation="nearest").get_fdata()
    assert len(places) == 5
    for place, label in zip(places, (6, 1, 2, 3, 4), strict=True):
        assert np.array_equal(load(place) != 0, resampled == label)


def test_regions_lie_in_the_brain_and_in_each_other(bold: Path, tmp_path: Path) -> None:
    image = open_users_image(tmp_path, bold)
    small, large = (
        load(write_region(tmp_path / f"{n}.nii", image.head.brain, image.grid, n)) != 0
        for n in (10, 60)
    )
    assert (small.sum(), large.sum()) == (10, 60)
    assert not (small & ~large).any()
    assert not (large & ~image.head.brain).any()


def test_labels_of_a_table(tmp_path: Path) -> None:
    table = tmp_path / "labels.txt"
    table.write_text("labels chunks\n" + "face 0\nhouse 0\nrest 1\nface 1\n")
    labels = labels_of_table(table, "labels", [4]).of(["face", "house"])
    assert labels.kept.tolist() == [0, 1, 3]
    assert labels.classes.tolist() == ["face", "house", "face"]
    assert labels.runs.tolist() == ["0", "0", "1"]
    with pytest.raises(bs.ParameterError, match="did you mean 'house'"):
        labels.of(["huose"])
    with pytest.raises(bs.TableError, match="each of the 5 volumes, got 4"):
        labels_of_table(table, "labels", [5])
    with pytest.raises(bs.TableError, match="did you mean 'labels'"):
        labels_of_table(table, "label", [4])


def test_volumes_get_the_event_of_five_seconds_before(tmp_path: Path) -> None:
    events = tmp_path / "events.tsv"
    events.write_text("onset\tduration\ttrial_type\n0\t4\ta\n10\t0\tb\n500\t4\tc\n")
    labels = labels_of_events(events, 12, 2.0)
    # At 5 to 9 s, and for one volume at 15 s.
    assert dict(zip(labels.kept.tolist(), labels.classes.tolist(), strict=True)) == {
        3: "a",
        4: "a",
        8: "b",
    }
    with pytest.raises(bs.ParameterError, match="need a repetition time"):
        labels_of_events(events, 12, None)
    events.write_text("onset\tduration\ttrial_type\n0\tn/a\ta\n")
    with pytest.raises(bs.ParameterError, match="must be numbers"):
        labels_of_events(events, 12, 2.0)
    events.write_text("onset\tduration\ttrial_type\n900\t1\ta\n")
    with pytest.raises(bs.ParameterError, match="within the 12 volumes"):
        labels_of_events(events, 12, 2.0)


def test_samples_of_a_run_are_z_scores(bold: Path, tmp_path: Path) -> None:
    from scipy.stats import zscore

    image = open_users_image(tmp_path, bold)
    labels = made_up_labels(40, [25, 15])
    samples = make_samples(tmp_path, image, labels, 5)
    data, made, inside = load(bold), load(samples.image), image.head.brain
    for run in (slice(0, 25), slice(25, 40)):
        wanted = zscore(data[inside][:, run].astype("f8"), axis=1)
        np.testing.assert_allclose(made[inside][:, run], wanted, atol=1e-5)
    assert not made[~inside].any()
    assert load(samples.centres).sum() == samples.n_centres == 5
    assert not ((load(samples.centres) != 0) & ~inside).any()


def test_one_class_to_learn_from_is_refused(bold: Path, tmp_path: Path) -> None:
    image = open_users_image(tmp_path, bold)
    labels = made_up_labels(40)
    # "house" is in the last fold alone.
    labels = replace(labels, classes=np.where(np.arange(40) < 31, "face", "house"))
    with pytest.raises(bs.ParameterError, match="two classes outside of each of 4"):
        make_samples(tmp_path, image, labels, 5)


def test_sizes() -> None:
    seed = SIZES["seed"]
    assert (seed.n_volumes, seed.n_centres) == (857, 739)
    # 61 × 73 × 61 voxels of 4 bytes.
    assert [seed.volumes_of(n * 1.2) for n in (1, 2, 4)] == [1186, 2372, 4743]
    assert parse_size("1.2").n_volumes == 857
    assert parse_size("12").n_centres == 739
    with pytest.raises(bs.ParameterError, match=r"number of GB, got 'smal'; did you mean 'small'"):
        parse_size("smal")
    with pytest.raises(bs.ParameterError, match="number of GB"):
        parse_size("0")


def test_what_has_no_room_is_refused_before(asked: Asked, tmp_path: Path) -> None:
    huge = replace(asked, size=Size("huge", 1e6))
    with pytest.raises(bs.StorageError, match=r"free, .*TiB needed; choose a smaller --size"):
        compare_ways(huge, ["masks"])
    assert not list((tmp_path / "cache").iterdir())


def test_what_memory_cannot_take_is_refused_before(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Four jobs that load an image of 1 GB, on a small node.
    monkeypatch.setenv("SLURM_MEM_PER_NODE", "4G")
    big = replace(asked, size=Size("big", 1.4))
    with pytest.raises(
        bs.MemoryBudgetError, match=r"masks that load whole images take about 9\.\d GiB, 3"
    ):
        compare_ways(big, ["masks"])
    assert not list((tmp_path / "cache").iterdir())


def test_more_is_needed_for_more() -> None:
    small, seed = (Asked(size=SIZES[name]) for name in ("small", "seed"))
    for name in ("masks", "loading", "memory"):
        assert 5 * needed_disk(small, [name]) < needed_disk(seed, [name])
        assert needed_memory(small, name) < needed_memory(seed, name)
    assert needed_disk(small, ["masks", "memory"]) > needed_disk(small, ["memory"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": ["mask"]}, "did you mean 'masks'"),
        ({"seeds": ["masks"], "repeats": 0}, "`repeats` must be an integer of at least 1"),
    ],
)
def test_wrong_parameters(asked: Asked, options: dict, message: str) -> None:
    with pytest.raises(bs.ParameterError, match=message):
        compare_ways(asked, **options)
