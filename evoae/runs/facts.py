"""What a run was made with: versions and machine, since figures may differ between them."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

_PACKAGES = ("evoae", "tensorflow", "keras", "numpy", "deap")
_BUILDS = {"tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-intel", "tf-nightly")}


def environment() -> dict[str, object]:
    """Return versions, CPU and cores as JSON values; None for what is not installed."""
    facts: dict[str, object] = {name: _version(name) for name in _PACKAGES}
    return facts | {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
    }


def _version(package: str) -> str | None:
    for name in _BUILDS.get(package, (package,)):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _cpu() -> str:
    """Return the CPU's name as Linux tells it, elsewhere its kind."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
