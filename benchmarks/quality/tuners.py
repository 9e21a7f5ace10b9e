"""Two tuners that people use, on evoae's space: Optuna and Keras Tuner.

A network is a set of conditional parameters here: depth, and for each layer that the depth brings
its filters, kernel and modifiers, and for each dropout its rate. Both are development-only.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from benchmarks.quality.account import Account, Spent
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Task
from evoae.genome.canonical import canonical
from evoae.genome.gene_kind import Gene, Modifier
from evoae.genome.genes import (
    GENES,
    Conv,
    Field,
    Latent,
    UpConv,
    make,
)
from evoae.genome.genome import Block, Genome
from evoae.genome.sampling import modifiers_of
from evoae.genome.space import Space

_FACTOR = 3  # one in so many goes on to the next rung; Keras Tuner's default
_REFUSALS = 10_000  # candidates in a row that cost nothing, before a tuner is at a loss
_Gene = TypeVar("_Gene", bound=Gene)


class Chooser(Protocol):
    """Suggests values by name."""

    def whole(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        """Return a whole number in low..high."""

    def real(self, name: str, low: float, high: float) -> float:
        """Return a number in low..high."""

    def word(self, name: str, words: Sequence[str]) -> str:
        """Return one of the words."""

    def given(self, name: str, values: Iterable[Any]) -> contextlib.AbstractContextManager[Any]:
        """Say that what is chosen inside only matters while `name` has one of these values."""


def genome_from(choose: Chooser, space: Space) -> Genome:
    """Return the genome that the suggested values describe; it may break a limit of the space."""
    global_genes = tuple(
        _gene(choose, kind, GENES[kind].word, space) for kind in space.global_genes
    )
    latent = None
    if space.model.latent == "vector":
        latent = _gene(choose, Latent, "latent", space)
    most = space.model.max_depth
    depth = choose.whole("depth", 1, most)
    encoder, decoder = [], []
    for at in range(most):
        with choose.given("depth", range(at + 1, most + 1)):
            if at < depth:
                encoder.append(_block(choose, Conv, f"conv{at}", space))
                decoder.append(_block(choose, UpConv, f"upconv{at}", space))
    return canonical(Genome(tuple(encoder), latent, tuple(reversed(decoder)), global_genes))


def _block(choose: Chooser, kind: type[Conv] | type[UpConv], name: str, space: Space) -> Block:
    layer = _gene(choose, kind, name, space)
    modifiers: list[Modifier] = []
    for modifier in modifiers_of(kind, space):
        word = f"{name} {GENES[modifier].word}"
        held = choose.word(word, ("no", "yes"))
        with choose.given(word, ("yes",)):
            if held == "yes":
                modifiers.append(_gene(choose, modifier, word, space))
    return Block(layer, tuple(modifiers))


def _gene(choose: Chooser, kind: type[_Gene], name: str, space: Space) -> _Gene:
    fields = GENES[kind].fields
    return make(kind, [_number(choose, field, f"{name} {field.name}", space) for field in fields])


def _number(choose: Chooser, field: Field, name: str, space: Space) -> float:
    if field.words:
        return field.number(choose.word(name, space.words(field)))
    least, most = space.steps(field)
    if least == most:
        return space.from_steps(field, least)
    if field.type is int:
        return space.from_steps(field, choose.whole(name, least, most, log=field.log))
    return choose.real(name, space.from_steps(field, least), space.from_steps(field, most))


def _task(problem: Problem, genome: Genome, epochs: int) -> Task:
    task = problem.task(genome, share(problem.dataset))
    return replace(task, training=task.training.model_copy(update={"epochs": epochs}))


# -- Optuna


class Refused(Exception):  # noqa: N818  # an ordinary answer
    """A candidate lies outside the limits."""


def optuna_search(
    problem: Problem,
    account: Account,
    pruner: Callable[[int], Any] | None = None,
    constrained: bool = True,
    group: bool = True,
) -> None:
    """Search with the tree-structured Parzen estimator and a pruner until the budget ends.

    A candidate outside the limits is told as one that breaks a constraint, as Optuna has it.

    Args:
        problem: space, data and seed.
        account: pays.
        pruner: makes it from the epochs of a full training; None for none.
        constrained: tell what is refused as breaking a constraint, not as failed.
        group: learn what depends on what, rather than from what all candidates have.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    config = problem.config
    epochs = config.training.epochs
    sampler = optuna.samplers.TPESampler(
        seed=config.seed % 2**32,
        group=group,
        constant_liar=False,  # one trial at a time
    )
    study = optuna.create_study(
        study_name="equal cost",  # Hyperband draws a trial's bracket from it
        sampler=sampler,
        pruner=pruner(epochs) if pruner else optuna.pruners.NopPruner(),
    )
    rungs = sorted({_FACTOR**n for n in range(epochs) if _FACTOR**n < epochs} | {epochs})
    last_paid, spent = 0, 0  # trial, and FLOPs after it

    def objective(trial: Any) -> float:
        nonlocal last_paid, spent
        if account.spent > spent:
            last_paid, spent = trial.number, account.spent
        elif trial.number > last_paid + _REFUSALS:
            study.stop()
        genome = genome_from(_OptunaChooser(trial), problem.space)
        if constrained:
            trial.set_constraint("excess", _excess(problem.space, genome))
        if not problem.space.admits(genome):
            raise optuna.TrialPruned if constrained else Refused
        told = 0
        for rung in rungs if pruner else (epochs,):
            evaluation = account.train(_task(problem, genome, rung))
            if evaluation.fitness is None:
                raise optuna.TrialPruned
            for epoch in range(told + 1, rung + 1):
                trial.report(evaluation.validation_loss[epoch - 1], epoch)
            told = rung
            if rung < epochs and trial.should_prune():
                raise optuna.TrialPruned
        return evaluation.fitness

    with contextlib.suppress(Spent):
        study.optimize(objective, catch=Refused)


