"""Small run folders and records for the tests of `evoae.runs`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from evoae.config.schema import Config
from evoae.data.kinds.images import ImageKind
from evoae.evaluation import Evaluation, Outcome, Seconds
from evoae.genome.codec import encode
from evoae.genome.text import parse
from evoae.runs.folder import create
from evoae.runs.metadata import RunMetadata, TrainingEnvironment
from evoae.runs.records import Candidate, Generation
from evoae.runs.store import Store

CONFIG = Config.model_validate(
    {
        "data": {"name": "digits"},
        "search": {"population": 2, "generations": 3, "hof_size": 2},
    }
)
METADATA = RunMetadata(
    config=CONFIG.model_dump(mode="json"),
    data="digits",
    data_digest="0" * 64,
    input_shape=(8, 8, 1),
    output="sigmoid",
    train_images=96,
    validation_images=64,
    source_images=1440,
    kind=ImageKind().to_json(),
    environment=TrainingEnvironment(
        evoae_version="0.1.0",
        tensorflow_version="2.21.0",
        keras_version="3.15.1",
        numpy_version="2.4.6",
        deap_version=None,
        python_version="3.12.3",
        system="Linux 6 x86_64",
        processor="Any",
        cores=2,
        cpu_flags={"avx2": True, "avx512f": False},
    ),
)


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
    create(path, CONFIG, METADATA)
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
        {"trained": 2, "duplicates": 1, "failed": 1, "min": 0.1 / generation, "std": None},
        1.5,
    )


def bred(
    number: int,
    genome: str,
    parents: tuple[int, ...] = (),
    generation: int = 1,
    operator: str = "sample",
) -> Candidate:
    """A candidate of that genome, whose parents are those numbers."""
    tokens = tuple(encode(parse(genome)))
    ids = tuple(map(identity, parents))
    return Candidate(identity(number), genome, tokens, generation, number, ids, operator)


def make_family(path: Path) -> Store:
    """A run of two founders, their child, its child by the first founder, and a failed one."""
    founder = "conv(32,3x3) bn | latent(8) | upconv(32,3x3)"
    create(path, CONFIG, METADATA)
    store = Store.writer(path)
    child = founder.replace("latent(8)", "latent(10)")
    for one in (
        bred(1, founder),
        bred(2, "conv(16,5x5) drop(0.2) | latent(10) | upconv(16,3x3)"),
        bred(3, child, (1, 2), 2, "swap_genes"),
        bred(4, child.replace("conv(32,3x3) bn", "conv(40,3x3) bn"), (3,), 3, "scale_filters"),
        bred(5, founder.replace(" bn", ""), (1,), 2, "toggle_modifier"),
    ):
        store.add_candidate(one)
    for number, fitness in ((1, 0.08), (2, 0.1), (3, 0.05), (4, 0.04)):
        store.add_evaluation(scored(number, fitness))
    store.add_repeat(scored(3, 0.07), 2, 1)  # so its loss is .06
    store.add_evaluation(failed(5))
    return store


def make_searched(
    path: Path,
    losses: Sequence[float | None],
    *,
    costs: int = 10,
    lost: Outcome = Outcome.DIVERGED,
    **sections: object,
) -> Path:
    """A finished run of one generation, its trainings of equal cost; a seed has its own data.

    A loss of None is a training that failed in the way `lost`.
    """
    raw = CONFIG.model_dump(mode="json") | sections
    raw["search"] = raw["search"] | {"generations": 1}
    config = Config.model_validate(raw)
    create(path, config, replace(METADATA, data_digest=f"{config.seed:02x}" * 32))
    with Store.writer(path) as store:
        for number, loss in enumerate(losses, start=1):
            store.add_candidate(candidate(number, 1, number))
            one = failed(number, lost) if loss is None else scored(number, loss)
            store.add_evaluation(replace(one, cost=costs))
        store.finish_generation(Generation(1, (), (), {"trained": len(losses)}, 1.0))
        store.update(ended=True)
    return path
