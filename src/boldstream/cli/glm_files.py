"""Names of the files of a first-level model: those that nilearn gives them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from boldstream.glm.first_level.contrasts import Contrast

DESCRIPTION = "dataset_description.json"
# nilearn's name of each map of a contrast, and what it is called in file names.
MAPS = {
    "effect_size": "effect",
    "stat": "",
    "effect_variance": "variance",
    "z_score": "z",
    "p_value": "p",
}
_ORDER = ("sub", "ses", "task", "acq", "ce", "rec", "dir", "run", "space", "res", "den")
_OF_THE_MODEL = ("sub", "ses", "task", "space")


@dataclass(frozen=True)
class ModelFiles:
    """Where the files of a model go, relative to the folder for results.

    Attributes
    ----------
    model : mapping of str to str
        BIDS entities that all runs share.
    runs : sequence of mapping
        Those of each run, no two the same.
    """

    model: Mapping[str, str]
    runs: Sequence[Mapping[str, str]]

    @classmethod
    def of(cls, bold: Sequence[Path]) -> ModelFiles:
        """Files of a model of these images, by what their names say.

        Examples
        --------
        >>> files = ModelFiles.of([Path("sub-1_run-1_bold.nii"), Path("sub-1_run-2_bold.nii")])
        >>> files.of_model("mask.nii.gz"), files.of_run(1, "design.tsv")
        ('sub-1/sub-1_mask.nii.gz', 'sub-1/sub-1_run-2_design.tsv')
        """
        runs = [_entities(path) for path in bold]
        model = {
            entity: runs[0][entity]
            for entity in _OF_THE_MODEL
            if len({run.get(entity) for run in runs}) == 1 and entity in runs[0]
        }
        if any(runs.count(run) > 1 for run in runs):
            runs = [model | {"run": str(number)} for number in range(1, len(runs) + 1)]
        return cls(model, runs)

    def of_model(self, ending: str, **entities: str) -> str:
        """A file that belongs to all runs."""
        return self._join({**self.model, **entities}, ending)

    def of_run(self, run: int, ending: str, **entities: str) -> str:
        """A file of one run, counted from 0."""
        return self._join({**self.runs[run], **entities}, ending)

    def maps(self, contrast: Contrast) -> dict[str, str]:
        """Files of a contrast by what nilearn calls the maps."""
        return {
            kind: self.of_model(
                "statmap.nii.gz", contrast=contrast.label, stat=short or contrast.test
            )
            for kind, short in MAPS.items()
        }

    def all(self, contrasts: Sequence[Contrast], *, r_square: bool) -> list[str]:
        """Names of everything that is written."""
        names = [DESCRIPTION, self.of_model("statmap.json"), self.of_model("mask.nii.gz")]
        for contrast in contrasts:
            names += self.maps(contrast).values()
        for run in range(len(self.runs)):
            names += [self.of_run(run, f"design.{ending}") for ending in ("tsv", "json", "png")]
            names += [self.of_run(run, "design.png", contrast=one.label) for one in contrasts]
            names += [self.of_run(run, "statmap.nii.gz", stat="rsquared")] * r_square
        return names

    def _join(self, entities: Mapping[str, str], ending: str) -> str:
        order = (*_ORDER, "contrast", "stat")
        pairs = [f"{entity}-{entities[entity]}" for entity in order if entity in entities]
        folder = f"sub-{self.model['sub']}/" if "sub" in self.model else ""
        return folder + "_".join([*pairs, ending])


def _entities(path: Path) -> dict[str, str]:
    """Entities in a file name that are kept in the names of results."""
    found = dict(re.findall(r"(?:^|_)([a-z]+)-([a-zA-Z0-9]+)(?=_)", path.name))
    return {entity: found[entity] for entity in _ORDER if entity in found}
