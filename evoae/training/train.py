"""One candidate, one result: a pure function of the task, in whatever order or process it runs."""

from __future__ import annotations

import json
import math
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from evoae.config.schema import TrainingConfig
from evoae.data.kinds.registry import KINDS
from evoae.data.shared_memmap import Shared, open_components, open_shared
from evoae.errors import RunError, translate_disk_errors
from evoae.evaluation import START, Evaluation, Outcome, Seconds, Task, cost, so_far, stopped_after
from evoae.formatting import mebibytes
from evoae.models.memory import MARGIN, training_bytes
from evoae.models.plan import Plan, plan
from evoae.runs.files import sync_folder, translate_os_errors
from evoae.runs.tensorboard import write_pictures
from evoae.training.base import AbstractFitLoop
from evoae.training.failures import CandidateError, capture_failures
from evoae.training.setup import prepare

_SHOWN = 8  # images


def train(task: Task) -> Evaluation:
    """Build, train and validate one candidate.

    Equal tasks give equal losses, to the last digit, on machines of one kind. Loads TensorFlow on
    the first call in a process.

    Returns:
        What it earned, or why it failed.

    Raises:
        DataError: the shared images are gone or damaged.
        RunError: the trained model cannot be saved.
        SearchError: TensorFlow already runs in this process with other settings.
    """
    prepare()
    start = time.perf_counter()
    layers = plan(task.genome, task.defaults)
    evaluation = capture_failures(lambda task: _train(task, layers), task)
    size = layers.size
    return replace(
        evaluation,
        parameters=size.parameters,
        latent=size.latent,
        flops=size.flops,
        seconds=replace(evaluation.seconds, total=time.perf_counter() - start),
        peak_memory=_peak_memory(),
    )


@dataclass(slots=True)
class _Curve:
    """The epochs so far, and the best one's weights if they are asked for.

    Attributes:
        train, validation: the losses, one for each epoch.
        metrics: of the epoch that counts so far.
        best: weights of the best epoch; None if they are not asked for.
        raced: whether racing stopped it.
        start: the validation loss before the first epoch; None if it does not count.
        begun: metrics of then.
    """

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    metrics: dict[str, float] = field(default_factory=dict)
    best: list[Any] | None = None
    raced: bool = False
    start: float | None = None
    begun: dict[str, float] = field(default_factory=dict)

    def begin(self, metrics: dict[str, float], fitness: str, weights: list[Any] | None) -> None:
        """Let the network that has not been trained count as an epoch."""
        self.begun = self.metrics = metrics
        self.start, self.best = metrics[fitness], weights

    def end(self, *, of_best: bool) -> None:
        """Choose between the untrained network and the last epoch, unless the best one counts."""
        if self.start is None or of_best:
            return
        if self.validation[-1] < self.start:
            self.best = None
        else:
            self.metrics = self.begun

    @property
    def least(self) -> float:
        """The least validation loss so far, infinite before the first."""
        start = math.inf if self.start is None else self.start
        return min(start, *self.validation, math.inf)

    @property
    def since_best(self) -> int:
        """Epochs since the best one."""
        return len(self.validation) - 1 - self.validation.index(min(self.validation))


def _train(task: Task, layers: Plan) -> Evaluation:
    import keras

    from evoae.models.build import build
    from evoae.models.linear_path import start_from
    from evoae.models.objectives.augmentation import Augmented
    from evoae.models.objectives.base import objective_for

    # Else every candidate leaves something behind. The garbage collector runs by itself, often
    # enough since `prepare` froze the libraries: memory stays flat, and no time is lost waiting.
    keras.utils.clear_session(free_memory=False)
    data = open_shared(task.data)
    _check_memory(task, layers, data)
    # Streams of random numbers for the network, the order of the images, and their variation.
    network, order, varied = np.random.SeedSequence(task.seed).spawn(3)
    begin = time.perf_counter()
    model = build(
        layers,
        batchnorm_momentum=task.training.batchnorm_momentum,
        seed=int(network.generate_state(1)[0]),
    )
    if task.components is not None:
        start_from(model, *open_components(task.components))
    built = time.perf_counter()
    kind = KINDS[task.kind]
    objective = objective_for(task.objective, task.noise_seed, bounded=kind.bounded)
    if task.training.shift or task.training.flip:
        objective = Augmented(objective, task.training, int(varied.generate_state(1)[0]) >> 1)
    loop = _loop(task.training)(model, objective, data, task.training)
    compiled = time.perf_counter()
    rng = np.random.default_rng(order)
    curve = _run(loop, model, objective.fitness, len(data.train), task, rng)
    trained = time.perf_counter()
    fitness = so_far(curve.validation, task.training.fitness, curve.start)[-1]
    wanted = task.keep_below is None or fitness < task.keep_below
    if task.keep is not None and wanted and not curve.raced:
        if curve.best is not None:
            model.set_weights(curve.best)
        _save(model, task.keep)
        if task.pictures is not None and kind.pictures:
            _show(model, data, task.pictures)
    return Evaluation(
        task.key,
        Outcome.SCORED,
        fitness,
        tuple(curve.train),
        tuple(curve.validation),
        seconds=Seconds(built - begin, compiled - built, trained - compiled),
        metrics=curve.metrics if curve.start is None else {**curve.metrics, START: curve.start},
        cost=cost(layers.size.flops, task.images * len(curve.train)),
        raced=curve.raced,
    )


