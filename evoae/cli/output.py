"""What commands print: tables, labelled lines, JSON and CSV on stdout; talk on stderr."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import click

from evoae import formatting
from evoae.terminal import dotted, folded, table, width_of

_NAMED = 3  # columns in a sentence


@dataclasses.dataclass(frozen=True)
class Output:
    """What a command prints on stdout, in whichever form is asked for.

    Attributes:
        data: of `--json`; of `--csv` a list of mappings.
        text: prints it for people.
        columns: of `--csv`, in order.
        exit_code: that the command ends with.
    """

    data: Any
    text: Callable[[], None]
    columns: Sequence[str] = ()
    exit_code: int = 0

    def show(self, *, as_json: bool, as_csv: bool = False) -> None:
        """Print it as text, JSON or CSV."""
        if as_json and as_csv:
            raise click.UsageError("--csv and --json exclude each other")
        if as_json:
            click.echo(json.dumps(self.data, indent=2, ensure_ascii=False, default=_plain))
        elif as_csv:
            print_csv(self.columns, ([row[name] for name in self.columns] for row in self.data))
        else:
            self.text()


def _plain(value: object) -> object:
    """Return a record, or a path, as JSON can hold it."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return str(value)


def print_csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows as CSV under the names of their columns; several ids stand with spaces between.

    None is an empty field.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(map(_field, row) for row in rows)
    click.echo(text.getvalue(), nl=False)


def _field(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value


def print_table(
    headers: Sequence[str], rows: Iterable[Sequence[str | float | None]], *, right: set[str]
) -> None:
    """Print rows under their headers, see `evoae.terminal.table`.

    Args:
        headers: of the columns.
        rows: a cell for each header. An int is worded as a count, a float as a loss, None as "-".
        right: headers of the columns that are aligned to the right.
    """
    cells = [list(headers), *([_cell(value) for value in row] for row in rows)]
    for line in table(cells, right, width_of(sys.stdout)):
        click.echo(line)


def _cell(value: str | float | None) -> str:
    if isinstance(value, str):
        return " ".join(value.splitlines())
    return formatting.count(value) if isinstance(value, int) else formatting.loss(value)


def print_folded(line: str, indent: str = "  ") -> None:
    """Print a line, broken at spaces where the terminal ends."""
    for part in folded(line, width_of(sys.stdout), indent):
        click.echo(part.rstrip())


def print_dotted(items: Sequence[str], indent: str = "  ") -> None:
    """Print items with dots between them, broken there where the terminal ends."""
    for line in dotted(items, width_of(sys.stdout), indent):
        click.echo(line)


def print_labelled(rows: Iterable[tuple[str, object]], width: int = 11) -> None:
    """Print values behind their labels, which take so many columns."""
    for label, value in rows:
        print_folded(f"{label:<{width}} {value}", " " * (width + 1))


def say(line: str) -> None:
    """Say a line to the person, on stderr; never folded, so that a command can be copied."""
    click.echo(line, err=True)


def next_steps(*steps: tuple[str, str]) -> None:
    """Say which commands make sense next, and what each does."""
    width = max(len(typed) for typed, _ in steps)
    say("")
    for label, (typed, purpose) in zip(("Next:", *[""] * len(steps)), steps, strict=False):
        say(f"{label:<6} {typed:<{width}}  {purpose}")


def print_written(path: object, what: str) -> None:
    """Say what was written, and print where."""
    say(what)
    click.echo(path)


def say_clipped(clipped: Mapping[str, int]) -> None:
    """Say how many numbers of made-up rows were set to the end of what training rows hold."""
    if clipped:
        most = sorted(clipped, key=lambda name: -clipped[name])
        named = ", ".join(f"'{name}' {clipped[name]:,}" for name in most[:_NAMED])
        others = formatting.plural(len(most) - _NAMED, "other column")
        more = f" and in {others}" if len(most) > _NAMED else ""
        number = formatting.plural(sum(clipped.values()), "number")
        say(f"{number} beyond the training rows' range set to its end: {named}{more}")
