"""Ways that are wrong, too large, or come to a bad end."""

from __future__ import annotations

import os
import signal
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from boldstream.benchmark.ways import Made, Way


def _right() -> Made:
    return {"values": np.arange(5.0)}


def _wrong() -> Made:
    return {"values": np.array([0.0, 1.0, 2.0, 3.0, 4.5])}


def _reshaped() -> Made:
    return {"values": np.arange(5.0)[:, None]}


def _allocate(n_bytes: int) -> Made:
    held = np.ones(n_bytes // 8)
    held[:5] = np.arange(5)
    # A part holds the whole until it is measured: the peak of memory that was given back Linux
    # tells to what its CPUs have told of their pages, up to 0.3 MiB too little.
    return {"values": held[:5]}


def _in_a_worker(n_bytes: int) -> Made:
    with ProcessPoolExecutor(1) as pool:
        return pool.submit(_allocate, n_bytes).result()


def _killed() -> Made:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


def _crashed() -> Made:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


def _mistaken() -> Made:
    raise ValueError("no such mask")


def _no_room_to_inflate() -> Made:
    # What the module says where inflate() gives Z_MEM_ERROR (zlib.h).
    raise zlib.error("Error -4 while decompressing data")


def _damaged() -> Made:
    return {"values": np.frombuffer(zlib.decompress(b"no stream"))}


def _wrapped() -> Made:
    try:
        np.ones(1 << 50)
    except MemoryError as error:
        raise RuntimeError("a step failed") from error
    return {}


def _prepare(**_: Any) -> None:
    np.ones(1 << 24)
    time.sleep(1)


WAYS = {
    "right": Way(_right),
    "wrong": Way(_wrong),
    "reshaped": Way(_reshaped),
    "allocate": Way(_allocate),
    "in_a_worker": Way(_in_a_worker),
    "killed": Way(_killed),
    "crashed": Way(_crashed),
    "mistaken": Way(_mistaken),
    "wrapped": Way(_wrapped),
    "no_room_to_inflate": Way(_no_room_to_inflate),
    "damaged": Way(_damaged),
    "prepared": Way(_right, ("json",), before=_prepare),
}
