"""Labels, permuted: the same labellings for every sphere."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.checks import integer_in
from boldstream.core.errors import ParameterError
from boldstream.core.randomness import random_numbers
from boldstream.decoding.permutations.exchange import plan_exchange
from boldstream.decoding.task.problem import Folds

# Drawn at a time, whatever is asked for: the first labellings do not depend on their number.
_BATCH = 256
# Labellings that must fit the folds: 1 in so many, once some batches were drawn.
_FEWEST, _FIRST_BATCHES = 1_000, 40
_logger = logging.getLogger(__name__)


def permute_labels(
    y: NDArray[np.int16] | NDArray[np.float64],
    n_permutations: int,
    *,
    groups: Any = None,
    permutation_blocks: Any = None,
    folds: Folds,
    stratified: bool = False,
    every_class_tested: bool = False,
    random_state: Any = 0,
) -> NDArray[Any]:
    """Labels as given, and permuted.

    Labels are exchanged by samples of one run (`groups`), or by all where
    there are no groups. The p that follows is right if labels could as well
    have been given in any of these orders: samples one by one only where they
    were labelled one by one. Where consecutive samples of a run share labels
    more than chance allows (a runs test, p < 0.001, or no label stands alone),
    `permutation_blocks` must say what was labelled as a whole.

    A splitter that looks at labels (`stratified`) made its folds for the given
    labelling alone: another one would find itself in folds that are less even,
    where classifiers do worse, and the given one would look better than it is.
    Labels are then exchanged only by samples that every fold uses alike, so
    that each labelling is as stratified as the given one. The same holds for
    folds that were balanced on purpose, by whatever splitter.

    Labellings that leave a class without a training sample in a fold are drawn
    again, which leaves all others equally likely; the given one must be one of
    them to be compared with them, so this is asked only of the folds in which
    it has every class.

    Parameters
    ----------
    y : ndarray, shape (samples,)
        Codes of classes from 0 (int16), or values (float64).
    n_permutations : int
    groups : sequence, optional
        The run of each sample.
    permutation_blocks : sequence or "auto", optional
        A label for each sample; blocks end where a run does. Where each block
        holds one label, whole blocks of a run exchange labels, also ones of
        unequal length; else samples do within each block. "auto": maximal
        stretches of equal labels in a run.
    folds : Folds
    stratified : bool
        Whether folds depend on `y`.
    every_class_tested : bool
        Whether every class must also be among the test samples of each fold in
        which the given labelling has it there, as ROC AUC needs.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    ndarray, shape (n_permutations + 1, samples)
        The first row as given; of the type of `y`. Of one seed, fewer
        permutations are the first ones of more.

    Raises
    ------
    ParameterError
        If lengths differ, if `permutation_blocks` has to be given, if there is
        no other labelling, or if fewer than one in 1 000 suits the folds.

    Examples
    --------
    >>> import numpy as np
    >>> rows = np.arange(8)
    >>> folds = Folds((rows[:4], rows[4:]), (rows[4:], rows[:4]), 8)
    >>> y = np.array([0, 1, 1, 0, 1, 0, 1, 0], np.int16)
    >>> permute_labels(y, 2, groups=[1] * 4 + [2] * 4, folds=folds)
    array([[0, 1, 1, 0, 1, 0, 1, 0],
           ...
    """
    n = integer_in("n_permutations", n_permutations, 0)
    if len(y) != folds.n_samples:
        raise ParameterError(f"`y` must have {folds.n_samples} labels, got {len(y)}")
    out = np.empty((n + 1, len(y)), y.dtype)
    out[0] = y
    if n == 0:
        return out
    exchange = plan_exchange(
        y, groups=groups, permutation_blocks=permutation_blocks, folds=folds, stratified=stratified
    )
    if exchange.n_distinct <= n:
        _logger.warning(
            "there are only %d labellings, so no p can be below %.2g",
            exchange.n_distinct,
            1 / exchange.n_distinct,
        )
    fits = _Fits(y, folds, every_class_tested)
    random, done, batches = random_numbers(random_state), 1, 0
    while done <= n:
        drawn = exchange.draw(_BATCH, random)
        fitting = drawn[fits(drawn)][: n + 1 - done]
        out[done : done + len(fitting)] = fitting
        done += len(fitting)
        batches += 1
        if batches >= _FIRST_BATCHES and (done - 1) * _FEWEST < batches * _BATCH and done <= n:
            raise ParameterError(
                f"`cv` must leave every class a sample to train on in most labellings; fewer "
                f"than 1 in {_FEWEST} of those drawn do"
            )
    return out


class _Fits:
    """Tells which labellings have every class in each fold in which the given one has all."""

    def __init__(self, y: NDArray[Any], folds: Folds, every_class_tested: bool) -> None:
        self._classes = range(int(y.max()) + 1) if y.dtype.kind == "i" else range(0)
        parts = [*folds.train, *(folds.test if every_class_tested else ())]
        members = np.zeros((len(y), len(parts)), np.float32)
        for part, rows in enumerate(parts):
            members[rows, part] = 1
        self._members = members
        has_all = self._has_all(y[None])[0]
        self._members = members[:, has_all]

    def _has_all(self, labellings: NDArray[Any]) -> NDArray[np.bool_]:
        out = np.ones((len(labellings), self._members.shape[1]), np.bool_)
        for code in self._classes:
            out &= (labellings == code).astype(np.float32) @ self._members > 0
        return out

    def __call__(self, labellings: NDArray[Any]) -> NDArray[np.bool_]:
        return np.asarray(self._has_all(labellings).all(axis=1), np.bool_)
