"""`evoae report`: writes the whole run as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options
from evoae.cli.output import Output, print_written, say
from evoae.formatting import size


@click.command("report")
@options.run
@options.out(
    "An .html file. [report.html in the run's folder, replaced]",
    "evoae.report.page",
    required=False,
)
@options.number("--top", default=4, help="Models whose copies are shown.")
@options.json()
def command(run: str, out: Path | None, top: int) -> Output:
    """Write all that is known of RUN as one HTML page, be it running, finished or failed.

    The page needs no network and no other file. The test set is not opened for it.
    """
    from evoae.report.page import write_report

    written = write_report(run, out, top=top)
    for sentence in written.missing:
        say(f"Not shown: {sentence}")
    told = f"{size(written.bytes)}, needs no network"
    return Output(written, lambda: print_written(written.path, told))
