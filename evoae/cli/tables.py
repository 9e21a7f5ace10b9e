"""Tables on stdout, and the JSON and CSV beside them."""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence

import click

_UNWRAPPED = 10_000  # columns of a pipe: a file keeps every row on one line


def print_table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, right: set[str]) -> None:
    """Print rows under their headers, the columns named in `right` aligned to the right."""
    from rich.console import Console  # what prints no table starts faster without it
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="")
    for header in headers:
        table.add_column(
            header,
            justify="right" if header in right else "left",
            no_wrap=header != headers[-1],
            overflow="fold",
        )
    for row in rows:
        table.add_row(*row)
    terminal = sys.stdout is not None and sys.stdout.isatty()
    width = max(shutil.get_terminal_size().columns, 60) if terminal else _UNWRAPPED
    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def print_json(data: object) -> None:
    """Print `data` as JSON."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def print_csv(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows as CSV under the names of these columns; several ids stand with spaces between.

    None is an empty field.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_field(row[column]) for column in columns] for row in rows)
    click.echo(text.getvalue(), nl=False)


def _field(value: object) -> object:
    return " ".join(map(str, value)) if isinstance(value, list) else value
