"""`evoae init`: a commented configuration."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init", short_help="Write a commented config for your data.")
@click.argument("file", type=click.Path(path_type=Path), default="evoae.yaml")
@click.option("--data", metavar="NAME|PATH", default="fashion_mnist", show_default=True)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--schema", is_flag=True, help="Write the JSON schema, for editors, instead.")
def command(file: Path, data: str, force: bool, schema: bool) -> None:
    """Write a commented configuration to FILE, every setting with its default.

    FILE `-` is stdout. DATA is a named set (see `evoae data list`) or a file.
    """
    import json

    from evoae.config.expected import json_schema
    from evoae.config.template import template
    from evoae.data.files import home
    from evoae.data.named import NAMED
    from evoae.errors import ConfigError

    if data not in NAMED and not home(Path(data)).exists():
        names = ", ".join(NAMED)
        raise ConfigError("--data", data, f"expected a file that exists, or one of {names}")
    if schema:
        text = json.dumps(json_schema(), indent=2)
    else:
        text = template(name=data) if data in NAMED else template(path=data)
    if str(file) == "-":
        click.echo(text)
        return
    if file.exists() and not force:
        raise ConfigError(str(file), "exists already", "choose another name, or add --force")
    file.write_text(text, encoding="utf-8")
    click.echo(str(file))
    click.echo(f"Next:  evoae search --config {file}", err=True)
