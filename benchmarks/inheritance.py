"""Does it pay to start a child from its parent's weights? A fair trial at equal FLOPs.

    python -m benchmarks.inheritance [--flops 2e12] [--seeds 2] [--out FILE]

On Fashion-MNIST (2,048 training images, batch 32, a code of 32), each with the same FLOPs:

- `inherited`: evolution, a child starts from its parent's weights and is trained for 1 epoch;
- `scratch`: the same evolution, every network is trained from scratch for 3 epochs;
- `plain`: no search: one strided network is trained for all of it, by a cosine schedule.

Weights are handed on so that the child computes what its parent did where that is possible, after
T. Chen, I. Goodfellow, J. Shlens: Net2Net, 2016: a wider layer gets new filters that nothing reads
yet, a larger kernel a border of zeros, a new layer of stride 1 is the identity. A narrower layer
keeps the filters with the largest weights (H. Li et al.: Pruning Filters, 2017). The rest starts
anew.

An inherited network's own loss says how long its lineage was trained, so the three networks are
also trained from scratch by one recipe. Prints and appends a JSON line for each arm and seed.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evoae.config.load import make_config
from evoae.config.schema import TrainingConfig
from evoae.data.shared_memmap import Shared
from evoae.engine.problem import Problem
from evoae.evaluation import cost
from evoae.genome.genome import Block, Genome
from evoae.genome.mutation import mutate
from evoae.genome.sampling import sample
from evoae.genome.text import parse, render
from evoae.models.layers import LayerRecord
from evoae.models.plan import Plan, plan
from evoae.training.setup import prepare

Array = NDArray[np.float32]
Weights = Mapping[str, tuple[Array, Array]]  # by layer: kernel (height, width, in, out), bias

CONFIG = {
    "data": {"name": "fashion_mnist", "reduce": {"train": 2048, "validation": 2000}},
    "model": {
        "min_latent": 32,
        "max_latent": 32,
        "filters": [8, 48],
        "max_flops": 6_000_000,
        "downsampling": "stride",
        "upsampling": "transposed",
        "sampling": {"batchnorm": 0.0, "dropout": 0.0},
    },
    "search": {"mutation": {"modifiers": 0.0, "rates": 0.0}},
    "training": {"batch_size": 32, "learning_rate": 0.002},
}
PLAIN = "conv(16,4x4) conv(32,4x4) | latent(32) | upconv(32,4x4) upconv(16,4x4)"
POPULATION, TOURNAMENT = 8, 3
SHORT = 3  # epochs of a candidate from scratch
RECIPE = {"epochs": 12, "schedule": "cosine"}  # of the winners
RECIPE_SEEDS = 2


@dataclass
class Trained:
    """A network after its training.

    Attributes:
        loss: validation, after the last epoch.
        epochs: that it and those whose weights it inherited were trained.
        cost: FLOPs of its own training.
    """

    genome: Genome
    loss: float
    weights: Weights
    epochs: int
    cost: int


@dataclass
class Bench:
    """What all arms share."""

    problem: Problem
    data: Shared
    curve: list[tuple[float, float]] = field(default_factory=list)

    def plan(self, genome: Genome) -> Plan:
        """Return the network's layers."""
        return plan(genome, self.problem.defaults)

    def cost(self, genome: Genome, epochs: int) -> int:
        """Return the FLOPs of a training."""
        return cost(self.plan(genome).size.flops, len(self.data.train) * epochs)

    def train(
        self, genome: Genome, seed: int, parent: Trained | None = None, **settings: Any
    ) -> Trained:
        """Train a network, from its parent's weights if one is given."""
        import keras

        from evoae.models.build import build
        from evoae.models.objectives.base import objective_for
        from evoae.training.fit_compiled import CompiledLoop

        keras.utils.clear_session(free_memory=False)
        gc.collect()
        training = TrainingConfig(**{**CONFIG["training"], **settings})
        layers = self.plan(genome)
        model = build(layers, seed=seed)
        if parent is not None:
            given = inherited(
                self.plan(parent.genome), parent, layers, genome, read(layers, model)
            )
            write(layers, model, given)
        objective = objective_for(self.problem.config.objective, 0, bounded=True)
        loop = CompiledLoop(model, objective, self.data, training)
        rng, loss = np.random.default_rng(seed), float("nan")
        for _ in range(training.epochs):
            loop.train_epoch(rng.permutation(len(self.data.train)).astype(np.int32))
            loss = loop.validate()[objective.fitness]
        return Trained(
            genome,
            loss if np.isfinite(loss) else float("inf"),
            read(layers, model),
            training.epochs + (0 if parent is None else parent.epochs),
            self.cost(genome, training.epochs),
        )

    def evolve(self, flops: float, seed: int, *, inherit: bool) -> tuple[Trained, int]:
        """Search by mutation with a queue of the youngest; return the best and how many."""
        rng, space = np.random.default_rng(seed), self.problem.space
        epochs = 1 if inherit else SHORT
        queue: list[Trained] = []
        best, spent, count = None, 0, 0
        self.curve = []
        while True:
            parent = None
            if len(queue) < POPULATION:
                genome = sample(rng, space)
            else:
                drawn = rng.choice(len(queue), TOURNAMENT, replace=False)
                parent = min((queue[int(n)] for n in drawn), key=lambda each: each.loss)
                weights = self.problem.config.search.mutation
                genome = mutate(rng, parent.genome, space, weights).genome
            if spent + self.cost(genome, epochs) > flops:
                assert best is not None
                return best, count
            child = self.train(
                genome, int(rng.integers(2**31)), parent if inherit else None, epochs=epochs
            )
            spent, count = spent + child.cost, count + 1
            queue = [*queue, child][-POPULATION:]
            if best is None or child.loss < best.loss:
                best = child
            self.curve.append((spent, best.loss))


