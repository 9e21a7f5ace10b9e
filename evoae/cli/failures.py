"""`evoae failures`: the candidates that earned no score, and why."""

from __future__ import annotations

import click


@click.command("failures", short_help="The candidates that failed, and why.")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, tracebacks included.")
def command(run: str, as_json: bool) -> None:
    """List the candidates of RUN that failed, with their kind and reason."""
    from evoae.cli import formatting
    from evoae.cli.tables import print_json, print_table
    from evoae.runs.run import Run

    failures = Run.open(run).failures()
    if as_json:
        print_json([{**found.summary(), "traceback": found.traceback} for found in failures])
        return
    if not failures:
        click.echo("No candidate failed.", err=True)
        return
    rows = [
        (
            formatting.short(found.candidate.id),
            found.kind,
            str(found.candidate.generation),
            found.message,
            found.candidate.genome,
        )
        for found in failures
    ]
    print_table(("id", "kind", "gen", "reason", "genome"), rows, right={"gen"})
    steps = [(formatting.command("replay", run, rows[0][0]), "train one alone, to see why")]
    if any(found.kind in ("crashed", "timed_out", "out_of_memory") for found in failures):
        again = formatting.command("resume", run, "--retry-failed")
        steps.append((again, "try again what the machine or a limit may have ended"))
    formatting.next_steps(steps)
