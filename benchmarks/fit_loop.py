"""How many times faster is a candidate in the compiled loop than in plain `model.fit`?

    python benchmarks/fit_loop.py [--data FOLDER] [--train N] [--repeats N] ...

Four ways to train the same networks on the same images take turns in one process, so that they
share whatever else the machine is doing: `compiled`, `bf16` and `fit` are evoae's loops, from task
to evaluation, `bf16` being the compiled one in bfloat16; `plain` is what a person would write,
compile and one call of fit in float32, all of them on one thread and deterministic. Each figure is
a median over the turns, ratios are of processor seconds, and a candidate's seconds hold
everything: building, tracing and training. Memory, and the overhead that is neither building,
tracing nor training, are those of a worker process that trains in the compiled loop alone.

Prints a table, and the same as one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil

from evoae.config.objectives import ReconstructionConfig
from evoae.config.schema import TrainingConfig
from evoae.data.shared_memmap import open_shared
from evoae.evaluation import Evaluation, Outcome, Task
from evoae.genome.canonical import candidate_id
from evoae.genome.genome import Genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.text import parse
from evoae.models.plan import plan
from evoae.training.base import scaled
from evoae.training.setup import prepare
from evoae.training.train import train

_MIB = 2**20


def network(filters: int, depth: int, modifiers: str = "") -> Genome:
    """Return a genome of `depth` equal layers on each side of a latent vector of 32."""
    side = " ".join([f"{{}}({filters},3x3) {modifiers}"] * depth)
    return parse(f"{side.replace('{}', 'conv')} | latent(32) | {side.replace('{}', 'upconv')}")


GENOMES = {
    "16 filters, depth 2": network(16, 2),
    "32 filters, depth 3": network(32, 3),
    "48 filters, depth 3": network(48, 3),
    "64 filters, depth 3": network(64, 3),
    "32 filters, depth 3, bn": network(32, 3, "bn"),
    "32 filters, depth 3, drop": network(32, 3, "drop(0.2)"),
    "16 filters, depth 2, bn drop": network(16, 2, "bn drop(0.2)"),
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One training by one of the ways, in seconds."""

    wall: float
    cpu: float
    evaluation: Evaluation | None = None  # None for plain


def plain(task: Task) -> None:
    """Train as a person would who has one network."""
    import keras

    from evoae.models.build import build

    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(task.seed)
    data = open_shared(task.data)
    images, validation = scaled(data.train), scaled(data.validation)
    layers = plan(task.genome, task.defaults)
    model = build(layers, batchnorm_momentum=task.training.batchnorm_momentum)
    model.compile(keras.optimizers.Adam(task.training.learning_rate), loss=task.objective.loss)
    model.fit(
        images,
        images,
        batch_size=task.training.batch_size,
        epochs=task.training.epochs,
        validation_data=(validation, validation),
        verbose=0,
    )


def timed(run: Callable[[], Evaluation | None]) -> Turn:
    """Run it once."""
    wall, cpu = time.perf_counter(), time.process_time()
    evaluation = run()
    turn = Turn(time.perf_counter() - wall, time.process_time() - cpu, evaluation)
    if evaluation is not None and evaluation.outcome is not Outcome.SCORED:
        raise SystemExit(f"a network failed: {evaluation.message}")
    return turn


