"""`evoae refit`: trains the best candidates longer, on all training data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.advice import say_behind_pca
from evoae.cli.live import RefitLine
from evoae.cli.output import Output, next_steps, print_folded, print_table, say
from evoae.formatting import command as typed
from evoae.formatting import explained, figure, loss, short

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evoae.experiments.refit import Refitted
    from evoae.runs.run import Run


@click.command("refit")
@options.opened
@click.argument("ids", metavar="[ID]...", nargs=-1)
@options.number("--top", help="The best so many of the hall of fame.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True, max=1e7),
    help="Refit the best of the IDs, or of the hall of fame, in this time.",
)
@options.refit
@options.overrides()
@options.json()
def command(
    run: Run,
    ids: tuple[str, ...],
    top: int | None,
    minutes: float | None,
    settings: Mapping[str, object],
    overrides: tuple[str, ...],
) -> Output:
    """Train candidates of RUN from scratch on all training data, and measure them on the test set.

    ID is any unambiguous prefix, or `best`, which is also what none means. The validation split
    says which epoch and which training is kept, or with refit.with_validation it is trained on as
    well; where the search's own model is better by it, that one stays in use. The test set is
    opened at the very end.

    With --minutes several candidates compete for the time: each is refitted briefly, if there is
    time for that, then the two best ones for as long as is left.
    """
    from evoae.experiments.refit import refit
    from evoae.experiments.refit_within import refit_within

    if ids and top is not None:
        raise click.UsageError("give IDs or --top, not both")
    if minutes is not None:
        if "epochs" in settings:
            raise click.UsageError("give --epochs or --minutes, not both")
        if top is not None:
            ids = tuple(entry.id for entry in run.hall_of_fame()[:top])
        with RefitLine() as line:
            done = refit_within(
                run.path, minutes, ids, settings=settings, overrides=overrides, **line.hooks
            )
    else:
        with RefitLine() as line:
            done = refit(
                run.path,
                ids or ("best",),
                top=top,
                settings=settings,
                overrides=overrides,
                **line.hooks,
            )
    return Output(done, lambda: print_refitted(run, done))


def print_refitted(run: Run, done: Sequence[Refitted]) -> None:
    """Print one table of figures, a row for each candidate."""
    names = list(dict.fromkeys(name for refitted in done for name in refitted.test))
    headers = ["id", "epochs", "validation", *(f"test {name}" for name in names), "PCA mse"]
    print_table(headers, [_row(refitted, names) for refitted in done], right=set(headers[1:]))
    for refitted in done:
        if words := in_words(refitted):
            print_folded(f"{short(refitted.id)} {words}")
    for refitted in done:
        if refitted.message is not None:
            say(f"{short(refitted.id)}: {refitted.message}")
    for refitted in done:
        if advice := _advice(refitted):
            say(f"{short(refitted.id)}: {advice}")
    say_behind_pca(run)
    trained = sorted((r for r in done if r.trained), key=_judged)
    for id in [short(refitted.id) for refitted in trained][:1]:
        copies = "copies.png" if run.data_kind().pictures else "copies.csv"
        export = typed("export", run.path, id, "--format", "onnx", "--out", "model.onnx")
        reconstruct = typed("reconstruct", run.path, id, "--out", copies)
        next_steps((export, "take it away"), (reconstruct, "see what it rebuilds"))


def _judged(refitted: Refitted) -> float:
    return math.inf if refitted.val_loss is None else refitted.val_loss


def in_words(refitted: Refitted) -> str:
    """Say which share of the variance of the test set a refit explains; "" if it is unknown."""
    from evoae.runs.hall_of_fame import share

    variance = refitted.variance.get("test")
    reached = share(refitted.test.get("mse"), variance)
    return "" if reached is None else explained(reached, share(refitted.pca, variance))


def _advice(refitted: Refitted) -> str:
    """Say which model is used from now on if it is the search's, and what the curve suggests."""
    from evoae.experiments.refit_records import is_late

    if refitted.epochs is None or refitted.val_loss is None:
        return ""
    epochs, best = refitted.epochs
    curve = f"best at epoch {best} of {epochs}"
    overfits = not is_late(best, epochs)
    said = ""
    if refitted.handed_over == "search":
        losses = refitted.val_losses
        said = (
            f"the refit's validation loss, {loss(losses['refit'])}, is above that of the search's "
            f"model, {loss(losses['search'])}, which stays the one that other commands use. "
        )
        if not overfits:
            batch = refitted.settings["batch_size"]
            said += f"It was {curve}: try more epochs, or batches of less than {batch} items."
    if not best:
        said += (
            f"None of the refit's {epochs} epochs was better than PCA, from which it starts: try "
            f"--set refit.learning_rate={figure(refitted.settings['learning_rate'] / 4)}."
        )
    elif overfits:
        said += f"The refit was {curve}: it overfits, and more epochs would not help."
    return said


def _row(refitted: Refitted, names: Sequence[str]) -> list[str | float | None]:
    """Return a candidate's row, with the test figures of these names."""
    epochs = "-" if refitted.epochs is None else f"{refitted.epochs[1]}/{refitted.epochs[0]}"
    figures = [
        loss(refitted.test.get(name))
        + (f" ± {loss(refitted.deviation[name])}" if refitted.deviation else "")
        for name in names
    ]
    return [short(refitted.id), epochs, refitted.val_loss, *figures, refitted.pca]
