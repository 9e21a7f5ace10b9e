"""`evoae search`: runs a search."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options


@click.command("search")
@options.config
@options.path("--run", help="Folder to make. [runs/NAME-N]")
@options.overrides()
def command(config_file: Path, run: Path | None, overrides: tuple[str, ...]) -> None:
    """Run a search, as a configuration file says.

    Ctrl-C finishes the trainings in flight and saves; `evoae resume` goes on. The hall of fame
    goes to stdout when it ends, everything else to stderr, warnings about the configuration first.
    """
    from evoae.cli.progress import watched
    from evoae.engine.session import search
    from evoae.experiments.config_warnings import config_warnings

    config = options.read_config(config_file, overrides)
    watched(
        lambda callback: search(config, run=run, name=config_file.stem, callback=callback),
        config_warnings,
    )
