"""Statistics of each generation of a search."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evoae.evolution.state import Individual, complete, scored

Row = dict[str, int | float | None]


class Records:
    """Kept by whoever runs a search; replaying the same updates gives the same book."""

    def __init__(self) -> None:
        self._rows: list[Row] = []

    def update(
        self, generation: int, individuals: Sequence[Individual], **counts: int | float | None
    ) -> None:
        """Enter a generation.

        Args:
            generation: its number, from 1.
            individuals: the candidates that it proposed, evaluated; failed and raced ones do not
                count in the statistics.
            counts: further columns.
        """
        fitness = [fitness for fitness, _ in scored(complete(individuals))]
        statistics: Row = {
            name: float(getattr(np, name)(fitness)) if fitness else None
            for name in ("min", "median", "mean", "std")
        }
        self._rows.append({"generation": generation, **counts, **statistics})

    @property
    def rows(self) -> tuple[Row, ...]:
        """The book, a row for each generation.

        Its keys are generation and the further columns; then min, median, mean and std of that
        generation's fitness, None while nobody scored.
        """
        return tuple(map(dict, self._rows))
