"""`evoae lineage`: shows the family tree of a candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_folded
from evoae.formatting import loss, plural, short

if TYPE_CHECKING:
    from evoae.analysis.lineage import Lineage, Relative, Step
    from evoae.runs.run import Run


@click.command("lineage")
@options.opened
@options.id
@options.number("--depth", help="Most births to go back. [all]")
@options.out(
    "Draw it to a .svg, .png or .pdf file instead.", "evoae.report.drawing.save", required=False
)
@options.json()
def command(run: Run, id: str, depth: int | None, out: Path | None) -> Output:
    """Tell how candidate ID of RUN came about: ID is any unambiguous prefix, or `best`.

    Under each candidate stands the loss of the parent that is most like it, its own, and which
    genes changed; then that parent. A second parent, and what came before it, stands aside. Every
    ancestor is told once. A loss is the mean over a candidate's trainings; differences as small as
    the noise (see status) mean nothing.
    """
    from evoae.analysis.lineage import lineage

    family = lineage(run, id, depth)
    if out is None:
        return Output(family.summary(), lambda: _print(tree(family)))
    from evoae.report.drawing.family import draw

    draw(family, {id: _row(relative) for id, relative in family.relatives.items()}, out)
    return Output(family.summary(), lambda: click.echo(out))


def _print(lines: Iterator[str]) -> None:
    for line in lines:
        branches = len(line) - len(line.lstrip(" │"))
        print_folded(line, line[:branches] + "    ")


def tree(family: Lineage) -> Iterator[str]:
    """Yield the lines of a family tree."""
    columns = family.columns()
    root = family.root.candidate.id
    left = [_column(columns.pop(root), "", columns, family.relatives)]
    while left:  # by hand: a tree may be deeper than Python calls functions
        item = next(left[-1], None)
        if item is None:
            left.pop()
        elif isinstance(item, str):
            yield item
        else:
            start, indent = item
            left.append(_column(columns.pop(start), indent, columns, family.relatives))
    if family.left_out:
        yield f"and {plural(family.left_out, 'ancestor')} further back"


def _column(
    column: Sequence[Relative],
    indent: str,
    others: Mapping[str, object],
    relatives: Mapping[str, Relative],
) -> Iterator[str | tuple[str, str]]:
    """Yield the lines of a column; for one that stands aside its first id and indent.

    Args:
        column: a candidate, the parent most like it, that one's, and so on.
        indent: of each line.
        others: the columns that are not told yet, by their first ids.
        relatives: of the whole tree.
    """
    for relative, parent in zip_longest(column, column[1:]):
        candidate = relative.candidate
        origin = f"generation {candidate.generation}, {candidate.operator or 'a copy'}"
        early = " (stopped early)" if relative.raced else ""
        yield f"{indent}{short(candidate.id)}  {_reached(relative)}{early}  {origin}"
        below = f"{indent}{' ' if parent is None else '│'}  "
        for step in relative.steps[:1]:
            yield f"{below}{_effect(relative, step)}"
            yield from (f"{below}  {words}" for words in step.changes)
        for step in relative.steps[1:]:
            yield f"{below}{_effect(relative, step)}, {plural(len(step.changes), 'difference')}"
            if step.parent in others:
                yield step.parent, f"{below}   "
    for step in column[-1].steps[:1]:
        if step.parent in relatives:
            yield f"{indent}{short(step.parent)}  told elsewhere in this tree"


def _reached(relative: Relative) -> str:
    return relative.outcome if relative.loss is None else loss(relative.loss)


def _gain(step: Step) -> str:
    return "" if step.gain is None else f" ({step.gain:+.1%})"


def _row(relative: Relative) -> str:
    """Word a candidate in a line of the picture."""
    id, operator = short(relative.candidate.id), relative.candidate.operator or "a copy"
    gain, changes = "", ""
    for step in relative.steps[:1]:
        gain, changes = _gain(step), "; ".join(step.changes)
    return f"{id} {_reached(relative)}{gain} {operator}: {changes}".rstrip(": ")


def _effect(child: Relative, step: Step) -> str:
    """Word what a birth did to the loss."""
    return f"{loss(step.loss)} -> {loss(child.loss)}{_gain(step)} from {short(step.parent)}"
