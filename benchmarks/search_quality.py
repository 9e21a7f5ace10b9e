"""Compare searches at equal cost: evoae's, random, the original scheme, and the tuners people use.

    python -m benchmarks.search_quality run --on fashion_mnist --seeds 1-3
    python -m benchmarks.search_quality retrain   # the winners, from scratch, by one recipe
    python -m benchmarks.search_quality report    # medians, intervals, ratios
    python -m benchmarks.search_quality draw      # best so far against FLOPs

`--on digits` (the default) searches a landscape that was fitted to thousands of recorded trainings
(`benchmarks.digits_table`), where the true mean loss of every network is known; a search takes
seconds. `--on fashion_mnist` trains. Both have the same contestants, driven by the same code, and
the same account of FLOPs. Every finished search is a line of `results/search_quality.jsonl`; what
is there already is passed over, so remove the lines of a contestant that has changed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.quality import report as tables
from benchmarks.quality.account import Account
from benchmarks.quality.contestants import CONTESTANTS
from benchmarks.quality.landscape import Landscape, recorded
from benchmarks.quality.real import Recorded
from evoae.config.load import load_config
from evoae.data.shared_memmap import share
from evoae.engine.problem import Problem
from evoae.evaluation import TrainingKey, seed_for
from evoae.execution.executor import Train
from evoae.execution.factory import executor_for
from evoae.genome.text import parse, render

OUT = Path(__file__).with_name("results") / "search_quality.jsonl"
KEPT = Path("runs/search-quality")  # real trainings, so that none is made twice
CONFIGS = {
    "digits": Path(__file__).with_name("digits_table.yaml"),
    "fashion_mnist": Path(__file__).with_name("quality") / "fashion_mnist.yaml",
}
TABLE = Path(__file__).with_name("results") / "digits_table.jsonl.gz"  # what `digits` is fitted to
BUDGETS = {"digits": 3e11, "fashion_mnist": 6e12}
SEEDS = {"digits": "1-20", "fashion_mnist": "1-3"}
PICTURES = Path("docs/images")
SHOWN = ("evoae", "random", "original", "optuna", "keras_tuner")
SAID = {"algorithm", "population", "surrogate", "repeats", "racing"}  # evoae's
RECIPE = (
    "seed=1000",
    "data.reduce.validation=null",
    "training.optimizer=adamw",
    "training.schedule=cosine",
    "training.batch_size=64",
    "training.learning_rate=0.002",
    "training.time_limit=null",
)
DEFAULT = ("evoae", "random", "original", "original_spatial", "optuna", "keras_tuner")


@dataclass(frozen=True, slots=True)
class Job:
    """One search.

    Attributes:
        on: the data.
        contestant: who searches.
        seed: of the search, and of the choice of images.
        budget: FLOPs.
        table: file of the recorded trainings that the digits' landscape is fitted to.
    """

    on: str
    contestant: str
    seed: int
    budget: float
    table: Path

    @property
    def key(self) -> tuple[object, ...]:
        """What tells its line from others."""
        return self.on, self.contestant, self.seed, self.budget, digest(self.on, self.table)


@cache
def digest(on: str, table: Path) -> str:
    """Return what tells one version of space, trainings and table from another."""
    recordings = table.read_bytes() if on == "digits" else b""
    return hashlib.sha256(CONFIGS[on].read_bytes() + recordings).hexdigest()[:8]


@cache
def landscape(table: Path) -> Landscape:
    """Return the landscape of the digits."""
    return Landscape(recorded(table), problem_of("digits", []).space)


def problem_of(on: str, settings: list[str]) -> Problem:
    """Return data and space; a contestant brings its own search settings."""
    own = ["search.budget.flops=1", "execution.workers=1"]
    return Problem.make(load_config(CONFIGS[on], [*own, *settings]))


def searched(job: Job, kept: Path) -> dict[str, Any]:
    """Run a search; return its line."""
    began = time.monotonic()
    contestant = CONTESTANTS[job.contestant]
    problem = contestant.problem(problem_of(job.on, [f"seed={job.seed}"]), job.budget)
    true = landscape(job.table).mean if job.on == "digits" else lambda _: None
    with trainer(job.on, problem, kept, job.table) as train:
        account = Account(train, job.budget)
        contestant.search(problem, account)
    winner = account.points[-1].genome
    size = problem.space.measure(winner)
    return {
        "kind": "search",
        "on": job.on,
        "contestant": job.contestant,
        "seed": job.seed,
        "budget": job.budget,
        "of": digest(job.on, job.table),
        "settings": problem.config.search.model_dump(mode="json", include=SAID),
        "spent": account.spent,
        "trainings": account.trainings,
        # FLOPs so far, the loss that it believes its best network has, the true mean if known
        "course": [
            [point.flops, _short(point.believed), _short(true(point.genome))]
            for point in account.points
        ],
        "winner": render(winner),
        "parameters": size.parameters,
        "latent": size.latent,
        "flops": size.flops,
        "seconds": round(time.monotonic() - began, 1),
    }


@contextmanager
def trainer(on: str, problem: Problem, kept: Path, table: Path | None = None) -> Iterator[Train]:
    """Yield what trains: the landscape of a table, or a process that really does."""
    if on == "digits" and table is not None:
        yield landscape(table)
        return
    with executor_for(problem.config.execution) as executor:
        yield Recorded(executor, kept / f"{on}.jsonl")


def retrained(
    on: str, winner: str, images: int, epochs: int, seeds: int, kept: Path
) -> dict[str, Any]:
    """Train a winner from scratch by the recipe that all get; return its line.

    More images than a search has, AdamW and a cosine schedule, and seeds that no search has used;
    the images are the same for all. The loss is that of all validation images. On the digits the
    trainings are those of the table, which shows how far the landscape can be believed.
    """
    settings = ["seed=1"]
    if on != "digits":
        settings = [f"data.reduce.train={images}", f"training.epochs={epochs}", *RECIPE]
    problem = problem_of(on, settings)
    with trainer(on, problem, kept) as train:
        task = problem.task(parse(winner), share(problem.dataset))
        found = [
            train(replace(task, key=TrainingKey(task.id, n), seed=seed_for(n, task.id)))
            for n in range(1, seeds + 1)
        ]
    return {
        "kind": "retrained",
        "on": on,
        "winner": winner,
        "recipe": recipe(on, images, epochs, seeds),
        "losses": [_short(each.fitness) for each in found],
        "seconds": round(sum(each.seconds.total for each in found), 1),
    }


def recipe(on: str, images: int, epochs: int, seeds: int) -> str:
    """Name a recipe of `retrained`."""
    how = "as in the table" if on == "digits" else f"{images} images, {epochs} epochs"
    return f"{how}, {seeds} seeds"


def lines(file: Path) -> list[dict[str, Any]]:
    """Return what is recorded."""
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def add(file: Path, line: dict[str, Any]) -> None:
    """Record a line."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as out:
        out.write(json.dumps(line) + "\n")


