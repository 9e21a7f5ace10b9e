"""`evoae resume`: goes on with a run."""

from __future__ import annotations

from typing import Any

import click

from evoae.cli import options


@click.command("resume")
@options.run
@options.number("--generations", help="So many more than it was asked for so far.")
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Train again what crashed, ran out of time or out of memory.",
)
@click.option(
    "--accept-models",
    is_flag=True,
    help="Where a missing model is trained again, keep it even if its loss differs much.",
)
@options.overrides(
    "Change a setting that no finished training depends on, such as execution.workers=4."
)
def command(run: str, **settings: Any) -> None:
    """Go on with RUN, a folder or its name under runs/.

    No finished training is repeated, and the run ends where it would have ended undisturbed.

    With --retry-failed the search is repeated from the generation in which the first failed
    network appeared, as if it had not failed. Networks that turn up again keep their results; the
    run as it was stays in its folder before-retry-1. Where --set raises training.time_limit or
    execution.memory_limit, this happens by itself for the trainings that the lower limit ended.
    """
    from evoae.cli.progress import watched
    from evoae.engine.session import resume

    watched(lambda callback: resume(run, callback=callback, **settings))
