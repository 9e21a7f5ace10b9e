"""What a search would do: the pace of a machine, the simulation, the warnings."""

import dataclasses

import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.config.load import dump_config, make_config
from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation, Outcome, Seconds, TrainingKey
from evoae.execution.inline import InlineExecutor
from evoae.experiments import forecast as forecasts
from evoae.experiments.config_warnings import config_warnings
from evoae.experiments.simulation import simulate
from evoae.experiments.throughput import Throughput, makespan
from evoae.genome.canonical import candidate_id
from tests.conftest import TINY, with_changes


def trained(flops, epochs, seconds):
    losses = (0.1,) * epochs
    return Evaluation(
        TrainingKey("a"),
        Outcome.SCORED,
        0.1,
        losses,
        losses,
        10,
        2,
        flops,
        Seconds(0.5, 1.0, seconds, seconds + 2),
    )


def made_up(_):
    """Trainings of 2 seconds once, 4 for tracing in the first epoch, and .3 for each epoch."""

    def training(task):
        epochs = task.training.epochs
        found = trained(task.flops, epochs, 4 + 0.3 * epochs)
        return dataclasses.replace(found, key=task.key)

    return InlineExecutor(training)


def problem(**sections):
    return Problem.make(make_config(with_changes(TINY, **sections)))


def smaller_is_better(genome):
    return 0.01 * len(genome.genes)


def by_chance(genome):
    return 0.01 + int(candidate_id(genome)[:4], 16)


def test_a_pace_is_read_from_trainings_of_other_lengths_and_sizes():
    found = Throughput.of(
        [trained(f, e, e * (0.3 + 2e-6 * f)) for f, e in ((1e5, 1), (8e5, 3), (3e6, 2))]
    )
    assert found.seconds(2_000_000, 4) == pytest.approx(2 + 4 * (0.3 + 4))


def test_what_only_the_first_epoch_takes_is_not_taken_for_every_one():
    tracing = [
        trained(f, e, 4 + e * (0.3 + 2e-6 * f))
        for f, e in ((1e5, 1), (8e5, 3), (2e6, 1), (3e6, 3))
    ]
    assert Throughput.of(tracing).seconds(2_000_000, 60) == pytest.approx(2 + 4 + 60 * (0.3 + 4))


def test_a_pace_is_never_negative():
    assert Throughput.of([trained(100_000, 1, 5.0), trained(900_000, 1, 1.0)]).flop == 0


def test_workers_share_trainings_the_longest_first():
    assert makespan([1, 1, 1, 3], 2) == 3
    assert makespan([1, 2, 3], 1) == 6
    assert makespan([], 2) == 0


