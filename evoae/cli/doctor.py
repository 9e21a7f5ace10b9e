"""`evoae doctor`: what was found on this machine, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae import __version__
from evoae.cli import options
from evoae.cli.output import Output, print_labelled
from evoae.formatting import plural, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evoae.execution.doctor import Examination, Place

_BFLOAT16 = {
    True: "has instructions for it (training.precision: bfloat16)",
    False: "emulated, likely slower than float32",
    None: "unknown",
}


@click.command("doctor")
@click.option("--quick", is_flag=True, help="Don't load TensorFlow; trust that it works.")
@options.json()
def command(quick: bool) -> Output:
    """Say what was found on this machine, and what is missing, with the command that provides it.

    Exit code 0 if a search can run here, 1 if not.
    """
    from dataclasses import asdict

    from evoae.execution.doctor import examine

    seen = examine(quick=quick)
    data = {"evoae": __version__, "able": seen.able, **asdict(seen)}
    return Output(data, lambda: _print(seen), exit_code=0 if seen.able else 1)


def _print(seen: Examination) -> None:
    print_labelled(_lines(seen))
    for missing in seen.missing:
        click.echo(f"\n{'Needed' if missing.fatal else 'Could be better'}: {missing.what}")
        click.echo(f"  {missing.command}")
    click.echo(f"\nA search can{'' if seen.able else 'not'} run here.")


def _lines(seen: Examination) -> Iterator[tuple[str, object]]:
    software, memory = seen.software, seen.memory
    names = {"tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy", "deap": "DEAP"}
    versions = [f"{said} {software.version_of(name) or '-'}" for name, said in names.items()]
    versions = [f"evoae {__version__}", f"Python {software.python_version}", *versions]
    yield "software", " · ".join(versions)
    yield "system", software.system
    flags = "features unknown"
    if seen.cpu_flags is not None:
        flags = " ".join(flag if has else f"no {flag}" for flag, has in seen.cpu_flags.items())
    yield "processor", f"{software.processor} · {plural(seen.cores, 'core')} · {flags}"
    yield "bfloat16", _BFLOAT16[seen.bfloat16]
    limit = "" if memory.limit is None else f", limited to {size(memory.limit)}"
    yield "memory", f"{size(memory.total)}{limit}, {size(memory.free)} free"
    yield "GPUs", _gpus(seen)
    yield "workers", f"{seen.workers} (execution.workers: auto)"
    for name, where in seen.data.items():
        yield "data", f"{name:<14} {where or 'not here'}"
    yield "looked in", " · ".join(folder.path for folder in seen.data_places)
    yield "runs", _place(seen.runs)
    yield "cache", _place(seen.cache)


def _gpus(seen: Examination) -> str:
    cards = [
        f"{gpu.index}: {gpu.name}"
        + (f", {size(gpu.memory_total)}" if gpu.memory_total is not None else "")
        for gpu in seen.gpus
    ]
    said = " · ".join(cards) or "no NVIDIA card found"
    if seen.gpus and len(seen.visible_gpus) < len(seen.gpus):
        said += f" · visible: {', '.join(seen.visible_gpus) or 'none'}"
    if seen.tensorflow is None:
        return f"{said} · TensorFlow not asked"
    return f"{said} · TensorFlow uses {', '.join(seen.tensorflow.gpus) or 'none'}"


def _place(folder: Place) -> str:
    made = "" if folder.exists else " (made when needed)"
    free = "" if folder.free is None else f" · {size(folder.free)} free"
    return f"{folder.path}{made}{free}"
