"""`evoae score`: writes an anomaly score of each item."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_csv, say
from evoae.formatting import plural

if TYPE_CHECKING:
    from evoae.use.items import Items
    from evoae.use.model import Model


@click.command("score")
@options.items
@options.path(
    "--labels",
    metavar="FILE",
    help="One label for each item: .npy, or text with one a line. [the data's own]",
)
@click.option(
    "--normal", multiple=True, metavar="VALUE", help="Label of normal items; repeatable."
)
@click.option("--anomaly", multiple=True, metavar="VALUE", help="Label of anomalies; repeatable.")
@click.option("--sort", is_flag=True, help="The strangest items first.")
@options.number("--top", help="Only so many of the strangest.")
@options.keep
@options.out("A .csv file. [stdout]", "evoae.use.score", required=False)
@options.json("Print JSON, the ROC-AUC included.")
def command(
    model: Model,
    items: Items,
    limit: int | None,
    labels: Path | None,
    normal: tuple[str, ...],
    anomaly: tuple[str, ...],
    sort: bool,
    top: int | None,
    keep: tuple[str, ...],
    out: Path | None,
) -> Output:
    """Print the error with which model ID of RUN rebuilds each item, as CSV.

    Each bears the number of its row, its file or its place in the array, and a table's keys.

    With --normal or --anomaly, which say what labels mean, also the area under the ROC curve.
    """
    from dataclasses import replace

    from evoae.data.labels import read_labels
    from evoae.use.output import write_csv
    from evoae.use.score import roc_auc, score

    if labels is not None:
        items = replace(items, labels=read_labels(labels, len(items), "--labels"))
    scores = score(model, items.first(limit), keep)
    wanted = normal or anomaly or labels is not None
    auc = roc_auc(scores, normal=normal, anomaly=anomaly) if wanted else None
    header, rows = scores.lines(highest_first=sort or top is not None, top=top)
    if out is not None:
        write_csv(out, header, rows)

    def text() -> None:
        say(f"{plural(len(rows), 'score')} of {items.name}")
        if auc is not None:
            say(f"ROC-AUC {auc:.4f}")
        if out is None:
            print_csv(header, rows)
        else:
            click.echo(out)

    listed = [dict(zip(header, row, strict=True)) for row in rows]
    data = {"items": items.name, "loss": scores.loss, "roc_auc": auc, "scores": listed}
    return Output(data, text)
