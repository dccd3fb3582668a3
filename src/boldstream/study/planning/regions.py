"""Regions of units: masks of a subject, and labels of an atlas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from boldstream.core.checks import did_you_mean
from boldstream.core.errors import ParameterError
from boldstream.io.labels import table_beside
from boldstream.study.inputs.found import SubjectFiles
from boldstream.study.planning.paths import Paths, given
from boldstream.study.settings.data import RoiSettings


@dataclass(frozen=True)
class Regions:
    """Says which regions a unit is about.

    Attributes
    ----------
    settings : RoiSettings
    paths : Paths
    split : bool
        Whether there is a unit for each region.
    """

    settings: RoiSettings
    paths: Paths
    split: bool
    _tables: dict[Path, Path | None] = field(default_factory=dict, repr=False, compare=False)

    def parts(
        self, names: tuple[str, ...] | None, files: SubjectFiles
    ) -> list[tuple[str, tuple[str, ...] | None]]:
        """Parts of an analysis of some regions, None for all, and the regions of each."""
        atlas = self.settings.atlas
        of_atlas = () if atlas is None else atlas.regions
        if names is None and of_atlas is not None:
            names = (*files.rois, *of_atlas)
        # Regions of an atlas that are not listed are known only once its table is read.
        if not self.split or names is None:
            return [("", names)]
        return [(part_of(name), (name,)) for name in names]

    def of(
        self, files: SubjectFiles, names: tuple[str, ...] | None
    ) -> tuple[dict[str, Any], list[Path]]:
        """Masks of regions, and the atlas that has the others: parameters, and files.

        Raises
        ------
        ParameterError
            If a region is not known, or there is none.
        """
        atlas = self.settings.atlas
        if names is not None and atlas is None:
            for name in names:
                _require_known(name, list(files.rois))
        masks = {name: path for name, path in files.rois.items() if names is None or name in names}
        parameters: dict[str, Any] = {
            "rois": {name: self.paths.text(path) for name, path in masks.items()},
            "atlas": None,
            "resample": self.settings.resample,
        }
        inputs = list(masks.values())
        left = None if names is None else [name for name in names if name not in masks]
        if atlas is not None and left != []:
            image = self.paths.own(atlas.image, files.subject)
            if atlas.names is None:
                names_of = self._beside(image)
            else:
                names_of = self.paths.own(atlas.names, files.subject)
            listed = None if atlas.regions is None else list(atlas.regions)
            parameters["atlas"] = {
                "image": self.paths.text(image),
                "names": self.paths.optional(names_of),
                "regions": listed if left is None else left,
            }
            inputs += [image, *given(names_of)]
        if not inputs:
            raise ParameterError("`rois` must name at least one region, got none")
        return parameters, inputs

    def _beside(self, image: Path) -> Path | None:
        """Names that lie beside an atlas are an input as any: results bear them."""
        if image not in self._tables:
            self._tables[image] = table_beside(image)
        return self._tables[image]


def part_of(region: str) -> str:
    """The name of a region as that of a folder: those of an atlas may be any text.

    Examples
    --------
    >>> part_of("vmpfc"), part_of("Frontal Pole, left"), part_of("../V1")
    ('vmpfc', 'Frontal Pole, left', '%2E.%2FV1')
    """
    quoted = quote(region, safe=" ,'()+&")
    return quoted.replace(".", "%2E", 1) if quoted.startswith(".") else quoted


def _require_known(name: str, known: Sequence[str]) -> None:
    if name not in known:
        listed = ", ".join(known) or "none"
        hint = did_you_mean(name, known)
        raise ParameterError(f"`rois` must be of {listed}, got {name!r}{hint}")
