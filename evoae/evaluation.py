"""What one candidate is asked (`Task`), and what it earned or why it failed (`Evaluation`)."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import accumulate
from pathlib import Path
from typing import Literal

from evoae.config.objectives import ObjectiveConfig
from evoae.config.schema import TrainingConfig
from evoae.genome.genes import Train
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults

Thresholds = tuple[tuple[int, float], ...]  # (epoch, the largest fitness to go on after it)


class Outcome(StrEnum):
    """How a candidate's training ended."""

    SCORED = "scored"
    DIVERGED = "diverged"  # NaN or infinite loss
    OVER_LIMIT = "over_limit"  # refused by a hard limit before training
    OUT_OF_MEMORY = "out_of_memory"
    TIMED_OUT = "timed_out"
    CRASHED = "crashed"  # the worker process died, or the network could not be trained


@dataclass(frozen=True, slots=True, order=True)
class TrainingKey:
    """Names one training.

    As text, as seeds, run folders and files have it, it is the candidate's id, and from the
    second training on "ID N".

    Attributes:
        candidate: its id, the SHA-256 of the canonical genome (hexadecimal).
        repeat: 1 for its first training; 2 and so on for a further one, with another seed.
    """

    candidate: str
    repeat: int = 1

    def __str__(self) -> str:
        return self.candidate if self.repeat == 1 else f"{self.candidate} {self.repeat}"

    @classmethod
    def parse(cls, text: str) -> TrainingKey:
        """Return the key of its text."""
        candidate, _, repeat = text.partition(" ")
        return cls(candidate, int(repeat or 1))


START = "start"  # name of the metric that is the validation figure before the first epoch


@dataclass(frozen=True, slots=True)
class Task:
    """One candidate to train.

    All paths are the driver's; how a worker that does not see them gets what lies there, or
    delivers what is wanted there, is its executor's affair (`AbstractExecutor`).

    Attributes:
        key: which training of which candidate.
        genome: in canonical form.
        defaults: what the genome needs to become a network.
        data: folder of the shared training and validation arrays (`evoae.data.shared_memmap`);
            all that a training reads.
        training: how; a train gene is already counted in, see `trained_as`.
        seed: of start weights, order and dropout; from (run seed, key), see `seed_for`.
        noise_seed: of the noise that the objective adds, which all candidates of a run share.
        flops: of one image's forward pass.
        images: that it is trained on in an epoch.
        kind: of data, its name in `evoae.data.kinds.registry`.
        keep: file that holds the trained model, whole, once the evaluation has come back; None to
            keep no weights.
        keep_below: save only if the fitness is below this; None to save every scored one.
        pictures: folder that gets inputs above what the saved model makes of them, for
            TensorBoard; None for none.
        curve: file that gets a line of JSON for each epoch as it ends; None for none.
        memory_limit: bytes the training process may take; None for no limit.
        thresholds: of racing, see `stopped_after`; empty to train to the end.
        components: folder of the principal components that a linear path starts from
            (`evoae.data.shared_memmap.share_components`); None for a network without one.
    """

    key: TrainingKey
    genome: Genome
    defaults: NetworkDefaults
    data: Path
    objective: ObjectiveConfig
    training: TrainingConfig
    seed: int
    noise_seed: int = 0
    flops: int = 0
    images: int = 0
    kind: str = "images"
    keep: Path | None = None
    keep_below: float | None = None
    pictures: Path | None = None
    curve: Path | None = None
    memory_limit: int | None = None
    thresholds: Thresholds = ()
    components: Path | None = None

    @property
    def id(self) -> str:
        """Candidate id."""
        return self.key.candidate

    @property
    def cost(self) -> int:
        """FLOPs of all its epochs, see `cost`."""
        return cost(self.flops, self.images * self.training.epochs)


