"""`evoae export`: writes a model for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output
from evoae.formatting import plural, size

if TYPE_CHECKING:
    from evoae.models.export import Format, Part

_COMPARED = 100  # items on which the file is compared with Keras


@click.command("export")
@options.run
@options.id
@options.choice("--format", "keras", "onnx", "savedmodel", default="keras", help="Of the file.")
@options.choice(
    "--part",
    *("autoencoder", "encoder", "decoder"),
    default="autoencoder",
    help="What to write.",
)
@options.data
@options.path("--out", required=True, help="A .keras or .onnx file, or the SavedModel's folder.")
@options.force
@options.json()
def command(
    run: str, id: str, format: Format, part: Part, data: str | None, out: Path, force: bool
) -> Output:
    """Write model ID of RUN, or of a .keras file, to a file that needs no evoae.

    The file is reloaded and compared with Keras on 100 real inputs before it gets its name.
    """
    from evoae.models.export import check_export, export
    from evoae.use.items import choose
    from evoae.use.model import open_model

    check_export(out, format, force=force)
    model = open_model(run, id)
    items = choose(model, data=data, limit=_COMPARED)
    done = export(model.autoencoder, part, format, out, items.all(), force=force)
    told = (
        f"{done.path}  {size(done.bytes)}  differs from Keras by at most {done.difference:.1e} "
        f"on {plural(done.items, 'item')}"
    )
    return Output(done, lambda: click.echo(told))
