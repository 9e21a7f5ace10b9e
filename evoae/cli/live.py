"""A refit's line on a terminal; plain lines anywhere else."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self

from evoae.cli import output

if TYPE_CHECKING:
    from tqdm import tqdm

    from evoae.runs.refitting import RefitProgress


class RefitLine:
    """Says lines on stderr, and where that is a terminal draws under them how far a refit is."""

    def __init__(self) -> None:
        self._bar: tqdm[Never] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    @property
    def hooks(self) -> dict[str, Any]:
        """The arguments of `refit` that hear of it."""
        drawn = sys.stderr is not None and sys.stderr.isatty()
        return {"say": self.say, "show": self.show if drawn else None}

    def say(self, line: str) -> None:
        """Say a line."""
        if self._bar is not None:
            self._bar.clear()
        output.say(line)

    def show(self, progress: RefitProgress) -> None:
        """Draw the line anew."""
        from tqdm import tqdm

        if self._bar is None:
            self._bar = tqdm(
                total=1.0,
                bar_format="refit ▕{bar:12}▏ {desc}",
                file=sys.stderr,
                dynamic_ncols=True,
                leave=False,
            )
        self._bar.n = progress.share
        self._bar.set_description_str(progress.in_words)
