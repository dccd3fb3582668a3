"""What is measured of searchlights, each in a process of its own.

``python -m benchmarks.searchlight_ways WAY LIBRARY JSON`` prints one line of
JSON; LIBRARY is nilearn or boldstream, and loaded before the clock runs.
"""

from __future__ import annotations

import importlib
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.searchlight_data import read_trials
from boldstream.core.limits import process_memory

_MODULES = {
    "nilearn": ("nilearn.decoding", "sklearn.discriminant_analysis"),
    "boldstream": ("boldstream.decoding", "boldstream.decoding.estimators"),
}
N_FOLDS = 4
# A solution of scikit-learn that no further step would change.
_EXACT = {"tol": 1e-8, "max_iter": 10_000_000}
_NEIGHBOURHOODS_AT_A_TIME = 1 << 14
N_MAPS = 20
# Spheres that are solved before workers have loaded what they need.
_FEW = 100


@dataclass(frozen=True)
class Made:
    """Figures that are printed, and arrays that are saved."""

    figures: dict[str, Any]
    arrays: dict[str, Any] = field(default_factory=dict)


def make_estimator(name: str) -> Any:
    """What a `SearchLight` of either library is given."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.linear_model import LogisticRegression, RidgeClassifier
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import NearestCentroid

    from boldstream.decoding.estimators import RidgeCovariance

    table: dict[str, Callable[[], Any]] = {
        "svc": lambda: "svc",
        "ridge": RidgeClassifier,
        "ridge LDA": lambda: LinearDiscriminantAnalysis(
            "lsqr", covariance_estimator=RidgeCovariance()
        ),
        "LDA": LinearDiscriminantAnalysis,
        "naive Bayes": GaussianNB,
        "nearest centroid": NearestCentroid,
        "logistic": LogisticRegression,
    }
    return table[name]()


def exact_estimator(name: str) -> Any:
    """The same for scikit-learn itself, solved to its end where it takes steps."""
    from sklearn.svm import LinearSVC

    return LinearSVC(random_state=0, **_EXACT) if name == "svc" else make_estimator(name)


def _every(mask: str, every: int) -> Any:
    """Each so many-th voxel of a mask, in the order of ``data[mask]``, as a mask."""
    import nibabel as nib

    image: Any = nib.load(mask)
    inside = np.asarray(image.dataobj) != 0
    some = np.zeros(inside.shape, np.uint8)
    some.flat[np.flatnonzero(inside)[::every]] = 1
    return nib.Nifti1Image(some, image.affine)


def fit(
    bold: str,
    mask: str,
    labels: str,
    radius: float,
    estimator: str,
    every: int = 1,
    calls: int = 2,
    **options: Any,
) -> Made:
    """Our `SearchLight` around every so many-th voxel, from the file to the scores.

    One sphere is done first, `calls` times, the last of which tells what all
    takes that does not grow with the number of spheres.
    """
    from sklearn.model_selection import KFold

    from boldstream.decoding import SearchLight

    y, runs = read_trials(labels)

    def light(process: Any) -> Any:
        made: Any = SearchLight(
            mask,
            process,
            radius=radius,
            estimator=make_estimator(estimator),
            cv=KFold(N_FOLDS),
            keep=("fold_scores",),
            **options,
        )
        return made.fit(bold, y, runs)

    one = _every(mask, sys.maxsize)
    times = [_timed(lambda: light(one))[0] for _ in range(calls)]
    seconds, found = _timed(lambda: light(_every(mask, every)))
    arrays = {"scores": found.masked_scores_, "fold_scores": found.fold_scores_}
    if options.get("permutations"):
        arrays["p"] = found.inference_.p_uncorrected
    if options.get("tfce"):
        arrays |= {"tfce": found.inference_.tfce, "p_tfce": found.inference_.p_tfce_fwe}
    figures = {"n_spheres": found.n_elements_, "calls": times, "engine": found.engine_}
    return Made({"seconds": seconds, **figures}, arrays)


def search_light(
    bold: str,
    mask: str,
    labels: str,
    radius: float,
    estimator: str,
    every: int,
    permutations: int = 0,
    n_permuted: int = 0,
) -> Made:
    """Spheres of nilearn around every so many-th voxel, without what is done before the first.

    Of some of them scikit-learn then scores the same permuted labels as ours, too.
    """
    from nilearn.decoding._utils import validate_estimator
    from nilearn.decoding.searchlight import search_light
    from sklearn.model_selection import KFold

    spheres = _Spheres.of(bold, mask, radius, every)
    y, runs = read_trials(labels)
    solver = validate_estimator(make_estimator(estimator), "classifier")
    seconds, scores = _timed(
        lambda: search_light(
            spheres.samples, y, solver, spheres.around, None, None, KFold(N_FOLDS), 1, 0
        )
    )
    arrays = {"scores": scores}
    if n_permuted:
        rows = np.linspace(0, len(scores), n_permuted, endpoint=False).astype(int)
        arrays |= {"p": _p_of(spheres, rows, estimator, y, runs, permutations), "rows": rows}
    size = spheres.around.nnz / len(scores)
    return Made({"seconds": seconds, "n_spheres": len(scores), "size": size}, arrays)


def exact(bold: str, mask: str, labels: str, radius: float, estimator: str, every: int) -> Made:
    """Scores of each fold by scikit-learn, solved to the end; the same around nilearn's spheres."""
    from joblib import Parallel, delayed

    spheres = _Spheres.of(bold, mask, radius, every)
    y, _ = read_trials(labels)
    solver, rows = exact_estimator(estimator), range(spheres.around.shape[0])
    seconds, scores = _timed(
        lambda: Parallel(n_jobs=-1 if len(rows) > _FEW else 1)(
            delayed(_fold_scores)(solver, spheres.values(row), y) for row in rows
        )
    )
    return Made({"seconds": seconds}, {"fold_scores": np.array(scores)})


