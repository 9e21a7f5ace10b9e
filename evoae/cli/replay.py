"""`evoae replay`: trains a recorded candidate again and compares the results."""

from __future__ import annotations

import click

from evoae.cli import options
from evoae.cli.output import say
from evoae.formatting import loss, short


@click.command("replay")
@options.run
@click.argument("id", metavar="ID")
def command(run: str, id: str) -> None:
    """Train candidate ID of RUN again: same network, data and seed, in this process.

    Nothing is recorded, and no time or memory limit is kept.
    """
    from evoae.engine.replay import replay
    from evoae.evaluation import Outcome

    before, now = replay(run, id)
    click.echo(f"{short(now.id)}  {before.candidate.genome}")
    recorded = before.evaluation
    if recorded is not None:
        click.echo(f"recorded  {recorded.outcome}  loss {loss(recorded.fitness)}")
    click.echo(f"now       {now.outcome}  loss {loss(now.fitness)}")
    if now.message:
        click.echo(now.message)
    if now.traceback and now.outcome is not Outcome.DIVERGED:  # of which the message says all
        click.echo(now.traceback)
    if recorded is not None:
        same = (now.outcome, now.fitness) == (recorded.outcome, recorded.fitness)
        say("The same, to the last digit." if same else "Not the same.")
