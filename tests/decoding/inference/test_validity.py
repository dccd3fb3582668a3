"""Whether p is what it says: under simulated null data, and with an effect planted."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from scipy import ndimage

from boldstream.core.blas import one_blas_thread
from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block
from boldstream.decoding.engines.ridge import RidgeEngine
from boldstream.decoding.inference.adjacency import adjacency_of
from boldstream.decoding.inference.result import Inference
from boldstream.decoding.inference.tally import Tally
from boldstream.decoding.permutations.labellings import permute_labels
from boldstream.decoding.solving.scored import chunk_length, score_spheres
from boldstream.decoding.task.problem import Folds, Problem, Targets
from boldstream.kernels.decoding.scores import ACCURACY, R2

N_RUNS, IN_RUN, N_PERMUTATIONS = 4, 8, 199
N_SAMPLES = N_RUNS * IN_RUN
RUNS = np.repeat(np.arange(N_RUNS), IN_RUN)


def leave_one_run_out(runs: np.ndarray) -> Folds:
    rows = np.arange(len(runs))
    numbers = range(N_RUNS)
    train, test = ([rows[(runs == k) == tests] for k in numbers] for tests in (False, True))
    return Folds(tuple(train), tuple(test), len(runs))


FOLDS = leave_one_run_out(RUNS)
ENGINE = RidgeEngine(1.0, True, False)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    with one_blas_thread():
        yield


def in_random_order(rng: np.random.Generator, codes: str = "00001111") -> np.ndarray:
    of_a_run = np.array([int(c) for c in codes], np.int16)
    return np.concatenate([rng.permutation(of_a_run) for _ in range(N_RUNS)])


def noise(rng: np.random.Generator, shape: tuple[int, ...], smooth: float = 0.0) -> np.ndarray:
    """Values (*shape, samples) that drift in each run, about a mean that differs between runs."""
    values = rng.standard_normal((*shape, N_SAMPLES))
    for t in range(1, N_SAMPLES):
        if RUNS[t] == RUNS[t - 1]:
            values[..., t] = 0.7 * values[..., t - 1] + 0.714 * values[..., t]
    values += 2 * rng.standard_normal((*shape, N_RUNS))[..., RUNS]
    if smooth:
        values = ndimage.gaussian_filter(values, (*[smooth] * len(shape), 0))
        values /= values.std()
    return np.asarray(values)


def tally_block(block: Block, labellings: np.ndarray, tally: Tally, folds: Folds = FOLDS) -> None:
    classes = np.array([0, 1]) if labellings.dtype == np.int16 else None
    targets = Targets(labellings, classes)
    problem = Problem(folds, targets, R2 if classes is None else ACCURACY)
    step = chunk_length(problem, ENGINE)
    for start in range(0, len(block), step):
        some = block.some(slice(start, min(start + step, len(block))))
        tally.put(start, score_spheres(some, ENGINE, problem).means)


def p_of_data_sets(values: np.ndarray, labellings: np.ndarray, folds: Folds = FOLDS) -> np.ndarray:
    """P of each data set: one sphere with all voxels of `values` (data sets, voxels, samples)."""
    n, n_voxels, n_samples = values.shape
    block = Block(
        values.reshape(n * n_voxels, n_samples).astype("f4"),
        np.arange(n * n_voxels, dtype=np.int32),
        np.arange(n + 1) * n_voxels,
    )
    with Tally(n, len(labellings) - 1) as tally:
        tally_block(block, labellings, tally, folds)
        return tally.finish(chance=0.5).p_uncorrected


def assert_valid(p: np.ndarray) -> None:
    for alpha in (0.01, 0.05, 0.1):
        error = np.sqrt(alpha * (1 - alpha) / len(p))
        assert (p <= alpha).mean() <= alpha + 2 * error


def test_p_of_classes() -> None:
    rng = np.random.default_rng(1)
    p = []
    for seed in range(40):
        y = permute_labels(
            in_random_order(rng), N_PERMUTATIONS, groups=RUNS, folds=FOLDS, random_state=seed
        )
        p.append(p_of_data_sets(noise(rng, (50, 10)), y))
    assert_valid(np.concatenate(p))


def test_p_of_values_is_exact() -> None:
    """Scores of values are hardly ever equal, so that p is not below, nor above, what it says."""
    rng = np.random.default_rng(2)
    p = []
    for seed in range(40):
        y = permute_labels(
            rng.standard_normal(N_SAMPLES), N_PERMUTATIONS, folds=FOLDS, random_state=seed
        )
        values = rng.standard_normal((50, 10, N_SAMPLES))
        p.append(p_of_data_sets(values, y))
    p_all = np.concatenate(p)
    assert_valid(p_all)
    assert abs(p_all.mean() - 0.5) < 0.03
    assert (p_all <= 0.1).mean() > 0.07


def test_stratified_folds_are_compared_with_such() -> None:
    """Ten of one class and six of the other, folds by StratifiedKFold."""
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(3)
    p = []
    for seed in range(40):
        given = in_random_order(rng, "00000111")
        pairs = list(StratifiedKFold(4).split(given, given))
        folds = Folds(tuple(a for a, _ in pairs), tuple(b for _, b in pairs), N_SAMPLES)
        y = permute_labels(given, N_PERMUTATIONS, folds=folds, stratified=True, random_state=seed)
        p.append(p_of_data_sets(rng.standard_normal((50, 10, N_SAMPLES)), y, folds))
    assert_valid(np.concatenate(p))


def test_volumes_of_one_trial_stay_together() -> None:
    """Permuting volumes is refused; who insists on it finds what is not there."""
    rng = np.random.default_rng(4)
    trials = np.repeat(np.arange(N_SAMPLES), 3)
    runs = RUNS[trials]
    folds = leave_one_run_out(runs)
    volumewise: list[np.ndarray] = []
    blockwise: list[np.ndarray] = []
    for seed in range(15):
        given = in_random_order(rng)[trials]
        with pytest.raises(ParameterError, match="`permutation_blocks` must be given"):
            permute_labels(given, N_PERMUTATIONS, groups=runs, folds=folds)
        values = noise(rng, (40, 10))[..., trials]
        values += 0.3 * rng.standard_normal(values.shape)
        for blocks, p in ((range(len(trials)), volumewise), (trials, blockwise)):
            y = permute_labels(
                given,
                N_PERMUTATIONS,
                groups=runs,
                permutation_blocks=blocks,
                folds=folds,
                random_state=seed,
            )
            p.append(p_of_data_sets(values, y, folds))
    assert (np.concatenate(volumewise) <= 0.05).mean() > 0.1
    assert_valid(np.concatenate(blockwise))


MASK = np.ones((4, 4, 4), bool)
MASK[0, 0] = False


def searchlight(rng: np.random.Generator, volumes: np.ndarray, y: np.ndarray) -> Inference:
    """Spheres of a voxel and its neighbours over a small brain (x, y, z, samples)."""
    near = adjacency_of(MASK)
    members = [
        np.r_[v, near.neighbours[near.starts[v] : near.starts[v + 1]]] for v in range(len(near))
    ]
    starts = np.cumsum([0, *map(len, members)])
    block = Block(volumes[MASK].astype("f4"), np.concatenate(members).astype(np.int32), starts)
    labellings = permute_labels(
        y, N_PERMUTATIONS, groups=RUNS, folds=FOLDS, random_state=int(rng.integers(2**31))
    )
    with Tally(len(near), N_PERMUTATIONS, keep_maps=True, memory_bytes=1 << 30) as tally:
        tally_block(block, labellings, tally)
        return tally.finish(chance=0.5, adjacency=near, tfce=True, forming_threshold=0.6)


def test_family_wise_errors() -> None:
    rng = np.random.default_rng(5)
    n = 200
    errors = np.zeros((n, 4))
    for brain in range(n):
        found = searchlight(rng, noise(rng, MASK.shape, 0.8), in_random_order(rng))
        assert found.p_tfce_fwe is not None
        assert found.clusters is not None
        of_clusters = found.clusters[["p_extent_fwe", "p_mass_fwe"]].min().fillna(1)
        least = found.p_fwe.min(), found.p_tfce_fwe.min(), *of_clusters
        errors[brain] = np.array(least) <= 0.05
    assert (errors.mean(axis=0) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / n)).all()
    # Some there must be: what never finds anything is of no use.
    assert (errors.mean(axis=0) > 0).all()


def test_an_effect_in_three_spheres_is_found() -> None:
    rng = np.random.default_rng(6)
    y = in_random_order(rng)
    volumes = noise(rng, MASK.shape, 0.8)
    volumes[2, 2, 0:3] += 1.6 * (y - 0.5)
    found = searchlight(rng, volumes, y)
    centres = np.zeros(MASK.shape, bool)
    centres[2, 2, 0:3] = True
    assert found.p_tfce_fwe is not None
    assert found.clusters is not None
    assert (found.p_fwe[centres[MASK]] <= 0.05).all()
    assert (found.p_tfce_fwe[centres[MASK]] <= 0.05).all()
    assert found.clusters["p_mass_fwe"][0] <= 0.05
    far = ~ndimage.binary_dilation(centres, iterations=2)[MASK]
    assert (found.p_fwe[far] > 0.05).all()
