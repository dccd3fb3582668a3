"""All suites and their groups of figures, and what a full run of each takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType

from benchmarks import (
    first_minutes,
    glm,
    maskers,
    models,
    packaged,
    searchlight,
    seed_scale,
    store,
    studies,
    study_scale,
)

SUITES: tuple[ModuleType, ...] = (
    seed_scale,
    store,
    maskers,
    glm,
    searchlight,
    models,
    studies,
    study_scale,
    packaged,
    first_minutes,
)

# Of a full run on two quiet cores.
MINUTES: Mapping[str, float] = {
    "seed_scale.start_up": 0.4,
    "seed_scale.float32": 1.2,
    "seed_scale.int16": 1.0,
    "seed_scale.rivals_float32": 1.5,
    "seed_scale.rivals_int16": 1.2,
    "store.1.2_gib": 2.2,
    "store.2.4_gib": 1.0,
    "store.4.8_gib": 1.5,
    "maskers.imports": 0.1,
    "maskers.labels": 3.0,
    "maskers.spheres": 3.6,
    "maskers.maps": 2.0,
    "maskers.brain": 3.0,
    "maskers.smoothing": 2.4,
    "maskers.float64": 1.3,
    "maskers.many": 1.3,
    "maskers.several": 1.2,
    "maskers.setup": 0.5,
    "glm.imports": 0.1,
    "glm.first_level": 2.5,
    "glm.few_regressors": 1.0,
    "glm.one_core": 0.5,
    "glm.betas": 9.5,
    "glm.long": 2.5,
    "searchlight.one_core": 3.0,
    "searchlight.labellings": 0.8,
    "searchlight.whole_brain": 7.5,
    "searchlight.tfce": 0.7,
    "searchlight.threads": 1.5,
    "searchlight.neighbourhoods": 0.3,
    "searchlight.first_call": 2.7,
    "searchlight.memory": 2.0,
    "models.group_maps": 1.2,
    "models.geometry": 0.4,
    "models.behaviour": 0.4,
    "studies.workers": 3.5,
    "studies.overhead": 0.4,
    "studies.limit": 2.5,
    "studies.plan": 0.6,
    "study_scale.10000_subjects": 0.2,
    "study_scale.50000_subjects": 0.6,
    "packaged.loading": 1.0,
    "packaged.searchlight": 0.6,
    "first_minutes.demo": 0.4,
    "first_minutes.fresh": 30.0,
}
# They need more than this checkout, or half an hour for one figure.
OPTIONAL = frozenset({"first_minutes.fresh"})
"""Groups that are run only where they are asked for."""

# On the disk, kept from run to run, and for the time of a group.
GIGABYTES: Mapping[str, float] = {
    "seed_scale": 0.4,
    "store": 3.6,
    "maskers": 0.8,
    "glm": 1.5,
    "searchlight": 3.8,
    "models": 2.3,
    "studies": 1.5,
    "study_scale": 0.2,
    "packaged": 1.5,
    "first_minutes": 0.3,
}
QUICK_GIGABYTES = 1.0
QUICK_MINUTES = 6.0


@dataclass(frozen=True, slots=True)
class Planned:
    """A group that is to run.

    Attributes
    ----------
    suite, name : str
    module : str
        That is run.
    minutes : float
        That it is expected to take; small images take less.
    """

    suite: str
    name: str
    module: str
    minutes: float

    @property
    def key(self) -> str:
        return f"{self.suite}.{self.name}"


def all_groups() -> Iterator[Planned]:
    """Every group, in the order in which they run."""
    for module in SUITES:
        for name in module.GROUPS:
            minutes = MINUTES[f"{module.SUITE}.{name}"]
            yield Planned(module.SUITE, name, module.__name__, minutes)


def wanted_groups(only: list[str] | None, with_: list[str] | None) -> list[Planned]:
    """Those that are asked for, by a suite's name or a group's key.

    Raises
    ------
    ValueError
        If there is none of such a name.
    """
    groups = list(all_groups())
    known = {group.key for group in groups} | {group.suite for group in groups}
    for name in [*(only or ()), *(with_ or ())]:
        if name not in known:
            raise ValueError(f"there is no suite or group {name!r}; see --list")
    if only:
        return [group for group in groups if {group.key, group.suite} & {*only}]
    extra = {*(with_ or ())}
    return [group for group in groups if group.key not in OPTIONAL or group.key in extra]
