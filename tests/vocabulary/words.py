"""Where one concept has more than one word, default or set of values, and why: all of them."""

from __future__ import annotations

from typing import Any

import boldstream as bs
from boldstream import behaviour, decoding, geometry, report
from boldstream.study.settings.template import init_study

COUNTERPARTS: dict[str, Any] = {
    "boldstream extract": bs.extract,
    "boldstream glm": bs.FirstLevel,
    "boldstream betas": bs.trial_betas,
    "boldstream searchlight": decoding.SearchLight,
    "boldstream decode": decoding.decode,
    "boldstream volume": bs.read_volume,
    "boldstream view": bs.view_map,
    "boldstream run": bs.run_study,
    "boldstream report": report.write_report,
    "boldstream init": init_study,
    "data": bs.OAKConfig,
    "betas": bs.trial_betas,
    "behaviour": behaviour.validate_behaviour,
    "analyses[extraction]": bs.extract,
    "analyses[decoding]": decoding.decode,
    "analyses[searchlight]": decoding.SearchLight,
    "analyses[geometry]": geometry.geometry_of_rois,
    "analyses[rdm_searchlight]": geometry.rdm_searchlight,
    "analyses[contrasts]": bs.FirstLevel,
    "analyses[group]": decoding.group_maps,
    "execution": bs.run_study,
}
"""What does in Python what a command or a part of the study file asks for."""

ALIASES: dict[str, tuple[str, str]] = {
    # Options.
    "atlas_names": ("names", "of the reduction `Labels`: a command has no reductions"),
    "atlas_strategy": ("strategy", "as before; --strategy is that of confounds"),
    "confound_columns": ("columns", "of `read_confounds`: a command has no such function"),
    "contrast": ("contrasts", "one at a time: the option is repeated"),
    "estimator_arg": ("estimator_args", "one at a time: the option is repeated"),
    "roi": ("rois", "one at a time: the option is repeated"),
    "threshold": ("thresholds", "one at a time: the option is repeated"),
    "cache_dir": ("folder", "of `Store`; the option stands beside --output-dir"),
    "memmap_threshold": ("MEMMAP_THRESHOLD_GB", "the constants of `MemoryConfig` are in capitals"),
    "memory_efficient": ("USE_MEMMAP", "says what for rather than how"),
    # Keys of the study file.
    "estimators": ("estimator", "a mapping of targets; `estimator` is that of all others"),
    "exclude": ("exclude_subjects", "stands below `subjects`"),
    "embedding": ("n_components", "`embed` and `principal_components` are functions of their own"),
    "temporal": ("nuisance", "the one nuisance model that a study can make by itself"),
    "use_memmap": ("USE_MEMMAP", "keys are in lower case"),
    "memmap_threshold_gb": ("MEMMAP_THRESHOLD_GB", "keys are in lower case"),
    "available_memory_buffer": ("AVAILABLE_MEMORY_BUFFER", "keys are in lower case"),
    "max_memory_per_process_gb": ("MAX_MEMORY_PER_PROCESS_GB", "keys are in lower case"),
    "memmap_temp_dir": ("MEMMAP_TEMP_DIR", "keys are in lower case"),
    "column": ("y", "a study names the column that Python is given the values of"),
    "of": ("maps", "a study names the analysis that Python is given the maps of"),
}
"""Options and keys whose parameter has another word, and the reason."""

OWN: dict[str, str] = {
    "json": "how a command prints",
    "store": "in Python the ending of `output` says it",
    "in_use": "`Store.clear(unused_only=...)`, turned round: a flag is off by default",
    "dry_run": "in Python one looks at the plan",
    "clear_cache": "of the command's own results",
    "cache_stats": "how a command prints; `StudyResult.statistics`",
    "parallel_subjects": "the study file's `execution.kind`, as a flag",
    "slurm": "the study file's `execution.kind`, as a flag; and its settings",
    "auto_configure": "the study file's `execution.n_jobs`, as a flag",
    "report": "whether the next command is run, too",
    "size": "of the benchmark's images",
    "repeats": "of the benchmark",
    "betas": "a part of the study file",
    "behaviour": "a part of the study file",
    "quality": "a step of studies",
    "analyses": "a part of the study file",
    "execution": "a part of the study file",
    "sessions": "Python is given the images",
    "kind": "which function, or who does the work",
    "retries": "of units of a study",
    "scheduler": "of units of a study",
    "partition": "of SLURM",
    "account": "of SLURM",
    "time": "of SLURM",
    "cores": "of SLURM",
    "interface": "of SLURM",
    "directives": "of SLURM",
    "prologue": "of SLURM",
}
"""Options and keys that no parameter stands for, and the reason."""

