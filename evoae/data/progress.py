"""Progress messages of readers of data; silent unless someone listens."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Say = Callable[[str], None]


def silent(_line: str) -> None:
    """Say nothing."""


def bar(items: Sequence[Item], what: str, say: Say) -> Iterable[Item]:
    """Yield `items` under a progress bar on stderr, if it is a terminal and `say` is not `silent`.

    Args:
        items: to work through.
        what: is being done, such as `reading pictures`.
        say: the caller's, which tells whether someone listens.
    """
    from tqdm import tqdm

    quiet = True if say is silent else None  # None leaves it to whether stderr is a terminal
    return tqdm(items, desc=what, leave=False, disable=quiet)