# -- weights


def weighted(layers: Plan) -> list[LayerRecord]:
    """Return the layers with weights, in the order of computation."""
    return [layer for layer in layers.layers if layer.parameters]


def read(layers: Plan, model: Any) -> Weights:
    """Return every layer's weights, with axes as `Weights` says.

    A dense layer beside a map has a kernel for each of its pixels.
    """
    found, shape = {}, layers.input_shape
    for layer in layers.layers:
        if layer.parameters:
            kernel, bias = (w.numpy() for w in _layer(model, layer).weights)
            if layer.kind == "transposed":
                kernel = kernel.swapaxes(2, 3)
            elif layer.name == "code":
                kernel = kernel.reshape(*shape, -1)
            elif layer.name == "decode":
                folded = _folded(layers)
                kernel = kernel.reshape(-1, *folded).transpose(1, 2, 0, 3)
                bias = bias.reshape(folded)
            found[layer.name] = kernel.copy(), bias.copy()
        if layer.kind != "flatten":
            shape = layer.shape
    return found


def write(layers: Plan, model: Any, weights: Weights) -> None:
    """Give a model what `read` would return."""
    for layer in weighted(layers):
        kernel, bias = weights[layer.name]
        if layer.kind == "transposed":
            kernel = kernel.swapaxes(2, 3)
        elif layer.name == "code":
            kernel = kernel.reshape(-1, kernel.shape[-1])
        elif layer.name == "decode":
            kernel = kernel.transpose(2, 0, 1, 3).reshape(kernel.shape[2], -1)
            bias = bias.reshape(-1)
        _layer(model, layer).set_weights([kernel, bias])


