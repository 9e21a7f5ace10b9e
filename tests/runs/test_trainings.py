from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pandas as pd

from evoae.evaluation import Evaluation, Outcome, TrainingKey
from evoae.runs.run import Run
from evoae.runs.trainings import Training
from tests.runs.samples import candidate, failed, identity, make_run, scored


def rows_of(path: Path) -> list[Training]:
    with make_run(path) as store:
        for number in (1, 2, 3):
            store.add_candidate(candidate(number, generation=number))
        store.add_evaluation(dataclasses.replace(scored(2), cost=900, raced=True))
        store.add_evaluation(failed(1))
        store.add_evaluation(scored(3), Path("runs/lender"))
        store.add_repeat(dataclasses.replace(scored(3, 0.03, repeat=2), cost=70), 1)
        third = TrainingKey(identity(3), 3)
        store.add_repeat(Evaluation(third, Outcome.CRASHED, message="the worker died"), 1)
    return Run.open(path).evaluations()


def test_every_training_is_a_row_in_the_order_of_finishing(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "run")
    assert [(row.id, row.repeat) for row in rows] == [
        *((identity(number), 1) for number in (2, 1, 3)),
        *((identity(3), repeat) for repeat in (2, 3)),
    ]
    assert sorted(row.finished for row in rows) == [row.finished for row in rows]
    first, broken, lent, again, lost = rows
    assert (first.outcome, first.val_loss, first.raced, first.epochs) == ("scored", 0.02, True, 2)
    assert (first.parameters, first.latent, first.flops) == (25_529, 8, 1_000_000)
    assert (first.cost, first.seconds, first.generation, first.source) == (900, 4.0, 2, None)
    assert (first.operator, first.parents) == ("scale_filters", (identity(1), identity(2)))
    assert first.genome == candidate(2).genome
    assert (broken.outcome, broken.val_loss, broken.parameters) == ("diverged", None, None)
    assert broken.message == "the loss became infinite in epoch 2"
    assert (lent.source, lent.cost) == ("runs/lender", None)
    # What a further training does not tell itself, the candidate's first one does.
    assert (again.val_loss, again.cost, again.epochs, again.latent) == (0.03, 70, None, 8)
    assert (lost.outcome, lost.val_loss, lost.message) == ("crashed", None, "the worker died")


def test_pandas_takes_the_rows_as_they_are(tmp_path: Path) -> None:
    rows = rows_of(tmp_path / "run")
    frame = pd.DataFrame(rows)
    assert list(frame.columns) == [field.name for field in dataclasses.fields(Training)]
    assert frame["val_loss"].dtype == float
    assert math.isclose(frame.groupby("id")["val_loss"].mean()[identity(3)], 0.025)
    assert pd.to_datetime(frame["finished"], format="ISO8601").is_monotonic_increasing
    nested = (dict, list)
    assert not any(isinstance(value, nested) for column in frame for value in frame[column])


def test_a_run_without_trainings_has_no_rows(tmp_path: Path) -> None:
    make_run(tmp_path / "run").close()
    assert Run.open(tmp_path / "run").evaluations() == []
