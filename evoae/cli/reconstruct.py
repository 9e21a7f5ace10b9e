"""`evoae reconstruct`: items beside their copies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.use.items import Split


@click.command("reconstruct", short_help="Items beside what comes out for them.")
@options.model
@options.items
@options.out("A .png picture, .npz arrays, or a table's .csv.")
def command(
    run: str,
    id: str,
    data: str | None,
    split: Split | None,
    limit: int | None,
    out: Path,
    force: bool,
) -> None:
    """Write items and what model ID of RUN makes of them.

    A picture shows 64 if not told: rows of up to 16 items, and under each row its copies; between
    them what the copies were made of, where the run corrupts its inputs (denoising).
    """
    from evoae.cli import formatting
    from evoae.use.items import choose
    from evoae.use.model import open_model
    from evoae.use.output import SUFFIXES, check_output
    from evoae.use.reconstruct import IN_A_PICTURE, write_rebuilt

    check_output(out, SUFFIXES, force=force)
    model = open_model(run, id)
    shown = limit or (IN_A_PICTURE if out.suffix.lower() == ".png" else None)
    items = choose(model, data=data, split=split, limit=shown)
    write_rebuilt(out, model, items)
    click.echo(f"{formatting.plural(len(items), 'item')} of {items.name}", err=True)
    click.echo(out)
