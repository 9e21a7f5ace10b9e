from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evoae.errors import RunError
from evoae.runs.comparison import Course, Point, check_comparable, course, groups
from evoae.runs.records import Generation
from evoae.runs.run import Run
from tests.runs.samples import candidate, failed, make_run, make_searched, scored


def of(path: Path) -> Course:
    return course(Run.open(path))


def test_trainings_count_in_the_order_of_proposal_whenever_they_finished(tmp_path: Path) -> None:
    losses = {1: 0.3, 2: 0.1, 3: 0.2, 5: 0.05}
    courses = []
    for name, order in (("one", (1, 2, 3, 4, 5)), ("two", (5, 4, 2, 3, 1))):
        with make_run(tmp_path / name) as store:
            for number in (1, 2, 3, 4, 5):
                store.add_candidate(candidate(number, 1 if number < 3 else 2, number))
            for number in order:
                one = scored(number, losses[number]) if number in losses else failed(number)
                store.add_evaluation(replace(one, cost=10 * number, raced=number == 5))
        courses.append(of(tmp_path / name).points)
    assert courses[0] == courses[1]
    # The fourth failed, and the loss of the fifth is no more than a bound.
    assert [point.best for point in courses[0]] == [0.3, 0.1, 0.1, 0.1, 0.1]
    assert [point.cost for point in courses[0]] == [10, 30, 60, 100, 150]


def test_further_trainings_count_where_their_generation_ends(tmp_path: Path) -> None:
    with make_run(tmp_path / "run") as store:
        for number in (1, 2, 3):
            store.add_candidate(candidate(number, 1 if number < 3 else 2))
            store.add_evaluation(replace(scored(number, 0.1 * number), cost=10))
        store.add_repeat(scored(1, 0.14), 2, 1)
        stats = {"repeated": 1, "cost": 30, "best": 0.12}
        store.finish_generation(Generation(1, (), (), stats, 1.0))
    points = of(tmp_path / "run").points
    assert points[1] == Point(2, 20, 0.1)
    assert points[2] == Point(3, 30, 0.12)  # the first score was lucky
    assert points[3] == Point(4, 40, 0.12)


def test_what_a_run_reached_by_some_effort(tmp_path: Path) -> None:
    one = of(make_searched(tmp_path / "run", [0.3, None, 0.2, 0.1]))
    assert one.end == Point(4, 40, 0.1)
    assert one.reached(0.25) == Point(3, 30, 0.2)
    assert one.reached(0.05) is None
    assert (one.at(trainings=2), one.at(cost=39), one.at(cost=9)) == (0.3, 0.2, None)
    assert of(make_searched(tmp_path / "none", [])).end == Point(0, 0, None)
    unknown = of(make_run_of_old(tmp_path / "old"))
    assert [point.cost for point in unknown.points] == [None, None]


def make_run_of_old(path: Path) -> Path:
    make_run(path, generations=1).close()  # its trainings lack a cost
    return path


def test_another_seed_splits_the_same_data_differently(tmp_path: Path) -> None:
    courses = [of(make_searched(tmp_path / str(seed), [0.1], seed=seed)) for seed in (0, 1)]
    assert courses[0].facts["data_digest"] != courses[1].facts["data_digest"]
    assert check_comparable(courses) == []


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"data": {"name": "mnist"}, "seed": 1}, "data.name is 'digits' there and 'mnist' here"),
        ({"objective": {"loss": "bce"}}, "objective.loss is 'mse' there and 'bce' here"),
    ],
)
def test_losses_that_measure_other_things_are_refused(
    sections: dict[str, object], said: str, tmp_path: Path
) -> None:
    courses = [
        of(make_searched(tmp_path / "one", [0.1])),
        of(make_searched(tmp_path / "two", [0.1], **sections)),
    ]
    with pytest.raises(RunError, match=said):
        check_comparable(courses)
    changed = replace(courses[0], facts={**courses[0].facts, "data_digest": "f" * 64})
    with pytest.raises(RunError, match="other data: digests 070707070707 and ffffffffffff"):
        check_comparable([courses[0], changed])


def test_other_training_settings_are_named(tmp_path: Path) -> None:
    courses = [
        of(make_searched(tmp_path / str(epochs), [0.1], training=training))
        for epochs, training in enumerate(({}, {"epochs": 9}, {"time_limit": 99}))
    ]
    assert check_comparable(courses) == ["training.epochs"]


def test_runs_alike_in_all_but_the_seed_are_a_group(tmp_path: Path) -> None:
    configs: list[dict[str, object]] = [
        {"seed": 1},
        {"seed": 2, "execution": {"workers": 3}},
        {"seed": 1, "search": {"tournament": 9}},
        {"seed": 3},
        {"seed": 3, "search": {"budget": {"flops": 1e9}}},
    ]
    courses = [of(make_searched(tmp_path / str(n), [0.1], **c)) for n, c in enumerate(configs)]
    found = groups(courses)
    assert [(group.name, group.members) for group in found[1:]] == [("B", (2,)), ("C", (4,))]
    assert found[0].members == (0, 1, 3)
    assert found[1].settings["search.tournament"] == 9
    assert set(found[0].settings) >= {"search.tournament", "search.budget.flops"}
    assert "seed" not in found[0].settings