def run(options: argparse.Namespace) -> None:
    """Run the searches that are not there yet."""
    done = {
        (each["on"], each["contestant"], each["seed"], each["budget"], each["of"])
        for each in lines(options.out)
        if each["kind"] == "search"
    }
    names = options.contestants.split(",") if options.contestants else DEFAULT
    budget = options.budget or BUDGETS[options.on]
    seeds = spread(options.seeds or SEEDS[options.on])
    # All contestants of a seed before the next seed, so that a part of it compares.
    jobs = [Job(options.on, name, seed, budget, options.table) for seed in seeds for name in names]
    due = [job for job in jobs if job.key not in done]
    print(f"{len(due)} searches of {len(jobs)}", flush=True)
    for line in _each(options.jobs, searched, ((job, options.kept) for job in due)):
        add(options.out, line)
        print(
            f"{line['contestant']} {line['seed']}: {line['course'][-1][1]:.6f} believed, "
            f"{line['spent']:.3g} FLOPs, {line['trainings']} trainings, {line['seconds']:.0f} s",
            flush=True,
        )


def retrain(options: argparse.Namespace) -> None:
    """Train the winners from scratch that were not yet."""
    wanted = recipe(options.on, options.images, options.epochs, options.repeats)
    there = lines(options.out)
    names = options.contestants.split(",") if options.contestants else CONTESTANTS
    done = {
        each["winner"]
        for each in there
        if each["kind"] == "retrained" and (each["on"], each["recipe"]) == (options.on, wanted)
    }
    due = dict.fromkeys(
        each["winner"]
        for each in there
        if each["kind"] == "search" and each["on"] == options.on and each["contestant"] in names
    )
    due = [winner for winner in due if winner not in done]
    print(f"{len(due)} networks", flush=True)
    how = options.images, options.epochs, options.repeats, options.kept
    for line in _each(options.jobs, retrained, ((options.on, each, *how) for each in due)):
        add(options.out, line)
        print(f"{line['losses']} {line['winner']}, {line['seconds']:.0f} s", flush=True)


