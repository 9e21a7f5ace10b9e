"""The course of a search: in the order of proposal, whoever finished first."""

import pytest

from evoae.report.sections.history import course, generation_rows, improvements
from evoae.report.sections.hyperparameters import choices, constant, factors
from tests.report import samples


@pytest.fixture
def snapshot(tmp_path):
    """Four candidates that finished in another order, one failed, one trained twice."""
    store, ids = samples.make(tmp_path / "run")
    with store:
        samples.scored(store, ids[3], 0.04)
        samples.failed(store, ids[2])
        samples.scored(store, ids[0], 0.06)
        samples.scored(store, ids[1], 0.03, raced=True, validation_loss=(0.03,))
        from evoae.evaluation import Evaluation, Outcome

        again = Evaluation(f"{ids[0]} 2", Outcome.SCORED, 0.08, cost=500)
        store.add_repeat(again, 2, 1)
        samples.finished(store, 1, [ids[0]], duplicates=None)
    return samples.read(tmp_path / "run")


def test_candidates_stand_in_the_order_of_proposal(snapshot):
    assert [step.id for step in course(snapshot)] == list(snapshot.candidates)


def test_the_best_so_far_is_of_means_and_of_whole_trainings_alone(snapshot):
    steps = course(snapshot)
    assert [step.loss for step in steps] == pytest.approx([0.07, 0.03, None, 0.04])
    assert [step.best for step in steps] == pytest.approx([0.07, 0.07, 0.07, 0.04])
    assert [step.number for step in improvements(steps)] == [1, 4]


def test_cost_counts_further_trainings_and_is_unknown_after_one_without(snapshot):
    assert [step.cost for step in course(snapshot)] == [1500, 2500, None, None]


def test_a_column_of_the_logbook_that_nobody_filled_is_left_out(snapshot):
    header, rows = generation_rows(snapshot.generations)
    assert "duplicates" not in header
    assert (header[0], header[-1], len(rows[0])) == ("generation", "time", len(header))


def test_what_varied_is_told_from_what_did_not(tmp_path):
    store, ids = samples.make(tmp_path / "run")
    with store:
        for number, id in enumerate(ids):
            samples.scored(store, id, 0.05 + number / 100)
    snapshot = samples.read(tmp_path / "run")
    found = {factor.name: factor for factor in factors(snapshot)}
    assert found["depth"].values == (1, 2, 1, 1)
    assert found["latent size"].values == (4, 4, 8, 2)
    assert found["dropout rates, summed"].values == (0, 0.25, 0, 0)
    assert found["depth"].edges == [0.5, 1.5, 2.5]
    assert found["depth"].rank_correlation is None  # of four networks
    assert constant(snapshot) == {}
    by_choice = {(each.name, each.value): each for each in choices(snapshot)}
    assert by_choice["batch normalisation", "yes"].best == pytest.approx(0.06)
    assert by_choice["batch normalisation", "no"].tried == 3
    assert not any(name == "residual blocks" for name, _ in by_choice)  # none has any


def test_a_raced_training_and_a_failure_explore_nothing(snapshot):
    assert {factor.name: len(factor.ids) for factor in factors(snapshot)} == {
        "mean filters or units of a layer": 2,
        "latent size": 2,
    }
    assert constant(snapshot)["depth"] == 1
