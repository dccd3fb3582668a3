"""`slurm_script`: a whole study as one job of SLURM."""

from __future__ import annotations

import math
import os
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from boldstream.core.budget import parse_bytes
from boldstream.core.checks import integer_in, positive_number
from boldstream.core.errors import ParameterError
from boldstream.study.executors.fitting import thread_variables
from boldstream.study.settings.execution import SlurmSettings

_MIB = 1 << 20
_TIME_MARGIN = 2.0
_LEAST_MINUTES = 10
_WORD = re.compile(r"[\w.,:@+-]+")


def slurm_script(
    study: str | os.PathLike[str],
    settings: SlurmSettings,
    *,
    workers: int,
    memory_bytes: int,
    seconds: float = 0.0,
    threshold_gb: float = 0.5,
    command: Sequence[str] = (sys.executable, "-m", "boldstream"),
) -> str:
    """Write the file for sbatch that runs a study on one node.

    It asks for what was predicted, with a tenth more memory and twice the time
    (10 minutes at least); what `settings` name stays as it is.

    Parameters
    ----------
    study : path
        The study file.
    settings : SlurmSettings
    workers : int
        Processes that work side by side.
    memory_bytes : int
        Predicted peak of all processes together.
    seconds : float
        Predicted time of all, with so many workers; 0 where it is not known.
    threshold_gb : float
        Data larger than this are mapped (GB = 1024³ bytes).
    command : sequence of str
        Runs boldstream; by default with the Python that runs now.

    Returns
    -------
    str

    Raises
    ------
    ParameterError
        If a name or setting would be read as something else by sbatch or the
        shell, or a number makes no sense.

    Examples
    --------
    >>> settings = SlurmSettings(partition="normal")
    >>> text = slurm_script("my study.yaml", settings, workers=16, memory_bytes=29 << 30)
    >>> print(text)
    #!/bin/bash
    #SBATCH --job-name=boldstream
    #SBATCH --nodes=1
    #SBATCH --ntasks-per-node=16
    #SBATCH --cpus-per-task=1
    #SBATCH --mem=32666M
    ...
    exec ... run 'my study.yaml' --memory-efficient --parallel-subjects --n-jobs 16 ...
    """
    check_settings(settings)
    integer_in("workers", workers, 1)
    integer_in("memory_bytes", memory_bytes, 1)
    positive_number("threshold_gb", threshold_gb, unit="GB")
    lines = ["#!/bin/bash", *_directives(settings, workers, memory_bytes, seconds), ""]
    lines += ["set -euo pipefail", *settings.prologue, ""]
    lines += _exports(settings.cores or 1, threshold_gb)
    words = [*command, "run", _path(study), "--memory-efficient", "--parallel-subjects"]
    words += ["--n-jobs", str(workers), "--memmap-threshold", f"{threshold_gb:g}"]
    return "\n".join([*lines, "", f"exec {shlex.join(words)}", ""])


def check_settings(settings: SlurmSettings) -> None:
    """Refuse what sbatch or the shell would read as something else.

    Raises
    ------
    ParameterError
        It names the setting.

    Examples
    --------
    >>> check_settings(SlurmSettings(partition="normal; rm -r ~"))
    Traceback (most recent call last):
    boldstream.core.errors.ParameterError: `slurm.partition` must be a word of letters, digits ...
    """
    for name in ("partition", "account", "time", "interface"):
        value = getattr(settings, name)
        if value is not None and not _WORD.fullmatch(value):
            raise ParameterError(
                f"`slurm.{name}` must be a word of letters, digits and . , : @ + - _, got {value!r}"
            )
    for directive in settings.directives:
        if not directive.startswith("-") or not directive.isprintable():
            raise ParameterError(
                f"`slurm.directives` must be options such as '--qos=long', got {directive!r}"
            )


def _directives(
    settings: SlurmSettings, workers: int, memory_bytes: int, seconds: float
) -> list[str]:
    memory = memory_bytes + memory_bytes // 10
    if settings.memory is not None:
        memory = parse_bytes(settings.memory, name="slurm.memory")
    asked = {
        "job-name": "boldstream",
        "nodes": 1,
        "ntasks-per-node": workers,
        "cpus-per-task": settings.cores or 1,
        "mem": f"{math.ceil(memory / _MIB)}M",
        "time": _time(settings, seconds),
        "output": "boldstream-%j.log",
        "partition": settings.partition,
        "account": settings.account,
    }
    lines = [f"#SBATCH --{name}={value}" for name, value in asked.items() if value is not None]
    return [*lines, *(f"#SBATCH {directive}" for directive in settings.directives)]


def _time(settings: SlurmSettings, seconds: float) -> str:
    """Wall time: what the settings name, else what is predicted, else their default."""
    if "time" in settings.model_fields_set or not seconds:
        return settings.time
    minutes = max(_LEAST_MINUTES, math.ceil(seconds * _TIME_MARGIN / 60))
    return f"{minutes // 60:02d}:{minutes % 60:02d}:00"


def _exports(cores: int, threshold_gb: float) -> list[str]:
    variables = {
        "MVPA_USE_MEMMAP": "1",
        "MVPA_MEMMAP_THRESHOLD_GB": f"{threshold_gb:g}",
        "MVPA_SHARED_MEMORY": "1",
        **thread_variables(cores, {}),
    }
    return [f"export {name}={value}" for name, value in variables.items()]


def _path(study: str | os.PathLike[str]) -> str:
    text = os.fspath(study)
    # One that begins with a dash would be read as an option.
    if not text.isprintable() or text.startswith("-") or not Path(text).name:
        raise ParameterError(f"`study` must be the path of a study file, got {text!r}")
    return text
