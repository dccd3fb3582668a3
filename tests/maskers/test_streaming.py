"""The drop-ins decode once, hold little, and leave no trace on what they are given."""

from __future__ import annotations

import os
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from sklearn.base import clone

import boldstream as bs
import boldstream.maskers as ours
from boldstream.io import parts
from tests.oracle import load

SHAPE = (12, 11, 10)
N = 40
AFFINE = np.diag([3.0, 3.0, 3.0, 1.0])


@pytest.fixture(autouse=True)
def _quiet() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    data = 100 + np.random.default_rng(0).normal(size=(*SHAPE, N)).astype("f4")
    data[:2] = 0
    path = tmp_path / "bold.nii.gz"
    nib.save(nib.Nifti1Image(data, AFFINE), path)
    return path


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the images whose data boldstream decodes, one for each time."""
    names: list[str] = []
    real = parts.JoinedSource.blocks

    def blocks(self: Any, block_volumes: int) -> Any:
        names.append(Path(self.series.name).name)
        return real(self, block_volumes)

    monkeypatch.setattr(parts.JoinedSource, "blocks", blocks)
    return names


def atlas() -> Any:
    labels = np.zeros(SHAPE, "i4")
    labels[3:6], labels[6:9] = 1, 2
    return nib.Nifti1Image(labels, AFFINE)


def mask() -> Any:
    return nib.Nifti1Image((np.asarray(atlas().dataobj) > 0).astype("u1"), AFFINE)


def maskers(**options: Any) -> list[Any]:
    options = {"standardize": None, **options}
    return [
        ours.NiftiMasker(mask(), **options),
        ours.NiftiLabelsMasker(atlas(), **options),
        ours.NiftiSpheresMasker([(12, 12, 12)], radius=5, **options),
        ours.NiftiMapsMasker(nib.Nifti1Image(np.ones((*SHAPE, 1), "f4"), AFFINE), **options),
    ]


CLEANED: dict[str, Any] = {
    "standardize": "zscore_sample",
    "detrend": True,
    "low_pass": 0.1,
    "high_pass": 0.01,
    "t_r": 2,
}


@pytest.mark.parametrize("options", [{}, {"smoothing_fwhm": 5, **CLEANED}], ids=str)
def test_one_decode_however_many_steps(
    bold: Path, opened: list[str], options: dict[str, Any]
) -> None:
    for masker in maskers(**options):
        opened.clear()
        masker.fit_transform(bold)
        assert opened.count(bold.name) == 1


def test_a_mask_from_the_data_takes_one_more(bold: Path, opened: list[str]) -> None:
    ours.NiftiMasker(standardize=None).fit_transform(bold)
    assert opened.count(bold.name) == 2


def test_many_maskers_share_one_decode(bold: Path, opened: list[str]) -> None:
    each = maskers() + maskers(smoothing_fwhm=5, **CLEANED)
    alone = [clone(masker).fit_transform(bold) for masker in each]
    opened.clear()
    confounds = np.random.default_rng(1).normal(size=(N, 2))
    together = ours.fit_transform_many(each, bold)
    assert opened.count(bold.name) == 1
    for got, wanted in zip(together, alone, strict=True):
        np.testing.assert_array_equal(got, wanted)
    again = ours.fit_transform_many(each, bold, confounds=confounds)
    assert opened.count(bold.name) == 2
    wanted = each[0].transform(bold, confounds=confounds)
    np.testing.assert_array_equal(again[0], wanted)


def test_many_refuses_other_maskers(bold: Path) -> None:
    from nilearn.maskers import NiftiMasker

    with pytest.raises(bs.ParameterError, match="maskers of boldstream"):
        ours.fit_transform_many([NiftiMasker(mask())], bold)


def test_many_gives_frames_where_they_are_asked_for(bold: Path) -> None:
    first, second = maskers()[:2]
    second.set_output(transform="pandas")
    array, frame = ours.fit_transform_many([first, second], bold)
    assert isinstance(array, np.ndarray)
    assert list(frame.columns) == ["1", "2"] or len(frame.columns) == 2
    assert frame.equals(second.transform(bold))


def test_a_report_reads_its_volume_when_it_is_made(bold: Path, opened: list[str]) -> None:
    masker = ours.NiftiMasker(mask(), standardize=None).fit(bold)
    assert not opened.count(bold.name)
    assert "NiftiMasker" in str(masker.generate_report())
    shown = masker._reporting_data["images"].get_fdata()
    np.testing.assert_array_equal(shown, load(bold).get_fdata()[..., N // 2])
    assert opened.count(bold.name) == 1
    masker.generate_report()
    assert opened.count(bold.name) == 1


def test_a_pass_brings_the_volume_of_the_report(bold: Path, opened: list[str]) -> None:
    masker = ours.NiftiLabelsMasker(atlas(), standardize=None)
    masker.fit_transform(bold)
    bold.unlink()
    masker.generate_report()
    assert opened.count(bold.name) == 1


def test_pickles_and_clones(bold: Path) -> None:
    for masker in maskers(nan_policy="zero", memory_limit="4GiB"):
        signals = masker.fit_transform(bold)
        copy = pickle.loads(pickle.dumps(masker))
        np.testing.assert_array_equal(copy.transform(bold), signals)
        fresh = clone(masker)
        assert fresh.get_params()["nan_policy"] == "zero"
        assert fresh.get_params()["memory_limit"] == "4GiB"
        np.testing.assert_array_equal(fresh.fit_transform(bold), signals)


def test_images_are_left_as_they_were(bold: Path) -> None:
    image = load(bold)
    for masker in maskers(smoothing_fwhm=4):
        masker.fit_transform(image)
    assert not image.in_memory
    assert image._data_cache is None


def test_cached_signals_are_not_decoded_again(
    bold: Path, tmp_path: Path, opened: list[str]
) -> None:
    masker = ours.NiftiLabelsMasker(
        atlas(), standardize=None, memory=str(tmp_path / "cache"), memory_level=1
    )
    first = masker.fit_transform(bold)
    opened.clear()
    np.testing.assert_array_equal(masker.fit_transform(bold), first)
    assert not opened.count(bold.name)
    # Another file under the same name is another image.
    data = load(bold).get_fdata(dtype="f4") * 2
    nib.save(nib.Nifti1Image(data, AFFINE), bold)
    os.utime(bold, ns=(1, 1))
    np.testing.assert_allclose(masker.fit_transform(bold), 2 * first, rtol=1e-6)
    masker.set_params(smoothing_fwhm=6)
    assert np.abs(masker.fit_transform(bold) - 2 * first).max() > 0


def test_cached_images_of_a_list_are_not_decoded_again(
    bold: Path, tmp_path: Path, opened: list[str]
) -> None:
    other = bold.with_name("other.nii.gz")
    other.write_bytes(bold.read_bytes())
    masker = ours.MultiNiftiLabelsMasker(
        atlas(), standardize=None, memory=str(tmp_path / "cache"), memory_level=1, reports=False
    )
    masker.fit()
    first = masker.transform([bold])
    opened.clear()
    both = masker.transform([str(bold), str(other)])
    assert opened == [other.name]
    np.testing.assert_array_equal(both[0], first[0])


def test_a_limit_that_is_too_tight(bold: Path) -> None:
    masker = ours.NiftiMasker(mask(), standardize=None, memory_limit="1MiB")
    with pytest.raises(bs.MemoryBudgetError, match="bold"):
        masker.fit_transform(bold)


def test_a_limit_of_one_of_many_holds_for_all(bold: Path) -> None:
    for limits in (("1MiB", None), ("8GiB", "1MiB"), (None, "1MiB")):
        each = [ours.NiftiMasker(mask(), standardize=None, memory_limit=one) for one in limits]
        with pytest.raises(bs.MemoryBudgetError, match="bold"):
            ours.fit_transform_many(each, bold)


def test_a_damaged_file_gives_nothing(bold: Path) -> None:
    bold.write_bytes(bold.read_bytes()[:-2000])
    for masker in maskers():
        with pytest.raises(bs.CorruptImageError, match="bold"):
            masker.fit_transform(bold)


def test_a_damaged_image_among_many(bold: Path) -> None:
    other = bold.with_name("other.nii.gz")
    other.write_bytes(bold.read_bytes()[:-2000])
    masker = ours.MultiNiftiMasker(mask(), standardize=None, n_jobs=2, reports=False)
    masker.fit()
    with pytest.raises(bs.CorruptImageError, match="other"):
        masker.transform([str(bold), str(other)])


def test_high_variance_confounds_are_found_once_for_many(bold: Path, opened: list[str]) -> None:
    each = maskers(high_variance_confounds=True)
    alone = clone(each[1]).fit_transform(bold)
    for masker in each:
        masker.fit(bold)
    opened.clear()
    together = ours.fit_transform_many(each, bold)
    assert opened.count(bold.name) == 3
    np.testing.assert_allclose(together[1], alone, atol=1e-4)


TRANSFORMS: dict[str, Callable[..., Any]] = {
    "one": lambda bold, mask, **options: (
        ours.NiftiMasker(**options).fit().transform(bold, sample_mask=mask)
    ),
    "single": lambda bold, mask, **options: (
        ours.NiftiMasker(**options).fit().transform_single_imgs(bold, sample_mask=mask)
    ),
    "many maskers": lambda bold, mask, **options: ours.fit_transform_many(
        [ours.NiftiMasker(**options)], bold, sample_mask=mask
    ),
    "many images": lambda bold, mask, **options: (
        ours.MultiNiftiMasker(**options).fit().transform([bold, bold], sample_mask=[None, mask])
    ),
}


@pytest.mark.parametrize("way", TRANSFORMS)
@pytest.mark.parametrize("compcor", [False, True])
def test_a_cleaning_that_cannot_be_done_is_refused_before_anything_is_read(
    bold: Path, opened: list[str], way: str, compcor: bool
) -> None:
    options = {"mask_img": mask(), "standardize": None, "high_variance_confounds": compcor}
    with pytest.raises(ValueError, match="t_r"):
        TRANSFORMS[way](bold, None, low_pass=0.1, **options)
    with pytest.raises(IndexError):
        TRANSFORMS[way](bold, np.arange(N + 5), **options)
    assert not opened


def test_an_image_object_on_disk_is_not_decoded_to_fit(bold: Path, opened: list[str]) -> None:
    image = load(bold)
    masker = ours.NiftiLabelsMasker(atlas(), standardize=None).fit(image)
    assert masker._middle._volume is None
    signals = masker.transform(image)
    assert opened.count(bold.name) == 1
    np.testing.assert_array_equal(signals, masker.transform(bold))
    masker.generate_report()
    assert opened.count(bold.name) == 2


def test_cached_signals_of_an_image_object(bold: Path, tmp_path: Path, opened: list[str]) -> None:
    masker = ours.NiftiMasker(
        mask(), standardize=None, memory=str(tmp_path / "cache"), memory_level=1
    )
    first = masker.fit_transform(load(bold))
    opened.clear()
    np.testing.assert_array_equal(masker.transform(load(bold)), first)
    assert not opened


@pytest.fixture
def cached(tmp_path: Path) -> Any:
    """A masker that keeps its signals."""
    folder = str(tmp_path / "cache")
    return ours.NiftiMasker(mask(), standardize=None, memory=folder, memory_level=1).fit()


def of_bytes(bold: Path, factor: float = 1.0) -> Any:
    """An image whose data are on no disk, and are not read yet."""
    data = load(bold).get_fdata(dtype=np.float32) * np.float32(factor)
    return nib.Nifti1Image.from_bytes(nib.Nifti1Image(data, AFFINE).to_bytes())


def test_cached_signals_are_not_those_of_another_image_of_bytes(
    bold: Path, cached: Any, opened: list[str]
) -> None:
    first = cached.transform(of_bytes(bold))
    np.testing.assert_allclose(cached.transform(of_bytes(bold, 2)), 2 * first)
    # Once for the key: the signals are there.
    opened.clear()
    np.testing.assert_array_equal(cached.transform(of_bytes(bold)), first)
    assert len(opened) == 1
    # Without a cache there is no key.
    opened.clear()
    clone(cached).set_params(memory=None).fit().transform(of_bytes(bold))
    assert len(opened) == 1


def test_cached_signals_of_an_image_of_bytes_are_not_those_of_a_file_it_was_saved_to(
    bold: Path, cached: Any, tmp_path: Path
) -> None:
    first, second = of_bytes(bold), of_bytes(bold, 2)
    signals = []
    for image in (first, second):
        image.to_filename(tmp_path / "saved.nii")
        os.utime(tmp_path / "saved.nii", ns=(1, 1))
        signals.append(cached.transform(image))
    np.testing.assert_allclose(signals[1], 2 * signals[0])


def test_cached_signals_are_not_those_before_the_data_were_edited(bold: Path, cached: Any) -> None:
    image = load(bold)
    first = cached.transform(image)
    image.get_fdata()[...] *= 2
    np.testing.assert_allclose(cached.transform(image), 2 * first, rtol=1e-6)
    array = nib.Nifti1Image(np.asarray(load(bold).dataobj).copy(), AFFINE)
    np.testing.assert_allclose(cached.transform(array), first, rtol=1e-6)
    np.asarray(array.dataobj)[...] *= 2
    np.testing.assert_allclose(cached.transform(array), 2 * first, rtol=1e-6)


def test_cleaning_is_in_the_plan() -> None:
    from boldstream.maskers.images import open_images

    data = np.random.default_rng(0).normal(size=(*SHAPE, N)).astype("f4")
    images = open_images(nib.Nifti1Image(data, AFFINE))
    plain, cleaned = (
        ours.NiftiMasker(mask(), **options).fit() for options in ({"standardize": None}, CLEANED)
    )
    plans = [
        bs.plan(images.source, masker._planned(masker._extraction(images).reduction, None))
        for masker in (plain, cleaned)
    ]
    assert plans[0].needs[0].result == 0
    assert plans[1].needs[0].result > 8 * N * 300


def test_images_alike_share_what_is_taken_of_them(bold: Path) -> None:
    from boldstream.maskers.images import open_images

    masker = ours.MultiNiftiLabelsMasker(atlas(), standardize=None, reports=False).fit()
    first, second = masker._extractions([open_images(bold), open_images(bold)])
    assert first is second


@pytest.mark.parametrize("wrong", [[], None, "masker"])
def test_many_wants_a_list(bold: Path, wrong: Any) -> None:
    with pytest.raises(bs.ParameterError, match="`maskers` must be a list"):
        ours.fit_transform_many(wrong, bold)
