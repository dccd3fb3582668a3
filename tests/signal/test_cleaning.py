"""Cleaning against nilearn, over its options and over faults of nilearn's own."""

from __future__ import annotations

import itertools
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nilearn import signal as nilearn_signal
from numpy.typing import NDArray

import boldstream as bs
from boldstream.signal import linear
from boldstream.signal.cleaning import Cleaning, clean

T_R = 2.0


def series_of(n_volumes: int, n_columns: int, seed: int = 0) -> NDArray[np.float64]:
    """Columns with means, drifts and noise of very different sizes."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(n_volumes, n_columns)).cumsum(axis=0)
    noise += rng.normal(size=(n_volumes, n_columns)) * 3
    size = 10.0 ** rng.uniform(-1, 2, n_columns)
    mean = rng.uniform(50, 200, n_columns) * size
    return np.asarray(noise * size + mean)


def options_of(cleaning: Cleaning) -> dict[str, Any]:
    """A cleaning as parameters of nilearn; `copy` filters all columns in one call."""
    options = dict(vars(cleaning))
    special = {"copy": True} | options.pop("filter_options")
    return options | {f"butterworth__{name}": value for name, value in special.items()}


def by_nilearn(
    series: NDArray[Any], cleaning: Cleaning, runs: NDArray[Any] | None = None
) -> NDArray[Any]:
    """nilearn, run by run, so that every option holds in every run."""
    options = options_of(cleaning)
    if runs is None:
        if options["sample_mask"] is not None and not isinstance(options["sample_mask"], list):
            options["sample_mask"] = np.array(options["sample_mask"])
        return np.asarray(nilearn_signal.clean(series, **options))
    parts = []
    for i, run in enumerate(np.unique(runs)):
        inside = runs == run
        if cleaning.confounds is not None:
            options["confounds"] = np.asarray(cleaning.confounds)[inside]
        if cleaning.sample_mask is not None:
            options["sample_mask"] = np.array(cleaning.sample_mask[i])  # type: ignore[index]
        parts.append(nilearn_signal.clean(series[inside], **options))
    return np.vstack(parts)


def largest_difference(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Largest difference, relative to the largest value of its column."""
    assert ours.shape == theirs.shape
    size = np.abs(theirs).max(axis=0)
    return float((np.abs(ours - theirs).max(axis=0) / np.where(size == 0, 1, size)).max())


