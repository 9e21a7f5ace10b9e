"""Runs that nobody trained: what a store would hold of them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from evoae.config.schema import Config
from evoae.evaluation import Evaluation, Outcome, Seconds
from evoae.genome.canonical import candidate_id, canonical
from evoae.genome.codec import encode
from evoae.genome.text import parse, render
from evoae.models.plan import plan
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.folder import create
from evoae.runs.records import Candidate, Generation
from evoae.runs.run import Run
from evoae.runs.store import Store
from tests.runs import samples as runs

CONFIG = Config.model_validate(
    {"data": {"name": "digits"}, "search": {"population": 2, "generations": 2}}
)
METADATA = dataclasses.replace(runs.METADATA, config=CONFIG.model_dump(mode="json"), workers=2)
GENOMES = (
    "conv(8,3x3) | latent(4) | upconv(8,3x3)",
    "conv(8,3x3) bn conv(6,3x3) drop(0.25) | latent(4) | upconv(6,3x3) upconv(8,3x3)",
    "conv(16,3x3) | latent(8) | upconv(16,3x3)",
    "conv(12,3x3) | latent(2) | upconv(12,3x3)",
)


def make(
    folder: Path, genomes=GENOMES, *, per_generation=2, **metadata
) -> tuple[Store, list[str]]:
    """A run whose candidates are proposed and not trained yet; its ids in order of proposal."""
    create(folder, CONFIG, dataclasses.replace(METADATA, **metadata))
    store, ids = Store.writer(folder), []
    for number, text in enumerate(genomes):
        genome = canonical(parse(text))
        ids.append(candidate_id(genome))
        tokens = tuple(encode(genome))
        generation, position = number // per_generation + 1, number % per_generation
        made = Candidate(ids[-1], render(genome), tokens, generation, position, (), "sample")
        store.add_candidate(made)
    return store, ids


def scored(store: Store, id: str, fitness: float, **changes) -> None:
    """RunSnapshot that a candidate earned a loss."""
    candidate = store.candidates()[id]
    size = plan(parse(candidate.genome), Run.open(store.folder).defaults()).size
    evaluation = Evaluation(
        id,
        Outcome.SCORED,
        fitness,
        (0.3, 0.2),
        (0.2, fitness),
        size.parameters,
        size.latent,
        size.flops,
        Seconds(0.1, 0.2, 1.0, 1.5),
        500 * 2**20,
        cost=1000,
    )
    store.add_evaluation(dataclasses.replace(evaluation, **changes))


def failed(store: Store, id: str, outcome: Outcome = Outcome.DIVERGED) -> None:
    store.add_evaluation(Evaluation(id, outcome, message="the loss is <not> a number & worse"))


def finished(store: Store, number: int, hall: list[str], **stats) -> None:
    stats = {"trained": 2, "min": 0.05, "median": 0.06, "mean": 0.06, "std": 0.01} | stats
    store.finish_generation(Generation(number, tuple(hall), tuple(hall), stats, 1.5))


def read(folder: Path) -> RunSnapshot:
    return RunSnapshot.read(Run.open(folder))
