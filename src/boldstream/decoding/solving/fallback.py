"""Any estimator, scorer and splitter: each sphere by scikit-learn itself, in processes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.blas import one_blas_thread
from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.decoding.engines.base import Block
from boldstream.decoding.solving.scored import Scored
from boldstream.decoding.task.problem import Folds, Rows, Targets

# Fits that are sent to a process at a time: far more work than the sending.
_TOGETHER = 32


@dataclass(frozen=True, eq=False)
class RefitScored(Scored):
    """Scores of some spheres by scikit-learn.

    Attributes
    ----------
    predictions : ndarray, shape (spheres, tests), int16 or float64, or None
        Codes of classes, or values, that were predicted of what was given.
        They need not follow from the decisions: `SVC` lets pairs vote.
    """

    predictions: NDArray[Any] | None = None

    def predicted(self, targets: Targets) -> NDArray[Any]:
        assert self.predictions is not None
        return self.predictions


@dataclass(frozen=True, eq=False)
class Refit:
    """What is to be done for each sphere: fit and score each fold of each labelling.

    Parameters
    ----------
    estimator : scikit-learn estimator
        Copied for each fit. One with ``nilearn_searchlight_uses_cv = False``
        splits samples by itself: it is fitted to all of them once, with
        `groups`, and asked for its score; folds are `whole` then.
    scorer : callable
        Of estimator, X and y, from `find_scorer`.
    folds : Folds
        The same for every sphere.
    targets : Targets
    groups : ndarray, shape (samples,), optional
        For estimators that split by themselves.
    fit_groups : bool
        Whether `groups` go to ``fit`` in each fold, as a nested search needs.
    keep_decisions : bool
        Whether decisions and predictions of what was given are kept.
    names : tuple of str, optional
        What errors call each sphere; by its number by default.
    """

    estimator: Any
    scorer: Callable[..., Any]
    folds: Folds
    targets: Targets
    groups: NDArray[Any] | None = None
    fit_groups: bool = False
    keep_decisions: bool = False
    names: tuple[str, ...] | None = None

    def name_of(self, sphere: int) -> str:
        """What errors call a sphere."""
        return f"the sphere with centre {sphere}" if self.names is None else self.names[sphere]


def find_scorer(estimator: Any, scoring: Any) -> Callable[..., Any]:
    """The scorer that scikit-learn takes; raises `ParameterError` if there is none.

    Parameters
    ----------
    estimator : scikit-learn estimator
    scoring : str, callable or None

    Examples
    --------
    >>> from sklearn.svm import SVC
    >>> find_scorer(SVC(), "acuracy")
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `scoring` must be ... did you mean 'accuracy'?
    """
    from sklearn.metrics import check_scoring, get_scorer_names

    if isinstance(scoring, list | tuple | set | Mapping):
        raise ParameterError(f"`scoring` must be one scorer, got {scoring!r}")
    names = get_scorer_names()
    if isinstance(scoring, str) and scoring not in names:
        raise ParameterError(
            "`scoring` must be a scorer of scikit-learn such as 'accuracy', 'balanced_accuracy', "
            f"'roc_auc' or 'r2', got {scoring!r}{did_you_mean(scoring, names)}"
        )
    try:
        scorer: Callable[..., Any] = check_scoring(estimator, scoring)
    except (TypeError, ValueError) as error:
        raise ParameterError(
            f"`scoring` must suit {type(estimator).__name__}, got {scoring!r}: {error}"
        ) from error
    return scorer


def run_sklearn(
    blocks: Iterable[tuple[int, Block]], work: Refit, *, n_jobs: int
) -> Iterator[tuple[int, RefitScored]]:
    """Scores of spheres in their order, each part with the number of its first sphere.

    Parameters
    ----------
    blocks : iterable of (first sphere, Block)
        Read as processes have no work left.
    work : Refit
    n_jobs : int
        Processes; with 1 it is done in this one.

    Raises
    ------
    ParameterError
        If a fit or a score fails; it names the sphere.
    """
    n_labellings = len(work.targets.labellings)
    held: list[RefitScored] = []
    for start, scored in _run(_cut(blocks, n_labellings), work, n_jobs):
        held.append(scored)
        if sum(part.means.shape[1] for part in held) == n_labellings:
            yield start, _joined(held)
            held = []


_Piece = tuple[int, Block, slice]


def _cut(blocks: Iterable[tuple[int, Block]], n_labellings: int) -> Iterator[_Piece]:
    """Some spheres and some labellings, sphere by sphere."""
    step = max(1, _TOGETHER // n_labellings)
    for first, block in blocks:
        for start in range(0, len(block), step):
            some = _alone(block.some(slice(start, min(start + step, len(block)))))
            for label in range(0, n_labellings, _TOGETHER):
                yield first + start, some, slice(label, min(label + _TOGETHER, n_labellings))


def _alone(block: Block) -> Block:
    """The block with no other voxels than those of its spheres: it is sent to a process."""
    rows, members = np.unique(block.members, return_inverse=True)
    return Block(block.values[rows], members.astype(np.int32), block.starts)


def _run(pieces: Iterator[_Piece], work: Refit, n_jobs: int) -> Iterator[tuple[int, RefitScored]]:
    if n_jobs == 1:
        with one_blas_thread():
            for piece in pieces:
                yield _numbered(work, *piece)
        return
    from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        # Nothing is left in /dev/shm where arrays go through pipes.
        parallel = Parallel(n_jobs=n_jobs, return_as="generator", batch_size=1, max_nbytes=None)
    found = parallel(delayed(_numbered)(work, *piece) for piece in pieces)
    try:
        # Not `yield from`, which would close it where its warning is heard.
        for item in found:  # noqa: UP028
            yield item
    finally:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".*have been cancelled", UserWarning)
            found.close()


def _numbered(work: Refit, start: int, piece: Block, labellings: slice) -> tuple[int, RefitScored]:
    return start, score_with_sklearn(piece, work, start, labellings)


def _joined(parts: list[RefitScored]) -> RefitScored:
    """All labellings of the same spheres; the first part knows what was given."""
    first, means = parts[0], np.concatenate([part.means for part in parts], axis=1)
    return RefitScored(means, first.folds, first.decisions, first.predictions)


def score_with_sklearn(
    block: Block, work: Refit, start: int = 0, labellings: slice = slice(None)
) -> RefitScored:
    """Fit and score all spheres of a small block, as ``cross_val_score`` does.

    Estimators get samples in float64. Their warnings that they did not
    converge are not shown, as in nilearn.

    Parameters
    ----------
    block : Block
    work : Refit
    start : int
        Number of its first sphere, for errors.
    labellings : slice
        Those that are done; what is kept, and the scores of folds, are of the
        first of them.

    Raises
    ------
    ParameterError
        If a fit or a score fails; it names the sphere.
    """
    from sklearn.exceptions import ConvergenceWarning

    labels = range(len(work.targets.labellings))[labellings]
    scores = np.empty((len(block), len(labels), len(work.folds.test)))
    keeps = work.keep_decisions and labels.start == 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        kept = []
        for s in range(len(block)):
            sphere = _Sphere(block, s, work, work.name_of(start + s))
            kept.append(sphere.score_into(scores[s], labels, keeps=keeps))
    decisions = [decision for decision, _ in kept if decision is not None]
    return RefitScored(
        scores.mean(axis=2),
        scores[:, 0],
        np.stack(decisions) if len(decisions) == len(kept) else None,
        np.stack([predicted for _, predicted in kept]) if keeps else None,
    )


class _Sphere:
    """Samples of one sphere, fitted and scored."""

    def __init__(self, block: Block, s: int, work: Refit, name: str) -> None:
        members = block.members[block.starts[s] : block.starts[s + 1]]
        self._x = np.ascontiguousarray(block.values[members].T, dtype=np.float64)
        self._work, self._name = work, name
        self._by_itself = not getattr(work.estimator, "nilearn_searchlight_uses_cv", True)

    def score_into(
        self, out: NDArray[np.float64], labels: range, *, keeps: bool
    ) -> tuple[Any, Any]:
        """Scores (labellings, folds); gives decisions and predictions of the first labelling."""
        folds, targets, kept = self._work.folds, self._work.targets, []
        for row, label in zip(out, labels, strict=True):
            y = targets.labellings[label]
            if targets.classes is not None:
                y = targets.classes[y]
            for f, (train, test) in enumerate(zip(folds.train, folds.test, strict=True)):
                try:
                    fitted, row[f] = self._score_fold(y, train, test)
                    if keeps and label == labels.start:
                        kept.append(self._keep(fitted, test))
                except Exception as error:
                    raise ParameterError(self._failed(error, label, f)) from error
        if not kept:
            return None, None
        decisions = [decision for decision, _ in kept if decision is not None]
        whole = np.concatenate(decisions) if len(decisions) == len(kept) else None
        return whole, np.concatenate([predicted for _, predicted in kept])

    def _score_fold(self, y: NDArray[Any], train: Rows, test: Rows) -> tuple[Any, float]:
        from sklearn.base import clone

        work, fitted = self._work, clone(self._work.estimator)
        if self._by_itself:
            fitted.fit(self._x, y, groups=work.groups)
            return fitted, float(fitted.score(self._x, y, groups=work.groups))
        if work.fit_groups and work.groups is not None:
            fitted.fit(self._x[train], y[train], groups=work.groups[train])
        else:
            fitted.fit(self._x[train], y[train])
        return fitted, float(work.scorer(fitted, self._x[test], y[test]))

    def _keep(self, fitted: Any, test: Rows) -> tuple[Any, Any]:
        """Decisions (tests, columns) as those of engines, if it has such, and predictions."""
        targets, x = self._work.targets, self._x[test]
        predicted = np.asarray(fitted.predict(x))
        if targets.classes is None:
            values = predicted.astype(np.float64).reshape(len(x))
            return (values - targets.offset).astype(np.float32)[:, None], values
        codes = np.searchsorted(targets.classes, predicted).astype(np.int16)
        if not hasattr(fitted, "decision_function"):
            return None, codes
        decisions = np.asarray(fitted.decision_function(x), np.float64).reshape(len(x), -1)
        # A fold may not train on all classes, and SVC may decide between pairs.
        if decisions.shape[1] != targets.n_columns:
            return None, codes
        if targets.n_columns > 1:
            decisions -= decisions.mean(axis=1, keepdims=True)
        return decisions.astype(np.float32), codes

    def _failed(self, error: Exception, label: int, fold: int) -> str:
        work = self._work
        where = f"in fold {fold + 1} of {len(work.folds.test)}"
        if label:
            where += f" with permuted labels ({label})"
        title = " ".join(repr(work.estimator).split())
        return (
            f"`estimator` must fit and score {self._name}; {title} failed {where}: "
            f"{type(error).__name__}: {error}"
        )