@dataclass(frozen=True)
class _Spheres:
    """What nilearn makes of an image: samples, and which voxels lie around each centre."""

    samples: NDArray[Any]
    around: Any

    @classmethod
    def of(cls, bold: str, mask: str, radius: float, every: int) -> _Spheres:
        import nibabel as nib
        from nilearn.image import load_img
        from nilearn.maskers.nifti_spheres_masker import apply_mask_and_get_affinity

        image, process = load_img(bold), _every(mask, every)
        centres = np.argwhere(np.asarray(process.dataobj))
        places = nib.affines.apply_affine(process.affine, centres)
        return cls(*apply_mask_and_get_affinity(places, image, radius, True, mask_img=mask))

    def values(self, row: int) -> NDArray[Any]:
        """Samples (samples, voxels) of a sphere."""
        return np.asarray(self.samples[:, self.around.rows[row]])


def _fold_scores(solver: Any, values: NDArray[Any], y: Any) -> NDArray[Any]:
    from sklearn.model_selection import KFold, cross_val_score

    return np.asarray(cross_val_score(solver, values, y, cv=KFold(N_FOLDS)))


def _p_of(
    spheres: _Spheres, rows: NDArray[Any], estimator: str, y: Any, runs: Any, permutations: int
) -> NDArray[Any]:
    """Refit some spheres for each labelling."""
    from sklearn.model_selection import KFold

    from boldstream.decoding.task.task import make_task

    solver = exact_estimator(estimator)
    task = make_task(y, runs, estimator=solver, cv=KFold(N_FOLDS), permutations=permutations)
    labellings = task.targets.labellings
    p = np.empty(len(rows))
    for i, row in enumerate(rows):
        values = spheres.values(row)
        scores = [_fold_scores(solver, values, labelling).mean() for labelling in labellings]
        p[i] = np.mean(np.array(scores) >= scores[0] - 1e-9)
    return p


def tfce(mask: str) -> Made:
    """Exact enhancement of a smooth map, and the stepped form of it."""
    import nibabel as nib
    from scipy.ndimage import gaussian_filter

    from boldstream.decoding.inference.adjacency import adjacency_of
    from boldstream.decoding.inference.tfce import Enhancement

    image: Any = nib.load(mask)
    inside = np.asarray(image.dataobj) != 0
    values = gaussian_filter(np.random.default_rng(0).standard_normal(inside.shape), 1.5)
    values = np.where(inside, values / values[inside].std(), 0)
    enhance, scores = Enhancement(adjacency_of(inside), 0.0), values[inside].astype(np.float32)
    times = [_timed(lambda: enhance(scores))[0] for _ in range(N_MAPS)]
    found = enhance(scores)
    coarse_seconds, coarse = _timed(lambda: stepped_tfce(values, 0.1)[inside])
    fine = stepped_tfce(values, 0.005)[inside]
    figures = {
        "seconds": statistics.median(times[1:]),
        "stepped_seconds": coarse_seconds,
        "stepped_apart": _apart(coarse, found),
        "apart": _apart(fine, found),
        "n_voxels": len(scores),
    }
    return Made(figures)


def stepped_tfce(values: NDArray[Any], step: float) -> NDArray[np.float64]:
    """TFCE (E = 0.5, H = 2) of a volume by labelling it at many heights."""
    from scipy.ndimage import label

    out = np.zeros(values.shape)
    for height in np.arange(step / 2, values.max(), step):
        labels, _ = label(values > height)
        extent = np.bincount(labels.ravel()).astype(float)
        extent[0] = 0
        out += extent[labels] ** 0.5 * height**2 * step
    return out


