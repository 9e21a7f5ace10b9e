"""`evoae encode`: codes of items."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.use.items import Split


@click.command("encode", short_help="Codes of items, as .npz or CSV.")
@options.model
@options.items
@click.option("--concat", is_flag=True, help="Put each item's own values before its code.")
@options.out("A .npz or .csv file.")
def command(
    run: str,
    id: str,
    data: str | None,
    split: Split | None,
    limit: int | None,
    concat: bool,
    out: Path,
    force: bool,
) -> None:
    """Write the codes that model ID of RUN gives to items."""
    from evoae.cli import formatting
    from evoae.use.encode import SUFFIXES, encode, write_codes
    from evoae.use.items import choose
    from evoae.use.model import open_model
    from evoae.use.output import check_output

    check_output(out, SUFFIXES, force=force)
    model = open_model(run, id)
    items = choose(model, data=data, split=split, limit=limit)
    write_codes(out, encode(model, items), items, concat=concat)
    click.echo(f"{formatting.plural(len(items), 'code')} of {items.name}", err=True)
    click.echo(out)