def inherited(
    before: Plan, parent: Trained, after: Plan, genome: Genome, fresh: Weights
) -> dict[str, tuple[Array, Array]]:
    """Return the child's start weights.

    Args:
        before: the parent's layers.
        parent: trained.
        after: the child's layers.
        genome: the child's.
        fresh: the child's start weights without a parent.
    """
    theirs = weighted(before)
    names = [layer.name for layer in weighted(after)]
    mates = dict(zip(names, _mates(parent.genome, genome), strict=True))
    # The parent's channel behind each channel of the map so far; -1 for one that it lacks.
    carried, last = list(range(before.input_shape[-1])), -1
    given = {}
    for layer in weighted(after):
        kernel, bias = (array.copy() for array in fresh[layer.name])
        mate = mates[layer.name]
        if mate is None:
            carried = _inserted(layer, kernel, carried)
        else:
            source = theirs[mate]
            old, old_bias = parent.weights[source.name]
            if last != mate - 1:  # the parent's layer between is gone
                carried = [c if c < old.shape[2] else -1 for c in range(kernel.shape[2])]
            chosen = _chosen(old, kernel.shape[3])
            if source.kind == layer.kind and _fits(layer, old, kernel):
                _copy(layer, source, old, kernel, carried, chosen)
                for new, channel in enumerate(chosen):
                    if channel >= 0:
                        bias[..., new] = old_bias[..., channel]
            carried, last = chosen, mate
        given[layer.name] = kernel, bias
    return given


def _inserted(layer: LayerRecord, kernel: Array, carried: Sequence[int]) -> list[int]:
    """Make a new layer the identity if it can be, in place; return what its channels carry."""
    entry, out = len(carried), kernel.shape[3]
    if layer.kind == "conv" and layer.stride == 1 and out >= entry:
        row, column = (_before(side, 1) for side in layer.kernel)
        kernel[..., :entry] = 0
        kernel[row, column, np.arange(entry), np.arange(entry)] = 1
    return [*carried[:out], *[-1] * (out - entry)]


def _chosen(kernel: Array, count: int) -> list[int]:
    """Return the old filter behind each of `count` new ones: all, or those of most weight."""
    old = kernel.shape[3]
    if count >= old:
        return [*range(old), *[-1] * (count - old)]
    weight = np.abs(kernel).sum(axis=(0, 1, 2))
    return sorted(np.argsort(-weight, kind="stable")[:count].tolist())


def _fits(layer: LayerRecord, old: Array, new: Array) -> bool:
    """Tell whether weights can be copied: a dense layer's map has to have the same sides."""
    return layer.kind != "dense" or old.shape[:2] == new.shape[:2]


def _copy(
    layer: LayerRecord,
    source: LayerRecord,
    old: Array,
    new: Array,
    entries: Sequence[int],
    exits: Sequence[int],
) -> None:
    """Copy weights in place; old filters read nothing of channels that are new."""
    outs = [n for n, channel in enumerate(exits) if channel >= 0]
    ins = [n for n, channel in enumerate(entries) if channel >= 0]
    part = old[:, :, [entries[n] for n in ins]][..., [exits[n] for n in outs]]
    whole = np.zeros((*new.shape[:2], len(ins), len(outs)), np.float32)
    windows = []
    for axis in (0, 1):
        move = 0
        if layer.kind != "dense":
            move = _before(new.shape[axis], layer.stride) - _before(old.shape[axis], source.stride)
        start, stop = max(0, move), min(new.shape[axis], old.shape[axis] + move)
        windows.append((slice(start, stop), slice(start - move, stop - move)))
    (rows, old_rows), (columns, old_columns) = windows
    whole[rows, columns] = part[old_rows, old_columns]
    new[..., outs] = 0
    new[:, :, np.array(ins)[:, None], np.array(outs)[None]] = whole


def _before(side: int, stride: int) -> int:
    """Return the pixels before the first one that `same` padding adds, for an even map."""
    return max(0, side - stride) // 2


def _mates(parent: Genome, child: Genome) -> Iterator[int | None]:
    """Yield the number of the parent's layer with weights behind each of the child's."""
    old, new = parent.depth, child.depth
    encoder: list[int | None] = list(range(min(old, new)))
    if new > old:
        encoder.insert(_extra(child.encoder, parent.encoder), None)
    elif new < old:
        gone = _extra(parent.encoder, child.encoder)
        encoder = [n for n in range(old) if n != gone]
    yield from encoder
    yield from (old, old + 1)  # code and decode
    for mate in reversed(encoder):
        yield None if mate is None else old + 2 + old - 1 - mate
    yield 2 * old + 2  # the head


