"""`evoae failures`: lists the candidates without a score, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, next_steps, print_table, say
from evoae.formatting import command as typed
from evoae.formatting import short

if TYPE_CHECKING:
    from evoae.runs.run import Run


@click.command("failures")
@options.opened
@options.json("Print JSON, tracebacks included.")
def command(run: Run) -> Output:
    """List the candidates of RUN that failed, with their kind and reason."""
    data = [{**failed.summary(), "traceback": failed.traceback} for failed in run.failures()]
    return Output(data, lambda: _print(run))


def _print(run: Run) -> None:
    failures = run.failures()
    if not failures:
        say("No candidate failed.")
        return
    rows = [
        (short(candidate.id), failed.kind, candidate.generation, failed.message, candidate.genome)
        for failed in failures
        for candidate in [failed.candidate]
    ]
    print_table(("id", "kind", "gen", "reason", "genome"), rows, right={"gen"})
    steps = [(typed("replay", run.path, rows[0][0]), "train one alone, to see why")]
    if any(failed.kind in ("crashed", "timed_out", "out_of_memory") for failed in failures):
        again = typed("resume", run.path, "--retry-failed")
        steps.append((again, "try again what the machine or a limit may have ended"))
    next_steps(*steps)
