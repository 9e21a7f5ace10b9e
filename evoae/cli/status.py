"""`evoae status`: where a run stands."""

from __future__ import annotations

import click


@click.command("status", short_help="Where a run stands.")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, as_json: bool) -> None:
    """Say where RUN stands, be it running, interrupted or finished."""
    from evoae.cli import wording
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    status = Run.open(run).status()
    if as_json:
        print_json(status.summary())
        return
    state = status.state
    if status.pid is not None:
        state += f" (pid {status.pid}, {wording.plural(status.workers or 1, 'worker')})"
    best = "no score yet"
    if status.best is not None:
        best = f"best {wording.loss(status.best[1])}  {wording.short(status.best[0])}"
    click.echo(
        f"{status.run}  {state}      generation {status.generation}/{status.generations}"
        f"      {best}"
    )
    figures = [f"trained {status.scored}", f"reused {status.reused}", f"failed {status.failed}"]
    if status.borrowed:
        figures.insert(2, f"taken over {status.borrowed}")
    if status.state == "running" and status.eta_seconds is not None:
        figures.append(f"{wording.about(status.eta_seconds)} left")
    figures.append(f"{wording.size(status.disk_bytes)} on disk")
    click.echo(" · ".join(figures))
    if status.state == "interrupted":
        click.echo(f"Go on with:  evoae resume {status.run}", err=True)
