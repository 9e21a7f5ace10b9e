"""`evoae resume`: go on with a run."""

from __future__ import annotations

import click


@click.command("resume", short_help="Go on after an interruption, or for more generations.")
@click.argument("run")
@click.option(
    "--generations", type=click.IntRange(min=1), help="How many more than asked for so far."
)
@click.option(
    "--retry-failed",
    is_flag=True,
    help="Try again what crashed, ran out of time or out of memory, as if it had never failed.",
)
@click.option(
    "--accept-models",
    is_flag=True,
    help="Keep a model that is trained again even if its loss is not the recorded one.",
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting that no finished training depends on, such as execution.workers=4.",
)
def command(
    run: str,
    generations: int | None,
    retry_failed: bool,
    accept_models: bool,
    overrides: tuple[str, ...],
) -> None:
    """Go on with RUN, a folder or its name under runs/.

    No finished training is repeated, and the run ends where it would have ended undisturbed.

    Trainings that a time or memory limit ended are tried again if that limit is higher now. The
    search then goes back to the generation that asked for the first of them; what it had trained
    from there on is taken wherever it is proposed again.
    """
    from evoae.cli.progress import watched
    from evoae.search import resume

    watched(
        lambda watcher: resume(
            run,
            generations=generations,
            overrides=overrides,
            retry_failed=retry_failed,
            accept_models=accept_models,
            watcher=watcher,
        )
    )
