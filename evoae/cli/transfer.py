"""`evoae transfer`: measures what the code is worth to a classifier."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from evoae.cli import options
from evoae.cli.output import Output, print_table, say
from evoae.formatting import plural

if TYPE_CHECKING:
    from evoae.experiments.downstream import Transfer


@click.command("transfer")
@options.run
@options.id
@options.path(
    "--labels",
    metavar="FILE",
    help="A class for each item before the split, as .npy or a line each. [the data's own]",
)
@options.number(
    "--examples",
    least=4,
    help="Labelled training items to learn from; few are the test of a code. [all]",
)
@options.number("--epochs", help="Most passes of a network. [30, or as many as make 1,000 steps]")
@options.number("--seeds", default=3, help="Repetitions, with other examples and start weights.")
@options.json()
def command(run: str, id: str, **settings: Any) -> Output:
    """Compare classifiers that have the encoder of model ID of RUN with ones that don't.

    They learn from labelled items of the training split, a fifth of which says when a network
    stops, and are measured on the validation split; the test set stays closed. The autoencoder
    never saw a label.
    """
    from evoae.experiments.downstream import transfer

    done = transfer(run, id, say=say, **settings)
    return Output(done, lambda: _print(done))


def _print(done: Transfer) -> None:
    say(
        f"{done.model} ({'refitted' if done.refitted else 'as the search trained it'}), "
        f"{plural(done.latent, 'number')} a code\n"
        f"{done.data}: {done.classes:,} classes, {done.examples:,} labelled training items, "
        f"of which {done.stopping:,} say when a network stops\n"
        f"accuracy on {plural(done.validation, 'validation item')}, from which nothing "
        "learned; the test set stays closed\n"
    )
    rows = []
    for result in done.methods:
        spread = "" if result.deviation is None else f" ± {100 * result.deviation:.1f}"
        means = f"{fmean(result.epochs):.0f}", f"{fmean(result.seconds):.1f}"
        rows.append((result.method, f"{result.mean:.1%}{spread}", *means))
    rows.append(("chance: the most frequent class", f"{done.chance:.1%}", "-", "-"))
    headers = ("method", "accuracy", "epochs", "seconds")
    print_table(headers, rows, right=set(headers[1:]))
