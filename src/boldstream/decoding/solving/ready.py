"""Kernels made ready before spheres or regions are solved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import numpy as np

from boldstream.core.blas import one_blas_thread
from boldstream.core.errors import ParameterError
from boldstream.core.freed import return_freed
from boldstream.decoding.engines.base import Block, Engine
from boldstream.decoding.solving.scored import score_spheres
from boldstream.decoding.task.problem import Problem

COMPILING = "compiling kernels (once, about 10 s)"
# Enough for any engine: two voxels correlate wholly.
_FEW = 3


def make_ready(engine: Engine, problem: Problem, usual_size: float) -> None:
    """Compile or load the kernels on made-up values, before memory is planned.

    Compiling takes some 200 MiB, and part of it stays.

    Parameters
    ----------
    engine : Engine
    problem : Problem
    usual_size : float
        Voxels of what will be solved: some engines choose their form by it.
    """
    values = np.random.default_rng(0).standard_normal((_FEW, problem.folds.n_samples), np.float32)
    members, starts = np.arange(_FEW, dtype=np.int32), np.array([0, _FEW])
    few = replace(problem, targets=problem.targets.some(slice(0, 2)))
    # That made-up values cannot be solved says nothing of those that are given.
    with one_blas_thread(), suppress(ParameterError):
        score_spheres(Block(values, members, starts, usual_size), engine, few)
    return_freed()
