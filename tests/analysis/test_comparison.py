from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evoae.analysis.best_so_far import Point
from evoae.analysis.comparison import Course, check_comparable, course, groups
from evoae.errors import RunError
from evoae.evaluation import Evaluation, Outcome
from evoae.runs.records import Generation
from evoae.runs.run import Run
from evoae.runs.store import Store
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
    assert courses[0].metadata.data_digest != courses[1].metadata.data_digest
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
    changed = replace(courses[0], metadata=replace(courses[0].metadata, data_digest="f" * 64))
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


TIMES = [{"training": {"time_limit": seconds}} for seconds in (50.0, 90.0, 200.0)]
ROOMS = [{"execution": {"memory_limit": f"{gib}GiB"}} for gib in (1, 2, 4)]
ENDED = [
    (TIMES, Outcome.TIMED_OUT, "training.time_limit"),
    (ROOMS, Outcome.OUT_OF_MEMORY, "execution.memory_limit"),
    (ROOMS, Outcome.OVER_LIMIT, "execution.memory_limit"),
]


@pytest.mark.parametrize(("limits", "outcome", "setting"), ENDED)
def test_runs_whose_limits_ended_no_training_are_alike(
    limits: list[dict[str, object]], outcome: Outcome, setting: str, tmp_path: Path
) -> None:
    courses = [
        of(make_searched(tmp_path / str(n), [0.1, None], seed=n, **limit))
        for n, limit in enumerate(limits)
    ]
    assert check_comparable(courses) == []
    (group,) = groups(courses)
    assert (group.members, dict(group.settings)) == ((0, 1, 2), {})


@pytest.mark.parametrize(("limits", "outcome", "setting"), ENDED)
def test_a_limit_that_ended_a_training_counts_as_a_difference(
    limits: list[dict[str, object]], outcome: Outcome, setting: str, tmp_path: Path
) -> None:
    """One run was ended by the lowest limit; another one with that limit happened not to be."""
    loose, tight = (
        [make_searched(tmp_path / f"{n}", [0.1], **limits[n]) for n in (2, 1)],
        [
            make_searched(tmp_path / "ended", [0.1, None], lost=outcome, **limits[0]),
            make_searched(tmp_path / "lucky", [0.1], seed=1, **limits[0]),
        ],
    )
    courses = [of(path) for path in (*loose, *tight)]
    assert check_comparable(courses) == [setting]
    assert check_comparable([courses[3], *courses[:2]]) == []  # without the run that was ended
    found = groups(courses)
    assert [group.members for group in found] == [(0, 1), (2, 3)]
    section, name = setting.split(".")
    values = [limits[n][section][name] for n in (2, 1, 0)]  # type: ignore[index]
    assert found[0].settings == {setting: values[:2]}
    assert found[1].settings == {setting: values[2]}


def test_the_limit_of_the_other_kind_is_not_counted(tmp_path: Path) -> None:
    courses = [
        of(make_searched(tmp_path / str(n), [None], lost=Outcome.OUT_OF_MEMORY, **limit))
        for n, limit in enumerate(TIMES)
    ]
    assert check_comparable(courses) == []
    assert len(groups(courses)) == 1


def test_a_further_training_that_a_limit_ended_counts_too(tmp_path: Path) -> None:
    paths = [make_searched(tmp_path / str(n), [0.1], **limit) for n, limit in enumerate(TIMES)]
    with Store.writer(paths[0]) as store:
        (id,) = store.candidates()
        store.add_repeat(Evaluation(f"{id} 2", Outcome.TIMED_OUT, message="late"), 2, 1)
    courses = [of(path) for path in paths]
    assert check_comparable(courses) == ["training.time_limit"]
    assert [group.members for group in groups(courses)] == [(0,), (1, 2)]


def test_a_limit_parts_only_runs_that_are_otherwise_alike(tmp_path: Path) -> None:
    """Runs with another tournament were ended by none, whatever happened to the others."""
    configs: list[tuple[float | None, dict[str, object]]] = [
        (0.2, TIMES[0] | {"search": {"tournament": 9}}),
        (0.2, TIMES[1] | {"search": {"tournament": 9}}),
        (None, TIMES[0]),
        (0.2, TIMES[1]),
    ]
    courses = [
        of(make_searched(tmp_path / str(n), [0.1, loss], lost=Outcome.TIMED_OUT, **config))
        for n, (loss, config) in enumerate(configs)
    ]
    assert [group.members for group in groups(courses)] == [(0, 1), (2,), (3,)]
