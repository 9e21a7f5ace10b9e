"""What does a linear path gain in one training, for the same network, steps and seed?

    python -m benchmarks.linear_path --data FOLDER [--seeds N] [SET...]

For each set (`benchmarks/quality/sets.py`, by default those that settings are chosen on) a network
is trained as a search would train it, without and with `linear(pca)`. The best epoch's validation
loss is given as a share of PCA's of the same size, fitted on the same rows. The test split is not
looked at. Lines are added to `results/linear_path.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.foreign import MADE, Job, dataset_of
from benchmarks.quality.sets import SETS, halves

OUT = Path(__file__).with_name("results") / "linear_path.jsonl"
DENSE = "dense(128) dense(64) | latent({latent}) | updense(64) updense(128)"
CONV = (
    "down(stride) up(transposed) conv(32,3x3) conv(64,3x3) | latent({latent}) | "
    "upconv(64,3x3) upconv(32,3x3)"
)
SETTINGS = ("training.fitness=best", "model.max_flops=null", "model.max_parameters=null")


def measure(name: str, latent: int, seed: int, folder: Path) -> dict[str, object]:
    """Return the losses of one set."""
    from evoae.data.pca import pca_error
    from evoae.data.shared_memmap import share
    from evoae.engine.problem import Problem
    from evoae.genome.canonical import canonical
    from evoae.genome.text import parse
    from evoae.training.train import train

    file = SETS[name].file(folder, MADE)
    config, _ = dataset_of(Job("evoae", name, latent, seed, 600, ""), file, *SETTINGS)
    problem = Problem.make(config)
    data = problem.dataset
    line: dict[str, object] = {
        "on": name,
        "latent": latent,
        "seed": seed,
        "pca": pca_error(data.train, data.validation, latent),
        "epochs": config.training.epochs,
    }
    rows = len(data.input_shape) == 1
    for key, before in (("without", ""), ("with", "linear(pca) ")):
        text = before + (DENSE if rows else CONV).format(latent=latent)
        task = problem.task(canonical(parse(text)), share(data))
        line[key] = train(replace(task, seed=seed)).fitness
    return line


def main(typed: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="*", metavar="SET")
    parser.add_argument("--data", type=Path, default=os.environ.get("EVOAE_DATA", "."))
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    args = parser.parse_args(typed)
    for name in args.sets or sorted(halves()[0]):
        for latent in SETS[name].latents:
            for seed in range(1, args.seeds + 1):
                line = measure(name, latent, seed, args.data)
                with OUT.open("a") as out:
                    out.write(json.dumps(line) + "\n")
                share = [f"{key} {line[key] / line['pca']:.3f}" for key in ("without", "with")]
                print(
                    f"{name:<20}{latent:>4}  PCA {line['pca']:.4g}  {'  '.join(share)}", flush=True
                )


if __name__ == "__main__":
    main()
