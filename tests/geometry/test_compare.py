"""Similarity of RDMs against rsatoolbox and scipy, permutations against all there are."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest, pearsonr, rankdata

from boldstream.core.errors import ParameterError
from boldstream.geometry import RDM, compare
from tests.geometry.oracle import METHODS, random_rdm, their_similarities, their_similarity


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_similarities_are_those_of_rsatoolbox(
    rng: np.random.Generator, method: Any, ties: bool
) -> None:
    rdms = [random_rdm(rng, ties=ties) for _ in range(3)]
    models = {name: random_rdm(rng, ties=ties) for name in ("first", "second")}
    table = compare(rdms, models, method=method).set_index(["rdm", "model"])
    assert table["p"].isna().all()
    for i, one in enumerate(rdms, 1):
        for name, model in models.items():
            expected = their_similarity(one, model, method)
            assert table.loc[(f"rdm_{i}", name), "correlation"] == pytest.approx(expected)


def test_conditions_are_matched_by_name(rng: np.random.Generator) -> None:
    found, model = random_rdm(rng), random_rdm(rng)
    turned = model.of("fbdaec")
    direct, by_name = (compare(found, x)["correlation"][0] for x in (model, turned))
    assert by_name == pytest.approx(direct)


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_nuisance_is_taken_out_of_both_sides(rng: np.random.Generator, method: Any) -> None:
    found, model = random_rdm(rng, ties=True), random_rdm(rng, ties=True)
    # Cross-validated ones may be below 0.
    beside = [random_rdm(rng), RDM(rng.normal(size=15), tuple("abcdef"), "crossnobis")]
    turned = [beside[0].of("cabdef"), beside[1]]
    ranked: Any = rankdata if method == "spearman" else np.asarray
    columns = np.column_stack([np.ones(15), *[ranked(one.values) for one in beside]])
    rest = [
        ranked(one.values) - columns @ np.linalg.lstsq(columns, ranked(one.values))[0]
        for one in (found, model)
    ]
    table = compare(found, model, method=method, nuisance=turned)
    assert table["correlation"][0] == pytest.approx(pearsonr(*rest).statistic)


def test_nuisance_that_is_constant_or_given_twice_changes_nothing(
    rng: np.random.Generator,
) -> None:
    found, model, beside = (random_rdm(rng) for _ in range(3))
    constant = RDM(np.full(15, 7.0), tuple("abcdef"), "model")
    once = compare(found, model, nuisance=beside)["correlation"][0]
    assert compare(found, model, nuisance=[beside, beside, constant])["correlation"][
        0
    ] == pytest.approx(once)
    assert compare(found, model, nuisance=constant)["correlation"][0] == pytest.approx(
        compare(found, model)["correlation"][0]
    )


@pytest.mark.parametrize("method", ["pearson", "spearman"])
def test_units_of_nuisance_do_not_matter(rng: np.random.Generator, method: Any) -> None:
    found, model, a, b = (random_rdm(rng) for _ in range(4))
    expected = compare(found, model, method=method, nuisance=[a, b])["correlation"][0]
    small, large = (RDM(s * x.values, x.conditions, "x") for s, x in ((1e-9, a), (1e9, b)))
    # What differs by rounding alone.
    flat = [RDM(np.full(15, x), tuple("abcdef"), "x") for x in (0.0, 1e8 * 0.1)]
    table = compare(found, model, method=method, nuisance=[small, large, *flat])
    assert table["correlation"][0] == pytest.approx(expected)


@pytest.mark.parametrize("method", ["spearman", "kendall_tau_a"])
def test_p_is_near_that_of_all_permutations(rng: np.random.Generator, method: Any) -> None:
    model = random_rdm(rng, "abcde")
    found = RDM(model.values + rng.normal(0, 0.8, 10), tuple("abcde"), "euclidean")
    observed = their_similarity(found, model, method)
    every = [
        their_similarity(RDM(found.of(order).values, tuple("abcde"), "x"), model, method)
        for order in permutations("abcde")
    ]
    exact = np.mean(np.array(every) >= observed - 1e-9)
    p = compare(found, model, method=method, permutations=2000)["p"][0]
    assert 0.002 < exact < 0.6
    assert abs(p - exact) < 4 * np.sqrt(exact / 2000)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_p_is_that_of_the_permutations_of_the_seed(
    rng: np.random.Generator, method: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(compare.__globals__, "_TOGETHER", 70)
    found, like = random_rdm(rng), random_rdm(rng)
    unlike = RDM(like.values.max() - like.values, like.conditions, "model")
    seed = np.random.default_rng(3).integers(2**63)
    orders = np.random.default_rng(seed).permuted(np.tile(np.arange(6), (80, 1)), axis=1)
    square = found.matrix()
    upper = np.triu_indices(6, 1)
    permuted = [RDM(square[np.ix_(x, x)][upper], found.conditions, "x") for x in orders]
    similar = their_similarities([found, *permuted], [like, unlike], method)
    b = np.count_nonzero(similar[1:] >= similar[0] - 1e-9, axis=0)
    assert b[0] < 10 < 70 < b[1]
    table = compare(found, [like, unlike], method=method, permutations=80, random_state=3)
    np.testing.assert_allclose(table["p"], (b + 1) / 81)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_similarity_does_not_depend_on_units(rng: np.random.Generator, method: Any) -> None:
    found, model = random_rdm(rng), random_rdm(rng)
    expected = their_similarity(found, model, method)
    for scale in (1e-12, 1e12):
        one, other = (RDM(scale * x.values, x.conditions, "x") for x in (found, model))
        table = compare([one, found], [other, model], method=method)
        np.testing.assert_allclose(table["correlation"], expected)
        # Three times 0.1, less their mean, is not 0.
        constant = RDM(np.full(15, scale * 0.1), found.conditions, "x")
        if method != "cosine":
            with pytest.raises(ParameterError, match="differ: 'flat'"):
                compare(found, {"flat": constant}, method=method)
            assert compare(constant, model, method=method)["correlation"].isna().all()


def test_kendall_tells_numbers_of_very_different_size(rng: np.random.Generator) -> None:
    sizes = np.logspace(0, -28, 15)
    found = RDM(rng.permutation(sizes), tuple("abcdef"), "x")
    model = RDM(sizes, tuple("abcdef"), "model")
    table = compare(found, model, method="kendall_tau_a")
    expected = their_similarity(found, model, "kendall_tau_a")
    assert table["correlation"][0] == pytest.approx(expected)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_p_counts_the_given_order_too(rng: np.random.Generator, method: Any) -> None:
    """No other order of eight conditions is as like an RDM as its own, and none is less unlike."""
    found = random_rdm(rng, "abcdefgh")
    opposite = RDM(found.values.max() - found.values, found.conditions, "model")
    same, other = compare(found, [found, opposite], method=method, permutations=99)["p"]
    assert (same, other) == (1 / 100, 1)


@pytest.mark.parametrize("method", ["pearson", "cosine"])
def test_orders_that_change_nothing_count_as_equal_whatever_rounding_says(method: Any) -> None:
    """Of 24 orders of two pairs eight leave the pairs as they are."""
    values = np.array([0.1, 0.7, 0.7, 0.7, 0.7, 0.1])
    pairs = RDM(values, tuple("abcd"), "model")
    uneven = RDM(values * 0.3 + [0, 0, 1e-13, 0, 0, 0], tuple("abcd"), "euclidean")
    p = compare(uneven, pairs, method=method, permutations=3000)["p"][0]
    assert abs(p - 1 / 3) < 0.04


def test_p_is_uniform_where_there_is_nothing(rng: np.random.Generator) -> None:
    names = "abcdefgh"
    model, beside = random_rdm(rng, names), random_rdm(rng, names)
    rdms = [random_rdm(rng, names) for _ in range(150)]
    for nuisance in (None, beside):
        p = compare(rdms, model, nuisance=nuisance, permutations=99)["p"]
        assert p.min() >= 0.01
        assert kstest(p - rng.random(150) / 100, "uniform").pvalue > 1e-3


def test_permutations_are_those_of_the_seed(rng: np.random.Generator) -> None:
    found, model = random_rdm(rng), random_rdm(rng)
    first = compare([found, found], model, permutations=50, random_state=1)["p"]
    assert first[0] == first[1]
    again = compare(found, model, permutations=50, random_state=1)["p"]
    assert again[0] == first[0]
    zero, one = (compare(found, model, permutations=999, random_state=i)["p"][0] for i in (0, 1))
    assert compare(found, model, permutations=999)["p"][0] == zero != one
    generator = np.random.default_rng(5)
    drawn = [
        compare(found, model, permutations=500, random_state=generator)["p"][0] for _ in range(4)
    ]
    assert len(set(drawn)) > 1


def test_p_does_not_depend_on_how_many_are_compared_together(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, model = random_rdm(rng), random_rdm(rng)
    whole = compare(found, model, permutations=100)
    monkeypatch.setitem(compare.__globals__, "_TOGETHER", 70)
    assert compare(found, model, permutations=100).equals(whole)


def test_an_rdm_that_is_constant_has_no_correlation(rng: np.random.Generator) -> None:
    constant = RDM(np.ones(15), tuple("abcdef"), "correlation")
    method: Any
    for method in ("spearman", "pearson", "kendall_tau_a"):
        table = compare(constant, random_rdm(rng), method=method, permutations=10)
        assert table[["correlation", "p"]].isna().all().all()


def test_zeros_have_no_angle(rng: np.random.Generator) -> None:
    found, zeros = random_rdm(rng), RDM(np.zeros(15), tuple("abcdef"), "x")
    with pytest.raises(ParameterError, match="differ: 'none'"):
        compare(found, {"none": zeros}, method="cosine")
    assert np.isnan(compare(zeros, found, method="cosine")["correlation"][0])


def test_what_cannot_be_compared(rng: np.random.Generator) -> None:
    found, model = random_rdm(rng), random_rdm(rng)
    other = random_rdm(rng, ["a", "b", "c", "d", "e", "g", "h"])
    with pytest.raises(ParameterError, match=r"'x',.* lacks 'f' and it has 'g', 'h' beside"):
        compare(found, {"x": other})
    with pytest.raises(ParameterError, match=r"`nuisance`, 'nuisance_2',.* lacks 'f'"):
        compare(found, model, nuisance=[model, other])
    constant = RDM(np.full(15, 2.0), tuple("abcdef"), "model")
    with pytest.raises(ParameterError, match="differ: 'flat'"):
        compare(found, {"flat": constant})
    with pytest.raises(ParameterError, match="differ beside what `nuisance` explains: 'same'"):
        compare(found, {"same": model}, nuisance=model)
    with pytest.raises(ParameterError, match="take 'spearman' or 'pearson'"):
        compare(found, model, nuisance=other, method="cosine")
    with pytest.raises(ParameterError, match="at least three conditions"):
        compare(found.of("ab"), model.of("ab"))
    three = [random_rdm(rng, "abc") for _ in range(3)]
    with pytest.raises(ParameterError, match="3 pairs and 1 of nuisance"):
        compare(three[0], three[1], nuisance=three[2])
    with pytest.raises(ParameterError, match="at least one RDM"):
        compare(found, {})
    with pytest.raises(ParameterError, match="'model_1' must be an RDM, got ndarray"):
        compare(found, [np.zeros(15)])  # type: ignore[list-item]
    with pytest.raises(ParameterError, match="did you mean 'spearman'"):
        compare(found, model, method="sperman")  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="`permutations`"):
        compare(found, model, permutations=-1)
    with pytest.raises(ParameterError, match="`random_state`"):
        compare(found, model, random_state="now")
