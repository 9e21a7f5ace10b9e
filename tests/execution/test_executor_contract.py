from __future__ import annotations

import importlib
import pkgutil

import evoae.execution
from evoae.execution.executor import AbstractExecutor, Train
from evoae.execution.inline import InlineExecutor
from evoae.execution.local import LocalExecutor
from tests.contracts.executor import ExecutorContract
from tests.execution.apart import ApartExecutor


class TestInlineExecutor(ExecutorContract):
    kind = InlineExecutor

    def make(self, train: Train) -> AbstractExecutor:
        return InlineExecutor(train)


class TestLocalExecutor(ExecutorContract):
    kind = LocalExecutor

    def make(self, train: Train) -> AbstractExecutor:
        return LocalExecutor(2, train=train, recycle_after=3)


class TestApartExecutor(ExecutorContract):
    """Results and models come back though no folder is shared."""

    kind = ApartExecutor

    def make(self, train: Train) -> AbstractExecutor:
        return ApartExecutor(train)


def test_every_executor_is_enrolled_in_the_contract() -> None:
    for module in pkgutil.iter_modules(evoae.execution.__path__, "evoae.execution."):
        importlib.import_module(module.name)
    enrolled = {contract.kind for contract in ExecutorContract.__subclasses__()}
    # Other tests, in whose process this may run, have executors of their own.
    known = AbstractExecutor.__subclasses__()
    shipped = {kind for kind in known if kind.__module__.startswith("evoae.")}
    assert {InlineExecutor, LocalExecutor} <= shipped <= enrolled
