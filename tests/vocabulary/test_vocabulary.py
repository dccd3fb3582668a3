"""One concept has one word, default, unit and set of values, wherever it is written."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from nilearn.glm import first_level
from sklearn.metrics import get_scorer_names

from boldstream.decoding.task.names import find_estimator
from tests.vocabulary.collecting import (
    COMMANDS,
    REQUIRED,
    SETTINGS,
    Name,
    callables,
    described,
    of_command,
    of_python,
    of_settings,
    parameters_of,
)
from tests.vocabulary.words import (
    ALIASES,
    COUNTERPARTS,
    DEFAULTS,
    OWN,
    SPELLINGS,
    UNITS,
    VALUES,
)

CALLABLES = dict(callables())
PARAMETERS = {word for thing in CALLABLES.values() for word in parameters_of(thing)}
WRITTEN = {
    **{f"boldstream {name}": of_command(name) for name in COMMANDS},
    **{place: of_settings(place) for place in SETTINGS},
}
EVERY = [one for names in WRITTEN.values() for one in names.values()]
PAIRS = [
    (one, of_python(COUNTERPARTS[place])[word])
    for place, names in WRITTEN.items()
    if place in COUNTERPARTS
    for word, one in names.items()
    if word in parameters_of(COUNTERPARTS[place])
]
of_pairs = pytest.mark.parametrize(
    ("written", "parameter"), PAIRS, ids=[f"{one.owner} {one.word}" for one, _ in PAIRS]
)
# Their docstrings are nilearn's, made by it, or say whose parameters they share.
NOT_OURS = {"boldstream.glm.first_level_from_bids"}
SHARED = re.compile(r"Parameters (and errors )?are those of")


def test_all_are_found() -> None:
    assert len(CALLABLES) > 200
    assert len(EVERY) > 250
    assert len(PAIRS) > 100
    assert {
        "boldstream cache clear",
        "",
        "rois.atlas",
        "analyses[group]",
        "execution.slurm",
    } <= set(WRITTEN)


@pytest.mark.parametrize("place", WRITTEN)
def test_options_and_keys_are_called_as_parameters_are(place: str) -> None:
    for word in WRITTEN[place]:
        assert word in PARAMETERS or word in ALIASES or word in OWN, (
            f"{word!r} is no parameter of Python: rename it, or say why in words.py"
        )


def test_every_exception_is_still_needed() -> None:
    words = {one.word for one in EVERY}
    for word, (parameter, _) in ALIASES.items():
        assert word in words, word
        assert parameter in PARAMETERS, parameter
    assert set(OWN) - words == set()
    assert set(OWN) & set(ALIASES) == set()
    pairs = {(one.owner, one.word): (one, parameter) for one, parameter in PAIRS}
    for place in DEFAULTS:
        assert plain(pairs[place][0]) != plain(pairs[place][1]), place
    for place in VALUES:
        assert pairs[place][0].options != pairs[place][1].options, place


def test_second_spellings_are_few_and_known() -> None:
    others = {
        spelling
        for command in COMMANDS.values()
        for one in command.params
        if one.param_type_name == "option"
        for spelling in one.opts[1:]
    }
    assert others == set(SPELLINGS)


def test_masks_have_the_word_of_nilearn_where_its_import_is_swapped() -> None:
    """And ours everywhere else: `mask`."""
    for name, thing in CALLABLES.items():
        bases = thing.__mro__ if inspect.isclass(thing) else ()
        is_swapped = any(base.__module__.startswith("nilearn.") for base in bases)
        is_swapped |= hasattr(first_level, name.rpartition(".")[2])
        others = {"mask", "process_mask"} if is_swapped else {"mask_img", "process_mask_img"}
        assert others.isdisjoint(parameters_of(thing)), name


def test_images_are_called_by_what_their_volumes_are() -> None:
    """`imgs`, as in nilearn, where each is a sample of its own; `image` where they are one run."""
    of_samples = ("decoding", "geometry", "maskers")
    for name, thing in CALLABLES.items():
        word = "image" if name.split(".")[1] in of_samples else "imgs"
        assert word not in parameters_of(thing), name


@pytest.mark.parametrize("name", ["searchlight", "decode"])
def test_help_names_estimators_and_scores_that_there_are(name: str) -> None:
    options = of_command(name)
    for word in re.findall(r"\b[a-z]\w*(?=[,;.])", options["estimator"].about.partition(":")[2]):
        if word not in ("or", "targets"):
            assert find_estimator(word), word
    for word in ("accuracy", "balanced_accuracy", "roc_auc", "r2"):
        assert word in options["scoring"].about
        assert word in get_scorer_names()


def plain(name: Name) -> Any:
    """A default as all could write it: None, "none" and an empty list are one."""
    # A bar is for terminals, and nilearn has numbers for ways to scale.
    if name.word == "progress":
        return None
    if name.word == "signal_scaling" and name.default in (0, False):
        return "voxel" if name.default is not False else None
    # What is given once for each target has the default of one, which help tells in words.
    if (name.word, str(name.default)) in {("estimator", "svc"), ("filter", "butterworth")}:
        return None
    return None if name.default in (None, "none", ()) or name.default == {} else name.default


@of_pairs
def test_defaults_are_equal(written: Name, parameter: Name) -> None:
    if (written.owner, written.word) not in DEFAULTS:
        assert plain(written) == plain(parameter)


@of_pairs
def test_allowed_values_are_equal(written: Name, parameter: Name) -> None:
    if (written.owner, written.word) not in VALUES:
        assert written.options - {"none"} == parameter.options


def test_the_same_word_allows_the_same_values_in_commands() -> None:
    differ = {
        word
        for word in {one.word for one in EVERY}
        if len(kinds := {one.options - {"none"} for one in EVERY if one.word == word}) > 1
        and frozenset() not in kinds
    }
    # Of volumes and of voxels, of betas and of dissimilarities; and some cannot do all.
    assert differ == {"kind", "method", "nan_policy", "noise", "signal_scaling"}


@pytest.mark.parametrize("word", UNITS)
def test_units_are_said(word: str) -> None:
    pattern = re.compile("|".join(rf"(?<![A-Za-z]){unit}(?![A-Za-z])" for unit in UNITS[word]))
    said = [one for one in EVERY if one.word == word]
    for name in CALLABLES.keys() - NOT_OURS:
        thing = CALLABLES[name]
        about = described(thing).get(word)
        if about is not None and word in parameters_of(thing) and "s for `" not in about:
            said.append(Name(name, word, REQUIRED, frozenset(), about))
    assert said
    assert [one for one in said if not pattern.search(one.about)] == []


@pytest.mark.parametrize("name", CALLABLES)
def test_docstrings_have_just_the_parameters_that_there_are(name: str) -> None:
    thing = CALLABLES[name]
    text = inspect.getdoc(thing) or ""
    is_error = inspect.isclass(thing) and issubclass(thing, BaseException)
    # `Reduction.bind` says it for all.
    is_inherited = name.endswith(".bind") and name != "boldstream.Reduction.bind"
    if is_error or is_inherited or name in NOT_OURS or SHARED.search(text):
        return
    told, there = described(thing), parameters_of(thing)
    assert [word for word in there if word not in told] == []
    if "Attributes\n" not in text:
        assert [word for word in told if word not in there] == []


@pytest.mark.parametrize("one", EVERY, ids=lambda one: f"{one.owner} {one.word}")
def test_every_option_and_key_is_explained(one: Name) -> None:
    is_part = one.owner in SETTINGS and inspect.isclass(one.default) is False
    assert (
        one.about.strip()
        or (is_part and f"{one.owner}.{one.word}".strip(".") in SETTINGS)
        or (one.word in ("kind", "analyses"))
    )