def report(options: argparse.Namespace) -> None:
    """Print what the recorded searches say."""
    there = lines(options.out)
    if options.on == "digits":
        found = landscape(options.table).quality()
        said = ", ".join(f"{name} {figure:.4g}" for name, figure in found.items())
        print(f"The landscape, by cross-validation: {said}\n")
    for budget, own in _by_budget(there, options).items():
        print(f"{options.on}, {budget:.3g} FLOPs:\n{tables.table(own)}\n")
    print(tables.retrained([each for each in there if each["on"] == options.on]))


def draw(options: argparse.Namespace) -> None:
    """Draw the best network so far against cost."""
    by_budget = _by_budget(lines(options.out), options)
    own = by_budget[options.budget or max(by_budget)]
    names = options.contestants.split(",") if options.contestants else SHOWN
    what = "true mean" if own[0]["course"][-1][2] is not None else "as the search believes"
    picture = options.picture or PICTURES / f"search_quality_{options.on}.png"
    tables.draw(own, picture, names, f"{options.on}: {what}")
    print(picture)


def _by_budget(
    there: list[dict[str, Any]], options: argparse.Namespace
) -> dict[float, list[dict[str, Any]]]:
    """Return the lines of searches on this version of the data, by budget."""
    found: dict[float, list[dict[str, Any]]] = {}
    wanted = options.on, digest(options.on, options.table)
    for each in there:
        if each["kind"] == "search" and (each["on"], each["of"]) == wanted:
            found.setdefault(each["budget"], []).append(each)
    return dict(sorted(found.items()))


def _each(jobs: int, function: Any, arguments: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield what the function returns for each, in the order in which they finish."""
    if jobs == 1:
        yield from (function(*each) for each in arguments)
        return
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        for future in as_completed([pool.submit(function, *each) for each in arguments]):
            yield future.result()


def spread(text: str) -> list[int]:
    """Return the numbers that a text such as `1-3,7` names."""
    found = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def _short(number: float | None) -> float | None:
    return None if number is None else float(f"{number:.7g}")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(required=True)
    for function in (run, retrain, report, draw):
        command = commands.add_parser(function.__name__, help=function.__doc__)
        command.set_defaults(function=function)
        command.add_argument("--on", choices=CONFIGS, default="digits")
        command.add_argument("--out", type=Path, default=OUT)
        command.add_argument("--table", type=Path, default=TABLE, help="of digits trainings")
        if function in (run, retrain):
            command.add_argument("--kept", type=Path, default=KEPT, help="of real trainings")
            command.add_argument("--jobs", type=int, default=1, help="processes, a core each")
        if function is not report:
            command.add_argument("--contestants", help="names, with commas between")
        if function in (run, draw):
            command.add_argument("--budget", type=float, help="FLOPs of a search")
        if function is run:
            command.add_argument("--seeds", help="such as 1-3; 1-20 on digits")
        elif function is retrain:
            command.add_argument("--images", type=int, default=10_000)
            command.add_argument("--epochs", type=int, default=10)
            command.add_argument("--repeats", type=int, default=2, help="seeds")
        elif function is draw:
            command.add_argument("--picture", type=Path)
    options = parser.parse_args()
    options.function(options)


if __name__ == "__main__":
    main()
