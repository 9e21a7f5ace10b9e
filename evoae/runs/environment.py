"""What a run records about the machine and the software it began on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evoae.runs.metadata import Environment

CPUINFO = Path("/proc/cpuinfo")


def environment() -> Environment:
    """Return the software and the machine that this process runs on."""
    return Environment(
        evoae_version=_version("evoae"),
        tensorflow_version=_version("tensorflow"),
        keras_version=_version("keras"),
        numpy_version=_version("numpy"),
        deap_version=_version("deap"),
        python_version=platform.python_version(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor_says("model name") or platform.processor() or platform.machine(),
        cores=cores(),
    )


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _version(library: str) -> str | None:
    """Return an installed version; None if there is none. TensorFlow's builds have own names."""
    for name in (library, f"{library}-cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return None


def processor_says(entry: str) -> str | None:
    """Return what Linux says of the first core in `/proc/cpuinfo`; None where it does not."""
    try:
        lines = CPUINFO.read_text(errors="replace").splitlines()
    except OSError:
        return None
    entries = (line.partition(":") for line in lines)
    return next((value.strip() for name, _, value in entries if name.strip() == entry), None)
