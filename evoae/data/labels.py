"""Labels from a file of their own: .npy, or text with one label a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from evoae.data.arrays import Labels
from evoae.errors import DataError


def read_labels(path: Path, count: int, place: str = "data.labels") -> Labels:
    """Read one label for each of `count` items, in their order; `place` is for error sentences.

    Returns:
        (count,): what the .npy file holds, or int64 if every line of the text is a whole number,
        else text.

    Raises:
        DataError: the file is missing, damaged or of no known kind, or has more or fewer labels.
    """
    try:
        with path.open("rb") as file:
            is_npy = file.read(6) == b"\x93NUMPY"
        labels = np.load(path, allow_pickle=False) if is_npy else _from_text(path, place)
    except (OSError, ValueError, EOFError) as why:  # UnicodeDecodeError is a ValueError
        reason = getattr(why, "strerror", None) or "damaged, or no text"
        raise DataError(
            place, f"{path} cannot be read ({reason})", "expected .npy, or a label a line"
        ) from why
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.shape != (count,):
        held = f"{len(labels):,} labels" if labels.ndim == 1 else f"shape {labels.shape}"
        raise DataError(place, f"{path} holds {held} for {count:,} items", "give one for each")
    return labels


def check_labels(labels: Labels | None, count: int, place: str, item: str) -> Labels | None:
    """Return the labels of `count` items, (n,) or (n, 1), as (n,); None if there are none.

    Raises:
        DataError: they are more or fewer.
    """
    if labels is None:
        return None
    flat = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels
    if flat.shape != (count,):
        said = f"labels of shape {labels.shape} for {count:,} {item}s"
        raise DataError(place, said, f"save one label per {item}, or leave the labels out")
    return flat


def _from_text(path: Path, place: str) -> Labels:
    lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    if "" in lines:
        raise DataError(
            place, f"line {lines.index('') + 1} of {path} is empty", "give each a label"
        )
    try:
        return np.array([int(line) for line in lines], np.int64)
    except (ValueError, OverflowError):
        return np.array(lines)
