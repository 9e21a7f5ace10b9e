"""`evoae resume`: go on with a run."""

from __future__ import annotations

import click


@click.command("resume", short_help="Go on after an interruption, or for more generations.")
@click.argument("run")
@click.option(
    "--generations", type=click.IntRange(min=1), help="How many more than asked for so far."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting that no finished training depends on, such as execution.workers=4.",
)
def command(run: str, generations: int | None, overrides: tuple[str, ...]) -> None:
    """Go on with RUN, a folder or its name under runs/.

    No finished training is repeated, and the run ends where it would have ended undisturbed.
    """
    from evoae.cli.progress import watched
    from evoae.search import resume

    watched(
        lambda watcher: resume(run, generations=generations, overrides=overrides, watcher=watcher)
    )
