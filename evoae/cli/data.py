"""`evoae data`: which sets there are, getting one, looking at one."""

from __future__ import annotations

import click


@click.group("data", short_help="The data sets at hand: list, get, describe.")
def command() -> None:
    """Which data sets there are, getting one, looking at one."""


def _tell(line: str) -> None:
    """Say `line` to the person, on stderr."""
    click.echo(line, err=True)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def list_sets(as_json: bool) -> None:
    """The named sets, and where each is on this machine."""
    import json

    from evoae.data.images import times
    from evoae.data.named import NAMED

    rows = [(known, known.store.find(None)) for known in NAMED.values()]
    if as_json:
        listed = [
            {
                "name": known.name,
                "shape": known.shape,
                "train": known.train,
                "test": known.test,
                "licence": known.licence,
                "source": known.source,
                "found": found,
            }
            for known, found in rows
        ]
        click.echo(json.dumps(listed, indent=2))
        return
    for known, found in rows:
        images = f"{known.train:,}" + (f" + {known.test:,} test" if known.test else "")
        click.echo(
            f"{known.name:<14} {times(known.shape):<8} {images:<20} {known.licence:<13} "
            f"{found or 'not here yet'}"
        )


@command.command()
@click.argument("name")
def get(name: str) -> None:
    """Find the set NAME or download it, verify it, and print where it is."""
    from evoae.data.named import find_set

    store = find_set(name).store
    store.read(None, _tell)
    click.echo(store.find(None))


@command.command()
@click.argument("what", metavar="NAME|PATH")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def describe(what: str, as_json: bool) -> None:
    """Shapes, counts and range of a named set or a file, split as the default settings would."""
    import dataclasses
    import json
    from pathlib import Path

    from evoae.config.schema import Config, DataConfig
    from evoae.data.files import home
    from evoae.data.images import times
    from evoae.data.load import load
    from evoae.data.named import NAMED
    from evoae.data.summary import summarise
    from evoae.errors import DataError

    if what not in NAMED and not home(Path(what)).exists():
        raise DataError(what, "no named set, and no file", "'evoae data list' shows the sets")
    config = DataConfig(name=what) if what in NAMED else DataConfig(path=what)
    summary = summarise(load(config, Config(data=config).seed, _tell))
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary), indent=2))
        return
    for label, value in (
        ("name", summary.name),
        ("shape", times(summary.input_shape)),
        ("type", f"{summary.dtype} from {summary.low:g} to {summary.high:g}"),
        ("train", f"{summary.train:,}"),
        ("validation", f"{summary.validation:,}"),
        ("test", f"{summary.test:,}"),
        (
            "mean image",
            f"MSE {summary.mean_image_mse_validation:.5f} validation, "
            f"{summary.mean_image_mse_test:.5f} test: what any model must beat",
        ),
        ("digest", summary.digest),
    ):
        click.echo(f"{label:<11} {value}")