def _check_memory(task: Task, layers: Plan, data: Shared) -> None:
    """Refuse a network that cannot fit by far, rather than fill the memory to find out.

    Raises:
        CandidateError: its estimate exceeds the limit beyond doubt.
    """
    import tensorflow as tf

    if task.memory_limit is None or tf.config.list_physical_devices("GPU"):
        return  # a GPU's memory is not what the limit is about
    estimate = training_bytes(
        layers,
        batch_size=min(task.training.batch_size, len(data.train)),
        data_bytes=data.train.nbytes + data.validation.nbytes,
    )
    if estimate > MARGIN * task.memory_limit:
        raise CandidateError(
            Outcome.OVER_LIMIT,
            f"would take about {mebibytes(estimate)}, more than "
            f"{mebibytes(task.memory_limit)} (execution.memory_limit)",
        )


def _loop(training: TrainingConfig) -> Callable[..., AbstractFitLoop]:
    from evoae.training.fit_compiled import CompiledLoop
    from evoae.training.fit_keras import KerasLoop

    loops = {"compiled": CompiledLoop, "fit": KerasLoop}
    return loops[training.loop]


def _run(
    loop: AbstractFitLoop,
    model: Any,
    fitness: str,
    images: int,
    task: Task,
    rng: np.random.Generator,
) -> _Curve:
    """Train all epochs, or until patience ends or racing stops it.

    Raises:
        CandidateError: a loss is not finite.
    """
    curve = _Curve()
    of_best = task.training.fitness == "best"
    if task.components is not None:
        weights = None if task.keep is None else model.get_weights()
        curve.begin(loop.validate(), fitness, weights)
    for epoch in range(1, task.training.epochs + 1):
        train_loss = loop.train_epoch(rng.permutation(images).astype(np.int32))
        metrics = loop.validate() if math.isfinite(train_loss) else {}
        validation_loss = metrics.get(fitness, math.nan)
        if lost := _no_longer_finite(train_loss, validation_loss, model):
            raise CandidateError(
                Outcome.DIVERGED,
                f"{lost} no longer finite in epoch {epoch}",
                tuple(curve.train),
                tuple(curve.validation),
            )
        better = validation_loss < curve.least
        curve.train.append(train_loss)
        curve.validation.append(validation_loss)
        if task.curve is not None:
            told = {"epoch": epoch, "train": train_loss, "validation": validation_loss}
            with task.curve.open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
        if better or not of_best:
            curve.metrics = metrics
        if better and of_best and task.keep is not None:
            curve.best = model.get_weights()
        if task.training.patience is not None and curve.since_best >= task.training.patience:
            break
        earned = so_far(curve.validation, task.training.fitness, curve.start)
        curve.raced = stopped_after(earned, task.thresholds) is not None
        if curve.raced:
            break
    curve.end(of_best=of_best)
    return curve


def _no_longer_finite(train_loss: float, validation_loss: float, model: Any) -> str | None:
    """Say what a training has lost its numbers in; None if all is well."""
    if not math.isfinite(train_loss):
        return "the training loss is"
    if not math.isfinite(validation_loss):
        return "the validation loss is"
    # oneDNN's relu makes 0 of NaN, so that a network whose weights are gone can have a loss.
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        return "the weights are"
    return None


def _save(model: Any, path: Path) -> None:
    """Put the whole model at `path`: a reader sees the old file or the new, never a part.

    Raises:
        DiskFullError: there is no space left.
        RunError: it cannot be written.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.keras")  # Keras wants that suffix
    step = "free some space or mend the permissions, then resume the run, or refit again"
    with translate_disk_errors(RunError, path, "the model cannot be saved", step):
        path.parent.mkdir(exist_ok=True)  # no more: a run that was removed stays so
        try:
            model.save(temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
            sync_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def _show(model: Any, data: Shared, folder: Path) -> None:
    """Put validation images above what the model makes of them.

    Raises:
        RunError: the picture cannot be written.
    """
    shown = np.asarray(data.validation[:_SHOWN])
    inputs = shown.astype(np.float32) / (255 if shown.dtype == np.uint8 else 1)
    copies = np.asarray(model(inputs, training=False), np.float32)
    rows = [np.concatenate(list(part), axis=1) for part in (inputs, copies)]
    pixels = np.clip(np.concatenate(rows), 0, 1) * 255
    with translate_os_errors(folder):
        write_pictures(folder, "reconstructions", pixels.round().astype(np.uint8))


def _peak_memory() -> int:
    """Return the largest resident set of this process so far, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
