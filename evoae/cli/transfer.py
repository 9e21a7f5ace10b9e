"""`evoae transfer`: what the code is worth to a classifier."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean

import click


@click.command("transfer", short_help="What the code is worth to a classifier.")
@click.argument("run")
@click.argument("id", metavar="[ID]", default="best")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A class for each item before the split, as .npy or a line each. [the data's own]",
)
@click.option(
    "--examples",
    type=click.IntRange(min=4),
    help="Labelled training items to learn from; few are the test of a code. [all]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    help="Most passes of a network. [30, or as many as make 1,000 steps]",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="Repetitions, with other examples and start weights.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: str,
    id: str,
    labels: Path | None,
    examples: int | None,
    epochs: int | None,
    seeds: int,
    as_json: bool,
) -> None:
    """Compare classifiers that have the encoder of model ID of RUN with ones that don't.

    They learn from labelled items of the training split, a fifth of which says when a network
    stops, and are measured on the validation split; the test set stays closed. The autoencoder
    never saw a label.
    """
    from evoae.cli import formatting
    from evoae.cli.tables import print_json, print_table
    from evoae.experiments.downstream import transfer

    done = transfer(
        run,
        id,
        labels=labels,
        examples=examples,
        epochs=epochs,
        seeds=seeds,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        print_json(done.summary())
        return
    rows = []
    for result in done.methods:
        spread = "" if result.deviation is None else f" ± {100 * result.deviation:.1f}"
        epochs_used = f"{fmean(result.epochs):.0f}"
        seconds = f"{fmean(result.seconds):.1f}"
        rows.append((result.method, f"{result.mean:.1%}{spread}", epochs_used, seconds))
    rows.append(("chance: the most frequent class", f"{done.chance:.1%}", "-", "-"))
    click.echo(
        f"{done.model} ({'refitted' if done.refitted else 'as the search trained it'}), "
        f"{formatting.plural(done.latent, 'number')} a code\n"
        f"{done.data}: {done.classes:,} classes, {done.examples:,} labelled training items, "
        f"of which {done.stopping:,} say when a network stops\n"
        f"accuracy on {formatting.plural(done.validation, 'validation item')}, from which nothing "
        "learned; the test set stays closed\n",
        err=True,
    )
    headers = ("method", "accuracy", "epochs", "seconds")
    print_table(headers, rows, right=set(headers[1:]))