def both(
    series: NDArray[Any], cleaning: Cleaning, runs: NDArray[Any] | None = None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ours and nilearn's, which must warn of the same things."""
    with warnings.catch_warnings(record=True) as theirs_said:
        warnings.simplefilter("always")
        theirs = by_nilearn(series.copy(), cleaning, runs)
    with warnings.catch_warnings(record=True) as ours_said:
        warnings.simplefilter("always")
        ours = clean(series.copy(), cleaning, runs=runs)
    assert texts(ours_said) == texts(theirs_said)
    return ours, theirs


def texts(said: list[warnings.WarningMessage]) -> set[str]:
    """What was said, but for numpy's words on 0 / 0."""
    return {str(w.message) for w in said if not str(w.message).startswith("invalid value")}


MASKS: dict[str, Any] = {
    "all": None,
    "bool": np.arange(60) % 7 != 3,
    "index": np.setdiff1d(np.arange(60), [0, 1, 20, 21, 40]),
    "start": np.arange(4, 60),
    "end": np.arange(0, 55),
}
FILTERS: list[dict[str, Any]] = [
    {"filter": False},
    {"filter": "cosine", "high_pass": 0.02},
    {"low_pass": 0.1},
    {"high_pass": 0.01},
    {"low_pass": 0.1, "high_pass": 0.01},
    {"low_pass": 0.12, "filter_options": {"order": 3, "padtype": "even", "padlen": 12}},
]


@pytest.mark.parametrize("n_columns", [7, 250], ids=["few", "operator"])
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("options", FILTERS, ids=str)
def test_equals_nilearn_over_all_combinations(
    options: dict[str, Any], mask: str, n_columns: int
) -> None:
    series = series_of(60, n_columns)
    confounds = np.random.default_rng(9).normal(size=(60, 4)).cumsum(axis=0) + 5
    for detrend, how, used, standardized, extrapolate in itertools.product(
        (False, True), (None, "zscore_sample", "psc"), (None, confounds), (True, False),
        (False, True),
    ):  # fmt: skip
        cleaning = Cleaning(
            detrend=detrend, standardize=how, confounds=used, t_r=T_R,
            standardize_confounds=standardized, sample_mask=MASKS[mask],
            extrapolate=extrapolate, **options,
        )  # fmt: skip
        ours, theirs = both(series, cleaning)
        assert ours.dtype == np.float64
        assert largest_difference(ours, theirs) < 1e-10, cleaning


@pytest.mark.parametrize("n_columns", [5, 250], ids=["few", "operator"])
@pytest.mark.parametrize("options", FILTERS, ids=str)
@pytest.mark.parametrize("how", [None, "zscore_sample", "psc"])
def test_equals_nilearn_within_runs(options: dict[str, Any], how: Any, n_columns: int) -> None:
    runs = np.repeat([0, 1, 2], [40, 50, 60])
    series = series_of(150, n_columns)
    confounds = np.random.default_rng(9).normal(size=(150, 3))
    masks = [np.arange(40) % 9 != 2, np.arange(3, 50), np.delete(np.arange(60), [30, 31])]
    for detrend, used, mask in itertools.product((False, True), (None, confounds), (None, masks)):
        cleaning = Cleaning(
            detrend=detrend, standardize=how, confounds=used, sample_mask=mask, t_r=T_R,
            **options,
        )  # fmt: skip
        ours, theirs = both(series, cleaning, runs)
        assert largest_difference(ours, theirs) < 1e-10, cleaning
        # These are the options that nilearn does hold in runs, but for the filter's own.
        if "filter_options" not in options:
            whole = nilearn_runs(series, cleaning, runs)
            assert largest_difference(ours, whole) < 1e-10


def nilearn_runs(series: NDArray[Any], cleaning: Cleaning, runs: NDArray[Any]) -> NDArray[Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.asarray(nilearn_signal.clean(series.copy(), runs, **options_of(cleaning)))


@given(
    n_volumes=st.integers(40, 90),
    wide=st.booleans(),
    seed=st.integers(0, 99),
    options=st.sampled_from(FILTERS),
    detrend=st.booleans(),
    how=st.sampled_from([None, "zscore_sample", "psc"]),
    n_confounds=st.integers(0, 5),
    standardize_confounds=st.booleans(),
    extrapolate=st.booleans(),
    data=st.data(),
)
def test_equals_nilearn_on_any_shape(
    n_volumes: int, wide: bool, seed: int, options: dict[str, Any], detrend: bool, how: Any,
    n_confounds: int, standardize_confounds: bool, extrapolate: bool, data: st.DataObject,
) -> None:  # fmt: skip
    censored = data.draw(st.sets(st.integers(0, n_volumes - 1), max_size=6))
    mask = np.delete(np.arange(n_volumes), sorted(censored)) if censored else None
    series = series_of(n_volumes, linear.WORTH * n_volumes + 1 if wide else 7, seed)
    confounds = np.random.default_rng(seed).normal(size=(n_volumes, n_confounds))
    cleaning = Cleaning(
        detrend=detrend, standardize=how, t_r=T_R, sample_mask=mask, extrapolate=extrapolate,
        confounds=confounds if n_confounds else None,
        standardize_confounds=standardize_confounds, **options,
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            by_nilearn(series.copy(), cleaning)
    except (ValueError, IndexError) as error:
        # nilearn's index runs over where censored volumes at both ends were not cut off.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(type(error)):
                clean(series, cleaning)
        return
    ours, theirs = both(series, cleaning)
    assert largest_difference(ours, theirs) < 1e-10


@pytest.mark.parametrize("n_columns", [7, 250], ids=["few", "operator"])
@pytest.mark.parametrize("how", [None, "zscore_sample", "psc"])
@pytest.mark.parametrize("options", FILTERS, ids=str)
def test_float32_is_rounded_once(options: dict[str, Any], how: Any, n_columns: int) -> None:
    series = series_of(60, n_columns).astype(np.float32)
    cleaning = Cleaning(detrend=True, standardize=how, t_r=T_R, **options)
    exact = by_nilearn(series.astype(np.float64), cleaning)
    single = by_nilearn(series.copy(), cleaning)
    ours = clean(series, cleaning)
    assert ours.dtype == np.float32
    assert largest_difference(ours, exact) < 1e-7
    assert largest_difference(ours, single) < 1e-5 * max(1.0, np.abs(exact).max())


def test_the_result_lies_in_the_memory_of_the_series() -> None:
    series = series_of(50, 220)
    cleaning = Cleaning(detrend=True, sample_mask=np.arange(5, 50))
    cleaned = clean(series, cleaning)
    assert cleaned.base is series
    assert cleaned.shape == (45, 220)
    fixed = series_of(50, 220)
    fixed.flags.writeable = False
    kept = fixed.copy()
    np.testing.assert_array_equal(clean(fixed, cleaning), clean(kept.copy(), cleaning))
    np.testing.assert_array_equal(fixed, kept)


@pytest.mark.parametrize("how", ["zscore_sample", "psc"])
def test_memory_beside_the_series_is_that_of_blocks(how: Any) -> None:
    series = np.random.default_rng(0).normal(100, 3, (400, 40_000)).astype(np.float32)
    cleaning = Cleaning(
        detrend=True, standardize=how, high_pass=0.01, t_r=T_R,
        confounds=np.random.default_rng(1).normal(size=(400, 20)),
    )  # fmt: skip
    tracemalloc.start()
    clean(series, cleaning)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 64 << 20 < series.nbytes + (8 << 20)


def test_the_operator_and_nilearn_itself_agree_where_series_are_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cleaning = Cleaning(
        detrend=True, standardize="psc", high_pass=0.01, t_r=T_R,
        sample_mask=np.delete(np.arange(200), [50, 51, 120]),
    )  # fmt: skip
    by_operator = clean(series_of(200, 900), cleaning)
    monkeypatch.setattr(linear, "MOST_VOLUMES", 100)
    monkeypatch.setattr("boldstream.signal.cleaning._BLOCK_BYTES", 64 * 200 * 8)
    assert largest_difference(clean(series_of(200, 900), cleaning), by_operator) < 1e-10


def test_runs_need_not_be_sorted_nor_count_from_zero() -> None:
    runs = np.array(["b", "a"] * 30)
    series, confounds = series_of(60, 250), np.random.default_rng(3).normal(size=(60, 2))
    cleaning = Cleaning(detrend=True, standardize="zscore_sample", confounds=confounds)
    ours, theirs = both(series, cleaning, runs)
    assert largest_difference(ours, theirs) < 1e-10


# Faults of nilearn 0.14.1 that are put right.


@pytest.mark.parametrize(
    "option",
    [
        {"standardize_confounds": False, "detrend": False},
        {"extrapolate": True, "detrend": True, "low_pass": 0.1, "t_r": T_R},
        {"filter_options": {"order": 1}, "detrend": True, "low_pass": 0.1, "t_r": T_R},
    ],
    ids=["standardize_confounds", "extrapolate", "filter_options"],
)
def test_options_hold_within_runs(option: dict[str, Any]) -> None:
    runs = np.repeat([0, 1], 50)
    series = series_of(100, 210)
    masks = [np.arange(3, 50), np.arange(2, 50)]
    confounds = np.random.default_rng(4).normal(2, 1, (100, 2))
    cleaning = Cleaning(confounds=confounds, sample_mask=masks, **option)
    ours, theirs = both(series, cleaning, runs)
    assert largest_difference(ours, theirs) < 1e-10
    ignored = nilearn_runs(series, cleaning, runs)
    assert largest_difference(ours, ignored) > 1e-3  # nilearn forgets the option


def test_ensure_finite_holds_within_runs() -> None:
    runs = np.repeat([0, 1], 50)
    series = series_of(100, 210)
    series[3, 0], series[70, 209] = np.nan, np.inf
    cleaning = Cleaning(detrend=True, ensure_finite=True)
    ours, theirs = both(series, cleaning, runs)
    assert np.isfinite(ours).all()
    assert largest_difference(ours, theirs) < 1e-10


def test_a_mask_of_numbers_is_left_as_it_was() -> None:
    mask = np.arange(5, 60, dtype=np.int32)
    clean(series_of(60, 3), Cleaning(high_pass=0.01, t_r=T_R, sample_mask=mask))
    assert mask[0] == 5
    nilearn_signal.clean(series_of(60, 3), high_pass=0.01, t_r=T_R, sample_mask=mask)
    assert mask[0] == 0  # nilearn moves it


def test_one_run_may_be_labelled_zero_and_have_a_mask() -> None:
    series, runs = series_of(60, 3), np.zeros(60)
    mask = [np.arange(5, 60)]
    ours = clean(series.copy(), Cleaning(detrend=True, sample_mask=mask), runs=runs)
    assert ours.shape == (55, 3)
    with pytest.raises(TypeError):
        nilearn_signal.clean(series, runs, sample_mask=mask)


# A fault that is kept: which censored volumes are interpolated.


def test_a_censored_spike_is_interpolated_only_where_its_mirror_is_kept() -> None:
    cleaning = {"high_pass": 0.01, "t_r": T_R}
    for censored, spike_reaches_others in (([20], False), ([20, 39], True)):
        smooth = series_of(60, 250)
        spiked = smooth.copy()
        spiked[20] += 1e4
        mask = np.delete(np.arange(60), censored)
        pair = [
            both(values, Cleaning(sample_mask=mask, **cleaning))  # type: ignore[arg-type]
            for values in (smooth, spiked)
        ]
        for ours, theirs in pair:
            assert largest_difference(ours, theirs) < 1e-10
        assert (largest_difference(pair[0][0], pair[1][0]) > 1e-3) is spike_reaches_others


# Values at the edge.


@pytest.mark.parametrize("n_columns", [6, 250], ids=["few", "operator"])
@pytest.mark.parametrize("how", [None, "zscore_sample", "psc"])
@pytest.mark.parametrize("detrend", [False, True])
def test_constant_columns_stay_constant(how: Any, n_columns: int, detrend: bool) -> None:
    series = series_of(60, n_columns)
    series[:, 0], series[:, 1], series[:, 2] = 0.0, 1234.567, 0.1
    confounds = np.random.default_rng(0).normal(size=(60, 3))
    cleaning = Cleaning(standardize=how, confounds=confounds, detrend=detrend)
    ours, theirs = both(series, cleaning)
    kept = how is None and not detrend
    np.testing.assert_allclose(ours[:, :3], series[:, :3] if kept else 0.0, atol=1e-9)
    if how == "zscore_sample" and not detrend:
        assert np.abs(theirs[:, 1]).max() > 0.1  # nilearn blows rounding up


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("n_columns", [6, 250], ids=["few", "operator"])
def test_what_is_not_finite_stays_in_its_column(value: float, n_columns: int) -> None:
    series = series_of(60, n_columns)
    series[7, 2] = value
    cleaning = Cleaning(detrend=True, standardize="zscore_sample", high_pass=0.01, t_r=T_R)
    with np.errstate(invalid="ignore"):
        theirs = by_nilearn(series.copy(), cleaning)
    ours = clean(series, cleaning)
    assert np.isnan(ours[:, 2]).all()
    assert np.isnan(theirs[:, 2]).all()
    others = np.arange(n_columns) != 2
    assert largest_difference(ours[:, others], theirs[:, others]) < 1e-10


@pytest.mark.parametrize("n_columns", [6, 250], ids=["few", "operator"])
@pytest.mark.parametrize("options", [{}, {"high_pass": 0.01, "t_r": T_R}], ids=str)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_leaves_the_percent_of_others_alone(
    value: float, options: dict[str, Any], n_columns: int
) -> None:
    series, others = series_of(60, n_columns), np.arange(n_columns) != 2
    cleaning = Cleaning(detrend=True, standardize="psc", **options)
    wanted = by_nilearn(series[:, others].copy(), cleaning)
    series[7, 2] = value
    ours = clean(series, cleaning)
    assert np.isnan(ours[:, 2]).all()
    assert largest_difference(ours[:, others], wanted) < 1e-10


@pytest.mark.parametrize("n_columns", [6, 250], ids=["few", "operator"])
@pytest.mark.parametrize("options", FILTERS[:2], ids=str)
def test_nan_in_a_censored_volume_reaches_nothing(options: dict[str, Any], n_columns: int) -> None:
    series = series_of(60, n_columns)
    series[7] = np.nan
    for detrend, how in itertools.product((False, True), (None, "zscore_sample", "psc")):
        cleaning = Cleaning(
            detrend=detrend, standardize=how, t_r=T_R,  # type: ignore[arg-type]
            sample_mask=np.delete(np.arange(60), [7, 30]), **options,
        )  # fmt: skip
        ours, theirs = both(series, cleaning)
        assert np.isfinite(ours).all()
        assert largest_difference(ours, theirs) < 1e-10


@pytest.mark.parametrize("n_columns", [6, 250], ids=["few", "operator"])
@pytest.mark.parametrize("how", [None, "zscore_sample", "psc"])
def test_nan_cannot_be_interpolated_between(how: Any, n_columns: int) -> None:
    series = series_of(60, n_columns)
    series[7, 3] = np.nan
    cleaning = Cleaning(
        high_pass=0.01, t_r=T_R, sample_mask=np.delete(np.arange(60), 30), standardize=how
    )
    with pytest.raises(ValueError, match="finite"):
        by_nilearn(series.copy(), cleaning)
    with pytest.raises(bs.NonFiniteError, match=r"`ensure_finite=True` puts 0 there"):
        clean(series, cleaning)


@pytest.mark.parametrize("how", ["zscore_sample", "psc"])
def test_two_volumes_are_standardised(how: Any) -> None:
    ours, theirs = both(series_of(2, 9), Cleaning(standardize=how))
    np.testing.assert_allclose(ours, theirs)
    assert (np.abs(ours) > 1e-6).all()


@pytest.mark.parametrize("how", ["zscore_sample", "psc"])
def test_one_volume_is_not_standardised(how: Any) -> None:
    series = series_of(1, 5)
    for detrend in (False, True):
        ours, theirs = both(series, Cleaning(detrend=detrend, standardize=how))
        np.testing.assert_array_equal(ours, theirs)


def test_columns_without_a_mean_have_no_percent() -> None:
    series = series_of(60, 250)
    series[:, 4] = 0.0
    ours, theirs = both(series, Cleaning(standardize="psc"))
    assert (ours[:, 4] == 0).all()
    assert largest_difference(ours, theirs) < 1e-10
    with pytest.warns(UserWarning, match="meaningless for features") as said:
        clean(series, Cleaning(standardize="psc"))
    assert said[0].filename == __file__


def test_booleans_for_standardize_warn_as_nilearn_does() -> None:
    series = series_of(60, 4)
    for how in (True, False):
        ours, theirs = both(series, Cleaning(standardize=how))
        assert largest_difference(ours, theirs) < 1e-10
    with pytest.warns(FutureWarning, match="boolean values for 'standardize'") as said:
        clean(series, Cleaning(standardize=True))
    assert said[0].filename == __file__


# Errors.


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"high_pass": 0.01}, ValueError),
        ({"filter": "cosine", "t_r": 2.0}, ValueError),
        ({"filter": "fir"}, ValueError),
        ({"low_pass": 0.01, "high_pass": 0.1, "t_r": 2.0}, ValueError),
        ({"detrend": "yes"}, TypeError),
        ({"t_r": "2"}, TypeError),
        ({"sample_mask": np.arange(99)}, IndexError),
        ({"sample_mask": np.array([-1, 2])}, ValueError),
        ({"standardize": "zscore"}, ValueError),
        ({"ensure_finite": "no"}, ValueError),
    ],
    ids=str,
)
def test_errors_are_those_of_nilearn_and_come_before_the_work(
    options: dict[str, Any], error: type[Exception]
) -> None:
    series = series_of(60, 250)
    with pytest.raises(error):
        nilearn_signal.clean(series.copy(), **({"t_r": None, "standardize": None} | options))
    kept = series.copy()
    with pytest.raises(error):
        clean(series, Cleaning(**options))
    np.testing.assert_array_equal(series, kept)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"filter_options": {"ordre": 3}}, "got 'ordre'; did you mean 'order'?"),
        ({"sample_mask": np.zeros(60, bool)}, "must keep at least one volume of run 1"),
        ({"sample_mask": [np.arange(3)] * 2}, "one mask for each of 1 runs, got 2"),
        ({"standardize": "pcs"}, "did you mean 'psc'?"),
    ],
)
def test_parameters_of_ours_say_what_they_must_be(options: dict[str, Any], said: str) -> None:
    with pytest.raises(bs.ParameterError) as caught:
        clean(series_of(60, 3), Cleaning(**options))
    assert said in str(caught.value)


