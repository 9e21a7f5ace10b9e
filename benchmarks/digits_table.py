"""Record thousands of short trainings on the 8x8 digits, for `search_quality.py`.

    python -m benchmarks.digits_table [--runs FOLDER] [--out FILE]

Random searches say what the space is like, evolutions what its good regions are like, and a part
of both is trained again with other seeds to say how noisy a score is. Interrupted, it goes on
where it was. Writes a line of JSON for each training, compressed.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

import evoae
from evoae.config.load import load_config
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import Evaluation, seed_for
from evoae.execution.executor import run_all
from evoae.execution.factory import executor_for
from evoae.genome.text import parse
from evoae.runs.environment import environment
from evoae.runs.store import Store

CONFIG = Path(__file__).with_name("digits_table.yaml")
OUT = Path(__file__).with_name("results") / "digits_table.jsonl.gz"
# (name, seed, algorithm, trainings); aging and generational lead to different good regions.
SEARCHES = (
    ("random", 1, "random", 1200),
    ("aging-2", 2, "aging", 300),
    ("aging-3", 3, "aging", 300),
    ("generational-4", 4, "generational", 300),
)
REPEATED, SEEDS = 120, 3  # networks trained again, and how often


def overrides(seed: int, algorithm: str, trainings: int) -> list[str]:
    """Return what is changed of the configuration."""
    return [
        f"seed={seed}",
        f"search.algorithm={algorithm}",
        f"search.budget.evaluations={trainings}",
    ]


def searched(runs: Path) -> Iterator[evoae.Run]:
    """Run the searches, or finish those that lie there."""
    for name, *settings in SEARCHES:
        folder = runs / name
        config = load_config(CONFIG, overrides(*settings))
        yield evoae.resume(folder) if folder.exists() else evoae.search(config, run=folder)
        print(f"{name} done", flush=True)


def trained(run: evoae.Run) -> list[tuple[Evaluation, str]]:
    """Return every evaluation of a run with its genome's text."""
    with Store.reader(run.path) as store:
        genomes = {id: candidate.genome for id, candidate in store.candidates().items()}
    return [(each, genomes[each.id]) for each in run.first_evaluations()]


def again(runs: list[evoae.Run], file: Path) -> list[dict[str, Any]]:
    """Train a stratified part of all networks again, as often as `SEEDS` says."""
    done = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    scored = {
        each.id: (each.fitness, genome)
        for run in runs
        for each, genome in trained(run)
        if each.fitness is not None
    }
    ranked = sorted(scored, key=lambda id: scored[id][0])
    chosen = [ranked[int(place)] for place in np.linspace(0, len(ranked) - 1, REPEATED)]
    problem = Problem.make(load_config(CONFIG, overrides(1, "random", 1)))
    shared, finished = share(problem.dataset), {each["key"] for each in done}
    tasks = [
        replace(problem.task(parse(scored[id][1]), shared), id=f"{id} {n}", seed=seed_for(n, id))
        for id in chosen
        for n in range(1, SEEDS + 1)
        if f"{id} {n}" not in finished
    ]
    with executor_for(problem.config.execution) as executor, file.open("a") as lines:
        for evaluation in run_all(executor, tasks):
            id = evaluation.id.partition(" ")[0]
            line = {"key": evaluation.id, **said(evaluation, scored[id][1], "again")}
            lines.write(json.dumps(line) + "\n")
            lines.flush()
            done.append(line)
    return done


def said(evaluation: Evaluation, genome: str, source: str) -> dict[str, Any]:
    """Return a training's line."""
    return {
        "source": source,
        "genome": genome,
        "outcome": evaluation.outcome.value,
        "curve": [float(f"{loss:.6g}") for loss in evaluation.validation_loss],
        "flops": evaluation.flops,
        "parameters": evaluation.parameters,
        "seconds": round(evaluation.seconds.total, 2),
    }


def main() -> None:
    """Record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/digits-table"))
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    options.runs.mkdir(parents=True, exist_ok=True)
    runs = list(searched(options.runs))
    lines = [
        said(each, genome, name)
        for run, (name, *_) in zip(runs, SEARCHES, strict=True)
        for each, genome in trained(run)
    ]
    lines += again(runs, options.runs / "again.jsonl")
    with gzip.open(options.out, "wt", encoding="utf-8") as file:
        head = {"machine": asdict(environment()), "config": CONFIG.read_text()}
        file.write(json.dumps(head) + "\n")
        file.writelines(json.dumps(line) + "\n" for line in lines)
    print(f"{len(lines)} trainings in {options.out}, {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
