"""`evoae data`: which sets there are, getting one, looking at one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_folded, print_labelled, print_table, say
from evoae.formatting import figure, listed, plural, shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from evoae.data.summary import ColumnSummary, Summary

_SHOWN = 5  # categories of one column
_MOST_COLUMNS = 30  # that are listed one by one


@click.group("data")
def command() -> None:
    """Which data sets there are, getting one, looking at one."""


@command.command("list")
@options.json("Print a JSON list of objects.")
def list_sets() -> Output:
    """The named sets, and where each is on this machine."""
    from evoae.data.sources.named import NAMED

    names = ("name", "shape", "train", "test", "licence", "source")
    rows = [
        {name: getattr(known, name) for name in names} | {"found": known.fetcher.find(None)}
        for known in NAMED.values()
    ]

    def text() -> None:
        for row in rows:
            images = f"{row['train']:,}" + (f" + {row['test']:,} test" if row["test"] else "")
            line = f"{row['name']:<14} {shape(row['shape']):<8} {images:<20} {row['licence']:<13} "
            print_folded(f"{line}{row['found'] or 'not here yet'}", " " * 15)

    return Output(rows, text)


@command.command()
@click.argument("name")
def get(name: str) -> None:
    """Find the set NAME or download it, verify it, and print where it is."""
    from evoae.data.sources.named import find_set

    fetcher = find_set(name).fetcher
    fetcher.read(None, say)
    click.echo(fetcher.find(None))


@command.command()
@click.argument("what", metavar="NAME|PATH")
@options.overrides("Such as data.size=64.")
@options.json("Print a JSON object.")
def describe(what: str, overrides: tuple[str, ...]) -> Output:
    """Shapes, counts and values of data, as a search would split them.

    NAME is a named set, PATH a file, a folder, or a configuration (.yaml) that says what to read.
    """
    from pathlib import Path

    from evoae.config.load import make_config
    from evoae.data.load import load
    from evoae.data.sources.files import home
    from evoae.data.sources.named import NAMED
    from evoae.data.summary import summarise
    from evoae.errors import DataError

    if what.endswith((".yaml", ".yml")):
        config = options.read_config(home(Path(what)), overrides)
    elif what in NAMED or home(Path(what)).exists():
        data = {"name" if what in NAMED else "path": what}
        config = make_config({"data": data}, source=what, overrides=overrides)
    else:
        raise DataError(what, "no named set, and no file", "'evoae data list' shows the sets")
    dataset = load(config.data, config.seed, say)
    summary = summarise(dataset)
    return Output(summary, lambda: _print(summary, dataset.kind.item))


def _print(summary: Summary, item: str) -> None:
    print_labelled(_lines(summary, item))
    shown = _listed(summary.columns)
    if shown:
        click.echo()
        rows = [
            (
                *(column.name, column.kind, str(column.missing)),
                str(column.unseen) if column.shares else "-",
                _spread(column),
            )
            for column in shown
        ]
        headers = ("column", "kind", "missing", "unseen", "training rows")
        print_table(headers, rows, right={"missing", "unseen"})
    if more := len(summary.columns) - len(shown):
        click.echo(f"\n{plural(more, 'further column')}; --json lists all")
    for note in summary.notes:
        say(note)


def _listed(columns: Sequence[ColumnSummary]) -> list[ColumnSummary]:
    """Return the columns to list: all, or of many those that stand out, as far as they are few."""
    if len(columns) <= _MOST_COLUMNS:
        return list(columns)

    def place(column: ColumnSummary) -> tuple[bool, int]:
        return not column.constant, -column.missing - column.unseen

    odd = [c for c in columns if c.constant or c.missing or c.unseen]
    return sorted(odd, key=place)[:_MOST_COLUMNS]


def _kinds(columns: Sequence[ColumnSummary]) -> Iterator[tuple[str, str]]:
    """Say of many columns how many there are of each kind, and what their values are like."""
    figures = [c for c in columns if not c.shares]
    words = [c for c in columns if c.shares]
    stand_out = {
        "constant": sum(c.constant for c in columns),
        "with missing values": sum(c.missing > 0 for c in columns),
        "with categories that no training row has": sum(c.unseen > 0 for c in columns),
    }
    odd = [f"{number:,} {which}" for which, number in stand_out.items() if number]
    yield "columns", f"{len(columns):,}" + (f": {listed(odd)}" if odd else "")
    if figures:
        ranges = (("means", "mean", "mean"), ("deviations", "deviation", "deviation"))
        said = [
            f"{name} {figure(low, 4)} to {figure(high, 4)}"
            for name, least, most in (*ranges, ("values", "low", "high"))
            for low in [min(getattr(c, least) for c in figures)]
            for high in [max(getattr(c, most) for c in figures)]
        ]
        yield "numeric", f"{len(figures):,}: {', '.join(said)}"
    if words:
        least, most = min(len(c.shares) for c in words), max(len(c.shares) for c in words)
        each = f"{most:,}" if least == most else f"{least:,} to {most:,}"
        yield "categorical", f"{len(words):,} with {each} categories each"


def _lines(summary: Summary, item: str) -> Iterator[tuple[str, object]]:
    yield "name", summary.name
    yield "shape", shape(summary.input_shape)
    values = f"{figure(summary.low, 6)} to {figure(summary.high, 6)}"
    yield "type", f"{summary.dtype} from {values}"
    for split in ("train", "validation", "test"):
        yield split, f"{getattr(summary, split):,}"
    yield (
        f"mean {item}",
        f"MSE {summary.mean_image_mse_validation:.5f} validation, "
        f"{summary.mean_image_mse_test:.5f} test: what any model must beat",
    )
    yield "digest", summary.digest
    if summary.columns:
        missing = sum(column.missing for column in summary.columns)
        left_out = f", {summary.left_out:,} of them left out" if summary.left_out else ""
        yield "rows", f"{summary.rows:,}{left_out}; {missing:,} values missing"
    if len(summary.columns) > _MOST_COLUMNS:
        yield from _kinds(summary.columns)


def _spread(column: ColumnSummary) -> str:
    """Say the values of a column: 54.4 ± 9.0, 29 to 77; or its categories, the largest first."""
    told = (column.mean, column.deviation, column.low, column.high)
    if values := [figure(value, 4) for value in told if value is not None]:
        return "{} ± {}, {} to {}".format(*values)
    largest = sorted(column.shares.items(), key=lambda item: -item[1])
    said = ", ".join(f"{name} {share:.0%}" for name, share in largest[:_SHOWN])
    return said + (f" and {len(largest) - _SHOWN:,} more" if len(largest) > _SHOWN else "")
