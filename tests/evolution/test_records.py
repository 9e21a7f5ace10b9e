from __future__ import annotations

import math
import statistics

import pytest

from evoae.evolution.records import Records
from evoae.evolution.state import Individual
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(8), (Block(UpConv(16, 3, 3)),))


def individual(name: str, fitness: float | None) -> Individual:
    return Individual(name, GENOME, fitness)


def entered(records: Records, generation: int, *individuals: Individual) -> Records:
    failed = sum(each.fitness is None for each in individuals)
    records.update(generation, individuals, trained=len(individuals), reused=0, failed=failed)
    return records


def fame(records: Records) -> list[str]:
    return [each.id for each in records.hall_of_fame]


def test_the_hall_of_fame_is_sorted_and_holds_each_id_once() -> None:
    records = entered(Records(3), 1, *(individual(name, ord(name)) for name in "dbeac"))
    entered(records, 2, individual("b", ord("b")), individual("z", 1.0))
    assert fame(records) == ["z", "a", "b"]


def test_a_candidate_that_comes_again_takes_no_second_place() -> None:
    records = entered(Records(3), 1, *(individual(name, ord(name)) for name in "abcd"))
    entered(records, 2, individual("a", ord("a")))
    assert fame(records) == ["a", "b", "c"]


def test_a_failed_candidate_enters_neither_fame_nor_figures() -> None:
    records = entered(Records(5), 1, individual("x", None), individual("a", 2.0))
    entered(records, 2, individual("b", 4.0), individual("y", None))
    assert fame(records) == ["a", "b"]
    assert [(row["min"], row["mean"], row["failed"]) for row in records.rows] == [
        (2.0, 2.0, 1),
        (4.0, 4.0, 1),
    ]


def test_the_first_candidate_that_failed_does_not_open_the_hall_of_fame() -> None:
    records = entered(Records(5), 1, individual("x", None), individual("y", None))
    assert fame(records) == []
    row = records.rows[0]
    assert [row[name] for name in ("min", "median", "mean", "std", "best")] == [None] * 5


def test_equal_candidates_rank_by_id_whoever_finished_first() -> None:
    both = [individual("b", 1.0), individual("a", 1.0), individual("c", 1.0)]
    assert fame(entered(Records(2), 1, *both)) == ["a", "b"]
    assert fame(entered(Records(2), 1, *reversed(both))) == ["a", "b"]


def test_a_later_equal_does_not_displace_an_older_one() -> None:
    records = entered(Records(1), 1, individual("b", 1.0))
    assert fame(entered(records, 2, individual("a", 1.0))) == ["b"]


def test_a_row_holds_the_figures_of_its_generation_and_the_best_so_far() -> None:
    records = entered(Records(2), 1, *(individual(str(n), float(n)) for n in (1, 2, 9)))
    values = [4.0, 8.0, 3.0, 7.0]
    entered(records, 2, *(individual(f"v{value}", value) for value in values))
    row = records.rows[1]
    assert (row["generation"], row["trained"], row["reused"], row["failed"]) == (2, 4, 0, 0)
    assert (row["min"], row["median"], row["mean"]) == (3.0, 5.5, 5.5)
    assert row["std"] == pytest.approx(statistics.pstdev(values))
    assert row["best"] == 1.0
    assert list(row) == [
        "generation",
        "trained",
        "reused",
        "failed",
        "min",
        "median",
        "mean",
        "std",
        "best",
    ]
    assert all(type(value) in (int, float) for value in row.values())  # plain, for JSON


def test_replaying_the_updates_gives_the_same_book() -> None:
    steps = [[individual(f"{g}{n}", math.sin(7 * g + n)) for n in range(6)] for g in (1, 2, 3)]
    first, again = Records(4), Records(4)
    for records in (first, again):
        for generation, individuals in enumerate(steps, start=1):
            entered(records, generation, *individuals)
    assert (first.hall_of_fame, first.rows) == (again.hall_of_fame, again.rows)


@pytest.mark.parametrize("fitness", [math.nan, math.inf, -math.inf])
def test_a_fitness_that_is_no_number_is_refused(fitness: float) -> None:
    with pytest.raises(ValueError, match="a failure has fitness None"):
        individual("a", fitness)
