"""Is evoae better than PCA, plain networks and Optuna on data that nobody tuned it for?

    python -m benchmarks.foreign run --data FOLDER --seconds 60 --seeds 1-3
    python -m benchmarks.foreign run --data FOLDER --seconds 60 --seeds 1 --who optuna
    python -m benchmarks.foreign report

Every line of `results/foreign.jsonl` is one contestant on one set (`benchmarks/quality/sets.py`),
at one latent size, with one seed, which also draws the splits: all see the same rows, encoded as
evoae encodes them. A line has the mean squared error on the validation split and, measured once,
on the test split. Budgets are processor seconds on one thread, from the moment when TensorFlow is
loaded: evoae's pay for its search and its refit together, a plain network has them all for itself.
evoae is given nothing but data, latent size and budget. Lines that are there already are passed
over; those of evoae bear the version of the code, `--commit` by default the one that is checked
out.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import geometric_mean, median
from types import SimpleNamespace
from typing import Any

from benchmarks.quality.sets import SETS, halves

OUT = Path(__file__).with_name("results") / "foreign.jsonl"
MADE = Path("runs/foreign")
SEARCHED = 0.4  # share of evoae's seconds that its search has; the refit has what is left
WHO = ("evoae", "pca", "plain", "optuna")


@dataclass(frozen=True, slots=True)
class Job:
    """One line.

    Attributes:
        who: the contestant.
        on: name of the set.
        latent: size of the code.
        seed: of the splits and of the contestant.
        seconds: its budget; 0 for PCA, which has none.
        commit: version of evoae; "" for the others.
    """

    who: str
    on: str
    latent: int
    seed: int
    seconds: float
    commit: str


def jobs(args: argparse.Namespace) -> Iterator[Job]:
    """Yield what `run` was asked for, PCA first, as its lines take no time."""
    for who in sorted(args.who, key=lambda who: who != "pca"):
        for name in args.only or SETS:
            for latent in SETS[name].latents[: args.latents]:
                for seed in args.seeds:
                    seconds = 0 if who == "pca" else args.seconds
                    yield Job(who, name, latent, seed, seconds, args.commit * (who == "evoae"))


def dataset_of(job: Job, file: Path, *settings: str) -> tuple[Any, Any]:
    """Return the configuration that evoae makes of a file, and the data as it splits them."""
    from evoae.config.load import make_config
    from evoae.data.load import load
    from evoae.engine.recommendation import with_recommended

    raw = {"data": {"path": str(file)}, "seed": job.seed}
    config = with_recommended(
        make_config(raw, overrides=settings), job.latent, SEARCHED * job.seconds / 60 or None
    )
    return config, load(config.data, config.seed)


def searched(job: Job, file: Path) -> dict[str, Any]:
    """Search and refit with evoae; its minutes are counted in processor seconds here."""
    import evoae
    from evoae.engine import budget
    from evoae.experiments.refit_within import refit_within
    from evoae.training.setup import prepare

    settings = ("execution.kind=inline", "report.baselines=[]")
    config, _ = dataset_of(job, file, *settings)
    prepare()
    budget.time = SimpleNamespace(monotonic=time.process_time)  # type: ignore[attr-defined]
    began, wall = time.process_time(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run = evoae.search(config.model_dump(mode="json"), run=Path(folder) / "run")
        spent = time.process_time() - began
        slower = (time.monotonic() - wall) / spent  # than the processor, as others use it too
        refitted, *_ = refit_within(run.path, max(job.seconds - spent, 0.1) * slower / 60)
        return {
            "validation": refitted.val_loss,  # of the model handed over, and so is the test's
            "test": refitted.test_loss,
            "handed_over": refitted.handed_over,
            "val_losses": dict(refitted.val_losses),
            "trained": len(run.first_evaluations()),
            "epochs": refitted.epochs,
            "what": refitted.genome,
            "spent": time.process_time() - began,
        }


def rebuilt_by_pca(job: Job, file: Path) -> dict[str, Any]:
    """Return what PCA of the same size earns, fitted on the training rows."""
    from evoae.data.pca import pca_error

    _, data = dataset_of(job, file)
    validation, test = (
        pca_error(data.train, split, job.latent) for split in (data.validation, data.test)
    )
    return {"validation": validation, "test": test}


def trained(job: Job, file: Path) -> dict[str, Any]:
    """Return what the better plain network earns, or Optuna's best."""
    from benchmarks.quality import plain
    from evoae.training.setup import prepare

    _, data = dataset_of(job, file)
    prepare()
    began = time.process_time()
    if job.who == "plain":
        outcomes = plain.plain(data, job.latent, job.seconds, job.seed)
    else:
        outcomes = [plain.optuna(data, job.latent, job.seconds, job.seed)]
    spent = time.process_time() - began
    best = min(outcomes, key=lambda outcome: outcome.validation)
    return {
        "validation": best.validation,
        "test": plain.mse(best.model, plain.scaled(data.test)),
        "all": {outcome.name: outcome.validation for outcome in outcomes},
        "epochs": best.epochs,
        "what": best.name,
        "spent": spent,
    }


