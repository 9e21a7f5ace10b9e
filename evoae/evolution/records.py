"""The book of a search: the hall of fame, and one row of figures for each generation."""

from __future__ import annotations

from collections.abc import Sequence

from deap import tools

from evoae.evolution import toolbox
from evoae.evolution.state import Individual, best

Row = dict[str, int | float | None]


class Records:
    """Kept by whoever runs a search; replaying the same updates gives the same book.

    Args:
        hof_size: candidates in the hall of fame.
    """

    def __init__(self, hof_size: int) -> None:
        self._hall_of_fame = toolbox.hall_of_fame(hof_size)
        self._statistics = toolbox.statistics()
        self._logbook = tools.Logbook()

    def update(
        self,
        generation: int,
        individuals: Sequence[Individual],
        *,
        trained: int,
        reused: int,
        failed: int,
    ) -> None:
        """Enter one generation.

        Args:
            generation: its number, from 1.
            individuals: its evaluated candidates; failed ones enter no figure and no fame.
            trained: how many of them were trained now.
            reused: how many were known before.
            failed: how many failed.
        """
        # Best first, equals by id, so that fame does not depend on who finished first.
        candidates = toolbox.candidates(best(individuals, len(individuals)))
        self._hall_of_fame.update(candidates)
        figures = self._statistics.compile(candidates) if candidates else {}
        self._logbook.record(
            generation=generation,
            trained=trained,
            reused=reused,
            failed=failed,
            **{name: _number(figures.get(name)) for name in self._statistics.fields},
            best=self.hall_of_fame[0].fitness if self.hall_of_fame else None,
        )

    @property
    def hall_of_fame(self) -> tuple[Individual, ...]:
        """The best candidates so far, best first; equals in order of id, the older ones kept."""
        members = [candidate.individual for candidate in self._hall_of_fame]
        return best(members, len(members))  # DEAP puts the newest of equals first

    @property
    def worst_kept(self) -> float | None:
        """Fitness that a newcomer must beat; None while there is room for anyone."""
        full = len(self._hall_of_fame) == self._hall_of_fame.maxsize
        return self.hall_of_fame[-1].fitness if full else None

    @property
    def rows(self) -> tuple[Row, ...]:
        """The logbook, a row for each generation.

        Its keys are generation, trained, reused, failed; then min, median, mean and std of that
        generation's fitness and the best of the search so far, None while nobody scored.
        """
        return tuple(dict(row) for row in self._logbook)


def _number(figure: float | None) -> float | None:
    return None if figure is None else float(figure)
