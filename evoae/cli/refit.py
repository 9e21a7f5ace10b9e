"""`evoae refit`: winners, trained properly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evoae.experiments.refit import Refitted


@click.command("refit", short_help="Train a winner properly, and measure it on the test set.")
@click.argument("run")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--top", type=click.IntRange(min=1), help="The best so many of the hall of fame.")
@options.refit
@options.overrides
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: str,
    ids: tuple[str, ...],
    top: int | None,
    epochs: int | None,
    seeds: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train candidates of RUN from scratch on all training data, and measure them on the test set.

    ID is any unambiguous prefix, or `best`, which is also what none means. The validation split
    says which epoch and which training is kept, or with refit.with_validation it is trained on as
    well; the test set is opened at the very end.
    """
    from evoae.cli.tables import print_json
    from evoae.experiments.refit import refit

    if ids and top is not None:
        raise click.UsageError("give IDs or --top, not both")
    settings = options.given(epochs=epochs, seeds=seeds)
    done = refit(
        run,
        ids or ("best",),
        top=top,
        settings=settings,
        overrides=overrides,
        say=lambda line: click.echo(line, err=True),
    )
    if as_json:
        print_json([refitted.summary() for refitted in done])
    else:
        print_refitted(run, done)


def print_refitted(run: str, done: Sequence[Refitted]) -> None:
    """Print one table of figures, a row for each candidate."""
    from evoae.cli import formatting
    from evoae.cli.tables import print_table
    from evoae.runs.run import Run

    names = list(dict.fromkeys(name for refitted in done for name in refitted.test))
    rows = []
    for refitted in done:
        figures = [
            formatting.loss(refitted.test.get(name))
            + (f" ± {formatting.loss(refitted.deviation[name])}" if refitted.deviation else "")
            for name in names
        ]
        epochs = "-" if refitted.epochs is None else f"{refitted.epochs[1]}/{refitted.epochs[0]}"
        pca = [formatting.loss(refitted.pca)]
        rows.append(
            (
                formatting.short(refitted.id),
                epochs,
                formatting.loss(refitted.val_loss),
                *figures,
                *pca,
            )
        )
    headers = ["id", "epochs", "validation", *(f"test {name}" for name in names), "PCA mse"]
    print_table(headers, rows, right=set(headers[1:]))
    for refitted in done:
        if refitted.message is not None:
            click.echo(f"{formatting.short(refitted.id)}: {refitted.message}", err=True)
    opened = Run.open(run)
    for refitted in done:
        searched = opened.find(refitted.id).evaluation
        before = None if searched is None else searched.fitness
        if before is not None and refitted.val_loss is not None and refitted.val_loss > before:
            click.echo(
                f"{formatting.short(refitted.id)}: its validation loss is above the search's, "
                f"{formatting.loss(before)}; try more epochs. "
                "The other commands use this model now.",
                err=True,
            )
    trained = [formatting.short(refitted.id) for refitted in done if refitted.trained]
    if trained:
        copies = "copies.png" if opened.data_kind().pictures else "copies.csv"
        formatting.next_steps(
            [
                (
                    formatting.command(
                        "export", run, trained[0], "--format", "onnx", "--out", "model.onnx"
                    ),
                    "take it away",
                ),
                (
                    formatting.command("reconstruct", run, trained[0], "--out", copies),
                    "see what it rebuilds",
                ),
            ]
        )
