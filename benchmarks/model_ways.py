"""What is measured of groups, geometry and behaviour, each in a process of its own.

``python -m benchmarks.model_ways WAY JSON`` prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.limits import process_memory

# Of these, a few are written down to be compared.
_COMPARED = 200
_MODEL_EFFECT = 0.3
# Spheres that rsatoolbox does.
_THEIR_SPHERES = 50
_N_TRIALS = 120


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    made = work()
    return time.perf_counter() - began, made


def _mask(path: str) -> tuple[Any, NDArray[np.bool_]]:
    import nibabel as nib

    image: Any = nib.load(path)
    return image, np.asarray(image.dataobj) != 0


def maps(mask: str, folder: str, n_maps: int) -> dict[str, Any]:
    """Write maps of subjects with an effect on one side."""
    import nibabel as nib

    image, inside = _mask(mask)
    effect = np.linspace(-_MODEL_EFFECT, _MODEL_EFFECT, inside.shape[0])[:, None, None]
    for i in range(n_maps):
        noise = np.random.default_rng(i).standard_normal(inside.shape)
        values = np.where(inside, effect + noise, 0).astype(np.float32)
        nib.save(nib.Nifti1Image(values, image.affine), Path(folder, f"{i}.nii"))
    return {"seconds": 0.0}


def _paths(folder: str, n_subjects: int) -> list[str]:
    files = sorted(str(path) for path in Path(folder).glob("*.nii"))
    return [files[i % len(files)] for i in range(n_subjects)]


def group(
    mask: str,
    folder: str,
    n_subjects: int,
    permutations: int,
    tfce: bool = False,
    memory_limit: str | None = None,
) -> dict[str, Any]:
    """Our sign flips."""
    from boldstream.decoding.group import group_maps

    paths = _paths(folder, n_subjects)
    group_maps(paths[:5], mask, permutations=2, tfce=tfce)
    seconds, found = _timed(
        lambda: group_maps(
            paths, mask, permutations=permutations, tfce=tfce, memory_limit=memory_limit
        )
    )
    return {"seconds": seconds, "n_voxels": len(found.t), "t": found.t[:_COMPARED].tolist()}


def permuted_ols(mask: str, folder: str, n_subjects: int, permutations: int) -> dict[str, Any]:
    """Nilearn's sign flips; it takes maps that are masked already, which is timed, too."""
    from nilearn.masking import apply_mask
    from nilearn.mass_univariate import permuted_ols

    paths, one = _paths(folder, n_subjects), np.ones((n_subjects, 1))

    def work() -> Any:
        values = apply_mask(paths, mask)
        return permuted_ols(
            one,
            values,
            model_intercept=False,
            n_perm=permutations,
            two_sided_test=False,
            random_state=0,
            n_jobs=1,
            output_type="dict",
        )

    seconds, found = _timed(work)
    return {"seconds": seconds, "t": found["t"][0][:_COMPARED].tolist()}


def rdm(library: str) -> dict[str, Any]:
    """Dissimilarities of one region."""
    rng = np.random.default_rng(0)
    conditions, folds = np.tile(np.arange(36), 8), np.repeat(np.arange(8), 36)
    patterns = rng.standard_normal((36, 500))[conditions] + rng.standard_normal((288, 500))
    names = [f"{code:02d}" for code in conditions]
    of = _our_rdm if library == "boldstream" else _their_rdm
    of(patterns, names, folds)
    seconds, values = _timed(lambda: of(patterns, names, folds))
    return {"seconds": seconds, "values": values[:_COMPARED].tolist(), "note": ""}


def _rsatoolbox(module: str) -> Any:
    """It says that it has types, and has them in part."""
    return import_module(f"rsatoolbox.{module}")


def _our_rdm(patterns: Any, names: Any, folds: Any) -> Any:
    from boldstream.geometry import rdm

    return rdm(patterns, names, folds=folds).values


def _their_rdm(patterns: Any, names: Any, folds: Any) -> Any:
    described = {"conds": np.asarray(names), "runs": np.asarray(folds)}
    data = _rsatoolbox("data").Dataset(np.asarray(patterns, float), obs_descriptors=described)
    found = _rsatoolbox("rdm").calc_rdm(
        data, method="crossnobis", descriptor="conds", cv_descriptor="runs"
    )
    return found.dissimilarities[0]


def rdm_searchlight(
    bold: str, mask: str, labels: str, radius: float, library: str
) -> dict[str, Any]:
    """Seconds of a sphere, and how like a model some spheres are."""
    from benchmarks.searchlight_data import read_trials

    y, _ = read_trials(labels)
    # One of each class: rsatoolbox weights folds by their trials where these are not as many.
    folds = [y[:i].count(label) for i, label in enumerate(y)]
    names = sorted(set(y))
    model = np.random.default_rng(0).random((len(names),) * 2)
    work = _our_spheres if library == "boldstream" else _their_spheres
    seconds, values, n = work(bold, mask, radius, y, folds, names, model + model.T)
    return {"seconds": seconds, "values": values.tolist(), "note": f"mean of {n} spheres"}


