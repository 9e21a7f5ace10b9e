"""`evoae sample`: decodes new items from random codes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, say, say_clipped
from evoae.formatting import plural

if TYPE_CHECKING:
    from evoae.use.items import ItemName
    from evoae.use.model import Model
    from evoae.use.sample import How


@click.command("sample")
@options.model
@options.number("-n", "--number", default=64, help="How many.")
@options.choice(
    "--how",
    *("mean", "mode", "sample"),
    shown="mean of images, sample of rows",
    help="What to take of the distribution that a decoded code stands for; of a category the mode "
    "is the most likely one, a sample one drawn by their shares.",
)
@click.option(
    "--near",
    metavar="ITEM",
    callback=options.named_items,
    help="Draw around the code of an item, named as in results: row=279, file=cats/01.png, "
    "index=17, or by a key; or a position in the validation split, from 0.",
)
@click.option(
    "--width",
    type=click.FloatRange(min=0, min_open=True),
    metavar="TIMES",
    help="Of the draws around ITEM: of a variational model times the deviations of the item's "
    "posterior [1], of others times those of training codes [0.25].",
)
@options.number("--seed", least=0, default=0, help="Of the draws.")
@options.data
@options.out("A .png picture, .npz arrays, or a table's .csv.", "evoae.use.output")
@options.json("Print JSON: the file, and for each column of a table the statistics.")
def command(
    model: Model,
    number: int,
    how: How | None,
    near: list[ItemName] | None,
    width: float | None,
    seed: int,
    data: str | None,
    out: Path,
) -> Output:
    """Draw codes at random and write what model ID of RUN decodes them to.

    A variational model has a prior to draw from; for others a Gaussian is fitted to the codes of
    training items. No number of a row leaves the range of the training rows; how many would have
    is said, and so are the statistics that differ most from those of the training rows.
    """
    from evoae.data.comparison import farthest
    from evoae.use.items import choose_named
    from evoae.use.output import check_decodable, write_decoded
    from evoae.use.sample import sample

    if near is not None and len(near) > 1:
        raise click.UsageError("--near takes one item; 'evoae interpolate' goes between several")
    if width is not None and near is None:
        raise click.UsageError("--width is of the draws around an item: name it with --near")
    check_decodable(out, model, number)
    item, around, place = None, None, "from "
    if near is not None:
        items, numbers = choose_named(model, near, data=data, say=say)
        item, around = items.at(numbers), f"{items.called(numbers[0])} of {items.name}"
        place = f"around {around}: "
        if model.run is not None:  # whose own items tell how codes vary; `data` holds the item
            data = None
    # A mean image is sharp enough to look at; mean rows are all alike.
    how = how or ("mean" if model.kind.pictures else "sample")
    drawn = sample(model, number, how=how, seed=seed, data=data, near=item, width=width)
    write_decoded(out, drawn, model.kind)
    say(f"{plural(number, 'code')} {place}{drawn.source}")
    say_clipped(drawn.clipped)
    statistics = model.kind.compare(drawn.values)
    if not model.kind.pictures and not statistics:
        say("the range of the training rows is not known: nothing is clipped or compared")
    elif statistics and near is None:
        say(farthest(statistics, number))
    told = {
        "path": out,
        "codes": number,
        "source": drawn.source,
        "near": around,
        "clipped": drawn.clipped,
        "statistics": statistics,
    }
    return Output(told, lambda: click.echo(out))
