"""`evoae doctor`: what was found on this machine, and what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evoae.execution.doctor import Examination, Place

_BFLOAT16 = {
    True: "has instructions for it (training.precision: bfloat16)",
    False: "emulated, likely slower than float32",
    None: "unknown",
}


@click.command("doctor", short_help="What was found on this machine, and what is missing.")
@click.option("--quick", is_flag=True, help="Don't load TensorFlow; trust that it works.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(ctx: click.Context, quick: bool, as_json: bool) -> None:
    """Say what was found on this machine, and what is missing, with the command that provides it.

    Exit code 0 if a search can run here, 1 if not.
    """
    import dataclasses

    from evoae import __version__
    from evoae.cli.tables import print_json
    from evoae.execution.doctor import examine

    found = examine(quick=quick)
    if as_json:
        print_json({"evoae": __version__, "able": found.able, **dataclasses.asdict(found)})
    else:
        for label, value in _lines(found):
            click.echo(f"{label:<11} {value}")
        for missing in found.missing:
            click.echo(f"\n{'Needed' if missing.fatal else 'Could be better'}: {missing.what}")
            click.echo(f"  {missing.command}")
        click.echo(f"\nA search can{'' if found.able else 'not'} run here.")
    ctx.exit(0 if found.able else 1)


def _lines(found: Examination) -> Iterator[tuple[str, str]]:
    from evoae import __version__
    from evoae.cli import formatting

    software, memory = found.software, found.memory
    names = {"tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy", "deap": "DEAP"}
    versions = [f"{said} {software.version_of(name) or '-'}" for name, said in names.items()]
    yield (
        "software",
        " · ".join([f"evoae {__version__}", f"Python {software.python_version}", *versions]),
    )
    yield "system", software.system
    flags = "features unknown"
    if found.cpu_flags is not None:
        flags = " ".join(flag if has else f"no {flag}" for flag, has in found.cpu_flags.items())
    yield (
        "processor",
        f"{software.processor} · {formatting.plural(found.cores, 'core')} · {flags}",
    )
    yield "bfloat16", _BFLOAT16[found.bfloat16]
    limit = "" if memory.limit is None else f", limited to {formatting.size(memory.limit)}"
    yield "memory", f"{formatting.size(memory.total)}{limit}, {formatting.size(memory.free)} free"
    yield "GPUs", _gpus(found)
    yield "workers", f"{found.workers} (execution.workers: auto)"
    for name, place in found.data.items():
        yield "data", f"{name:<14} {place or 'not here'}"
    yield "looked in", " · ".join(place.path for place in found.data_places)
    yield "runs", _place(found.runs)
    yield "cache", _place(found.cache)


def _gpus(found: Examination) -> str:
    from evoae.cli import formatting

    cards = [
        f"{gpu.index}: {gpu.name}"
        + (f", {formatting.size(gpu.memory_total)}" if gpu.memory_total is not None else "")
        for gpu in found.gpus
    ]
    said = " · ".join(cards) or "no NVIDIA card found"
    if found.gpus and len(found.visible_gpus) < len(found.gpus):
        said += f" · visible: {', '.join(found.visible_gpus) or 'none'}"
    if found.tensorflow is None:
        return f"{said} · TensorFlow not asked"
    return f"{said} · TensorFlow uses {', '.join(found.tensorflow.gpus) or 'none'}"


def _place(place: Place) -> str:
    from evoae.cli import formatting

    notes = [place.path if place.exists else f"{place.path} (made when needed)"]
    if place.free is not None:
        notes.append(f"{formatting.size(place.free)} free")
    return " · ".join(notes)
