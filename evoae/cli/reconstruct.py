"""`evoae reconstruct`: writes items beside their reconstructions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from evoae.cli import options
from evoae.cli.output import print_written
from evoae.formatting import plural

if TYPE_CHECKING:
    from evoae.use.items import Items
    from evoae.use.model import Model


@click.command("reconstruct")
@options.items
@options.keep
@options.choice(
    "--how",
    *("mean", "sample"),
    help="Of a variational model: decode the mean of an item's posterior, or a draw from it. "
    "[mean]",
)
@options.number("--seed", least=0, help="Of the draws. [0]")
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
def command(
    model: Model,
    items: Items,
    limit: int | None,
    keep: tuple[str, ...],
    how: Literal["mean", "sample"] | None,
    seed: int | None,
    out: Path,
) -> None:
    """Write items and what model ID of RUN makes of them.

    A picture shows 64 if not told: rows of up to 16 items, and under each row its copies; between
    them what the copies were made of, where the run corrupts its inputs (denoising).
    """
    from evoae.use.reconstruct import IN_A_PICTURE, check_posterior, write_rebuilt

    if how is not None:
        check_posterior(model)
    if how != "sample" and seed is not None:
        raise click.UsageError("--seed is of draws: ask for them with --how sample")
    drawn = (seed or 0) if how == "sample" else None
    items = items.first(limit or (IN_A_PICTURE if out.suffix.lower() == ".png" else None))
    write_rebuilt(out, model, items, keep, drawn)
    print_written(out, f"{plural(len(items), 'item')} of {items.name}")
