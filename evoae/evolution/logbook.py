"""The book of a search: one row of figures for each generation."""

from __future__ import annotations

from collections.abc import Sequence

from deap import tools

from evoae.evolution import toolbox
from evoae.evolution.state import Individual, complete

Row = dict[str, int | float | None]


class Records:
    """Kept by whoever runs a search; replaying the same updates gives the same book."""

    def __init__(self) -> None:
        self._statistics = toolbox.statistics()
        self._logbook = tools.Logbook()

    def update(
        self, generation: int, individuals: Sequence[Individual], **counts: int | float | None
    ) -> None:
        """Enter one generation.

        Args:
            generation: its number, from 1.
            individuals: the candidates that it proposed, evaluated; failed and raced ones enter no
                figure.
            counts: further columns.
        """
        candidates = toolbox.candidates(complete(individuals))
        figures = self._statistics.compile(candidates) if candidates else {}
        self._logbook.record(
            generation=generation,
            **counts,
            **{name: _number(figures.get(name)) for name in self._statistics.fields},
        )

    @property
    def rows(self) -> tuple[Row, ...]:
        """The logbook, a row for each generation.

        Its keys are generation and the further columns; then min, median, mean and std of that
        generation's fitness, None while nobody scored.
        """
        return tuple(dict(row) for row in self._logbook)


def _number(figure: float | None) -> float | None:
    return None if figure is None else float(figure)
