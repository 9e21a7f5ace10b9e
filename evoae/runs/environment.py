"""What a run records about the machine and the software it began on."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from evoae.runs.metadata import Environment


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
        processor=_processor(),
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


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
