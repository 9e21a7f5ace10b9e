"""What searches and refits reached: a JSON line of each refitted model, for docs/search.md.

    python -m benchmarks.entries RUN --search-seconds 606 --refit-seconds 2059

Adds a line to results/entries.jsonl for each model of a run that `evoae refit` has trained: the
network, the search's and the refit's settings that count, and the losses. A run does not know the
processor seconds of its commands (`time evoae search …`, user and system), so they are given where
they were taken; the refit's wall seconds stand beside them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.search_quality import add
from evoae.runs.run import Run

OUT = Path(__file__).with_name("results") / "entries.jsonl"


def main() -> None:
    """Add the lines of one run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("run")
    parser.add_argument("--search-seconds", type=float)
    parser.add_argument("--refit-seconds", type=float)
    options = parser.parse_args()
    run = Run.open(options.run)
    config, status = run.config, run.status()
    for found in run.evaluations():
        refit = run.refitted(found.id)
        if found.repeat != 1 or refit is None or not refit["trained"]:
            continue
        line = {
            "data": config.data.name,
            "latent": found.latent,
            "parameters": found.parameters,
            "flops": found.flops,
            "genome": found.genome,
            "max_parameters": config.model.max_parameters,
            "max_flops": config.model.max_flops,
            "searched": status.scored,
            "search_flops": status.cost,
            "search_core_seconds": options.search_seconds,
            "refit": refit["settings"],
            "epochs": refit["epochs"][0],
            "refit_core_seconds": options.refit_seconds,
            "refit_wall_seconds": refit["seconds"],
            "validation": refit["val_loss"],
            "test": refit["test_loss"],
            "pca": refit["pca"],
        }
        add(OUT, line)
        print(json.dumps(line))


if __name__ == "__main__":
    main()
