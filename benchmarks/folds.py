"""Do folds choose better networks for a small table than its one validation split?

    python -m benchmarks.folds run --data FOLDER --seeds 1-2
    python -m benchmarks.folds report

Of each table of the half that settings are chosen on, 150 rows are kept: 120 train, 15 validate,
15 are left over, and up to 1,000 other rows stand for all that the table's owner will ever see.
The networks are those that a search of these rows begins with, and random ones. Each is trained
on the split as it is and on four others, whose validation rows are 15 of the 120; the linear path
starts from PCA of the rows that are trained on. A line of `results/folds.jsonl` is one network.
The report compares who is chosen, a network and its epoch, by the validation split and by the
means over three and five of the splits: what counts is the loss on the other rows.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, geometric_mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.foreign import numbers
from benchmarks.quality.sets import SETS, halves

OUT = Path(__file__).with_name("results") / "folds.jsonl"
ROWS, HELD, OTHERS = 150, 15, 1_000
NETWORKS, FOLDS = 12, 5
EVERY = 3  # epochs between two validations
Rows = NDArray[np.float32]


def tables(folder: Path, made: Path) -> dict[str, Rows]:
    """Return the tables of numbers of the chosen half that have rows enough."""
    found = {}
    for name in sorted(halves()[0]):
        file = SETS[name].file(folder, made)
        if file.suffix == ".npy" and (rows := np.load(file)).ndim == 2 and len(rows) > 2 * ROWS:
            found[name] = rows
    return found


def problem_of(rows: Rows, latent: int, seed: int, folder: Path) -> tuple[Any, Rows]:
    """Return the search of 150 of the rows, and the others in its units."""
    from evoae.config.load import make_config
    from evoae.data.kinds.registry import kind_of_array
    from evoae.engine.problem import Problem
    from evoae.engine.recommendation import with_recommended

    order = np.random.default_rng(seed).permutation(len(rows))
    np.save(folder / "few.npy", rows[order[:ROWS]])
    data = {"path": str(folder / "few.npy"), "test": HELD, "validation": HELD}
    raw = {"data": data, "seed": seed, "execution": {"kind": "inline"}}
    problem = Problem.make(with_recommended(make_config(raw), latent, 0.4))
    others = rows[order[ROWS : ROWS + OTHERS]]
    source = kind_of_array(others).source("others", "others", {"images": others})
    return problem, np.asarray(problem.dataset.kind.inputs(source)[0][0])


def networks(problem: Any, seed: int) -> list[Any]:
    """Return textbook networks, and random ones of the space."""
    from evoae.engine.seed_genomes import from_textbooks
    from evoae.genome.canonical import canonical
    from evoae.genome.sampling import sample

    rng, found = np.random.default_rng(seed), list(from_textbooks(problem))
    while len(found) < NETWORKS:
        found.append(canonical(sample(rng, problem.space)))
    return found


def splits(train: Rows, validation: Rows) -> list[tuple[Rows, Rows]]:
    """Return the split as it is, and others of its sizes."""
    order = np.random.default_rng(1).permutation(len(train))
    found = [(train, validation)]
    for number in range(FOLDS - 1):
        held = order[number * HELD : (number + 1) * HELD]
        rest = np.setdiff1d(order, held)
        found.append((np.concatenate([train[rest], validation]), train[held]))
    return found


def curves(problem: Any, genome: Any, others: Rows, seed: int) -> dict[str, Any]:
    """Train one network on each split; return its losses there, and the first's on the others."""
    from evoae.data.pca import read_components, write_components
    from evoae.data.shared_memmap import Shared
    from evoae.evaluation import trained_as
    from evoae.genome.genes import Linear
    from evoae.models.build import build
    from evoae.models.linear_path import start_from
    from evoae.models.objectives.base import objective_for
    from evoae.models.plan import plan
    from evoae.training.fit_compiled import CompiledLoop

    training = trained_as(problem.config.training, genome)
    objective = objective_for(problem.config.objective, seed, bounded=False)
    data = problem.dataset
    linear = Linear("pca") in genome.global_genes
    found, of_others = [], []
    for number, (train, held) in enumerate(splits(data.train, data.validation)):
        model = build(
            plan(genome, problem.defaults),
            batchnorm_momentum=training.batchnorm_momentum,
            seed=seed,
        )
        if linear:
            with tempfile.TemporaryDirectory() as folder:
                file = Path(folder) / "components.npz"
                write_components(train, problem.config.model.max_latent, file)
                start_from(model, *read_components(file))
        loop = CompiledLoop(model, objective, Shared(train, held), training)
        rng = np.random.default_rng([seed, number])
        losses = [loop.validate()["loss"] if linear else math.inf]
        if number == 0:
            outside = CompiledLoop(model, objective, Shared(train, others), training)
            of_others.append(outside.validate()["loss"])
        for epoch in range(1, training.epochs + 1):
            loop.train_epoch(rng.permutation(len(train)).astype(np.int32))
            if epoch % EVERY == 0:
                losses.append(loop.validate()["loss"])
                if number == 0:
                    of_others.append(outside.validate()["loss"])
        found.append(losses)
    return {"losses": found, "others": of_others}


