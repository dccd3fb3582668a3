"""Limits on memory, found on made-up machines and on this one."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from boldstream import ParameterError
from boldstream.core.limits import Limit, memory_limits, process_memory

KIB, MIB, GIB = 2**10, 2**20, 2**30

MEMINFO = f"MemTotal: {16 * GIB // KIB} kB\nMemFree: 1 kB\nMemAvailable: {12 * GIB // KIB} kB"
STATUS = f"Name:\tpython\nVmSize:\t{900 * KIB} kB\nVmRSS:\t{50 * KIB} kB"
V2_MOUNT = "30 23 0:26 {root} /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1_MOUNT = "35 31 0:32 {root} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"


class Machine:
    """A made-up ``/proc`` and ``/sys`` below a folder."""

    def __init__(self, root: Path, *, cgroup: str = "", mounts: str = "") -> None:
        self.root = root
        self.write("proc/meminfo", MEMINFO)
        self.write("proc/self/status", STATUS)
        self.write("proc/self/cgroup", cgroup.rstrip("\n"))
        self.write("proc/self/mountinfo", mounts.rstrip("\n"))

    def write(self, path: str, text: object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"{text}\n".lstrip("\n"))

    def limits(self, **environ: str) -> dict[str, tuple[int, int]]:
        found = memory_limits(self.root, environ)
        return {x.source: (x.limit_bytes, x.used_bytes) for x in found}


def test_ram_is_what_is_available_not_what_is_free(tmp_path: Path) -> None:
    assert Machine(tmp_path).limits() == {"RAM": (16 * GIB, 4 * GIB)}


def test_ram_of_this_machine_as_psutil_sees_it() -> None:
    psutil = pytest.importorskip("psutil")
    ram = memory_limits()[0]
    assert ram.limit_bytes == psutil.virtual_memory().total
    assert ram.headroom_bytes == pytest.approx(psutil.virtual_memory().available, rel=0.1)


def test_a_machine_without_proc_is_asked_through_psutil(tmp_path: Path) -> None:
    psutil = pytest.importorskip("psutil")
    (ram,) = memory_limits(tmp_path, {})
    assert (ram.source, ram.limit_bytes) == ("RAM", psutil.virtual_memory().total)
    held = process_memory(tmp_path)
    assert held.rss_bytes == pytest.approx(process_memory().rss_bytes, rel=0.1)
    assert held.peak_rss_bytes >= held.rss_bytes


def test_headroom_is_never_negative() -> None:
    assert Limit("x", 10, 30).headroom_bytes == 0


def test_cgroup_v2_every_group_up_to_the_root(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cgroup="0::/job/step\n", mounts=V2_MOUNT.format(root="/"))
    machine.write("sys/fs/cgroup/job/step/memory.max", "max")
    machine.write("sys/fs/cgroup/job/step/memory.current", 100 * MIB)
    machine.write("sys/fs/cgroup/job/memory.max", 4 * GIB)
    machine.write("sys/fs/cgroup/job/memory.high", 3 * GIB)
    machine.write("sys/fs/cgroup/job/memory.current", 2 * GIB)
    machine.write("sys/fs/cgroup/memory.max", 8 * GIB)
    machine.write("sys/fs/cgroup/memory.current", 5 * GIB)
    found = machine.limits()
    assert found.pop("RAM")
    assert found == {
        "cgroup v2 /sys/fs/cgroup/job": (3 * GIB, 2 * GIB),
        "cgroup v2 /sys/fs/cgroup": (8 * GIB, 5 * GIB),
    }


def test_cached_files_of_a_cgroup_can_be_taken_back(tmp_path: Path) -> None:
    machine = Machine(tmp_path, cgroup="0::/job\n", mounts=V2_MOUNT.format(root="/"))
    machine.write("sys/fs/cgroup/job/memory.max", 4 * GIB)
    machine.write("sys/fs/cgroup/job/memory.current", 3 * GIB)
    stat = f"anon {GIB}\nfile {2 * GIB}\ninactive_file {GIB}\nactive_file {GIB // 2}"
    machine.write("sys/fs/cgroup/job/memory.stat", stat)
    assert machine.limits()["cgroup v2 /sys/fs/cgroup/job"] == (4 * GIB, 3 * GIB // 2)


@pytest.mark.parametrize(
    ("group", "mount_root"),
    [("/docker/abc", "/docker/abc"), ("/", "/"), ("/../other", "/"), ("/elsewhere", "/docker/abc")],
)
def test_a_container_sees_its_limit_at_the_mount_point(
    tmp_path: Path, group: str, mount_root: str
) -> None:
    machine = Machine(tmp_path, cgroup=f"0::{group}\n", mounts=V2_MOUNT.format(root=mount_root))
    machine.write("sys/fs/cgroup/memory.max", GIB)
    machine.write("sys/fs/cgroup/memory.current", 7)
    assert machine.limits()["cgroup v2 /sys/fs/cgroup"] == (GIB, 7)


def test_cgroup_v1_with_the_limit_of_a_group_that_is_not_mounted(tmp_path: Path) -> None:
    machine = Machine(
        tmp_path,
        cgroup="9:cpu,cpuacct:/\n4:memory:/slurm/job_7\n",
        mounts=V1_MOUNT.format(root="/slurm"),
    )
    folder = "sys/fs/cgroup/memory/job_7"
    machine.write(f"{folder}/memory.limit_in_bytes", 6 * GIB)
    machine.write(f"{folder}/memory.usage_in_bytes", 2 * GIB)
    machine.write(
        f"{folder}/memory.stat",
        f"inactive_file 1\nhierarchical_memory_limit {5 * GIB}\ntotal_inactive_file {GIB}",
    )
    machine.write("sys/fs/cgroup/memory/memory.limit_in_bytes", 9223372036854771712)
    found = machine.limits()
    assert found.pop("RAM")
    assert found == {"cgroup v1 /sys/fs/cgroup/memory/job_7": (5 * GIB, GIB)}


def test_hybrid_machine_has_both_versions(tmp_path: Path) -> None:
    machine = Machine(
        tmp_path,
        cgroup="4:memory:/job\n1:name=systemd:/\n0::/\n",
        mounts=V1_MOUNT.format(root="/")
        + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    )
    machine.write("sys/fs/cgroup/memory/job/memory.limit_in_bytes", 2 * GIB)
    machine.write("sys/fs/cgroup/memory/job/memory.usage_in_bytes", GIB)
    machine.write("sys/fs/cgroup/unified/memory.max", GIB)
    machine.write("sys/fs/cgroup/unified/memory.current", MIB)
    found = machine.limits()
    assert found["cgroup v1 /sys/fs/cgroup/memory/job"] == (2 * GIB, GIB)
    assert found["cgroup v2 /sys/fs/cgroup/unified"] == (GIB, MIB)


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({"SLURM_MEM_PER_NODE": "4096"}, {"SLURM_MEM_PER_NODE": 4 * GIB}),
        ({"SLURM_MEM_PER_NODE": "4G"}, {"SLURM_MEM_PER_NODE": 4 * GIB}),
        ({"SLURM_MEM_PER_NODE": "2048K"}, {"SLURM_MEM_PER_NODE": 2 * MIB}),
        ({"SLURM_MEM_PER_NODE": "1T"}, {"SLURM_MEM_PER_NODE": 1024 * GIB}),
        ({"SLURM_MEM_PER_NODE": "0"}, {}),
        ({"SLURM_MEM_PER_CPU": "0", "SLURM_CPUS_PER_TASK": "3"}, {}),
        (
            {"SLURM_MEM_PER_CPU": "512", "SLURM_CPUS_PER_TASK": "4", "SLURM_CPUS_ON_NODE": "16"},
            {"SLURM_MEM_PER_CPU x SLURM_CPUS_PER_TASK": 2 * GIB},
        ),
        (
            {"SLURM_MEM_PER_CPU": "512", "SLURM_CPUS_ON_NODE": "16"},
            {"SLURM_MEM_PER_CPU x SLURM_CPUS_ON_NODE": 8 * GIB},
        ),
        ({"SLURM_MEM_PER_CPU": "512"}, {"SLURM_MEM_PER_CPU x 1 CPU": 512 * MIB}),
    ],
)
def test_slurm(tmp_path: Path, environ: dict[str, str], wanted: dict[str, int]) -> None:
    found = Machine(tmp_path).limits(**environ)
    assert found.pop("RAM")
    assert found == {source: (limit, 50 * MIB) for source, limit in wanted.items()}


@pytest.mark.parametrize("text", ["lots", "", "-1", "1.5G", "4GX"])
def test_a_slurm_size_that_cannot_be_read_names_its_variable(tmp_path: Path, text: str) -> None:
    with pytest.raises(ParameterError, match=f"^SLURM_MEM_PER_NODE must be .* got {text!r}$"):
        Machine(tmp_path).limits(SLURM_MEM_PER_NODE=text)


@pytest.mark.parametrize("text", ["0", "two", "-4"])
def test_a_number_of_cpus_that_cannot_be_read_names_its_variable(tmp_path: Path, text: str) -> None:
    with pytest.raises(ParameterError, match="SLURM_CPUS_ON_NODE must be a positive integer"):
        Machine(tmp_path).limits(SLURM_MEM_PER_CPU="10", SLURM_CPUS_ON_NODE=text)


def test_address_space_limit_is_enforced_and_found() -> None:
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, ({2 * GIB}, resource.RLIM_INFINITY))
import numpy as np
from boldstream.core.limits import memory_limits
limit = [x for x in memory_limits() if x.source.startswith("RLIMIT_AS")][0]
assert limit.limit_bytes == {2 * GIB}, limit
held = np.ones(limit.headroom_bytes - {64 * MIB}, dtype=np.uint8)
try:
    np.ones(limit.headroom_bytes, dtype=np.uint8)
except MemoryError:
    print("held by the kernel")
"""
    environ = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environ, check=False
    )
    assert (done.stdout.strip(), done.stderr) == ("held by the kernel", "")


def test_process_memory_follows_what_is_held_and_keeps_the_peak() -> None:
    before = process_memory()
    held = np.ones(128 * MIB, dtype=np.uint8)
    during = process_memory()
    del held
    after = process_memory()
    assert during.rss_bytes - before.rss_bytes == pytest.approx(128 * MIB, rel=0.1)
    assert after.rss_bytes < during.rss_bytes - 100 * MIB
    # The kernel adds up its counts per CPU now and then: they are right to a MiB or so.
    assert after.peak_rss_bytes >= during.rss_bytes - 2 * MIB


def test_what_the_kernel_does_not_tell_is_nothing(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.write("proc/self/status", "Name:\tpython")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = 1 << 46 if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        found = machine.limits(SLURM_MEM_PER_NODE="1G")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert found["RLIMIT_AS (ulimit -v)"] == (most, 0)
    assert found["SLURM_MEM_PER_NODE"] == (GIB, 0)
    machine.write("proc/self/status", "VmRSS:\t0 kB")
    assert process_memory(tmp_path) == (0, 0)
