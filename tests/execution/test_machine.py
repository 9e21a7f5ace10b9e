from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from evoae.execution import machine
from evoae.execution.machine import cpu_flags, memory, usable_cores
from evoae.runs import environment
from evoae.runs.environment import cores

pytestmark = pytest.mark.skipif(not psutil.LINUX, reason="control groups are Linux's")
MIB = 2**20


@pytest.fixture
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of which only what a test writes exists."""
    monkeypatch.setattr(machine, "_PROC", tmp_path)
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(machine, "_CGROUPS", tmp_path / "cgroup")
    return tmp_path


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


VERSION_2 = {
    "self/cgroup": "0::/box/job\n",
    "cgroup/box/memory.max": f"{100 * MIB}\n",
    "cgroup/box/memory.current": f"{70 * MIB}\n",
    "cgroup/box/memory.stat": f"anon 5\ninactive_file {20 * MIB}\n",
    "cgroup/box/cpu.max": "50000 100000\n",
    "cgroup/box/job/memory.max": "max\n",
    "cgroup/box/job/cpu.max": "max 100000\n",
}
VERSION_1 = {
    "self/cgroup": "9:memory:/seen/from/outside\n1:cpu,cpuacct:/\n0::/\n",
    "cgroup/memory/memory.limit_in_bytes": f"{100 * MIB}\n",
    "cgroup/memory/memory.usage_in_bytes": f"{70 * MIB}\n",
    "cgroup/memory/memory.stat": f"inactive_file 1\ntotal_inactive_file {20 * MIB}\n",
    "cgroup/cpu/cpu.cfs_quota_us": "50000\n",
    "cgroup/cpu/cpu.cfs_period_us": "100000\n",
}


@pytest.mark.parametrize("files", [VERSION_2, VERSION_1], ids=["version 2", "version 1"])
def test_a_containers_limits_are_the_machines(files: dict[str, str], made_up: Path) -> None:
    write(made_up, files)
    seen = memory()
    assert (seen.limit, seen.free) == (100 * MIB, 50 * MIB)
    assert seen.total == psutil.virtual_memory().total
    assert usable_cores() == 1


def test_a_group_without_limits_limits_nothing(made_up: Path) -> None:
    write(
        made_up,
        {
            "self/cgroup": "4:memory:/\n1:cpu:/\n",
            "cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "cgroup/cpu/cpu.cfs_quota_us": "-1\n",
            "cgroup/cpu/cpu.cfs_period_us": "100000\n",
        },
    )
    assert memory().limit is None
    assert usable_cores() == cores()


def test_processor_features_are_told_or_unknown(made_up: Path) -> None:
    assert cpu_flags() is None
    write(made_up, {"cpuinfo": "processor\t: 0\nflags\t\t: fpu avx2 avx512fx amx_bf16\n"})
    assert cpu_flags() == {
        "avx2": True,
        "avx512f": False,
        "avx512_bf16": False,
        "amx_bf16": True,
    }
