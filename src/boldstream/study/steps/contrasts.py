"""The step that estimates contrasts of conditions, in one model of all runs."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from boldstream.core.errors import BoldstreamError, ParameterError
from boldstream.core.grid import Grid
from boldstream.glm.first_level import FirstLevel
from boldstream.glm.first_level.contrasts import Contrast
from boldstream.glm.first_level.designs import RunDesign
from boldstream.io.writing import write_json, write_volume
from boldstream.study.settings.analyses import alphanumeric
from boldstream.study.steps.context import Context
from boldstream.study.steps.designs import designs_of

Floats = NDArray[np.float64]

MASK = "mask.nii.gz"
# nilearn's names of maps, and what they are called in names of files.
_MAPS = {"effect_size": "effect", "stat": "t", "z_score": "z"}


def map_file(contrast: str, stat: str) -> str:
    """Ending of a map of a contrast.

    Examples
    --------
    >>> map_file("now_later", "effect")
    'contrast-nowlater_stat-effect_statmap.nii.gz'
    """
    return f"contrast-{alphanumeric(contrast)}_stat-{stat}_statmap.nii.gz"


def estimate_contrasts(context: Context) -> None:
    """Write effect, t and z of each contrast, over all runs, and where there are such.

    All contrasts are compared with the events before an image is read. A run that
    lacks a condition which other runs have is left out of the contrasts that name it.

    Raises
    ------
    ParameterError
        If a contrast names no condition of the subject, or cannot be estimated; if
        there are not more volumes than regressors.
    TableError
        If events or confounds cannot be used.
    """
    found = list(designs_of(context))
    designs = [design for design, _ in found]
    where = " and ".join(dict.fromkeys(events.source for _, events in found))
    asked = {
        name: Contrast(name, (expression,))
        for name, expression in context.settings["contrasts"].items()
    }
    weights = {name: _weights(contrast, designs, where) for name, contrast in asked.items()}
    for design in designs:
        design.require_residuals()
    model = _fit(context, designs)
    grid = Grid(model.masker_.mask_img_.shape, model.masker_.mask_img_.affine)
    has_effect = np.asarray(model.masker_.mask_img_.dataobj) != 0
    for name, of_runs in weights.items():
        maps = _maps(model, of_runs)
        for kind, stat in _MAPS.items():
            write_volume(context.file(map_file(name, stat)), maps[kind], grid)
        has_effect &= np.isfinite(maps["effect_size"]) & (maps["effect_variance"] > 0)
    write_volume(context.file(MASK), has_effect.astype(np.float32), grid)
    facts = {
        alphanumeric(name): {
            "expression": context.settings["contrasts"][name],
            "degrees_of_freedom": _degrees(model, of_runs),
            "runs": [i for i, one in enumerate(of_runs, 1) if one.any()],
        }
        for name, of_runs in weights.items()
    }
    write_json(context.file("contrasts.json"), facts)


def _weights(contrast: Contrast, designs: Sequence[RunDesign], where: str) -> list[Floats]:
    """Weights of the regressors of each run; 0 in a run without one that the contrast names."""
    names = list(dict.fromkeys(str(name) for design in designs for name in design.matrix))
    (of_all,) = contrast.sums(names, f"the model of {where}")
    used = {name for name, weight in zip(names, of_all, strict=True) if weight}
    weights = [
        design.weights(contrast)
        if used <= set(map(str, design.matrix))
        else np.zeros(design.matrix.shape[1])
        for design in designs
    ]
    if not any(one.any() for one in weights):
        listed = ", ".join(sorted(used))
        raise ParameterError(
            f"the contrast {contrast.name!r} must name conditions that one run has together, got "
            f"{listed}, and no run of {where} has them all"
        )
    return weights


def _fit(context: Context, designs: Sequence[RunDesign]) -> FirstLevel:
    given, settings = context.parameters, context.settings
    kept = [
        np.arange(len(design.matrix)) if design.kept is None else design.kept for design in designs
    ]
    model = FirstLevel(
        mask_img=None if given["mask"] is None else str(context.path(given["mask"])),
        smoothing_fwhm=settings["smoothing_fwhm"],
        signal_scaling=0 if settings["signal_scaling"] else False,
        noise_model=settings["noise_model"],
        minimize_memory=True,
        memory_limit=context.memory_limit,
        reports=False,
    )
    try:
        fitted: FirstLevel = model.fit(
            context.paths(given["images"]),
            design_matrices=[design.matrix for design in designs],
            sample_masks=kept if any(design.kept is not None for design in designs) else None,
        )
    except ValueError as error:
        if isinstance(error, BoldstreamError):
            raise
        # nilearn's, as of a mask that it finds empty.
        hint = "" if given["mask"] else "; `data.mask` says where to fit"
        name, said = designs[0].image, str(error).rstrip(".")
        raise ParameterError(f"{name} cannot be fitted: {said}{hint}") from error
    return fitted


def _maps(model: FirstLevel, of_runs: Sequence[Floats]) -> dict[str, Any]:
    with warnings.catch_warnings():
        # Runs that lack a condition are told in the facts.
        warnings.filterwarnings("ignore", message="Contrast for run .* is null")
        images = model.compute_contrast(list(of_runs), stat_type="t", output_type="all")
    return {kind: np.asarray(image.dataobj) for kind, image in images.items()}


def _degrees(model: FirstLevel, of_runs: Sequence[Floats]) -> int:
    """Of all runs that take part, as nilearn adds them up."""
    return sum(
        int(next(iter(results.values())).df_residuals)
        for results, weights in zip(model.results_, of_runs, strict=True)
        if weights.any()
    )