CONTESTANTS = {"evoae": searched, "pca": rebuilt_by_pca, "plain": trained, "optuna": trained}


def run(args: argparse.Namespace) -> None:
    """Make the lines that are missing, each in a process of its own."""
    known = {tuple(line["job"].values()) for line in lines()}
    for job in jobs(args):
        if tuple(asdict(job).values()) in known:
            continue
        typed = json.dumps({**asdict(job), "folder": str(args.data)})
        command = [sys.executable, "-m", "benchmarks.foreign", "one", "--job", typed]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(job, "failed:", done.stderr.strip().splitlines()[-1:], file=sys.stderr)
            continue
        print(done.stdout.strip().splitlines()[-1], flush=True)
        with OUT.open("a") as out:
            out.write(done.stdout.strip().splitlines()[-1] + "\n")


def one(args: argparse.Namespace) -> None:
    """Make one line and print it."""
    asked = json.loads(args.job)
    folder = Path(asked.pop("folder"))
    job = Job(**asked)
    file = SETS[job.on].file(folder, MADE)
    earned = CONTESTANTS[job.who](job, file)
    rounded = {k: float(f"{v:.6g}") if isinstance(v, float) else v for k, v in earned.items()}
    print(json.dumps({"job": asdict(job), **rounded}))


def lines() -> list[dict[str, Any]]:
    """Return the lines that were made."""
    return [json.loads(line) for line in OUT.read_text().splitlines()] if OUT.exists() else []


def report(args: argparse.Namespace) -> None:
    """Print a row for each set and latent size: means over the seeds, as ratios."""
    by: dict[tuple[str, int, int], dict[str, dict[str, Any]]] = {}
    for line in lines():
        job = line["job"]
        wanted = job["seconds"] in (0, args.seconds) and job["commit"] in ("", args.commit)
        if wanted:
            key = (job["on"], job["latent"], job["seed"])
            by.setdefault(key, {})[job["who"]] = line
    for title, names in zip(("Chosen on", "Held out"), halves(), strict=True):
        print(
            f"\n{title}:\n{'':<20}{'latent':>7}{'pca':>10}{'/pca':>8}{'/plain':>8}{'/optuna':>8}"
        )
        ratios: dict[str, list[float]] = {}
        for name, latent in sorted({key[:2] for key in by if key[0] in names}):
            rows = [found for key, found in by.items() if key[:2] == (name, latent)]
            rows = [row for row in rows if "evoae" in row and "pca" in row]
            cells = [f"{name:<20}{latent:>7}"]
            cells.append(f"{median(r['pca']['test'] for r in rows):>10.4g}" if rows else "")
            for rival in ("pca", "plain", "optuna"):
                own = [r["evoae"]["test"] / r[rival]["test"] for r in rows if rival in r]
                ratios.setdefault(rival, []).extend(own)
                cells.append(f"{geometric_mean(own):>8.3f}" if own else f"{'':>8}")
            print("".join(cells))
        for rival, own in ratios.items():
            if own:
                better = sum(ratio < 1 for ratio in own) / len(own)
                print(f"of {rival}: median {median(own):.3f}, below on {better:.0%} of {len(own)}")


def numbers(text: str) -> list[int]:
    """Return the seeds that "3" or "1-3" names."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def main(typed: Sequence[str] | None = None) -> None:
    """Run, or report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words = parser.add_subparsers(required=True)
    for word, does in (("run", run), ("one", one), ("report", report)):
        sub = words.add_parser(word)
        sub.set_defaults(does=does)
        sub.add_argument("--job", help="of `one`: the line to make, as JSON")
        sub.add_argument("--data", type=Path, default=os.environ.get("EVOAE_DATA", "."))
        sub.add_argument("--seconds", type=float, default=60)
        sub.add_argument("--seeds", type=numbers, default=[1])
        sub.add_argument("--latents", type=int, default=2, help="1: the smaller size alone")
        sub.add_argument("--who", nargs="+", choices=WHO, default=WHO[:3])
        sub.add_argument("--only", nargs="+", choices=SETS)
        sub.add_argument("--commit", default=_commit())
    args = parser.parse_args(typed)
    args.does(args)


if __name__ == "__main__":
    main()
