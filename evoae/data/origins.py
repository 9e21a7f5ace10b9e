"""Where items come from, so that every result names them as their own file does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evoae.errors import UseError
from evoae.formatting import listed


@dataclass(frozen=True, eq=False)
class Origins:
    """The names of n items.

    Attributes:
        word: what the names are: `row` (of a table, the first is 1), `file` (its path within the
            folder) or `index` (in an array, the first is 0).
        names: (n,).
        keys: columns that tell rows apart, (n,) each by name; they stand beside every result.
        others: further columns that were not given to networks, likewise; on request.
    """

    word: str
    names: NDArray[Any]
    keys: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    others: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    @classmethod
    def counted(cls, count: int) -> Self:
        """Return the names of items that have none but their place in an array."""
        return cls("index", np.arange(count))

    def __len__(self) -> int:
        return len(self.names)

    def take(self, index: NDArray[np.intp] | slice) -> Self:
        """Return those of some items."""
        keys = {name: cells[index] for name, cells in self.keys.items()}
        others = {name: cells[index] for name, cells in self.others.items()}
        return type(self)(self.word, self.names[index], keys, others)

    @property
    def words(self) -> tuple[str, ...]:
        """What an item can be found by: what its name is called, and the keys."""
        return (self.word, *(key for key in self.keys if key != self.word))

    def find(self, word: str, name: str) -> NDArray[np.intp]:
        """Return the positions of the items whose `word`, one of `words`, reads `name`."""
        cells = self.names if word == self.word else self.keys[word]
        return np.flatnonzero([str(cell) == name for cell in cells.tolist()])

    def columns(self, keep: Collection[str] = (), taken: Collection[str] = ()) -> dict[str, Any]:
        """Return what stands beside results, a list for each column, the names first.

        Args:
            keep: of `others`, or `all`.
            taken: headings that the result has itself; a column of that name gets a `_` behind it.

        Raises:
            UseError: one of `keep` is not there.
        """
        known = {**self.keys, **self.others}
        wanted = dict(self.keys)
        for name in self.others if tuple(keep) == ("all",) else keep:
            if name not in known:
                listing = [f"'{other}'" for other in known]
                there = f"there are {listed(listing)}" if known else "all others are in the result"
                raise UseError("--keep", f"no column '{name}' was left out", there)
            wanted[name] = known[name]
        shown: dict[str, Any] = {}
        for name, cells in [(self.word, self.names), *wanted.items()]:
            heading = name
            while heading in shown or heading in taken:
                heading += "_"
            shown[heading] = cells.tolist()
        return shown


def take_origins(
    origins: Origins | None, index: NDArray[np.intp] | slice | None
) -> Origins | None:
    """Return the origins at `index`; all of them for None."""
    return origins if origins is None or index is None else origins.take(index)


def joined_origins(parts: Sequence[Origins | None]) -> Origins | None:
    """Return the origins of several parts as one; None if any part has none."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or not known:
        return None
    first, *_ = known
    return Origins(
        first.word,
        np.concatenate([part.names for part in known]),
        {name: np.concatenate([part.keys[name] for part in known]) for name in first.keys},
        {name: np.concatenate([part.others[name] for part in known]) for name in first.others},
    )
