"""`evoae report`: writes the whole run as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options
from evoae.cli.output import Output, print_written, say
from evoae.formatting import size


class _MoreIds(click.Argument):
    """What stands behind `--models ID`: an option of click's takes no varying number of words."""

    def get_usage_pieces(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return nothing: the option's own line shows it."""
        return []


@click.command("report")
@options.run
@options.out(
    "An .html file. [report.html in the run's folder, replaced]",
    "evoae.report.page",
    required=False,
)
@options.number("--top", default=4, help="Models whose copies are shown.")
@click.option(
    "--models",
    "compared",
    metavar="ID ID...",
    help="2 to 4 models to see side by side instead; best is one.",
)
@click.argument("ids", nargs=-1, cls=_MoreIds)
@options.json()
def command(
    run: str, out: Path | None, top: int, compared: str | None, ids: tuple[str, ...]
) -> Output:
    """Write all that is known of RUN as one HTML page, be it running, finished or failed.

    The page needs no network and no other file. The test set is not opened for it.

    With --models the models of these IDs stand side by side: their figures, copies, curves and
    drawings. An ID is any unambiguous prefix, or `best`.
    """
    from evoae.report.page import write_report

    if ids and compared is None:
        raise click.UsageError(f"one RUN at a time; '--models {' '.join(ids)}' if these are IDs")
    models = () if compared is None else (compared, *ids)
    written = write_report(run, out, top=top, models=models)
    for sentence in written.missing:
        say(f"Not shown: {sentence}")
    told = f"{size(written.bytes)}, needs no network"
    return Output(written, lambda: print_written(written.path, told))
