"""Does the surrogate help NSGA-II? Hypervolume of the front with it and without, at equal FLOPs.

    python -m benchmarks.guided_front [--seeds 1-3] [--flops 3e11]

Real searches on scikit-learn's digits, latent 2 to 16, over loss, latent size and parameters, in
the space and with the trainings of benchmarks/digits_table.yaml. Searches of one seed share their
first generation, and so the corner from which the volume is seen. Every search is a line of
results/guided_front.jsonl; those that are there are not repeated. Prints, for each seed, the ratio
of the final volumes and the share of the FLOPs after which the guided search is as far as the
other ends.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import evoae
from benchmarks.search_quality import add, lines, spread
from evoae.config.load import load_config

CONFIG = Path(__file__).with_name("digits_table.yaml")
OUT = Path(__file__).with_name("results") / "guided_front.jsonl"
BRED = (1, 8)  # for each one trained


def searched(seed: int, bred: int, flops: float) -> dict[str, Any]:
    """Run a search; return its line."""
    settings = [
        *(f"seed={seed}", "model.min_latent=2", "model.max_latent=16"),
        *("search.algorithm=nsga2", "search.population=16", f"search.surrogate={bred}"),
        *(f"search.budget.flops={flops}", "report.baselines=[]", "execution.workers=1"),
    ]
    with tempfile.TemporaryDirectory() as folder:
        run = evoae.search(load_config(CONFIG, settings), run=Path(folder) / "run")
        rows = [row.stats for row in run.generations()]
        return {
            "seed": seed,
            "surrogate": bred,
            "budget": flops,
            "course": [[row["cost"], row["hypervolume"]] for row in rows],
            "points": len(run.front()),
        }


def compared(lines: list[dict[str, Any]]) -> dict[str, float]:
    """Compare the two searches of one seed."""
    alone, guided = (next(each for each in lines if each["surrogate"] == bred) for bred in BRED)
    final = alone["course"][-1][1]
    passed = (cost for cost, volume in guided["course"] if volume >= final)
    return {
        "volume_ratio": guided["course"][-1][1] / final,
        "reaches_at": next(passed, float("inf")) / alone["course"][-1][0],
    }


def main() -> None:
    """Search what was not searched yet, then compare."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", default="1-3")
    parser.add_argument("--flops", type=float, default=3e11)
    options = parser.parse_args()
    seeds = spread(options.seeds)
    done = {(each["seed"], each["surrogate"], each["budget"]) for each in lines(OUT)}
    for seed in seeds:
        for bred in BRED:
            if (seed, bred, options.flops) not in done:
                add(OUT, searched(seed, bred, options.flops))
    found = []
    for seed in seeds:
        own = [e for e in lines(OUT) if (e["seed"], e["budget"]) == (seed, options.flops)]
        found.append(compared(own))
        print(json.dumps({"seed": seed, **found[-1]}))
    whole = {name: median(each[name] for each in found) for name in found[0]}
    print(json.dumps({"benchmark": "guided_front", "seeds": len(found), **whole}))


if __name__ == "__main__":
    main()