def successive_halving(_epochs: int) -> Any:
    """Return Optuna's pruner of that name (ASHA)."""
    import optuna

    return optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=_FACTOR)


def hyperband(epochs: int) -> Any:
    """Return Optuna's pruner of that name."""
    import optuna

    return optuna.pruners.HyperbandPruner(
        min_resource=1, max_resource=epochs, reduction_factor=_FACTOR
    )


def _excess(space: Space, genome: Genome) -> float:
    """Return by how much a genome breaks the limits; 0 or less if it does not."""
    size, model = space.measure(genome), space.model
    return max(
        math.log(getattr(size, measured) / bound)
        for measured in ("latent", "parameters", "flops", "activation_bytes")
        if (bound := getattr(model, f"max_{measured}")) is not None
    )


class _OptunaChooser:
    def __init__(self, trial: Any) -> None:
        self._trial = trial

    def whole(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._trial.suggest_int(name, low, high, log=log)

    def real(self, name: str, low: float, high: float) -> float:
        return self._trial.suggest_float(name, low, high)

    def word(self, name: str, words: Sequence[str]) -> str:
        return self._trial.suggest_categorical(name, words)

    def given(self, name: str, values: Iterable[Any]) -> contextlib.AbstractContextManager[Any]:  # noqa: ARG002
        return contextlib.nullcontext()  # it learns what depends on what from what is asked


# -- Keras Tuner


def keras_tuner_search(problem: Problem, account: Account) -> None:
    """Search with Keras Tuner's Hyperband until the budget ends.

    Random values outside the limits are drawn again. A trial that goes on pays its further epochs.
    """
    from evoae.training.setup import load_quietly

    load_quietly()
    import keras_tuner as kt
    from keras_tuner.errors import FatalError
    from keras_tuner.oracles import HyperbandOracle

    def build(values: Any) -> Genome:
        return genome_from(_KerasTunerChooser(values), problem.space)

    class InsideLimits(HyperbandOracle):  # type: ignore[misc]
        def _random_values(self) -> Any:
            for _ in range(_REFUSALS):
                values = super()._random_values()
                if values is None:
                    return None
                drawn = kt.HyperParameters()
                drawn.values = dict(values)
                if problem.space.admits(build(drawn)):
                    return values
            return None

    class Tuner(kt.engine.base_tuner.BaseTuner):  # type: ignore[misc]
        def run_trial(self, trial: Any) -> float:
            values = trial.hyperparameters
            epochs = values.values["tuner/epochs"]
            try:
                evaluation = account.train(_task(problem, build(values), epochs))
            except Spent as end:
                raise FatalError from end  # it goes on after any other exception
            return math.inf if evaluation.fitness is None else evaluation.fitness

    with tempfile.TemporaryDirectory() as folder:
        oracle = InsideLimits(
            max_epochs=problem.config.training.epochs,
            factor=_FACTOR,
            hyperband_iterations=10**6,
            max_consecutive_failed_trials=1,
            seed=problem.config.seed % 2**31,
        )
        tuner = Tuner(oracle, build, directory=folder, project_name="search", overwrite=True)
        try:
            tuner.oracle.verbose = 0
            tuner.search()
        except FatalError as why:
            if not isinstance(why.__cause__, Spent):
                raise


class _KerasTunerChooser:
    def __init__(self, values: Any) -> None:
        self._values = values

    def whole(self, name: str, low: int, high: int, *, log: bool = False) -> int:
        return self._values.Int(name, low, high, sampling="log" if log else "linear")

    def real(self, name: str, low: float, high: float) -> float:
        return self._values.Float(name, low, high)

    def word(self, name: str, words: Sequence[str]) -> str:
        return self._values.Choice(name, list(words))

    def given(self, name: str, values: Iterable[Any]) -> contextlib.AbstractContextManager[Any]:
        return self._values.conditional_scope(name, list(values))
