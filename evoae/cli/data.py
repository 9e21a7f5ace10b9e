"""`evoae data`: which sets there are, getting one, looking at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import options

if TYPE_CHECKING:
    from evoae.data.summary import ColumnSummary, Summary

_SHOWN = 5  # categories of one column


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

    from evoae.data.sources.named import NAMED
    from evoae.formatting import shape

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
            f"{known.name:<14} {shape(known.shape):<8} {images:<20} {known.licence:<13} "
            f"{found or 'not here yet'}"
        )


@command.command()
@click.argument("name")
def get(name: str) -> None:
    """Find the set NAME or download it, verify it, and print where it is."""
    from evoae.data.sources.named import find_set

    store = find_set(name).store
    store.read(None, _tell)
    click.echo(store.find(None))


@command.command()
@click.argument("what", metavar="NAME|PATH")
@click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Such as data.size=64."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def describe(what: str, overrides: tuple[str, ...], as_json: bool) -> None:
    """Shapes, counts and values of data, as a search would split them.

    NAME is a named set, PATH a file, a folder, or a configuration (.yaml) that says what to read.
    """
    import dataclasses
    import json
    from pathlib import Path

    from evoae.config.load import make_config
    from evoae.data.load import load
    from evoae.data.sources.files import home
    from evoae.data.sources.named import NAMED
    from evoae.data.summary import summarise
    from evoae.errors import DataError
    from evoae.formatting import figure, shape

    described = what.endswith((".yaml", ".yml"))
    if what not in NAMED and not described and not home(Path(what)).exists():
        raise DataError(what, "no named set, and no file", "'evoae data list' shows the sets")
    if what in NAMED:
        config = make_config({"data": {"name": what}}, source=what, overrides=overrides)
    elif described:
        config = options.read_config(home(Path(what)), overrides)
    else:
        config = make_config({"data": {"path": what}}, source=what, overrides=overrides)
    dataset = load(config.data, config.seed, _tell)
    summary = summarise(dataset)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(summary), indent=2))
        return
    for label, value in (
        ("name", summary.name),
        ("shape", shape(summary.input_shape)),
        ("type", f"{summary.dtype} from {figure(summary.low, 6)} to {figure(summary.high, 6)}"),
        ("train", f"{summary.train:,}"),
        ("validation", f"{summary.validation:,}"),
        ("test", f"{summary.test:,}"),
        (
            f"mean {dataset.kind.item}",
            f"MSE {summary.mean_image_mse_validation:.5f} validation, "
            f"{summary.mean_image_mse_test:.5f} test: what any model must beat",
        ),
        ("digest", summary.digest),
    ):
        click.echo(f"{label:<11} {value}")
    if summary.columns:
        _print_columns(summary)


def _print_columns(summary: Summary) -> None:
    """Print the columns of a table, and how many values they lack."""
    from evoae.cli.tables import print_table

    missing = sum(column.missing for column in summary.columns)
    left_out = f", {summary.left_out:,} of them left out" if summary.left_out else ""
    click.echo(f"{'rows':<11} {summary.rows:,}{left_out}; {missing:,} values missing")
    click.echo()
    rows = [
        (
            column.name,
            column.kind,
            str(column.missing),
            str(column.unseen) if column.shares else "-",
            _spread(column),
        )
        for column in summary.columns
    ]
    headers = ("column", "kind", "missing", "unseen", "training rows")
    print_table(headers, rows, right={"missing", "unseen"})


def _spread(column: ColumnSummary) -> str:
    """Say the values of a column: 54.4 ± 9.0, 29 to 77; or its categories, the largest first."""
    from evoae.formatting import figure

    told = (column.mean, column.deviation, column.low, column.high)
    if values := [figure(value, 4) for value in told if value is not None]:
        return "{} ± {}, {} to {}".format(*values)
    largest = sorted(column.shares.items(), key=lambda item: -item[1])
    said = ", ".join(f"{name} {share:.0%}" for name, share in largest[:_SHOWN])
    return said + (f" and {len(largest) - _SHOWN:,} more" if len(largest) > _SHOWN else "")
