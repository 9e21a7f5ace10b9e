"""Does bfloat16 rank networks as float32 does?

    python benchmarks/precision.py [--genomes 48] [--config configs/quickstart.yaml]

Random networks of the configuration's space are trained as its search would train them: in
float32, in bfloat16, and in float32 from another seed, which is what ranks are worth at best.
Each training is a line of benchmarks/results/precision.jsonl as it ends; those that are there,
with the same settings, are not repeated. Prints rank correlations of the fitness with 95%
intervals (bootstrap over networks), and how processor seconds compare.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, spearmanr

from evoae.config.load import load_config
from evoae.config.schema import TrainingConfig
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Task, seed_for
from evoae.genome.canonical import candidate_id, canonical
from evoae.genome.genome import Genome
from evoae.genome.sampling import sample
from evoae.genome.text import render
from evoae.training.setup import prepare
from evoae.training.train import train

RESULTS = Path(__file__).parent / "results" / "precision.jsonl"
WAYS = ("float32", "bfloat16", "other seed")
DRAWS = 2000  # of the bootstrap


def genomes(problem: Problem, count: int) -> list[Genome]:
    """Draw different networks, as the first generation of a search would."""
    rng, found = np.random.default_rng(11), {}
    while len(found) < count:
        genome = canonical(sample(rng, problem.space))
        found[candidate_id(genome)] = genome
    return list(found.values())


def task(problem: Problem, genome: Genome, way: str) -> Task:
    """Return the training of a network in one of the ways."""
    asked = replace(problem.task(genome, share(problem.dataset)), memory_limit=None)
    if way == "other seed":
        return replace(asked, seed=seed_for(problem.config.seed + 1, asked.id))
    return replace(asked, training=asked.training.model_copy(update={"precision": way}))


def trained(asked: Task, way: str) -> dict[str, Any]:
    """Train, and return what is recorded of it."""
    begun = time.process_time()
    evaluation = train(asked)
    return {
        "id": asked.id,
        "genome": render(asked.genome),
        "way": way,
        "training": settings(asked.training),
        "outcome": evaluation.outcome.value,
        "fitness": evaluation.fitness,
        "validation": list(evaluation.validation_loss),
        "flops": evaluation.flops,
        "cpu_seconds": round(time.process_time() - begun, 3),
    }


def settings(training: TrainingConfig) -> dict[str, Any]:
    """Return what all ways have in common."""
    return training.model_dump(mode="json", exclude={"precision"})


def interval(one: NDArray[Any], other: NDArray[Any]) -> list[float]:
    """Return the 95% interval of Spearman's coefficient."""
    rng = np.random.default_rng(0)
    picks = (rng.integers(len(one), size=len(one)) for _ in range(DRAWS))
    drawn = [spearmanr(one[pick], other[pick]).statistic for pick in picks]
    return [float(bound) for bound in np.quantile(drawn, (0.025, 0.975))]


def compared(found: dict[str, dict[str, Any]], ids: Sequence[str], way: str) -> dict[str, Any]:
    """Compare one way with float32 over the networks that both could train."""
    both = [
        id
        for id in ids
        if found[id]["float32"]["fitness"] is not None and found[id][way]["fitness"] is not None
    ]
    one, other = (
        np.array([found[id][each]["fitness"] for id in both]) for each in ("float32", way)
    )
    ratios = [found[id]["float32"]["cpu_seconds"] / found[id][way]["cpu_seconds"] for id in both]
    return {
        "genomes": len(both),
        "spearman": float(spearmanr(one, other).statistic),
        "interval": interval(one, other),
        "kendall": float(kendalltau(one, other).statistic),
        "difference": float(np.median(np.abs(other / one - 1))),
        "speedup": median(ratios),
    }


def main() -> None:
    """Train what is not trained yet, then print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--genomes", type=int, default=48)
    parser.add_argument("--config", type=Path, default=Path("configs/quickstart.yaml"))
    options = parser.parse_args()
    problem = Problem.make(load_config(options.config))
    found: dict[str, dict[str, Any]] = {}
    if RESULTS.is_file():
        for line in RESULTS.read_text().splitlines():
            row = json.loads(line)
            if row["training"] == settings(problem.config.training):
                found.setdefault(row["id"], {})[row["way"]] = row
    prepare()
    chosen = genomes(problem, options.genomes)
    for number, genome in enumerate(chosen, start=1):
        rows = found.setdefault(candidate_id(genome), {})
        for way in WAYS:
            if way not in rows:
                rows[way] = trained(task(problem, genome, way), way)
                with RESULTS.open("a") as file:
                    file.write(json.dumps(rows[way]) + "\n")
        told = " ".join(f"{rows[way]['fitness'] or float('nan'):.5f}" for way in WAYS)
        print(f"{number:3} {told}  {render(genome)}", flush=True)
    ids = [candidate_id(genome) for genome in chosen]
    for way in WAYS[1:]:
        print(json.dumps({"benchmark": "precision", "way": way, **compared(found, ids, way)}))


if __name__ == "__main__":
    main()
