"""`evoae export`: a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.models.export import Format, Part

_COMPARED = 100  # items on which the file is compared with Keras


@click.command("export", short_help="Keras, ONNX or SavedModel; whole, encoder or decoder.")
@options.model
@click.option(
    "--format",
    "format",
    type=click.Choice(["keras", "onnx", "savedmodel"]),
    default="keras",
    show_default=True,
    help="Of the file.",
)
@click.option(
    "--part",
    type=click.Choice(["autoencoder", "encoder", "decoder"]),
    default="autoencoder",
    show_default=True,
    help="What to write.",
)
@options.data
@options.out("A .keras or .onnx file, or the SavedModel's folder.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: str,
    id: str,
    format: Format,
    part: Part,
    data: str | None,
    out: Path,
    force: bool,
    as_json: bool,
) -> None:
    """Write model ID of RUN, or of a .keras file, to a file that needs no evoae.

    The file is reloaded and compared with Keras on 100 real inputs before it gets its name.
    """
    import dataclasses

    from evoae.cli import formatting
    from evoae.cli.tables import print_json
    from evoae.models.export import check_export, export
    from evoae.use.items import choose
    from evoae.use.model import open_model

    check_export(out, format, force=force)
    model = open_model(run, id)
    items = choose(model, data=data, limit=_COMPARED)
    done = export(model.autoencoder, part, format, out, items.all(), force=force)
    if as_json:
        print_json({**dataclasses.asdict(done), "path": str(done.path)})
        return
    click.echo(
        f"{done.path}  {formatting.size(done.bytes)}  differs from Keras by at most "
        f"{done.difference:.1e} on {formatting.plural(done.items, 'item')}"
    )
