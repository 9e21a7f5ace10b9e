from __future__ import annotations

from pathlib import Path

import pytest

from evoae.analysis.lineage import Step, lineage
from evoae.errors import RunError
from evoae.runs.run import Run
from tests.runs.samples import bred, candidate, identity, make_family, make_run, scored


@pytest.fixture
def run(tmp_path: Path) -> Run:
    make_family(tmp_path / "run").close()
    return Run.open(tmp_path / "run")


def test_a_tree_goes_back_to_the_founders_and_tells_what_changed(run: Run) -> None:
    family = lineage(run)
    assert list(family.relatives) == [identity(number) for number in (4, 3, 2, 1)]
    best, child, _, founder = family.relatives.values()
    assert (best.births, child.births, founder.births) == (0, 1, 2)
    (only,) = best.steps
    assert (only.parent, only.changes) == (identity(3), ("conv 1: filters 32 -> 40",))
    assert (only.loss, only.gain) == pytest.approx((0.06, 0.04 / 0.06 - 1))
    nearest, other = child.steps
    assert (nearest.parent, nearest.changes) == (identity(1), ("latent 8 -> 10",))
    assert nearest.gain == pytest.approx(0.06 / 0.08 - 1)
    assert (other.parent, other.gain) == (identity(2), pytest.approx(0.06 / 0.1 - 1))
    assert len(other.changes) > 1
    assert founder.steps == ()


def test_a_failed_candidate_has_a_tree_and_no_loss(run: Run) -> None:
    one = lineage(run, "0005").root
    assert (one.outcome, one.loss) == ("diverged", None)
    assert one.steps == (Step(identity(1), ("bn after conv 1 removed",), 0.08, None),)


def test_a_depth_leaves_out_what_is_further_back(run: Run) -> None:
    family = lineage(run, "best", depth=1)
    assert list(family.relatives) == [identity(4), identity(3)]
    assert family.left_out == 2
    assert family.relatives[identity(3)].steps  # what changed there is known all the same


def test_a_long_line_of_descent_is_followed_to_its_founder(tmp_path: Path) -> None:
    genome = "conv(32,3x3) | latent(8) | upconv(32,3x3)"
    with make_run(tmp_path / "run") as store:
        store._connection.execute("PRAGMA synchronous = OFF")  # nobody pulls a plug here
        for number in range(1, 1501):
            store.add_candidate(bred(number, genome, (number - 1,) if number > 1 else ()))
        store.add_evaluation(scored(1500))
    family = lineage(Run.open(tmp_path / "run"))
    assert [one.births for one in family.relatives.values()] == list(range(1500))


def test_a_damaged_record_of_parents_is_one_sentence_or_a_tree_that_ends(tmp_path: Path) -> None:
    with make_run(tmp_path / "own", generations=1) as store:
        store.add_candidate(candidate(2))
    assert (
        len(lineage(Run.open(tmp_path / "own")).relatives) == 2
    )  # 1 is said to be its own parent
    with make_run(tmp_path / "lost") as store:
        store.add_candidate(candidate(3))
        store.add_evaluation(scored(3))
    with pytest.raises(RunError, match=r"damaged .*lacks the parent 0001"):
        lineage(Run.open(tmp_path / "lost"))
