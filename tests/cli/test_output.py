"""What every command's output has in common."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from evoae.cli.main import SECTIONS, cli
from evoae.cli.output import Output, print_table

SILENT = {"init", "search", "resume", "encode", "reconstruct", "interpolate", "manifold"}
SILENT |= {"replay"}  # these write files, or are watched


@dataclass(frozen=True)
class Record:
    path: Path
    sides: tuple[int, ...]


def leaves() -> dict[str, click.Command]:
    """Return every command that does something, by the words that call it."""
    context, found = click.Context(cli), {}
    for name in (name for section in SECTIONS.values() for name in section):
        command = cli.get_command(context, name)
        assert command is not None
        inner = getattr(command, "commands", {"": command})
        found |= {f"{name} {word}".strip(): leaf for word, leaf in inner.items()}
    return found


def test_every_command_that_reads_prints_json() -> None:
    told = {name for name, leaf in leaves().items() if "as_json" in (p.name for p in leaf.params)}
    assert told == set(leaves()) - SILENT - {"data get"}


def test_json_holds_records_and_paths(capsys: pytest.CaptureFixture[str]) -> None:
    Output([Record(Path("a"), (8, 8))], lambda: None).show(as_json=True)
    assert json.loads(capsys.readouterr().out) == [{"path": "a", "sides": [8, 8]}]


def test_csv_has_its_columns_in_order_and_none_is_empty(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"b": None, "a": ["x", "y"]}]
    Output(rows, lambda: None, columns=("a", "b")).show(as_json=False, as_csv=True)
    assert capsys.readouterr().out == "a,b\nx y,\n"


def test_a_cell_is_worded_by_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("count", "loss", "word", "none"), [(12345, 0.25, "w", None)], right={"count"})
    assert capsys.readouterr().out.split() == [
        *("count", "loss", "word", "none"),
        *("12,345", ".25000", "w", "-"),
    ]