@dataclass(frozen=True, slots=True)
class Seconds:
    """Wall seconds that one training spent."""

    build: float = 0.0
    compile: float = 0.0  # tracing, up to the start of the first step
    epochs: float = 0.0
    total: float = 0.0  # all of the above, and loading data and saving the model


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one candidate earned, or why it failed.

    Attributes:
        key: of the training.
        outcome: how the training ended.
        fitness: validation figure to minimise; None unless `outcome` is `scored`.
        train_loss, validation_loss: one figure per finished epoch, as the objective defines them.
        metrics: all validation metrics of the epoch that `fitness` is from, by name; and `start`,
            the validation figure before the first epoch, of a network with a linear path.
        cost: FLOPs that it took, see `cost`; all of its epochs' where it is not known when it
            failed; None in runs of older versions.
        raced: whether racing stopped it early, so that `fitness` is no more than a bound: that
            after the last of the epochs that it was trained.
        parameters, latent, flops: the network's size; None if it was never built.
        seconds: where the time went.
        peak_memory: bytes, the largest resident set of the process so far; None if unknown.
        message: one line that says why it failed; None if scored.
        traceback: of the failure; None if there is none.
    """

    key: TrainingKey
    outcome: Outcome
    fitness: float | None = None
    train_loss: tuple[float, ...] = ()
    validation_loss: tuple[float, ...] = ()
    parameters: int | None = None
    latent: int | None = None
    flops: int | None = None
    seconds: Seconds = field(default_factory=Seconds)
    peak_memory: int | None = None
    message: str | None = None
    traceback: str | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    cost: int | None = None
    raced: bool = False

    def __post_init__(self) -> None:
        if (self.outcome is Outcome.SCORED) != (self.fitness is not None):
            raise ValueError(
                f"{self.outcome} with fitness {self.fitness}: scored, or without fitness"
            )

    @property
    def id(self) -> str:
        """Candidate id."""
        return self.key.candidate

    def so_far(self, fitness: Literal["last", "best"]) -> tuple[float, ...]:
        """Return the fitness that it had after each of its epochs, see `so_far`."""
        return so_far(self.validation_loss, fitness, self.metrics.get(START))

    @classmethod
    def failed(
        cls, task: Task, outcome: Outcome, message: str, traceback: str | None = None
    ) -> Evaluation:
        """Return the record of a candidate that earned no fitness."""
        return cls(
            task.key,
            outcome,
            flops=task.flops,
            message=message,
            traceback=traceback,
            cost=0 if outcome is Outcome.OVER_LIMIT else task.cost,
        )


def cost(flops: int, images: int) -> int:
    """Return the FLOPs of training on so many images, an image counted each time it is seen.

    A step backward counts twice one forward (Amodei and Hernandez, AI and Compute, 2018); the
    optimiser, validation and whatever an objective adds to the network are not counted. So it is
    the same on any machine, and known before the training begins.

    Args:
        flops: of one image's forward pass.
        images: seen in all epochs together.
    """
    return 3 * flops * images


def so_far(
    losses: Iterable[float], fitness: Literal["last", "best"], start: float | None = None
) -> tuple[float, ...]:
    """Return the fitness that a training has after each of its epochs.

    Args:
        losses: validation losses, one for each epoch.
        fitness: which of them count, see `training.fitness`.
        start: the loss before the first, below which it never rises; None if that does not count.
    """
    most = math.inf if start is None else start
    counted = losses if fitness == "last" else accumulate(losses, min)
    return tuple(min(loss, most) for loss in counted)


def failures_worded(failed: Sequence[Evaluation]) -> str:
    """Word how trainings failed, the most common kind first, and the most common message."""
    kinds = Counter(each.outcome.value.replace("_", " ") for each in failed).most_common()
    ((said, _),) = Counter(str(each.message) for each in failed).most_common(1)
    return f"{', '.join(f'{number} {kind}' for kind, number in kinds)}; mostly: {said}"


def stopped_after(fitness: Sequence[float], thresholds: Thresholds) -> int | None:
    """Return the epoch, from 1, after which racing stops a training; None if it never does.

    Args:
        fitness: after each of the epochs so far.
        thresholds: each with its epoch.
    """
    most = dict(thresholds)
    return next((e for e, each in enumerate(fitness, 1) if each > most.get(e, math.inf)), None)


def trained_as(training: TrainingConfig, genome: Genome) -> TrainingConfig:
    """Return how `genome` is trained: as the configuration says, but for its own train gene."""
    genes = [gene for gene in genome.global_genes if isinstance(gene, Train)]
    if not genes:
        return training
    own = {
        "learning_rate": 10.0 ** genes[0].learning_rate,
        "batch_size": genes[0].batch_size,
        "optimizer": genes[0].optimizer,
    }
    return training.model_copy(update=own)


def seed_for(run_seed: int, training: str | TrainingKey) -> int:
    """Return a training's seed in 0..2^31-1: the same in whatever order or process it runs.

    Args:
        run_seed: of the run.
        training: its key, or other text that names it.
    """
    digest = hashlib.sha256(f"{run_seed}:{training}".encode()).digest()
    return int.from_bytes(digest[:4]) >> 1
