"""`evoae encode`: writes the codes of items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import print_written
from evoae.formatting import plural

if TYPE_CHECKING:
    from evoae.use.items import Items
    from evoae.use.model import Model


@click.command("encode")
@options.items
@click.option("--concat", is_flag=True, help="Put each item's own values before its code.")
@options.keep
@options.out("A .npz or .csv file.", "evoae.use.encode")
def command(
    model: Model, items: Items, limit: int | None, concat: bool, keep: tuple[str, ...], out: Path
) -> None:
    """Write the codes that model ID of RUN gives to items."""
    from evoae.use.encode import encode, write_codes

    items = items.first(limit)
    write_codes(out, encode(model, items), items, concat=concat, keep=keep)
    print_written(out, f"{plural(len(items), 'code')} of {items.name}")
