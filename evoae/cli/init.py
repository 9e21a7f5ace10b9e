"""`evoae init`: a commented configuration."""

from __future__ import annotations

from pathlib import Path

import click

_MADE_UP = "my-images"
_SIZE = 64  # pixels


@click.command("init", short_help="Write a commented config for your data.")
@click.argument("file", type=click.Path(path_type=Path), default="evoae.yaml")
@click.option(
    "--data", metavar="NAME|PATH", show_default="fashion_mnist", help="What to search on."
)
@click.option(
    "--template",
    "kind",
    type=click.Choice(["folder"]),
    help="For a folder of pictures, with a made-up path to put yours in place of.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--schema", is_flag=True, help="Write the JSON schema, for editors, instead.")
def command(file: Path, data: str | None, kind: str | None, force: bool, schema: bool) -> None:
    """Write a commented configuration to FILE, every setting with its default.

    FILE `-` is stdout. The data are a named set (see `evoae data list`), a file (.npy, .npz, idx,
    .csv) or a folder of pictures.
    """
    import json

    from evoae.config.expected import json_schema
    from evoae.config.template import template
    from evoae.data.sources.files import home
    from evoae.data.sources.named import NAMED
    from evoae.errors import ConfigError
    from evoae.formatting import command as spelled

    if data is not None and data not in NAMED and not home(Path(data)).exists():
        names = ", ".join(NAMED)
        raise ConfigError(
            "--data", data, f"expected a file or folder that exists, or one of {names}"
        )
    if kind == "folder" and data in NAMED:
        raise ConfigError("--template", kind, f"{data} is not a folder; leave one of them out")
    if schema:
        text = json.dumps(json_schema(), indent=2)
    elif kind == "folder":
        text = template(path=data or _MADE_UP, size=_SIZE)
    else:
        text = template(name=data) if data in NAMED else template(path=data)
    if str(file) == "-":
        click.echo(text)
        return
    if file.exists() and not force:
        raise ConfigError(str(file), "exists already", "choose another name, or add --force")
    file.write_text(text, encoding="utf-8")
    click.echo(str(file))
    if kind == "folder" and data is None:
        click.echo(
            f"Put your folder in place of {_MADE_UP} in it, and the size you want.", err=True
        )
    if not schema:
        click.echo(f"Next:  {spelled('search', '--config', file)}", err=True)
