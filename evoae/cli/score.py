"""`evoae score`: how strange each item is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.use.items import Split


@click.command("score", short_help="Each item's reconstruction error, to find anomalies.")
@options.model
@options.items
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="One label for each item: .npy, or text with one a line. [the data's own]",
)
@click.option(
    "--normal", multiple=True, metavar="VALUE", help="Label of normal items; repeatable."
)
@click.option("--anomaly", multiple=True, metavar="VALUE", help="Label of anomalies; repeatable.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="PATH", help="A .csv file. [stdout]"
)
@options.force
@click.option("--json", "as_json", is_flag=True, help="Print JSON, the ROC-AUC included.")
def command(
    run: str,
    id: str,
    data: str | None,
    split: Split | None,
    limit: int | None,
    labels: Path | None,
    normal: tuple[str, ...],
    anomaly: tuple[str, ...],
    out: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Print the error with which model ID of RUN rebuilds each item, as CSV.

    With --normal or --anomaly, which say what labels mean, also the area under the ROC curve.
    """
    from dataclasses import replace

    from evoae.cli import formatting
    from evoae.cli.tables import print_json
    from evoae.data.labels import read_labels
    from evoae.use.items import choose
    from evoae.use.model import open_model
    from evoae.use.output import check_output, csv_text, write_csv
    from evoae.use.score import roc_auc, score

    if out is not None:
        check_output(out, {".csv"}, force=force)
    model = open_model(run, id)
    items = choose(model, data=data, split=split)
    if labels is not None:
        items = replace(items, labels=read_labels(labels, len(items), "--labels"))
    scores = score(model, items.first(limit))
    wanted = normal or anomaly or labels is not None
    auc = roc_auc(scores, normal=normal, anomaly=anomaly) if wanted else None
    header, rows = scores.lines()
    if out is not None:
        write_csv(out, header, rows)
    if as_json:
        listed = [dict(zip(header, row, strict=True)) for row in rows]
        print_json({"items": items.name, "loss": scores.loss, "roc_auc": auc, "scores": listed})
        return
    click.echo(f"{formatting.plural(len(rows), 'score')} of {items.name}", err=True)
    if auc is not None:
        click.echo(f"ROC-AUC {auc:.4f}", err=True)
    click.echo(csv_text(header, rows) if out is None else out, nl=out is not None)
