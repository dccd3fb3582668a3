"""An HRF chosen for each voxel from a library, beside one HRF for all voxels.

``python -m benchmarks.hrf_library --data FOLDER`` prints the table of decision record 0012; the
folder holds ``haxby_pymvpa`` and ``sforest_localizer``. Every choice is made on training runs and
judged on the run left out.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from nilearn.glm.first_level import glover_hrf, spm_hrf
from nilearn.glm.first_level.design_matrix import create_cosine_drift
from nilearn.masking import apply_mask, compute_epi_mask
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import zscore
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

Array = NDArray[Any]
Scores = dict[str, dict[str, Array]]  # measure, rule, (units, sum and count)
_STEP, _DRAWS = 0.1, 10_000


@dataclass(frozen=True, slots=True)
class Study:
    """Runs in which each condition is one trial, as cross-products without drift.

    Shapes: `gram` (runs, HRFs, conditions, conditions), `cross` and `lss` (runs, HRFs, conditions,
    voxels), `power` and `units`, which are what the bootstrap draws, (runs, voxels).
    """

    gram: Array
    cross: Array
    lss: Array
    power: Array
    units: Array


def double_gamma(peak: float, width: float) -> Array:
    """Return 32 s of Glover's (1999) gamma functions; `width` is that at half the height."""
    shapes = []
    for top, wide in ((peak, width), (2 * peak, 1.4 * width)):
        ratio = np.arange(0, 32, _STEP) / top
        shapes.append((ratio * np.exp(1 - ratio)) ** (8 * np.log(2) * (top / wide) ** 2))
    double: Array = shapes[0] - 0.35 * shapes[1]
    return double


def hrf_library() -> Array:
    """Return (HRFs, samples): Glover's, SPM's, then 7 times to peak by 3 widths."""
    grid = itertools.product(np.linspace(3.5, 8, 7), (4.0, 5.2, 6.5))
    shapes = [hrf(_STEP, oversampling=1, time_length=32.0) for hrf in (glover_hrf, spm_hrf)]
    shapes += [double_gamma(peak, width) for peak, width in grid]
    return np.stack([shape / shape.max() for shape in shapes])


def regressors(events: pd.DataFrame, hrfs: Array, frames: Array) -> Array:
    """Return (HRFs, frames, conditions), conditions in the order of their names."""
    fine = np.arange(0, frames[-1] + 1, _STEP)
    columns = []
    for _, rows in events.groupby("trial_type", sort=True):
        on = np.zeros(fine.size)
        for onset, duration in zip(rows["onset"], rows["duration"], strict=True):
            on[round(onset / _STEP) : round((onset + duration) / _STEP)] = 1
        columns.append([np.interp(frames, fine, np.convolve(on, h)[: fine.size]) for h in hrfs])
    return np.moveaxis(np.array(columns), 0, 2)


def lss_weights(x: Array) -> Array:
    """Return the rows that give each trial's beta beside one regressor of all the others."""
    pairs = (np.stack([x[:, i], x.sum(1) - x[:, i]], axis=1) for i in range(x.shape[1]))
    return np.stack([np.linalg.pinv(pair)[0] for pair in pairs])


def accumulate(runs: Sequence[tuple[Array, Array, Array]], cubes: Array | None = None) -> Study:
    """Form the cross-products of (frame times, regressors, data); units are runs, or `cubes`."""
    parts = []
    for i, (frames, design, data) in enumerate(runs):
        drift = np.linalg.qr(create_cosine_drift(1 / 128, frames))[0]
        x, y = design - drift @ (drift.T @ design), data - drift @ (drift.T @ data)
        lss = np.stack([lss_weights(one) for one in x]) @ y
        units = np.full(data.shape[1], i) if cubes is None else cubes
        parts.append((x.mT @ x, x.mT @ y, lss, (y**2).sum(0), units))
    return Study(*map(np.stack, zip(*parts, strict=True)))


def residual(study: Study, train: list[int], test: list[int]) -> Array:
    """Return the squares that the betas of `train` leave in `test`: (HRFs, voxels)."""
    beta = np.linalg.solve(study.gram[train].sum(0), study.cross[train].sum(0))
    explained = 2 * study.cross[test].sum(0) - study.gram[test].sum(0) @ beta
    left: Array = study.power[test].sum(0) - (beta * explained).sum(1)
    return left


def choose(study: Study, train: list[int], part: float) -> tuple[dict[str, Array], Array]:
    """Return each rule's HRF of every voxel, and the voxels that respond, from training runs."""
    voxels = study.power.shape[1]
    lefts = {"by trials": np.sum([residual(study, [r], [r]) for r in train], axis=0)}
    if len(train) > 1:
        others = [(r, [other for other in train if other != r]) for r in train]
        lefts["held out"] = np.sum([residual(study, rest, [r]) for r, rest in others], axis=0)
    fit = 1 - list(lefts.values())[-1] / study.power[train].sum(0)
    responsive = np.argsort(fit.mean(0))[-round(part * voxels) :]
    best = fit[:, responsive].mean(1).argmax()
    rules = {"Glover": np.full(voxels, 0), "SPM": np.full(voxels, 1), "one": np.full(voxels, best)}
    return rules | {rule: left.argmin(0) for rule, left in lefts.items()}, responsive


def take(values: Array, choice: Array) -> Array:
    """Pick from (HRFs, ..., voxels) the HRF of every voxel."""
    return np.moveaxis(values, -1, 0)[np.arange(choice.size), choice].T