def test_shapes_are_checked() -> None:
    with pytest.raises(bs.ParameterError, match=r"`series` must be numbers of shape"):
        clean(np.zeros(5), Cleaning())
    with pytest.raises(bs.ParameterError, match=r"`runs` must name the run of each of the 60"):
        clean(series_of(60, 3), Cleaning(), runs=[0, 1])


def test_nothing_asked_changes_nothing() -> None:
    series = series_of(20, 30).astype(np.float32)
    np.testing.assert_array_equal(clean(series.copy(), Cleaning()), series)


@pytest.mark.parametrize("name", ["rapidtide", "sforest"])
def test_equals_nilearn_on_real_images(shared_data: Path, name: str) -> None:
    image = {
        "rapidtide": shared_data / "rapidtide" / "sub-RAPIDTIDETEST.nii.gz",
        "sforest": shared_data / "sforest_localizer" / "sub-02_task-oneback_run-1_bold.nii.gz",
    }[name]
    mean = bs.mean_image(image).get_fdata()
    (series,) = bs.stream(image, bs.Voxels(mean > np.percentile(mean, 70), dtype="float64"))
    n = len(series)
    cleaning = Cleaning(
        detrend=True, standardize="psc", low_pass=0.1, high_pass=0.01, t_r=T_R,
        confounds=np.random.default_rng(0).normal(size=(n, 6)),
        sample_mask=np.delete(np.arange(n), [3, n // 2, n // 2 + 1]),
    )  # fmt: skip
    assert series.shape[1] > linear.WORTH * n
    options = options_of(cleaning) | {"butterworth__copy": False}
    theirs = nilearn_signal.clean(series[:, ::40], **options)
    assert largest_difference(clean(series, cleaning)[:, ::40], theirs) < 1e-10
