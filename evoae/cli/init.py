"""`evoae init`: writes a commented configuration."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options
from evoae.cli.output import say
from evoae.errors import ConfigError
from evoae.formatting import command as typed

_MADE_UP = "my-images"
_SIZE = 64  # pixels


@click.command("init")
@click.argument("file", type=click.Path(path_type=Path), default="evoae.yaml")
@click.option(
    "--data", metavar="NAME|PATH", show_default="fashion_mnist", help="What to search on."
)
@options.choice(
    "--template",
    "folder",
    help="For a folder of pictures, with a made-up path to put yours in place of.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--schema", is_flag=True, help="Write the JSON schema, for editors, instead.")
def command(file: Path, data: str | None, template: str | None, force: bool, schema: bool) -> None:
    """Write a commented configuration to FILE, every setting with its default.

    FILE `-` is stdout. The data are a named set (see `evoae data list`), a file (.npy, .npz, idx,
    .csv) or a folder of pictures.
    """
    text = _schema() if schema else _template(data, template)
    if str(file) == "-":
        click.echo(text)
        return
    if file.exists() and not force:
        raise ConfigError(str(file), "exists already", "choose another name, or add --force")
    file.write_text(text, encoding="utf-8")
    click.echo(file)
    if template and data is None:
        say(f"Put your folder in place of {_MADE_UP} in it, and the size you want.")
    if not schema:
        say(f"Next:  {typed('search', '--config', file)}")


def _schema() -> str:
    import json

    from evoae.config.expected import json_schema

    return json.dumps(json_schema(), indent=2)


def _template(data: str | None, kind: str | None) -> str:
    """Return a configuration for these data.

    Raises:
        ConfigError: they do not exist, or are of another kind.
    """
    from evoae.config.template import template
    from evoae.data.sources.files import home
    from evoae.data.sources.named import NAMED

    if data is not None and data not in NAMED and not home(Path(data)).exists():
        expected = f"expected a file or folder that exists, or one of {', '.join(NAMED)}"
        raise ConfigError("--data", data, expected)
    if kind == "folder":
        if data in NAMED:
            raise ConfigError("--template", kind, f"{data} is not a folder; leave one of them out")
        return template(path=data or _MADE_UP, size=_SIZE)
    return template(name=data) if data in NAMED else template(path=data)
