import pytest

from evoae.training.base import AbstractFitLoop
from tests.contracts.fit_loop import (
    BATCH,
    DROPPED,
    LONGER,
    PAIRS,
    SMALL,
    FitLoopContract,
    OracleContract,
    curve,
    first,
    shared,
)


class TestCompiledLoop(FitLoopContract, OracleContract):
    @pytest.fixture
    def loop(self):
        from evoae.training.fit_compiled import CompiledLoop

        return CompiledLoop


@pytest.mark.slow  # what the compiled loop is compared with, so that the fast tests run it too
class TestKerasLoop(FitLoopContract):
    @pytest.fixture
    def loop(self):
        from evoae.training.fit_keras import KerasLoop

        return KerasLoop


def test_every_fit_loop_is_final_and_passes_the_contract():
    from evoae.training.fit_compiled import CompiledLoop
    from evoae.training.fit_keras import KerasLoop

    assert set(AbstractFitLoop.__subclasses__()) == {CompiledLoop, KerasLoop}
    assert all(loop.__final__ for loop in AbstractFitLoop.__subclasses__())
    assert FitLoopContract.__subclasses__() == [TestCompiledLoop, TestKerasLoop]
    assert OracleContract.__subclasses__() == [TestCompiledLoop]


def test_images_read_in_many_pieces_train_exactly_as_in_one(monkeypatch):
    from evoae.training import fit_compiled

    whole = first(fit_compiled.CompiledLoop, DROPPED)
    monkeypatch.setattr(fit_compiled, "PIECE", 2 * BATCH * shared().train[0].nbytes)
    assert curve(fit_compiled.CompiledLoop, DROPPED) == whole


@pytest.mark.slow
def test_each_setting_of_the_optimiser_changes_the_training():
    from evoae.training.fit_compiled import CompiledLoop

    curves = {
        tuple(first(CompiledLoop, SMALL, **LONGER, optimizer=optimizer, schedule=schedule))
        for optimizer, schedule in PAIRS
    }
    assert len(curves) == len(PAIRS)