def run(args: argparse.Namespace) -> None:
    """Make the lines that are missing."""
    from evoae.genome.text import render
    from evoae.training.setup import prepare

    known = {(line["on"], line["seed"], line["genome"]) for line in lines()}
    with tempfile.TemporaryDirectory() as folder:
        for name, rows in tables(args.data, Path(folder)).items():
            for seed in args.seeds:
                problem, others = problem_of(rows, SETS[name].latents[0], seed, Path(folder))
                prepare()
                for genome in networks(problem, seed):
                    line = {"on": name, "seed": seed, "genome": render(genome)}
                    if tuple(line.values()) in known:
                        continue
                    line |= curves(problem, genome, others, seed)
                    with OUT.open("a") as out:
                        out.write(json.dumps(line, default=float) + "\n")
                print(name, seed, flush=True)


def lines() -> list[dict[str, Any]]:
    """Return the lines that were made."""
    return [json.loads(line) for line in OUT.read_text().splitlines()] if OUT.exists() else []


def chosen(tried: Sequence[dict[str, Any]], score: Callable[[Any, int], float]) -> float:
    """Return the loss on the other rows of the network and epoch with the lowest score."""
    places = [(line, epoch) for line in tried for epoch in range(len(line["others"]))]
    line, epoch = min(places, key=lambda place: score(*place))
    return float(line["others"][epoch])


def report(_: argparse.Namespace) -> None:
    """Print for each table what each way of choosing earns, as a ratio to the one split's."""
    by: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for line in lines():
        by.setdefault((line["on"], line["seed"]), []).append(line)
    print(f"{'':<18}{'seed':>5}{'split':>9}{'3 folds':>9}{'5 folds':>9}{'best':>9}")
    ratios: dict[str, list[float]] = {"3 folds": [], "5 folds": [], "best": []}
    for (name, seed), tried in by.items():
        if len(tried) < NETWORKS:
            continue

        def mean(count: int) -> Callable[[Any, int], float]:
            return lambda line, epoch: fmean(one[epoch] for one in line["losses"][:count])

        plain = chosen(tried, mean(1))
        found = {
            "3 folds": chosen(tried, mean(3)),
            "5 folds": chosen(tried, mean(5)),
            "best": chosen(tried, lambda line, epoch: line["others"][epoch]),
        }
        cells = [f"{name:<18}{seed:>5}{plain:>9.4f}"]
        for way, loss in found.items():
            ratios[way].append(loss / plain)
            cells.append(f"{loss / plain:>9.3f}")
        print("".join(cells))
    means = {way: geometric_mean(each) for way, each in ratios.items() if each}
    print("geometric mean:", ", ".join(f"{way} {mean:.3f}" for way, mean in means.items()))


def main() -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = parser.add_subparsers(required=True)
    for word, does in (("run", run), ("report", report)):
        sub = words.add_parser(word)
        sub.set_defaults(does=does)
        sub.add_argument("--data", type=Path, default=os.environ.get("EVOAE_DATA", "."))
        sub.add_argument("--seeds", type=numbers, default=[1])
    args = parser.parse_args()
    args.does(args)


if __name__ == "__main__":
    main()
