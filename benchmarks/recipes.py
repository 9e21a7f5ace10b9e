"""Which training recipe and which regulariser give the lowest loss for the same network and steps?

    python -m benchmarks.recipes --data FOLDER SET LATENT EPOCHS [--seeds N]

Each variant of `recipes.yaml` for data of this kind is trained on one of the foreign sets
(`benchmarks/quality/sets.py`), by default with the settings that `evoae init` chooses, and the
variant's own on top. The best epoch's validation loss is given as a share of PCA's of the same
size, fitted on the same rows. The test split is not looked at. Lines are added to
`results/recipes.jsonl`; `evoae.engine.recommendation` follows from them.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from benchmarks.foreign import MADE, Job, dataset_of
from benchmarks.quality.sets import SETS

VARIANTS = Path(__file__).with_name("recipes.yaml")
OUT = Path(__file__).with_name("results") / "recipes.jsonl"
WIDE = (
    *("training.fitness=best", "model.max_flops=null", "model.max_parameters=null"),
    *("model.units=[1, 2048]", "model.filters=[1, 512]", "model.linear=[none, pca]"),
    *("data.reduce.train=null", "data.reduce.validation=null"),
)


def measure(
    name: str, latent: int, seed: int, epochs: int, variant: dict[str, object], folder: Path
) -> dict[str, object]:
    """Return the loss of one variant."""
    from evoae.data.pca import pca_error
    from evoae.data.shared_memmap import share
    from evoae.engine.problem import Problem
    from evoae.genome.canonical import canonical
    from evoae.genome.text import parse
    from evoae.training.train import train

    file = SETS[name].file(folder, MADE)
    settings = (*WIDE, f"training.epochs={epochs}", *map(str, variant["set"] or ()))
    config, _ = dataset_of(Job("evoae", name, latent, seed, 600, ""), file, *settings)
    problem = Problem.make(config)
    data = problem.dataset
    genome = canonical(parse(str(variant["genome"]).format(latent=latent)))
    evaluation = train(replace(problem.task(genome, share(data)), seed=seed))
    history = evaluation.validation_loss
    return {
        "on": name,
        "latent": latent,
        "seed": seed,
        "variant": variant["name"],
        "of_pca": round(evaluation.fitness / pca_error(data.train, data.validation, latent), 4),
        "best_epoch": 1 + history.index(min(history)),
        "epochs": epochs,
    }


def main(typed: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("set", choices=SETS)
    parser.add_argument("latent", type=int)
    parser.add_argument("epochs", type=int)
    parser.add_argument("--data", type=Path, default=os.environ.get("EVOAE_DATA", "."))
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    args = parser.parse_args(typed)
    items = SETS[args.set].read(args.data)
    pictures = not isinstance(items, Path) and items.ndim > 2
    variants = yaml.safe_load(VARIANTS.read_text())["pictures" if pictures else "rows"]
    for seed in range(1, args.seeds + 1):
        for variant in variants:
            line = measure(args.set, args.latent, seed, args.epochs, variant, args.data)
            with OUT.open("a") as out:
                out.write(json.dumps(line) + "\n")
            print(*line.values(), flush=True)


if __name__ == "__main__":
    main()
