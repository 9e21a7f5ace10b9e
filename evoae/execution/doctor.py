"""Whether a search can run here: what was found, and what is missing, each with its remedy."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evoae.data.cache import cache_root
from evoae.data.sources.fetchers import SYSTEM, keras_datasets
from evoae.data.sources.named import NAMED
from evoae.errors import DataError
from evoae.execution.bfloat16 import has_bfloat16
from evoae.execution.gpus import VISIBLE, Gpu, installed_gpus, visible_gpus
from evoae.execution.machine import Memory, cpu_flags, memory, usable_cores
from evoae.execution.probe import TensorFlow, ask_tensorflow
from evoae.formatting import mebibytes
from evoae.models.memory import BASE_BYTES
from evoae.runs.environment import environment
from evoae.runs.metadata import Environment

_LITTLE_DISK = 2**30
_PIP = f"{shlex.quote(sys.executable)} -m pip install"
_NEEDED = ("tensorflow", "keras", "numpy", "deap")


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that evoae looks in or writes to.

    Attributes:
        path: which need not exist yet.
        exists: whether it does.
        writable: whether it, or else the nearest folder above it, can be written.
        free: bytes on its disk; None if unknown.
    """

    path: str
    exists: bool
    writable: bool
    free: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """Something that could be better.

    Attributes:
        what: in one phrase.
        command: a shell command that provides it.
        fatal: whether no search can run without it.
    """

    what: str
    command: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes:
        software: versions and the machine, as a run records them.
        cores: that this process may keep busy.
        workers: of a search with `execution.workers: auto`.
        memory: of the machine, and what this process may take of it.
        cpu_flags: what TensorFlow is fast with; None where the system does not tell.
        bfloat16: whether what trains here has instructions for it; None if unknown.
        gpus: NVIDIA's cards in this machine.
        visible_gpus: those that this process may use.
        tensorflow: what it can do; None if it was not asked.
        data: where each named set is; None if it is not here.
        runs, cache: where run folders and shared data go.
        data_places: where named sets are looked for, in this order.
        missing: what could be better, the fatal first.
    """

    software: Environment
    cores: int
    workers: int
    memory: Memory
    cpu_flags: dict[str, bool] | None
    bfloat16: bool | None
    gpus: tuple[Gpu, ...]
    visible_gpus: tuple[str, ...]
    tensorflow: TensorFlow | None
    data: dict[str, str | None]
    runs: Place
    cache: Place
    data_places: tuple[Place, ...]
    missing: tuple[Missing, ...]

    @property
    def able(self) -> bool:
        """Whether a search can run."""
        return not any(missing.fatal for missing in self.missing)


def examine(*, quick: bool = False) -> Examination:
    """Look at software, machine, data and folders. Changes nothing.

    Args:
        quick: don't load TensorFlow (in a process of its own, some seconds): it is taken to work,
            and to use every GPU.
    """
    software = environment()
    absent = [name for name in _NEEDED if software.version_of(name) is None]
    tensorflow = None if quick or absent else ask_tensorflow()
    installed, visible = installed_gpus(), visible_gpus()
    used = visible if tensorflow is None else visible[: len(tensorflow.gpus)]
    cores, room = usable_cores(), memory()
    workers = len(used) or cores
    flags = cpu_flags()
    data, unreadable = _named_sets()
    runs, cache = _place(Path("runs")), _place(cache_root())
    told = os.environ.get("EVOAE_DATA")
    folders = [*([Path(told).expanduser()] if told else []), keras_datasets(), SYSTEM]
    missing = [
        *_missing_software(absent, tensorflow),
        *_missing_room(runs, cache),
        *_missing_memory(workers, room),
        *_missing_gpus(installed, visible, tensorflow),
        *unreadable,
        *(
            Missing(f"data set {name} is not here", f"evoae data get {name}")
            for name, found in data.items()
            if found is None
        ),
    ]
    return Examination(
        software,
        cores,
        workers,
        room,
        flags,
        has_bfloat16(tensorflow, flags),
        installed,
        visible,
        tensorflow,
        data,
        runs,
        cache,
        tuple(map(_place, folders)),
        tuple(sorted(missing, key=lambda each: not each.fatal)),
    )


def _missing_software(absent: list[str], tensorflow: TensorFlow | None) -> Iterator[Missing]:
    for name in absent:
        yield Missing(f"{name} is not installed", f"{_PIP} {name}", fatal=True)
    if tensorflow is not None and tensorflow.problem is not None:
        anew = f"{_PIP} --force-reinstall tensorflow"
        yield Missing(f"TensorFlow {tensorflow.problem}", anew, fatal=True)


def _missing_room(runs: Place, cache: Place) -> Iterator[Missing]:
    remedies = ((runs, "run folders", "cd FOLDER"), (cache, "cache", "export EVOAE_CACHE=FOLDER"))
    for place, purpose, command in remedies:
        if not place.writable:
            yield Missing(f"{place.path} ({purpose}) cannot be written", command, fatal=True)
        elif place.free is not None and place.free < _LITTLE_DISK:
            yield Missing(
                f"{place.path} ({purpose}) has only {mebibytes(place.free)} free", command
            )


def _missing_memory(workers: int, room: Memory) -> Iterator[Missing]:
    fitting = room.free // BASE_BYTES
    if fitting < workers:
        said = f"{workers} workers need {mebibytes(BASE_BYTES)} each before they train, "
        yield Missing(
            f"{said}and {mebibytes(room.free)} are free",
            f"add --set execution.workers={max(1, fitting)} to search or resume",
            fatal=not fitting,
        )


def _missing_gpus(
    installed: tuple[Gpu, ...], visible: tuple[str, ...], tensorflow: TensorFlow | None
) -> Iterator[Missing]:
    if tensorflow is None or tensorflow.problem is not None:
        return
    if visible and not tensorflow.gpus:
        why = "its CUDA packages are missing" if tensorflow.cuda else "it is built without CUDA"
        yield Missing(f"TensorFlow cannot use the GPU ({why})", f"{_PIP} 'evoae[cuda]'")
    elif tensorflow.gpus and not visible:
        yield Missing(
            "no nvidia-smi on the PATH, so workers are not pinned to GPUs",
            f"export {VISIBLE}={','.join(map(str, range(len(tensorflow.gpus))))}",
        )
    elif installed and not visible:
        yield Missing(f"{VISIBLE} hides every GPU", f"unset {VISIBLE}")


def _named_sets() -> tuple[dict[str, str | None], list[Missing]]:
    """Return where each named set is, and what is in the way of looking."""
    found: dict[str, str | None] = {}
    unreadable = []
    for name, known in NAMED.items():
        try:
            found[name] = known.fetcher.find(None)
        except DataError as why:
            unreadable.append(Missing(f"data set {name}: {why}", f"chmod -R u+rX {why.place}"))
    return found, unreadable


def _place(path: Path) -> Place:
    path = path.absolute()
    nearest = next(folder for folder in (path, *path.parents) if folder.exists())
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Place(str(path), path.exists(), writable, shutil.disk_usage(nearest).free)
