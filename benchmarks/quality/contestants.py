"""Who takes part: searches that get FLOPs and hand over a network."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.quality import tuners
from benchmarks.quality.account import Account
from benchmarks.quality.original import original
from evoae.config.schema import Config
from evoae.config.search import BudgetConfig
from evoae.engine.loop import Loop
from evoae.engine.problem import Problem, space_of
from evoae.engine.progress import Callback
from evoae.execution.inline import InlineExecutor
from evoae.runs.folder import create
from evoae.runs.store import Store

Settings = dict[str, object]  # of the configuration, by section and name: "search.population"


@dataclass(frozen=True, slots=True)
class Contestant:
    """A search.

    Attributes:
        search: spends an account in a problem, of which it knows the budget.
        settings: of the configuration, where they differ.
    """

    search: Callable[[Problem, Account], None]
    settings: Settings

    def problem(self, problem: Problem, budget: float) -> Problem:
        """Return the problem as this contestant has it."""
        given: Settings = {"search.generations": None, "search.hof_size": 1}
        raw = problem.config.model_dump(mode="json")
        for key, value in {**given, **self.settings}.items():
            section, _, name = key.partition(".")
            raw[section][name] = value
        raw["search"]["budget"] = BudgetConfig(flops=budget).model_dump()
        config = Config.model_validate(raw)
        return replace(problem, config=config, space=space_of(config, problem.defaults))


def evoae(problem: Problem, account: Account) -> None:
    """Search with evoae's own loop, which is charged like the others."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "run"
        create(folder, problem.config, problem.metadata())
        with Store.writer(folder) as store:
            Loop(store, problem, (), Callback()).run(InlineExecutor(account.train))


def _evoae(**search: object) -> Contestant:
    return Contestant(evoae, {f"search.{name}": value for name, value in search.items()})


def _spatial() -> Contestant:
    free = {"model.latent": "spatial", "model.max_latent": None, "search.hof_size": 1}
    return Contestant(original, free)


# Each lever of the product's search, switched on.
LEVERS: dict[str, Settings] = {
    "surrogate": {"surrogate": 8},
    "remeasure": {"repeats": 5},
    "racing": {"racing": {"keep": 0.5}},
}
ALGORITHMS = ("generational", "mu_plus_lambda", "aging")


def _variants() -> dict[str, Contestant]:
    """Return each algorithm bare, with each lever alone, with all, and with all but each one."""
    found = {}
    for algorithm in ALGORITHMS:
        every = {key: value for lever in LEVERS.values() for key, value in lever.items()}
        off = {key: default for key, default in _defaults().items() if key in every}
        found[algorithm] = _evoae(algorithm=algorithm, **off)
        found[f"{algorithm}+all"] = _evoae(algorithm=algorithm, **every)
        for name, lever in LEVERS.items():
            found[f"{algorithm}+{name}"] = _evoae(algorithm=algorithm, **{**off, **lever})
            without = {key: off[key] for key in lever}
            found[f"{algorithm}-{name}"] = _evoae(algorithm=algorithm, **{**every, **without})
    return found


def _defaults() -> Settings:
    return {"surrogate": 1, "repeats": 1, "racing": {"keep": 1.0}}


CONTESTANTS: dict[str, Contestant] = {
    "evoae": _evoae(),  # as the configuration has it, and so the product's defaults
    "random": _evoae(algorithm="random", **_defaults()),
    "random+remeasure": _evoae(algorithm="random", **{**_defaults(), **LEVERS["remeasure"]}),
    "original": Contestant(original, {}),
    "original_spatial": _spatial(),
    "optuna": Contestant(
        lambda problem, account: tuners.optuna_search(problem, account, tuners.successive_halving),
        {},
    ),
    "optuna_hyperband": Contestant(
        lambda problem, account: tuners.optuna_search(problem, account, tuners.hyperband), {}
    ),
    "optuna_unpruned": Contestant(tuners.optuna_search, {}),
    "keras_tuner": Contestant(tuners.keras_tuner_search, {}),
    **_variants(),
}