def _extra(longer: Sequence[Block], shorter: Sequence[Block]) -> int:
    """Return the place of the layer that the shorter one lacks."""
    places = range(len(longer))
    return next(n for n in places if (*longer[:n], *longer[n + 1 :]) == tuple(shorter))


def _layer(model: Any, layer: LayerRecord) -> Any:
    part = "encoder" if layer.part == "encoder" else "decoder"
    return model.get_layer(part).get_layer(layer.name)


def _folded(layers: Plan) -> tuple[int, ...]:
    return next(layer.shape for layer in layers.layers if layer.name == "unflatten")


def check(bench: Bench) -> None:
    """Make sure that what should compute the same does."""
    import keras

    from evoae.models.build import build

    start = "conv(8,3x3) conv(12,4x4) | latent(32) | upconv(12,4x4) upconv(8,3x3)"
    images = bench.data.validation[:8].astype(np.float32) / 255
    keras.utils.clear_session(free_memory=False)
    parent = Trained(parse(start), 0.0, {}, 1, 0)
    layers = bench.plan(parent.genome)
    model = build(layers, seed=1)
    for weight in model.weights:  # biases are 0 at first, and would hide a fault
        weight.assign(weight + 0.05 * np.random.default_rng(0).standard_normal(weight.shape))
    parent.weights = read(layers, model)
    expected = model(images).numpy()
    for text in (
        start,
        start.replace("8,3x3", "11,3x3"),
        start.replace("12,4x4", "15,4x4"),
        start.replace("8,3x3", "8,4x5").replace("12,4x4", "13,5x5"),
        "conv(8,3x3) conv(12,4x4) conv(14,3x5) | latent(32) | upconv(15,4x3) upconv(12,4x4) "
        "upconv(8,3x3)",
    ):
        child = parse(text)
        after = bench.plan(child)
        model = build(after, seed=2)
        write(after, model, inherited(layers, parent, after, child, read(after, model)))
        off = np.abs(model(images).numpy() - expected).max()
        if not off < 1e-4:
            raise RuntimeError(f"{text} computes something else: {off}")


# -- arms


def arm(bench: Bench, name: str, flops: float, seed: int) -> dict[str, Any]:
    """Run one arm; return its line."""
    begin = time.process_time()
    bench.curve = []
    if name == "plain":
        genome = parse(PLAIN)
        epochs = int(flops // bench.cost(genome, 1))
        best, count = bench.train(genome, seed, epochs=epochs, schedule="cosine"), 1
    else:
        best, count = bench.evolve(flops, seed, inherit=name == "inherited")
    searched = time.process_time() - begin
    again = [bench.train(best.genome, 1000 + n, **RECIPE).loss for n in range(RECIPE_SEEDS)]
    size = bench.plan(best.genome).size
    return {
        "benchmark": "inheritance",
        "arm": name,
        "seed": seed,
        "flops": flops,
        "candidates": count,
        "loss": best.loss,
        "lineage_epochs": best.epochs,
        "from_scratch": fmean(again),
        "from_scratch_each": again,
        "recipe": RECIPE,
        "genome": render(best.genome),
        "parameters": size.parameters,
        "mflop": round(size.flops / 1e6, 2),
        "core_seconds": round(searched, 1),
        "curve": [(round(spent / 1e9, 1), round(loss, 6)) for spent, loss in bench.curve],
    }


def main() -> None:
    """Run every arm with every seed."""
    here = Path(__file__).parent / "results" / "inheritance.jsonl"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--flops", type=float, default=2e12)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=here)
    options = parser.parse_args()
    prepare()
    problem = Problem.make(make_config(CONFIG))
    bench = Bench(problem, Shared(problem.dataset.train, problem.dataset.validation))
    check(bench)
    for seed in range(1, options.seeds + 1):
        for name in ("inherited", "scratch", "plain"):
            line = json.dumps(arm(bench, name, options.flops, seed))
            with options.out.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            print(line[: line.index(', "curve"')] + "}", flush=True)


if __name__ == "__main__":
    main()
