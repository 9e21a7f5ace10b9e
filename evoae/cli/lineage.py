"""`evoae lineage`: the family tree of a model."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting, options

if TYPE_CHECKING:
    from evoae.analysis.lineage import Lineage, Relative, Step


@click.command("lineage", short_help="The family tree of a model: what changed, and what it did.")
@click.argument("run")
@click.argument("id", metavar="[ID]", default="best")
@click.option("--depth", type=click.IntRange(min=1), help="Most births to go back. [all]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Draw it to a .svg, .png or .pdf file instead.",
)
@options.force
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    run: str, id: str, depth: int | None, out: Path | None, force: bool, as_json: bool
) -> None:
    """Tell how candidate ID of RUN came about: ID is any unambiguous prefix, or `best`.

    Under each candidate stands the loss of the parent that is most like it, its own, and which
    genes changed; then that parent. A second parent, and what came before it, stands aside. Every
    ancestor is told once. A loss is the mean over a candidate's trainings; differences as small as
    the noise (see status) mean nothing.
    """
    from evoae.analysis.lineage import lineage
    from evoae.cli.tables import print_json
    from evoae.runs.run import Run

    if out is not None:
        from evoae.report.drawing.family import draw
        from evoae.report.drawing.save import SUFFIXES
        from evoae.use.output import check_output

        check_output(out, SUFFIXES, force=force)
    found = lineage(Run.open(run), id, depth)
    if out is not None:
        draw(found, {id: _row(one) for id, one in found.relatives.items()}, out)
    if as_json:
        print_json(found.summary())
    elif out is not None:
        click.echo(out)
    else:
        for line in tree(found):
            click.echo(line)


def tree(family: Lineage) -> Iterator[str]:
    """Yield the lines of a family tree."""
    writer = _Tree(family)
    left = [writer.column(family.root.candidate.id, "")]
    while left:  # by hand: a tree may be deeper than Python calls functions
        item = next(left[-1], None)
        if item is None:
            left.pop()
        elif isinstance(item, str):
            yield item
        else:
            left.append(writer.column(*item))
    if family.left_out:
        yield f"and {formatting.plural(family.left_out, 'ancestor')} further back"


class _Tree:
    """A family tree as columns: each a candidate, the parent most like it, that one's, and so on.

    The columns of other parents begin where there is no column of them yet.
    """

    def __init__(self, family: Lineage) -> None:
        self._relatives = family.relatives
        self._columns: dict[str, list[Relative]] = {}
        starts, claimed = deque([family.root.candidate.id]), set[str]()
        while starts:
            start = id = starts.popleft()
            column: list[Relative] = []
            while id in self._relatives and id not in claimed:
                claimed.add(id)
                column.append(self._relatives[id])
                steps = column[-1].steps
                starts += [step.parent for step in steps[1:]]
                id = steps[0].parent if steps else ""
            if column:
                self._columns[start] = column

    def column(self, start: str, indent: str) -> Iterator[str | tuple[str, str]]:
        """Yield the lines of a column; for one that stands aside its first id and indent."""
        column = self._columns.pop(start)
        for one, next_one in zip_longest(column, column[1:]):
            yield indent + _heading(one)
            below = f"{indent}{' ' if next_one is None else '│'}  "
            for step in one.steps[:1]:
                yield f"{below}{_effect(one, step)}"
                yield from (f"{below}  {words}" for words in step.changes)
            for step in one.steps[1:]:
                count = formatting.plural(len(step.changes), "difference")
                yield f"{below}{_effect(one, step)}, {count}"
                if step.parent in self._columns:
                    yield step.parent, f"{below}   "
        if column[-1].steps and column[-1].steps[0].parent in self._relatives:
            parent = formatting.short(column[-1].steps[0].parent)
            yield f"{indent}{parent}  told elsewhere in this tree"


def _heading(one: Relative) -> str:
    candidate = one.candidate
    loss = one.outcome if one.loss is None else formatting.loss(one.loss)
    early = " (stopped early)" if one.raced else ""
    origin = f"generation {candidate.generation}, {candidate.operator or 'a copy'}"
    return f"{formatting.short(candidate.id)}  {loss}{early}  {origin}"


def _row(one: Relative) -> str:
    """Word a candidate in a line of the picture."""
    gain = "" if not one.steps or one.steps[0].gain is None else f" ({one.steps[0].gain:+.1%})"
    loss = one.outcome if one.loss is None else formatting.loss(one.loss) + gain
    operator, changes = (
        one.candidate.operator or "a copy",
        one.steps[0].changes if one.steps else (),
    )
    return f"{formatting.short(one.candidate.id)} {loss} {operator}: {'; '.join(changes)}".rstrip(
        ": "
    )


def _effect(child: Relative, step: Step) -> str:
    """Word what a birth did to the loss."""
    gain = "" if step.gain is None else f" ({step.gain:+.1%})"
    losses = f"{formatting.loss(step.loss)} -> {formatting.loss(child.loss)}"
    return f"{losses}{gain} from {formatting.short(step.parent)}"
