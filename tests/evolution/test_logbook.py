from __future__ import annotations

import math
import statistics

import pytest

from evoae.evolution.logbook import Records
from evoae.evolution.state import Individual
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(8), (Block(UpConv(16, 3, 3)),))


def individual(name: str, fitness: float | None) -> Individual:
    return Individual(name, GENOME, () if fitness is None else (fitness,))


def entered(records: Records, generation: int, *individuals: Individual) -> Records:
    failed = sum(each.fitness is None for each in individuals)
    records.update(generation, individuals, trained=len(individuals), failed=failed)
    return records


def test_a_failed_candidate_enters_no_figure() -> None:
    records = entered(Records(), 1, individual("x", None), individual("a", 2.0))
    entered(records, 2, individual("b", 4.0), individual("y", None))
    assert [(row["min"], row["mean"], row["failed"]) for row in records.rows] == [
        (2.0, 2.0, 1),
        (4.0, 4.0, 1),
    ]


def test_a_generation_in_which_all_failed_has_no_figures() -> None:
    records = entered(Records(), 1, individual("x", None), individual("y", None))
    row = records.rows[0]
    assert [row[name] for name in ("min", "median", "mean", "std")] == [None] * 4


def test_a_row_holds_the_figures_of_its_generation() -> None:
    records = entered(Records(), 1, *(individual(str(n), float(n)) for n in (1, 2, 9)))
    values = [4.0, 8.0, 3.0, 7.0]
    entered(records, 2, *(individual(f"v{value}", value) for value in values))
    row = records.rows[1]
    assert (row["generation"], row["trained"], row["failed"]) == (2, 4, 0)
    assert (row["min"], row["median"], row["mean"]) == (3.0, 5.5, 5.5)
    assert row["std"] == pytest.approx(statistics.pstdev(values))
    assert list(row) == ["generation", "trained", "failed", "min", "median", "mean", "std"]
    assert all(type(value) in (int, float) for value in row.values())  # plain, for JSON


def test_replaying_the_updates_gives_the_same_book() -> None:
    steps = [[individual(f"{g}{n}", math.sin(7 * g + n)) for n in range(6)] for g in (1, 2, 3)]
    first, again = Records(), Records()
    for records in (first, again):
        for generation, individuals in enumerate(steps, start=1):
            entered(records, generation, *individuals)
    assert first.rows == again.rows


@pytest.mark.parametrize("fitness", [math.nan, math.inf, -math.inf])
def test_a_fitness_that_is_no_number_is_refused(fitness: float) -> None:
    with pytest.raises(ValueError, match="a failure has none"):
        individual("a", fitness)
