"""The comparisons, each as cases of its tables; named by what they are about."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from boldstream.benchmark.cases import Case
from boldstream.benchmark.inputs import Inputs
from boldstream.benchmark.seeds.loading import loading_cases
from boldstream.benchmark.seeds.masks import masks_cases
from boldstream.benchmark.seeds.memory import memory_cases
from boldstream.benchmark.seeds.searchlight import searchlight_cases

SEEDS: Mapping[str, Callable[[Inputs], Sequence[Case]]] = {
    "masks": masks_cases,
    "loading": loading_cases,
    "memory": memory_cases,
    "searchlight": searchlight_cases,
}