def compare(task: Task, repeats: int) -> dict[str, float]:
    """Let the four ways take turns on one network."""
    fit = replace(task, training=task.training.model_copy(update={"loop": "fit"}))
    half = replace(task, training=task.training.model_copy(update={"precision": "bfloat16"}))
    ways: dict[str, Callable[[], Evaluation | None]] = {
        "compiled": lambda: train(task),
        "bf16": lambda: train(half),
        "fit": lambda: train(fit),
        "plain": lambda: plain(task),
    }
    turns: dict[str, list[Turn]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, run in ways.items():
            turns[way].append(timed(run))
    wall = {way: median(turn.wall for turn in each) for way, each in turns.items()}
    cpu = {way: median(turn.cpu for turn in each) for way, each in turns.items()}
    earned = {way: [each.evaluation for each in turns[way] if each.evaluation] for way in ways}
    seconds = [each.seconds for each in earned["compiled"]]

    def difference(way: str) -> float:
        losses = [
            [*earned[each][0].train_loss, *earned[each][0].validation_loss]
            for each in ("compiled", way)
        ]
        return float(np.max(np.abs(np.divide(*losses) - 1)))

    return {
        **{f"{way}_s": seconds for way, seconds in wall.items()},
        **{f"{way}_cpu_s": seconds for way, seconds in cpu.items()},
        "ratio_plain": cpu["plain"] / cpu["compiled"],
        "ratio_plain_bf16": cpu["plain"] / cpu["bf16"],
        "ratio_fit": cpu["fit"] / cpu["compiled"],
        "build_ms": 1e3 * median(each.build for each in seconds),
        "trace_ms": 1e3 * median(each.compile for each in seconds),
        "loss_difference": difference("fit"),
        "loss_difference_bf16": difference("bf16"),
    }


def worker(tasks: list[Task]) -> dict[str, float]:
    """Train the tasks three times over, as a worker process of a search would."""
    prepare()
    process = psutil.Process()
    overheads, held, peak = [], [], 0
    for task in tasks * 3:
        done = train(task)
        spent = done.seconds
        overheads.append(spent.total - spent.build - spent.compile - spent.epochs)
        held.append(process.memory_info().rss)
        peak = done.peak_memory or 0
    growth = (held[-1] - held[len(tasks) - 1]) / (2 * len(tasks))
    return {
        "overhead_ms": 1e3 * median(overheads),
        "peak_memory_mib": peak / _MIB,
        "growth_per_candidate_mib": growth / _MIB,
    }


def digits(folder: Path) -> Path:
    """Write scikit-learn's digits, enlarged to 28×28, as a folder of shared images."""
    from sklearn.datasets import load_digits

    images = np.kron(load_digits().images, np.ones((1, 4, 4)))[:, 2:-2, 2:-2, None]
    pixels = (images * (255 / 16)).astype(np.uint8)
    np.save(folder / "train.npy", pixels[:1280])
    np.save(folder / "validation.npy", pixels[1280:])
    return folder


def cut(source: Path, folder: Path, train_images: int, validation_images: int) -> Path:
    """Write the first images of the shared data in `source` to `folder`."""
    data = open_shared(source)
    folder.mkdir()
    np.save(folder / "train.npy", data.train[:train_images])
    np.save(folder / "validation.npy", data.validation[:validation_images])
    return folder


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of train.npy and validation.npy")
    parser.add_argument("--train", type=int, default=1024, help="training images")
    parser.add_argument("--validation", type=int, default=512, help="validation images")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", default="", help="networks whose name contains this")
    return parser.parse_args()


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure every network, then a worker."""
    source = options.data or digits(folder)
    data = cut(source, folder / "cut", options.train, options.validation)
    shape = open_shared(data).train.shape[1:]
    settings = TrainingConfig(epochs=options.epochs, batch_size=options.batch)
    tasks = {
        name: Task(
            *(candidate_id(genome), genome, NetworkDefaults(shape), data),
            *(ReconstructionConfig(), settings, 1),
        )
        for name, genome in GENOMES.items()
        if options.only in name
    }
    prepare()
    train(next(iter(tasks.values())))  # the first training of a process warms the libraries up
    rows = {}
    for name, task in tasks.items():
        rows[name] = row = compare(task, options.repeats)
        print(
            f"{name:30}"
            + "".join(f"{row[key]:>{width}.{digit}f}" for key, _, width, digit in COLUMNS)
            + f"{row['loss_difference']:10.0e}{row['loss_difference_bf16']:10.0e}",
            flush=True,
        )
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        alone = pool.submit(worker, [*tasks.values()]).result()
    return {
        "benchmark": "fit_loop",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "images": [*open_shared(data).train.shape],
        "epochs": options.epochs,
        "batch_size": options.batch,
        "ratio_plain": median(row["ratio_plain"] for row in rows.values()),
        "ratio_plain_bf16": median(row["ratio_plain_bf16"] for row in rows.values()),
        "ratio_fit": median(row["ratio_fit"] for row in rows.values()),
        **alone,
        "networks": rows,
    }


COLUMNS = [
    *[("compiled_cpu_s", "compiled", 10, 2), ("bf16_cpu_s", "bf16", 7, 2)],
    *[("fit_cpu_s", "fit", 7, 2), ("plain_cpu_s", "plain", 7, 2)],
    *[("ratio_plain", "plain/comp", 12, 2), ("ratio_plain_bf16", "plain/bf16", 12, 2)],
    *[("ratio_fit", "fit/comp", 10, 2), ("build_ms", "build ms", 10, 0)],
    ("trace_ms", "trace ms", 10, 0),
]  # key, heading, width, digits


def main() -> None:
    """Measure, print."""
    options = arguments()
    headings = "".join(f"{heading:>{width}}" for _, heading, width, _ in COLUMNS)
    print(f"{'network':30}{headings}{'loss ±':>10}{'of bf16':>10}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options, Path(folder))
    print(
        f"median ratio to plain fit {found['ratio_plain']:.2f}, in bfloat16 "
        f"{found['ratio_plain_bf16']:.2f}; a worker: overhead "
        f"{found['overhead_ms']:.1f} ms a candidate, peak memory "
        f"{found['peak_memory_mib']:.0f} MiB, "
        f"{found['growth_per_candidate_mib']:+.1f} MiB for each further candidate"
    )
    print(json.dumps(found))


if __name__ == "__main__":
    main()
