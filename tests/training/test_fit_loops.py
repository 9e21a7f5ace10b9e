import pytest

from evoae.training.base import AbstractFitLoop
from tests.contracts.fit_loop import FitLoopContract


class TestCompiledLoop(FitLoopContract):
    @pytest.fixture
    def loop(self):
        from evoae.training.fit_compiled import CompiledLoop

        return CompiledLoop


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
    assert len(FitLoopContract.__subclasses__()) == len(AbstractFitLoop.__subclasses__())
