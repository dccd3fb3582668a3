"""`init_study`: a commented study file of what is found in a data set."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from keyword import iskeyword
from pathlib import Path

import yaml

from boldstream.core.errors import ParameterError
from boldstream.io.translate import expanded
from boldstream.io.writing import Outputs
from boldstream.study.settings.survey import Survey, survey

FILE = "study.yaml"
# Written without quotes, if YAML takes them for texts.
_PLAIN = re.compile(r"[\w./+-][\w ./+*-]*")


def init_study(
    folder: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
) -> Path:
    """Write a study file that says what a data set holds, with comments on what else it may say.

    Parameters
    ----------
    folder : path
        A BIDS data set, its derivatives in ``derivatives/fmriprep``. Images of
        ``masks/`` are regions.
    output : path, optional
        The file; by default ``study.yaml`` in the data set.
    overwrite : bool
        Whether a file of that name is replaced.

    Returns
    -------
    Path
        Of the file.

    Raises
    ------
    ParameterError
        If the folder holds no subjects, or the file cannot be written.
    OutputExistsError
        If there is one and `overwrite` is False.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "sub-01", "func").mkdir(parents=True)
    ...     Path(folder, "sub-01", "func", "sub-01_task-rest_bold.nii.gz").touch()
    ...     text = init_study(folder).read_text()
    >>> "task: rest" in text
    True
    """
    root = expanded(folder).absolute()
    found = survey(root)
    if not found.subjects:
        raise ParameterError(
            f"`folder` must be a BIDS data set, with folders sub-*, got {root}; files that are "
            "laid out otherwise go by `data.image_template` in a study file"
        )
    file = root / FILE if output is None else expanded(output).absolute()
    start = os.path.relpath(root, file.parent)
    lines = [*_data(found, start), *_rois(found, start), *_confounds(found), *_betas(found)]
    lines += [*_behaviour(found), *_targets(found), *_analyses(found), *_rest()]
    with Outputs(file.parent, [file.name], overwrite=overwrite) as outputs:
        outputs[file.name].write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def _data(found: Survey, root: str) -> Iterator[str]:
    yield "# A study: where the data are, what is worked out, and who does the work."
    yield "# Keys that are left out have their defaults; docs/study_file.md of boldstream has all."
    yield ""
    yield "data:"
    yield f"  root: {_text(root)}  # relative to this file"
    yield "  # derivatives: derivatives/fmriprep  # of `root`; taken by itself where it is there"
    yield f"  # subjects: {_list(found.subjects[:3])}  # of {len(found.subjects)}; all by default"
    yield "  # exclude: []"
    yield from _one_of("task", found.tasks)
    yield from _one_of("space", found.spaces)
    if found.runs:
        yield f"  # runs: {_list(found.runs)}  # all by default"
    yield "  # t_r: 2.0  # seconds; by default what sidecars and headers say"
    yield "  # mask: masks/brain.nii.gz  # of `root`; by default fMRIPrep's of the first run"
    yield ""


def _one_of(key: str, names: tuple[str, ...]) -> Iterator[str]:
    if names:
        others = f"  # there is also {', '.join(map(_text, names[1:]))}" if names[1:] else ""
        yield f"  {key}: {_text(names[0])}{others}"


def _rois(found: Survey, root: str) -> Iterator[str]:
    yield "# Regions by name: masks, relative to this file; {subject} stands for subjects' labels."
    if found.masks:
        yield "rois:"
        yield "  masks:"
        for name, path in found.masks.items():
            yield f"    {_text(name)}: {_text(str(Path(root, path)))}"
        yield "  # resample: true  # where masks are on another grid than images"
    else:
        yield "# rois:"
        yield "#   masks:"
        yield "#     vmpfc: masks/vmpfc.nii.gz"
        yield "#   atlas: {image: atlas_dseg.nii.gz, names: atlas_dseg.tsv}"
    yield ""


def _confounds(found: Survey) -> Iterator[str]:
    yield "# Nuisance signals: a strategy of nilearn's, or columns of fMRIPrep's tables."
    if found.strategy:
        yield "confounds:"
        yield f"  strategy: {found.strategy}  # simple, scrubbing, compcor or ica_aroma"
    elif found.motion:
        yield "confounds:"
        yield f"  columns: {_list(found.motion)}"
    else:
        yield "# confounds:"
        yield "#   strategy: simple  # simple, scrubbing, compcor or ica_aroma"
        yield '#   columns: ["trans_*", "rot_*"]'
    yield ""


def _betas(found: Survey) -> Iterator[str]:
    yield "# A beta for every trial."
    yield "betas:"
    yield "  method: lss  # a model for each trial; lsa is one for all"
    if found.conditions:
        yield f"  # conditions: {_list(found.conditions)}  # of trial_type; all by default"
    yield "  # smoothing_fwhm: 4  # mm"
    yield ""


def _behaviour(found: Survey) -> Iterator[str]:
    yield "# Choices between an amount now and a larger one later, fitted for each subject."
    yield from _commented(
        found.has_choices,
        "behaviour:",
        "  choice: choice",
        "  amount: delayed_amount",
        "  delay: delay",
        "  immediate: immediate_amount",
    )
    yield ""


def _targets(found: Survey) -> Iterator[str]:
    yield "# What is decoded: columns of events, and what behaviour adds to them."
    has_classes = len(found.conditions) > 1
    yield "targets:" if has_classes or found.has_choices else "# targets:"
    yield from _commented(has_classes, "  trial_type: {column: trial_type}")
    yield from _commented(
        found.has_choices, "  subjective_value: {column: subjective_value, values: true}"
    )
    for name in found.values:
        yield f"#   {_text(name)}: {{column: {_text(name)}, values: true}}"
    yield ""


def _analyses(found: Survey) -> Iterator[str]:
    yield "# What is worked out, each by its name."
    has_classes = len(found.conditions) > 1
    decodes = bool(found.masks) and (has_classes or found.has_choices)
    searches = has_classes and not decodes
    yield "analyses:" if decodes or searches else "# analyses:"
    yield from _commented(decodes, "  - {kind: decoding, name: regions, cv: logo}")
    yield from _commented(
        searches, "  - {kind: searchlight, name: around, target: trial_type, radius: 8}  # mm"
    )
    of = "around" if searches else "regions"
    yield from _commented(decodes or searches, f"  - {{kind: group, name: group, of: {of}}}")
    difference = _text(_difference(found.conditions))
    yield f"#   - {{kind: contrasts, name: maps, contrasts: {{difference: {difference}}}}}"
    yield ""


def _difference(conditions: tuple[str, ...]) -> str:
    """A contrast of the first two conditions, with backticks around what is no plain word."""
    quotable = [name for name in conditions if "`" not in name]
    first, second = quotable[:2] if len(quotable) > 1 else ("face", "house")
    terms = [
        name if name.isidentifier() and not iskeyword(name) else f"`{name}`"
        for name in (first, second)
    ]
    return " - ".join(terms)


def _commented(is_active: bool, *lines: str) -> Iterator[str]:
    for line in lines:
        yield line if is_active else f"# {line}"


def _rest() -> Iterator[str]:
    yield "# How good the images are: mean, tSNR, DVARS, motion, coverage of regions."
    yield "quality: true"
    yield ""
    yield "# memory:"
    yield "#   limit: 8GB  # of all processes together"
    yield "execution:"
    yield "  kind: processes  # serial, processes, dask or slurm"
    yield "  n_jobs: -1  # workers; -1 for as many as cores and memory carry"
    yield "  # retries: 1"
    yield ""
    yield "output: derivatives/boldstream  # of `data.root`"
    yield "random_state: 0"


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, texts))}]"


def _text(text: str) -> str:
    """As YAML reads it back; in quotes where it would take it for something else."""
    is_plain = _PLAIN.fullmatch(text) and yaml.safe_load(text) == text
    return text if is_plain else json.dumps(text, ensure_ascii=False)
