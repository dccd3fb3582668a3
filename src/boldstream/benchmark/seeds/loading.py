"""Load an image, its mean over time, one volume: nilearn's "Optimizing performance"."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from boldstream.benchmark.cases import Case
from boldstream.benchmark.inputs import Inputs


def loading_cases(inputs: Inputs) -> Sequence[Case]:
    """What nibabel and nilearn do, and what this library does, for each of three tasks."""
    image = inputs.image
    bold = {"bold": str(image.bold)}
    volume = {**bold, "t": image.n_volumes // 2}
    stored = {**volume, "store": str(inputs.folder / "volumes")}
    case = partial(
        Case,
        seed="loading",
        table=f"{image.name} ({image.size})",
        module="boldstream.benchmark.ways.loading",
        limit=inputs.asked.memory_limit,
    )
    load = partial(case, task="load", arguments=bold)
    mean = partial(case, task="mean", arguments=bold)
    one = partial(case, task=f"volume {volume['t']}", arguments=volume)
    return [
        load(title="nib.load", way="nibabel_load", claim="5 ms, +0.05 MiB"),
        load(title="load_img", way="nilearn_load", claim="7.4 s, +2 298 MiB"),
        load(title="boldstream.open_image", way="open_image", ours=True),
        mean(title="mean_img of load_img", way="mean_of_loaded", claim="8.0 s, +3 487 MiB"),
        mean(title="mean_img of nib.load", way="mean_of_proxy", claim="8.8 s, +3 483 MiB"),
        mean(title="boldstream.mean_image", way="mean_streamed", ours=True),
        one(title="index_img of load_img", way="volume_of_loaded"),
        one(title="index_img of nib.load", way="volume_of_proxy"),
        one(title="boldstream.read_volume", way="volume_read", ours=True),
        one(title="… with a cache, first", way="volume_first", ours=True, arguments=stored),
        one(title="… with a cache, again", way="volume_again", ours=True, arguments=stored),
    ]
