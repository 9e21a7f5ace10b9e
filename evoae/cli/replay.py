"""`evoae replay`: one candidate again."""

from __future__ import annotations

import click


@click.command("replay", short_help="Train one candidate again, to see why it failed.")
@click.argument("run")
@click.argument("id", metavar="ID")
def command(run: str, id: str) -> None:
    """Train candidate ID of RUN again: same network, data and seed, in this process.

    Nothing is recorded, and no time or memory limit is kept.
    """
    from evoae.cli import formatting
    from evoae.engine.replay import replay
    from evoae.evaluation import Outcome

    found, now = replay(run, id)
    click.echo(f"{formatting.short(now.id)}  {found.candidate.genome}")
    recorded = found.evaluation
    if recorded is not None:
        click.echo(f"recorded  {recorded.outcome}  loss {formatting.loss(recorded.fitness)}")
    click.echo(f"now       {now.outcome}  loss {formatting.loss(now.fitness)}")
    if now.message:
        click.echo(now.message)
    if now.traceback and now.outcome is not Outcome.DIVERGED:  # of which the message says all
        click.echo(now.traceback)
    if recorded is not None:
        same = (now.outcome, now.fitness) == (recorded.outcome, recorded.fitness)
        click.echo("The same, to the last digit." if same else "Not the same.", err=True)
