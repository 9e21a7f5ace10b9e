"""Console blocks of a page: their commands, and what they show beneath them.

A block shows what a terminal would: stdout and stderr. What differs from run to run or machine to
machine is masked before the two are compared: numbers with their units, dates, digests, ids,
genomes, and the data set, since the tests search the digits instead of what a configuration names.
An ellipsis (`…`, or `...` on a line of its own) stands for any text of its line; alone on a line,
for any lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from evoae.genome.genes import GENES

_WORDS = "|".join(kind.word for kind in GENES.values())
_GENE = rf"(?:(?:{_WORDS})\b(?:\([^)]*\))?|\|)"
_MASKS = (
    (rf"{_GENE}( {_GENE})+( …)?", "GENOME"),
    (r"\b(fashion_mnist|digits)\b", "DATA"),
    (r"\b[0-9a-f]{6,}\b", "#"),  # ids and digests
    (r"[+-]?(\d[\d,]*(\.\d+)*|\.\d+)(e[+-]?\d+)?", "#"),
    (r"# [KMGT]?B\b", "# B"),
    (r"# [kMGTPE]?FLOP\b", "# FLOP"),
    (r"# (h|min|s)\b( # (min|s)\b)?", "# s"),
    (r"(# [a-z]+)s\b", r"\1"),  # 1 training, 2 trainings
    (r"[ \t]+", " "),  # columns are as wide as what stands in them
)


def commands(block: str) -> Iterator[tuple[str, str]]:
    """Yield each command of a block, and the lines beneath it; "" where none are shown."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


def masked(text: str) -> str:
    """Return text without what differs from run to run."""
    for pattern, mask in _MASKS:
        text = re.sub(pattern, mask, text)
    return "\n".join(line.strip() for line in text.strip("\n").splitlines())


def agree(shown: str, printed: str) -> bool:
    """Whether a command printed what a page shows."""
    pattern = ""
    for line in masked(shown).splitlines():
        if line in {"…", "..."}:
            pattern += "(.*\n)*"
        else:
            pattern += ".*".join(re.escape(part) for part in line.split("…")) + "\n"
    return re.fullmatch(pattern, masked(printed) + "\n") is not None
