"""Figures as files of their own."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evoae.runs.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SUFFIXES = {".svg", ".png", ".pdf"}

PLAIN_TEXT: dict[Any, Any] = {  # settings of matplotlib's
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "evoae",
    "text.parse_math": False,
}


def save(path: Path, paint: Callable[[], Figure]) -> None:
    """Write the figure that `paint` makes; the suffix, one of `SUFFIXES`, chooses the format.

    Raises:
        RunError: the file cannot be written.
    """
    from matplotlib import rc_context

    drawn, kind = io.BytesIO(), path.suffix[1:].lower()
    # No date, so that one run gives one file.
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with rc_context(PLAIN_TEXT):
        paint().savefig(drawn, format=kind, dpi=150, metadata=undated)
    write_whole(path, drawn.getvalue())