SPELLINGS: dict[str, str] = {
    "--labels": "of `extract`, for its --atlas: what it gives is labels.tsv",
    "--smooth": "short for --smoothing-fwhm",
    "-o": "short for --output",
    "-v": "short for --verbose",
}
"""Second spellings of options, and the reason."""

DEFAULTS: dict[tuple[str, str], str] = {
    ("boldstream searchlight", "radius"): "nilearn's 2 mm is kept where its import is swapped",
    ("analyses[searchlight]", "radius"): "nilearn's 2 mm is kept where its import is swapped",
    ("boldstream searchlight", "keep"): "the option adds to what is written in any case",
    ("boldstream betas", "output"): "a command has to write somewhere",
    ("boldstream view", "output"): "a command knows where the map lies",
    ("analyses[extraction]", "standardize"): "a study cleans unless it is told not to",
    ("analyses[extraction]", "detrend"): "a study cleans unless it is told not to",
    ("analyses[decoding]", "cv"): "a study knows the runs",
    ("analyses[searchlight]", "cv"): "a study knows the runs",
    ("analyses[decoding]", "scale"): "regions of a study are compared: voxels count alike in each",
    ("analyses[geometry]", "permutations"): "a study's table has p unless it is told not to",
    ("analyses[group]", "chance"): "a study knows the scores, and Python has only the maps",
    ("data", "root"): "the folder of the study file",
    ("execution", "n_jobs"): "None in Python is what the study file says",
}
"""Where a default differs from that of the counterpart, and the reason."""

VALUES: dict[tuple[str, str], str] = {
    ("boldstream extract", "standardize"): "nilearn's older name of zscore_sample, too",
    ("analyses[extraction]", "standardize"): "nilearn's older name of zscore_sample, too",
    ("boldstream betas", "hrf_model"): "listed for --help; Python takes nilearn's functions, too",
    ("boldstream glm", "hrf_model"): "listed for --help; Python takes nilearn's functions, too",
    ("boldstream glm", "drift_model"): "nilearn's parameter has no type",
    ("boldstream glm", "nan_policy"): "nilearn's parameters have no type",
    ("analyses[contrasts]", "drift_model"): "nilearn's parameter has no type",
    ("boldstream glm", "signal_scaling"): "words for nilearn's 0, 1, (0, 1) and False",
    ("boldstream betas", "signal_scaling"): "words for nilearn's 0 and False",
    ("betas", "signal_scaling"): "words for nilearn's 0 and False",
    ("analyses[contrasts]", "signal_scaling"): "words for nilearn's 0 and False",
    ("boldstream extract", "smoothing_fwhm"): "'fast' is no width, and only nilearn's",
    ("boldstream betas", "smoothing_fwhm"): "'fast' is no width, and only nilearn's",
    ("betas", "smoothing_fwhm"): "'fast' is no width, and only nilearn's",
    ("analyses[extraction]", "smoothing_fwhm"): "'fast' is no width, and only nilearn's",
    ("analyses[decoding]", "permutation_blocks"): "'trials' stands for range(n) of the trials",
    ("analyses[searchlight]", "permutation_blocks"): "'trials' stands for range(n) of the trials",
}
"""Where the texts that are allowed differ from those of the counterpart, and the reason."""

UNITS: dict[str, tuple[str, ...]] = {
    "radius": ("mm", "MM", "millimeters"),
    "smoothing_fwhm": ("mm", "MM", "millimeters"),
    "t_r": ("s", "SECONDS", "second", "seconds", "Seconds"),
    "high_pass": ("Hz", "HZ", "Hertz"),
    "low_pass": ("Hz", "HZ", "Hertz"),
    "slice_time_ref": ("repetition", "SHARE", "TR", "percentage"),
    "memory_limit": ("bytes", "SIZE", "MiB", "GB", "GiB"),
    "memmap_threshold": ("1024³",),
    "memmap_threshold_gb": ("1024³",),
    "max_memory_per_process_gb": ("1024³",),
    "required_gb": ("1024³",),
    "data_size_gb": ("1024³",),
    "response_time_range": ("s", "seconds", "Seconds"),
    "interval": ("s", "seconds", "Seconds"),
    "max_bytes": ("bytes", "GB"),
    "min_onset": ("s", "second", "seconds", "Seconds"),
}
"""Words of which one says the unit wherever the concept is explained."""
