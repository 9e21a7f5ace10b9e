"""Does every point of a front beat PCA of its latent size, and the plain network of its size?

    evoae search --config configs/fmnist_front.yaml
    python -m benchmarks.front runs/fmnist_front-1

The plain network has convolutions of 4x4 with stride 2 and their transposes (f, 2f filters, as in
configs/baselines/strided_32_64_latent_32.txt), the point's latent size, and the f with which it
comes nearest to the point's number of parameters. Both are trained from scratch as the candidates
were, with two seeds that the search did not use, and the means of both count: what a search
believes of the points it chose favours them. All of it on validation images. Prints a JSON line
for each point and one for all; exits with 1 unless every point is better than both.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from statistics import fmean
from typing import Any

from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Task, seed_for
from evoae.execution.executor import run_all
from evoae.execution.factory import executor_for
from evoae.genome.genome import Genome
from evoae.genome.text import parse
from evoae.models.plan import measure
from evoae.runs.hall_of_fame import Entry
from evoae.runs.run import Run

SEEDS = 2


def plain(problem: Problem, entry: Entry) -> Genome:
    """Return the plain network of a point's latent size that is nearest to it in parameters."""

    def far(genome: Genome) -> float:
        return abs(math.log(measure(problem.defaults)(genome).parameters / entry.parameters))

    return min((_strided(filters, entry.latent) for filters in range(1, 97)), key=far)


def _strided(filters: int, latent: int) -> Genome:
    wide = 2 * filters
    return parse(
        f"down(stride) up(transposed) conv({filters},4x4) conv({wide},4x4) | latent({latent}) | "
        f"upconv({wide},4x4) upconv({filters},4x4)"
    )


def tasks(problem: Problem, genome: Genome) -> Iterator[Task]:
    """Yield trainings of a network, with fresh seeds and ids of their own."""
    task = problem.task(genome, share(problem.dataset))
    for number in range(1, SEEDS + 1):
        seed = seed_for(problem.config.seed + number, task.id)
        yield replace(task, id=f"{task.id}-{number}", seed=seed)


def compared(run: Run) -> Iterator[dict[str, Any]]:
    """Yield what each point of a run's front and its rivals reached, largest code first."""
    problem = Problem.make(run.config)
    entries = run.front(("loss", "latent"))
    bounds = run.linear_bounds()
    rivals = {entry.id: plain(problem, entry) for entry in entries}
    networks = [*rivals.values(), *(parse(entry.genome) for entry in entries)]
    due = {task.id: task for network in networks for task in tasks(problem, network)}
    with executor_for(problem.config.execution) as executor:
        found = list(run_all(executor, due.values()))
    losses = {evaluation.id: evaluation.fitness for evaluation in found}

    def mean(genome: Genome) -> float | None:
        """Return a network's mean loss; None if a training failed."""
        scores = [losses[task.id] for task in tasks(problem, genome)]
        known = [score for score in scores if score is not None]
        return fmean(known) if len(known) == len(scores) else None

    for entry in entries:
        rival = rivals[entry.id]
        yield {
            "latent": entry.latent,
            "loss": mean(parse(entry.genome)),
            "believed": entry.val_loss,
            "trainings": entry.trainings,
            "parameters": entry.parameters,
            "genome": entry.genome,
            "pca": bounds.get(entry.latent),
            "plain": mean(rival),
            "plain_parameters": measure(problem.defaults)(rival).parameters,
        }


def beats(point: dict[str, Any]) -> bool:
    """Tell whether a point is better than both of its rivals; one without a loss is not beaten."""
    losses = (point["loss"], point["pca"], point["plain"])
    return None not in losses and losses[0] < min(losses[1:])


def main() -> None:
    """Compare a run's front."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    run = Run.open(parser.parse_args().run)
    points = []
    for point in compared(run):
        points.append(point)
        print(json.dumps(point), flush=True)
    won = sum(map(beats, points))
    volumes = [row.stats.get("hypervolume") for row in run.generations()]
    whole = {"points": len(points), "won": won, "hypervolume": volumes}
    print(json.dumps({"benchmark": "front", **whole}))
    raise SystemExit(won < len(points))


if __name__ == "__main__":
    main()