def _apart(given: NDArray[Any], exact: NDArray[Any]) -> float:
    return float(np.abs(given - exact).max() / exact.max())


def neighbourhoods(mask: str, radius: float) -> Made:
    """All voxels around every voxel, found for some at a time; checked by a tree of places."""
    import nibabel as nib
    from scipy.spatial import cKDTree

    from boldstream.decoding.neighbourhoods import Spheres
    from boldstream.io.masks import load_mask

    image: Any = nib.load(mask)
    inside = load_mask(mask)
    Spheres(inside, radius).members(0, 1)
    seconds, total = _timed(lambda: _find_all(Spheres(inside, radius)))
    # In voxels, so that a distance that is the radius is just that.
    places, voxel = np.argwhere(inside.array), float(image.header.get_zooms()[0])
    some = np.random.default_rng(0).choice(len(places), min(1000, len(places)), replace=False)
    tree, spheres = cKDTree(places), Spheres(inside, radius)
    near = tree.query_ball_point(places[some], radius / voxel + 1e-9, return_sorted=True)
    same = all(
        np.array_equal(spheres.members(centre, centre + 1)[0], members)
        for centre, members in zip(some.tolist(), near, strict=True)
    )
    n_spheres = spheres.n_centres
    return Made({"seconds": seconds, "members": total, "n_spheres": n_spheres, "same": same})


def _find_all(spheres: Any) -> int:
    step, n = _NEIGHBOURHOODS_AT_A_TIME, spheres.n_centres
    return sum(len(spheres.members(at, min(at + step, n))[0]) for at in range(0, n, step))


def in_limit(memory_limit: str, n_checked: int, **arguments: Any) -> Made:
    """Our searchlight within a limit; peak of all of this process.

    scikit-learn scores some of the spheres again, which are read afterwards.
    """
    made = fit(calls=0, memory_limit=memory_limit, **arguments)
    peak = process_memory().peak_rss_bytes
    scores = made.arrays["scores"]
    rows = np.linspace(0, len(scores), n_checked, endpoint=False).astype(int)
    apart = max(abs(_score_of(row, **arguments) - scores[row]) for row in rows)
    y, _ = read_trials(arguments["labels"])
    return Made({**made.figures, "peak": peak, "n_apart": round(apart * len(y))})


def _score_of(
    row: int,
    bold: str,
    mask: str,
    labels: str,
    radius: float,
    estimator: str,
    every: int = 1,
    **_: Any,
) -> float:
    """The score of one sphere, of which only a box is read."""
    import nibabel as nib

    image, mask_image = nib.load(bold), nib.load(mask)
    inside = np.asarray(mask_image.dataobj) != 0  # type: ignore[attr-defined]
    centre = np.argwhere(inside)[::every][row]
    voxel = float(image.header.get_zooms()[0])  # type: ignore[attr-defined]
    reach = int(radius / voxel)
    ends = zip(centre, inside.shape, strict=True)
    box = tuple(slice(max(0, at - reach), min(n, at + reach + 1)) for at, n in ends)
    places = np.moveaxis(np.mgrid[box], 0, -1)
    near = ((places - centre) ** 2).sum(axis=-1) <= (radius / voxel) ** 2 + 1e-9
    values = np.asarray(image.dataobj[(*box, slice(None))])  # type: ignore[attr-defined]
    y, _runs = read_trials(labels)
    return float(_fold_scores(make_estimator(estimator), values[near & inside[box]].T, y).mean())


WAYS: dict[str, Callable[..., Made]] = {
    "fit": fit,
    "search_light": search_light,
    "exact": exact,
    "tfce": tfce,
    "neighbourhoods": neighbourhoods,
    "in_limit": in_limit,
}


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def measure_way(way: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run one way, save its arrays, and return its figures."""
    output = arguments.pop("output", None)
    with warnings.catch_warnings():
        # nilearn warns of estimators that it does not know.
        warnings.simplefilter("ignore")
        made = WAYS[way](**arguments)
    figures = {"peak": process_memory().peak_rss_bytes} | made.figures
    if output:
        np.savez(output, **made.arrays)
    return figures


def load(library: str) -> None:
    """Load what a library has, before the clock runs."""
    for module in _MODULES[library]:
        importlib.import_module(module)


def main() -> None:
    """Run one way and print what it measured."""
    way, library, text = sys.argv[1:]
    load(library)
    if way == "imports":
        measured = {"peak": process_memory().peak_rss_bytes}
    else:
        measured = measure_way(way, json.loads(text))
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
