from __future__ import annotations

import pytest

from evoae.config.search import RacingConfig
from evoae.evaluation import so_far, stopped_after
from evoae.evolution.logbook import Records
from evoae.evolution.noise import needs_repeat
from evoae.evolution.racing import thresholds
from evoae.evolution.state import Curve, Individual, Proposal, State, best, complete
from evoae.genome.genes import Conv, Latent, UpConv
from evoae.genome.genome import Block, Genome

GENOME = Genome((Block(Conv(16, 3, 3)),), Latent(8), (Block(UpConv(16, 3, 3)),))

HALF = RacingConfig(keep=0.5, after=4)


def raced(number: int, *curve: float, whole: int = 3) -> Individual:
    """A candidate with its fitness after each epoch; raced if it has fewer than `whole`."""
    scores = curve[-1:]
    return Individual(str(number), GENOME, scores, curve=curve, raced=0 < len(curve) < whole)


FOUR = [raced(number, 8.0 + number, 4.0 + number, 2.0 + number) for number in range(4)]


def test_nothing_is_stopped_before_enough_trainings_are_known() -> None:
    assert thresholds(FOUR[:3], HALF, 3) == ()
    assert thresholds([*FOUR[:3], raced(9)], HALF, 3) == ()  # a failed one tells nothing


def test_the_threshold_is_the_worst_of_the_share_that_goes_on() -> None:
    assert thresholds(FOUR, HALF, 3) == ((1, 9.0), (2, 5.0))
    assert thresholds(FOUR, RacingConfig(keep=0.25, after=4), 3) == ((1, 8.0), (2, 4.0))
    assert thresholds(FOUR, RacingConfig(keep=0.1, after=4), 3) == ((1, 8.0), (2, 4.0))
    assert thresholds(FOUR, RacingConfig(), 3) == ()


def test_what_was_stopped_counts_as_far_as_its_curve_goes() -> None:
    stopped = [raced(number, 1.0) for number in (5, 6, 7, 8)]
    assert thresholds([*FOUR, *stopped], HALF, 3) == ((1, 1.0), (2, 5.0))


def test_what_patience_ended_stays_where_it_was() -> None:
    ended = Individual("5", GENOME, (1.0,), curve=(1.0,))
    assert thresholds([*FOUR, ended, ended], HALF, 3) == ((1, 8.0), (2, 4.0))


def test_rungs_are_the_epochs_that_are_compared() -> None:
    rungs = RacingConfig(keep=0.5, after=4, rungs=(9, 3, 2))
    assert thresholds(FOUR, rungs, 3) == ((2, 5.0),)
    assert rungs.compared(10) == (2, 3, 9)


@pytest.mark.parametrize(
    ("curve", "epoch"), [((2.0, 2.0, 9.0), None), ((2.1, 0.0), 1), ((0.0, 2.1), 2), ((0.0,), None)]
)
def test_a_training_is_stopped_after_the_first_epoch_in_which_it_is_worse(
    curve: tuple[float, ...], epoch: int | None
) -> None:
    assert stopped_after(curve, ((1, 2.0), (2, 2.0))) == epoch


def test_fitness_so_far_is_the_last_loss_or_the_best() -> None:
    assert so_far([3.0, 1.0, 2.0], "last") == (3.0, 1.0, 2.0)
    assert so_far([3.0, 1.0, 2.0], "best") == (3.0, 1.0, 1.0)


def test_a_raced_score_is_never_among_the_complete_ones_however_good() -> None:
    tempting = raced(9, 0.1)
    assert best([*FOUR, tempting], 1) == (tempting,)  # as a parent it may serve
    assert complete([*FOUR, tempting, raced(8)]) == FOUR


def test_a_raced_candidate_is_not_measured_again() -> None:
    assert all(each.id != "9" for each in needs_repeat([*FOUR, raced(9, 0.1)], 3, 99))
    assert needs_repeat([*FOUR, raced(9, 0.1)], 3, 99) == needs_repeat(FOUR, 3, 99)


def test_a_generation_s_figures_are_those_of_its_complete_trainings() -> None:
    records = Records()
    records.update(1, [*FOUR, raced(9, 0.1)])
    assert records.rows[0]["min"] == 2.0


def test_the_state_keeps_curve_and_flag_of_the_first_training() -> None:
    proposal = Proposal("a", GENOME, (), "sample")
    state = State().after([(proposal, Curve((3.0, 2.0), raced=True))])
    again = Proposal("b", GENOME, (), "sample", 2)
    state = state.after([(Proposal("b", GENOME, (), "sample"), Curve((5.0, 4.0))), (again, 2.0)])
    one, other = state.history.values()
    assert (one.scores, one.curve, one.raced) == ((2.0,), (3.0, 2.0), True)
    assert (other.scores, other.curve, other.raced) == ((4.0, 2.0), (5.0, 4.0), False)