def _rows(n: int) -> NDArray[np.intp]:
    return np.linspace(0, n, _THEIR_SPHERES, endpoint=False).astype(np.intp)


def _our_spheres(
    bold: str, mask: str, radius: float, y: Any, runs: Any, names: Any, model: Any
) -> tuple[float, Any, int]:
    import nibabel as nib

    from boldstream.geometry import RDM, rdm_searchlight

    np.fill_diagonal(model, 0)
    models = {"model": RDM.from_matrix(model, names)}
    image, inside = _mask(mask)
    first = np.zeros(inside.shape, np.uint8)
    first[tuple(np.argwhere(inside)[0])] = 1

    def spheres(centres: Any = None) -> Any:
        return rdm_searchlight(
            bold, mask, y, models=models, radius=radius, folds=runs, process_mask=centres
        )

    spheres(nib.Nifti1Image(first, image.affine))
    seconds, found = _timed(spheres)
    scores = found.scores["model"]
    return seconds / len(scores), scores[_rows(len(scores))], len(scores)


def _their_spheres(
    bold: str, mask: str, radius: float, y: Any, runs: Any, names: Any, model: Any
) -> tuple[float, Any, int]:
    import nibabel as nib

    theirs = _rsatoolbox("rdm")
    image, inside = _mask(mask)
    loaded: Any = nib.load(bold)
    data, places = loaded.get_fdata(dtype=np.float32)[inside], np.argwhere(inside)
    size = float(image.header.get_zooms()[0])
    model = theirs.RDMs(model[np.triu_indices(len(names), 1)][None])

    def one(row: int) -> float:
        near = ((places - places[row]) ** 2).sum(axis=1) <= (radius / size) ** 2 + 1e-9
        found = theirs.RDMs(_their_rdm(data[near].T, y, runs)[None])
        return float(theirs.compare(found, model, method="spearman")[0, 0])

    rows = _rows(len(places))
    one(0)
    seconds, scores = _timed(lambda: np.array([one(row) for row in rows]))
    return seconds / len(rows), scores, len(rows)


def _choices(n_subjects: int) -> list[Any]:
    from boldstream.simulate.choices import make_agent, make_choices

    rngs = [np.random.default_rng(i) for i in range(n_subjects)]
    return [make_choices(make_agent(rng), _N_TRIALS, rng) for rng in rngs]


def discounting(n_subjects: int) -> dict[str, Any]:
    """Our fits."""
    from boldstream.behaviour import fit_discounting

    def fit(one: Any) -> Any:
        return fit_discounting(one.delayed, one.delayed_amount, one.delay, one.immediate_amount)

    made = _choices(n_subjects)
    fit(made[0])
    seconds, found = _timed(lambda: [fit(one) for one in made])
    best = [one.log_likelihood for one in found]
    return {"seconds": seconds / n_subjects, "log_likelihood": best}


def search(n_subjects: int) -> dict[str, Any]:
    """The same maximum by a search that knows nothing of the model."""
    from scipy.optimize import differential_evolution

    def less(parameters: Any, one: Any) -> float:
        value = one.delayed_amount / (1 + np.exp(parameters[0]) * one.delay)
        gain = np.exp(parameters[1]) * (value - one.immediate_amount)
        return float(np.logaddexp(0, np.where(one.delayed, -gain, gain)).sum())

    made, bounds = _choices(n_subjects), [(-12.0, 4.0), (-8.0, 6.0)]

    def fit(one: Any) -> float:
        return float(differential_evolution(less, bounds, args=(one,), rng=0).fun)

    fit(made[0])
    seconds, found = _timed(lambda: [fit(one) for one in made])
    return {"seconds": seconds / n_subjects, "log_likelihood": [-value for value in found]}


WAYS: dict[str, Callable[..., dict[str, Any]]] = {
    "maps": maps,
    "group": group,
    "permuted_ols": permuted_ols,
    "rdm": rdm,
    "rdm_searchlight": rdm_searchlight,
    "discounting": discounting,
    "search": search,
}


def main() -> None:
    """Run one way and print what it measured."""
    way, text = sys.argv[1:]
    with warnings.catch_warnings():
        # nilearn and rsatoolbox tell of what they will change.
        warnings.simplefilter("ignore")
        found = WAYS[way](**json.loads(text))
    print(json.dumps(found | {"peak": process_memory().peak_rss_bytes}))


if __name__ == "__main__":
    main()
