"""`evoae status`: where a run stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import wording

if TYPE_CHECKING:
    from evoae.runs.status import Status


@click.command("status", short_help="Where a run stands.")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, as_json: bool) -> None:
    """Say where RUN stands, be it running, interrupted or finished."""
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    status = Run.open(run).status()
    if as_json:
        print_json(status.summary())
        return
    click.echo(_where(status))
    click.echo(" · ".join(_figures(status)))
    if status.why is not None:
        click.echo(f"Stopped: {status.why}. See:  evoae failures {status.run}", err=True)
    if status.state == "interrupted":
        click.echo(f"Go on with:  evoae resume {status.run}", err=True)


def _where(status: Status) -> str:
    """Word the run, its state, its generation and its best candidate."""
    state = status.state
    if status.pid is not None:
        state += f" (pid {status.pid}, {wording.plural(status.workers or 1, 'worker')})"
    generation = str(status.generation)
    if status.generations is not None:
        generation += f"/{status.generations}"
    best = "no score yet"
    if status.best is not None:
        best = f"best {wording.loss(status.best[1])}  {wording.short(status.best[0])}"
    return f"{status.run}  {state}      generation {generation}      {best}"


def _figures(status: Status) -> list[str]:
    """Word what was trained and what it cost."""
    figures = [f"trained {status.scored}", f"reused {status.reused}", f"failed {status.failed}"]
    if status.repeated:
        figures.insert(1, f"again {status.repeated}")
    if status.raced:
        figures[0] += f" ({status.raced} stopped early)"
    if status.borrowed:
        figures.append(f"taken over {status.borrowed}")
    if status.cost:
        figures.append(f"cost {wording.flops(status.cost)}")
    if status.noise is not None:
        figures.append(f"noise {status.noise:.1%}")
    if status.state == "running" and status.eta_seconds is not None:
        figures.append(f"{wording.about(status.eta_seconds)} left")
    figures.append(f"{wording.size(status.disk_bytes)} on disk")
    return figures
