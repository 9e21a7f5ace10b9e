"""Every algorithm passes the kit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from typing import get_args

import evoae.evolution
from evoae.config.search import SearchConfig
from evoae.evolution.algorithm import AbstractAlgorithm
from evoae.evolution.factory import algorithm_for
from tests.contracts.algorithm import AlgorithmContract, space


class TestGenerational(AlgorithmContract):
    name = "generational"


class TestMuPlusLambda(AlgorithmContract):
    name = "mu_plus_lambda"


class TestAging(AlgorithmContract):
    name = "aging"


class TestNsga2(AlgorithmContract):
    name = "nsga2"


class TestRandomSearch(AlgorithmContract):
    name = "random"


def concrete_algorithms() -> set[type[AbstractAlgorithm]]:
    for module in pkgutil.iter_modules(evoae.evolution.__path__, "evoae.evolution."):
        importlib.import_module(module.name)
    found, left = set(), [AbstractAlgorithm]
    while left:
        subclasses = left.pop().__subclasses__()
        left += subclasses
        found |= {each for each in subclasses if not inspect.isabstract(each)}
    return {each for each in found if each.__module__.startswith("evoae.")}


def test_every_algorithm_is_final_and_enrolled() -> None:
    enrolled = {
        type(algorithm_for(SearchConfig.model_validate({"algorithm": kit.name}), space()))
        for kit in AlgorithmContract.__subclasses__()
    }
    algorithms = concrete_algorithms()
    assert algorithms == enrolled
    assert all(vars(each).get("__final__") is True for each in algorithms)


def test_every_name_that_a_config_may_give_is_enrolled() -> None:
    names = set(get_args(SearchConfig.model_fields["algorithm"].annotation))
    assert names == {kit.name for kit in AlgorithmContract.__subclasses__()}


def test_the_interface_has_at_most_five_methods() -> None:
    assert len(AbstractAlgorithm.__abstractmethods__) <= 5


def test_evolution_works_without_tensorflow() -> None:
    program = (
        "import sys\n"
        "import evoae.evolution.factory, evoae.evolution.logbook, evoae.config.template\n"
        "print(sorted({'tensorflow', 'keras'} & sys.modules.keys()))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
