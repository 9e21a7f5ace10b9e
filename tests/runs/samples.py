"""Small run folders and records for the tests of `evoae.runs`."""

from __future__ import annotations

from pathlib import Path

from evoae.config.schema import Config
from evoae.evaluation import Evaluation, Outcome, Seconds
from evoae.runs.folder import create
from evoae.runs.records import Candidate, Generation
from evoae.runs.store import Store

CONFIG = Config.model_validate(
    {
        "data": {"name": "digits"},
        "search": {"population": 2, "generations": 3, "hof_size": 2},
    }
)
FACTS = {"evoae": "0.1.0", "input_shape": [8, 8, 1], "cores": 2, "deap": None}


def identity(number: int) -> str:
    return f"{number:04x}" * 16


def candidate(number: int, generation: int = 1, position: int = 0) -> Candidate:
    return Candidate(
        identity(number),
        "conv(32,3x3) drop(0.25) | latent(8) | upconv(32,3x3)",
        (-1, 32, 3, 3, -4, 0.25, -5, 8, -2, 32, 3, 3),
        generation,
        position,
        (identity(1), identity(2)),
        "scale_filters",
    )


def scored(number: int, fitness: float = 0.02) -> Evaluation:
    return Evaluation(
        identity(number),
        Outcome.SCORED,
        fitness,
        (0.1, 1 / 3),
        (0.09, 0.02),
        25_529,
        8,
        1_000_000,
        Seconds(0.1, 0.2, 3.0, 4.0),
        500 * 2**20,
    )


def failed(number: int, outcome: Outcome = Outcome.DIVERGED) -> Evaluation:
    return Evaluation(
        identity(number),
        outcome,
        train_loss=(0.1, float("inf")),
        message="the loss became infinite in epoch 2",
        traceback="Traceback…",
    )


def make_run(path: Path, *, generations: int = 0) -> Store:
    """A run of two candidates a generation, the second of each generation failing."""
    create(path, CONFIG, FACTS)
    store = Store.writer(path)
    for generation in range(1, generations + 1):
        first, second = 2 * generation - 1, 2 * generation
        store.add_candidate(candidate(first, generation, 0))
        store.add_candidate(candidate(second, generation, 1))
        store.add_evaluation(scored(first, 0.1 / generation))
        store.add_evaluation(failed(second))
        store.finish_generation(finished(generation))
    return store


def finished(generation: int) -> Generation:
    best = [identity(2 * number - 1) for number in range(generation, 0, -1)][:2]
    return Generation(
        generation,
        (identity(2 * generation - 1), identity(2 * generation)),
        tuple(best),
        {"trained": 2, "reused": 1, "failed": 1, "min": 0.1 / generation, "std": None},
        1.5,
    )
