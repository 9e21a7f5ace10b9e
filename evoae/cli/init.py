"""`evoae init`: writes a commented configuration."""

from __future__ import annotations

from pathlib import Path

import click

from evoae.cli import options
from evoae.cli.output import say
from evoae.errors import ConfigError, DataError
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
@options.number("--latent", help="Numbers in the code, instead of a size that suits the data.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True, max=1e7),
    help="Time of the search; how large networks are and how long they train follows from it.",
)
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@click.option("--schema", is_flag=True, help="Write the JSON schema, for editors, instead.")
def command(
    file: Path,
    data: str | None,
    template: str | None,
    latent: int | None,
    minutes: float | None,
    force: bool,
    schema: bool,
) -> None:
    """Write a commented configuration to FILE, with what suits the data and why.

    FILE `-` is stdout. The data are a named set (see `evoae data list`), a file (.npy, .npz, idx,
    .csv) or a folder of pictures. A file or folder is read, and settings are chosen for it: size
    of the code, search space, training. All others are the defaults, as for a named set.
    """
    text = _schema() if schema else _template(data, template, latent, minutes)
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


def _template(
    data: str | None, kind: str | None, latent: int | None, minutes: float | None
) -> str:
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
    size = None
    if kind == "folder":
        if data in NAMED:
            raise ConfigError("--template", kind, f"{data} is not a folder; leave one of them out")
        size = _SIZE
    if data is None or data in NAMED:
        made_up = _MADE_UP if kind == "folder" else None
        return template(name=data, path=made_up, size=size, chosen=_asked(latent, minutes))
    return template(path=data, size=size, chosen=_chosen(data, size, latent, minutes))


def _asked(latent: int | None, minutes: float | None) -> dict[str, tuple[object, str]]:
    """Return what was asked for, where nothing is read."""
    asked: dict[str, object] = {}
    if latent is not None:
        asked |= {"model.min_latent": latent, "model.max_latent": latent}
    if minutes is not None:
        asked |= {"search.generations": None, "search.budget.minutes": minutes}
    return {key: (value, "asked for") for key, value in asked.items()}


def _chosen(
    path: str, size: int | None, latent: int | None, minutes: float | None
) -> dict[str, tuple[object, str]]:
    """Return what suits a file or folder; the defaults, and say so, if it cannot be used yet."""
    from evoae.config.load import make_config
    from evoae.data.findings import findings
    from evoae.engine.recommendation import recommend

    config = make_config({"data": {"path": path, "size": size}})
    try:
        data, chosen = recommend(config, latent, minutes, say)
    except DataError as why:
        say(f"Nothing is chosen for the data, as they cannot be read yet: {why}")
        return _asked(latent, minutes)
    for finding in (*data.notes, *findings(data)):
        say(finding)
    return {each.key: (each.value, each.reason) for each in chosen}
