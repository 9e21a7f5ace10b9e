"""`evoae report`: the whole run as one HTML page."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options


@click.command("report", short_help="The whole run as one HTML page.")
@click.argument("run")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="An .html file. [report.html in the run's folder, replaced]",
)
@options.force
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="Models whose copies are shown.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, out: Path | None, force: bool, top: int, as_json: bool) -> None:
    """Write all that is known of RUN as one HTML page, be it running, finished or failed.

    The page needs no network and no other file. The test set is not opened for it.
    """
    from evoae.cli import formatting
    from evoae.cli.tables import print_json
    from evoae.report.page import SUFFIXES, write_report
    from evoae.use.output import check_output

    if out is not None:
        check_output(out, SUFFIXES, force=force)
    written = write_report(run, out, top=top)
    for sentence in written.missing:
        click.echo(f"Not shown: {sentence}", err=True)
    if as_json:
        print_json(written.summary())
        return
    click.echo(f"{formatting.size(written.bytes)}, needs no network", err=True)
    click.echo(written.path)