def decode(betas: Array, train: list[int], held: int) -> float:
    """Return the accuracy of a linear SVM on the trials of the run left out."""
    names = np.arange(betas.shape[1])
    machine = make_pipeline(StandardScaler(), SVC(kernel="linear"))
    machine.fit(np.concatenate(betas[train]), np.tile(names, len(train)))
    return float(machine.score(betas[held], names))


def judge(study: Study, part: float) -> Scores:
    """Judge each rule on each run left out; two runs are too few to decode."""
    scores: Scores = {}
    number = len(study.power)
    for held in range(number):
        train = [r for r in range(number) if r != held]
        rules, responsive = choose(study, train, part)
        units = study.units[held]
        left = residual(study, train, [held]) / study.power[held]
        for rule, choice in rules.items():
            fit = 1 - take(left, choice)
            betas = np.stack([take(each, choice)[:, responsive] for each in study.lss])
            same = (zscore(betas[held]) * zscore(betas[train].mean(0))).mean(0)
            found = {"R², all": (units, fit), "R²": (units[responsive], fit[responsive])}
            found["reliability"] = (units[responsive], same)
            if number > 2:
                found["decoding"] = (units[:1], np.array([decode(betas, train, held)]))
            for measure, (where, values) in found.items():
                table = scores.setdefault(measure, {}).setdefault(
                    rule, np.zeros((study.units.max() + 1, 2))
                )
                np.add.at(table, where, np.stack([values, np.ones(values.size)], axis=1))
    return scores


def report(title: str, scores: Scores) -> None:
    """Print the means, and the last rule less Glover's HRF and less one HRF, with intervals."""
    for measure, rules in scores.items():
        units = len(rules["one"])
        draws = np.random.default_rng(0).multinomial(units, np.full(units, 1 / units), size=_DRAWS)
        cells = [f"{rule} {np.divide(*table.sum(0)):.3f}" for rule, table in rules.items()]
        for base in ("Glover", "one"):
            more = list(rules.values())[-1][:, 0] - rules[base][:, 0]
            low, high = np.quantile(draws @ more / (draws @ rules[base][:, 1]), [0.025, 0.975])
            mean = more.sum() / rules[base][:, 1].sum()
            cells.append(f"less {base} {mean:+.3f} [{low:+.3f}, {high:+.3f}]")
        print(" | ".join([title, measure, *cells]))


def haxby(folder: Path, image: str, mask: str, shift: float, within: float) -> Study:
    """Twelve runs of eight blocks of 22.5 s, a volume in 2.5 s; onsets moved by `shift` seconds."""
    runs = []
    for run in sorted((folder / "haxby2001/sub001/BOLD").glob("task001_run*")):
        data = apply_mask(run / image, folder / mask, dtype="d")
        events = pd.read_csv(run / "bold_events.tsv", sep="\t")
        events["onset"] += shift
        frames = 2.5 * (np.arange(len(data)) + within)
        runs.append((frames, regressors(events, hrf_library(), frames), data))
    return accumulate(runs)


def localizer(folder: Path, within: float) -> Study:
    """Two halves of a run, a block of 16 s of six categories in each; a volume in 2 s."""
    image = folder / "sub-02_task-oneback_run-1_bold.nii.gz"
    mask = compute_epi_mask(image)
    corners = np.argwhere(mask.get_fdata() > 0) // 5
    data = apply_mask(image, mask, dtype="d")
    events = pd.read_csv(folder / "sub-02_task-oneback_run-1_events.tsv", sep="\t")
    frames = 2.0 * (np.arange(len(data)) + within)
    x = regressors(events, hrf_library(), frames)
    halves = [(frames[half], x[:, half], data[half]) for half in np.split(np.arange(len(data)), 2)]
    return accumulate(halves, np.unique(corners, axis=0, return_inverse=True)[1].ravel())


def made_up(spread: float, voxels: int = 300) -> Study:
    """Six runs of eight blocks; every voxel peaks at 5.75 s give or take up to `spread` seconds."""
    random = np.random.default_rng(0)
    peaks, widths = 5.75 + spread * random.uniform(-1, 1, voxels), random.uniform(4, 6.5, voxels)
    own = np.stack([double_gamma(*shape) for shape in zip(peaks, widths, strict=True)])
    betas, frames, runs = random.standard_normal((8, voxels)) / 25, 2.5 * np.arange(121), []
    for _ in range(6):
        onsets = 12.0 + 36 * random.permutation(8)
        events = pd.DataFrame({"onset": onsets, "duration": 22.5, "trial_type": range(8)})
        data = lfilter([1], [1, -0.3], random.standard_normal((121, voxels)), axis=0)
        data += np.einsum("vtc,cv->tv", regressors(events, own, frames), betas)
        runs.append((frames, regressors(events, hrf_library(), frames), data))
    return accumulate(runs)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the two data sets")
    parser.add_argument("--slice-time-ref", type=float, default=0.5, help="as in nilearn")
    options = parser.parse_args()
    within, folder = options.slice_time_ref, options.data / "haxby_pymvpa"
    coarse = "haxby2001/sub001/masks/25mm/brain.nii.gz"
    for shift in (0.0, -5.0):
        study = haxby(folder, "bold_1slice.nii.gz", "mask.nii.gz", shift, within)
        report(f"slice {shift:+.0f} s", judge(study, 0.2))
        study = haxby(folder, "bold_25mm.nii.gz", coarse, shift, within)
        report(f"25 mm {shift:+.0f} s", judge(study, 0.2))
    report("localizer", judge(localizer(options.data / "sforest_localizer", within), 0.05))
    for spread in (0.0, 2.25):
        report(f"made up ± {spread} s", judge(made_up(spread), 0.2))


if __name__ == "__main__":
    main()