def test_a_simulation_makes_the_trainings_of_the_search_and_leaves_no_folder(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    found = simulate(problem(search={"population": 6, "generations": 3}), smaller_is_better)
    assert [len(part) for part in found.generations] == [6, 5, 5]  # an elite passes each time
    assert all(step.epochs == 2 for step in found.steps)
    assert found.scale == 1
    assert found.ends
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_simulation_ends_where_the_flops_do():
    budget = {"generations": None, "budget": {"flops": 3e9}, "population": 4}
    found = simulate(problem(search=budget), smaller_is_better)
    largest = max(3 * step.flops * 96 * 2 for step in found.steps)
    assert 3e9 - largest < found.flops <= 3e9
    assert found.unchanged.flops == pytest.approx(found.flops)


def test_racing_shortens_what_is_simulated():
    racing = {"racing": {"keep": 0.4, "after": 4}, "generations": 4, "population": 8}
    found = simulate(problem(search=racing, training={"epochs": 4}), by_chance)
    assert {step.epochs for step in found.steps} > {4}


def test_a_long_search_is_taken_to_go_on_alike(monkeypatch):
    monkeypatch.setattr("evoae.experiments.simulation._MOST", 10)
    budget = {"generations": None, "budget": {"evaluations": 40}}
    found = simulate(problem(search=budget), smaller_is_better)
    assert len(found.steps) == 10
    assert found.scale == pytest.approx(4)


def test_of_a_search_that_only_minutes_end_the_minutes_are_the_forecast(monkeypatch):
    monkeypatch.setattr("evoae.experiments.simulation._MOST", 12)
    monkeypatch.setattr(forecasts, "executor_for", made_up)
    minutes = {"generations": None, "budget": {"minutes": 60}}
    config = make_config(with_changes(TINY, search=minutes))
    found = forecasts.forecast(config, networks=3)
    assert found.seconds >= 3600
    assert found.trainings > 20


@pytest.mark.slow
def test_a_search_whose_space_is_exhausted_before_its_minutes_is_forecast_to_end(monkeypatch):
    few = {"max_depth": 1, "filters": [4, 4], "kernels": [3, 3], "min_latent": 4, "max_latent": 5}
    few["sampling"] = {"batchnorm": 0.0, "dropout": 0.0}
    minutes = {"generations": None, "budget": {"minutes": 60}, "mutation": {"modifiers": 0}}
    config = make_config(with_changes(TINY, model=few, search={**minutes, "surrogate": 1}))
    found = forecasts.forecast(config, networks=2)
    assert found.trainings < 100
    assert found.seconds < 3600


@pytest.mark.slow
def test_a_forecast_says_what_a_search_then_does(tiny_run, tmp_path):
    file = tmp_path / "tiny.yaml"
    file.write_text(dump_config(make_config(TINY)))
    done = CliRunner().invoke(cli, ["plan", str(file), "--networks", "3"])
    assert done.exit_code == 0, done.output
    said = done.stdout.splitlines()
    assert said[0] == "candidates about 7"
    assert said[1].startswith("trainings  about 7 trainings of ")
    named = [line.split()[0] for line in said[:5]]
    assert named == ["candidates", "trainings", "time", "memory", "disk"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["tiny.yaml"]
    assert len(tiny_run.first_evaluations()) == 7


def test_a_forecast_tells_tracing_from_epochs_and_its_range_holds_it(monkeypatch):
    monkeypatch.setattr(forecasts, "executor_for", made_up)
    config = make_config(with_changes(TINY, training={"epochs": 40}))
    found = forecasts.forecast(config, networks=4)
    assert found.training_seconds == pytest.approx(2 + 4 + 0.3 * 40)
    assert found.low - 0.1 <= found.seconds <= found.high + 0.1


@pytest.mark.parametrize(
    ("outcome", "advice"),
    [
        (Outcome.DIVERGED, "training.learning_rate"),
        (Outcome.OVER_LIMIT, "execution.memory_limit"),
        (Outcome.OUT_OF_MEMORY, "training.batch_size"),
        (Outcome.TIMED_OUT, "training.time_limit"),
        (Outcome.CRASHED, "evoae doctor"),
    ],
)
def test_where_all_networks_fail_plan_says_how_why_and_what_to_change(
    outcome, advice, monkeypatch, tmp_path
):
    def failing(task):
        return Evaluation.failed(task, outcome, "so it ended")

    monkeypatch.setattr(forecasts, "executor_for", lambda _: InlineExecutor(failing))
    path = tmp_path / "tiny.yaml"
    path.write_text(dump_config(make_config(TINY)))
    done = CliRunner().invoke(cli, ["plan", str(path), "--networks", "2"])
    assert done.exit_code == 1  # as that of the search which it stands for
    said = done.stderr.splitlines()[-1]
    kind = outcome.value.replace("_", " ")
    assert said.startswith(f"Error: plan: all 2 trainings failed (2 {kind}; mostly: so it ended)")
    assert advice in said
    assert done.stdout == ""


@pytest.mark.parametrize(("share", "said"), [(3.0, False), (80.0, True)])
def test_a_forecast_of_a_busy_machine_says_so(share, said, monkeypatch):
    monkeypatch.setattr("psutil.cpu_percent", lambda _: share)
    monkeypatch.setattr("evoae.experiments.forecast.cores", lambda: 2)
    assert forecasts._busy() == (
        (
            "The machine has other work (80% of 2 cores): once that is done, the search is "
            "faster than forecast.",
        )
        if said
        else ()
    )


def test_a_narrow_space_is_warned_of():
    narrow = {"filters": [4, 5], "kernels": [3, 3], "max_depth": 1, "min_latent": 8}
    sampling = {"batchnorm": 0, "dropout": 0}
    assert any(
        "narrow" in said
        for said in config_warnings(problem(model={**narrow, "sampling": sampling}))
    )


def test_codes_as_large_as_the_input_are_warned_of():
    said = config_warnings(problem(model={"latent": "spatial", "max_latent": None}))
    assert any("compress nothing" in each for each in said)


def test_few_optimiser_steps_are_warned_of():
    assert any("only 6 optimiser steps" in said for said in config_warnings(problem()))


def test_a_budget_that_pays_hardly_anything_is_warned_of():
    budget = {"budget": {"flops": 1e8}}
    assert any(
        "search.budget.flops pays" in said for said in config_warnings(problem(search=budget))
    )


def test_a_code_with_which_pca_rebuilds_nearly_all_is_warned_of():
    said = config_warnings(problem(model={"max_latent": 60}))
    assert any("PCA with a code of 60" in each for each in said)


def test_a_sound_configuration_is_not_warned_of():
    sound = problem(
        data={"reduce": {"train": 1000, "validation": 150}}, training={"batch_size": 16}
    )
    assert config_warnings(sound) == ()
