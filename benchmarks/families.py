"""Every kind of autoencoder on every kind of data: from a config to a use of its winner.

    python -m benchmarks.families [--only NAME]... [--quick] [--runs FOLDER]
                                  [--folder PATH] [--cifar FILE]

Each config runs as it stands, but for what `SHORTENED` says: a search, a refit of its winner on
all training data with the test set opened at the end, exports compared with Keras, and what such
a model is for. With the same `--runs` nothing that is finished runs again, and an interrupted
search is resumed. `--quick` shows that everything works, in tiny trainings whose figures mean
nothing.

Prints a line for each config, the tables that compare sampled rows with real ones, and all of it
as JSON, a line for each config. What is written for people (pictures, CSV files) lies in the runs'
folder.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import evoae
from benchmarks.uses import USES, KsRow
from evoae.cli.output import print_table
from evoae.config.load import load_config
from evoae.config.schema import Config
from evoae.data.sources.named import find_set
from evoae.data.sources.picture_folder import holds_pictures
from evoae.engine.console import ConsoleCallback
from evoae.experiments.refit import Refitted, refit
from evoae.formatting import loss, short
from evoae.models.export import Format, Part, export
from evoae.runs.environment import environment
from evoae.use.items import choose
from evoae.use.model import Model, open_model

CONFIGS = Path(__file__).parents[1] / "configs"
NAMES = (
    *("fmnist_denoise", "fmnist_vae", "mnist_sparse", "mnist_contractive"),
    *("heart", "heart_vae", "cifar10", "folder"),
)

# What would take longer than about six minutes on two cores, and so runs shorter here.
SHORTENED: Mapping[str, tuple[str, ...]] = {
    "fmnist_denoise": ("refit.epochs=6",),  # of 10: half a minute or more each
    "fmnist_vae": ("refit.epochs=6",),  # of 15
    "cifar10": ("search.generations=2", "search.population=8", "refit.epochs=6"),  # of 5, 12, 30
    "folder": ("search.generations=2", "refit.epochs=15"),  # of 4 and 30; 64×64×3 pictures
}

QUICK = (
    *("search.population=3", "search.generations=2", "search.tournament=2"),
    *("training.epochs=1", "refit.epochs=1", "refit.seeds=1", "model.max_flops=12000000"),
)
QUICK_IMAGES = ("data.reduce.train=256", "data.reduce.validation=64")

# What others published, or what was measured before, of the same data; test figures are of PCA.
ANCHORS: Mapping[str, str] = {
    "fmnist_denoise": "Géron's notebooks, d=30, clean pictures, validation mse: conv .0121, "
    "dense .0132; PCA, clean: d=32 .01514, d=64 .01037; keras.io, MNIST, denoising, bce .0839",
    "fmnist_vae": "Géron's notebooks, variational, d=10, validation mse: .0311; PCA d=10 .02435",
    "mnist_contractive": "PCA d=16 .02686, d=32 .01683",
}

EXPORTS: tuple[tuple[str, Format, Part], ...] = (
    ("autoencoder.keras", "keras", "autoencoder"),
    ("autoencoder.onnx", "onnx", "autoencoder"),
    ("autoencoder", "savedmodel", "autoencoder"),
    ("encoder.onnx", "onnx", "encoder"),
)
COMPARED = 100  # real inputs on which an export is compared with Keras


class Clock:
    """Seconds that each phase took when it was first finished, kept beside the run."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.seconds: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what is done inside, unless it was finished before."""
        began = time.perf_counter()
        yield
        if name not in self.seconds:
            self.seconds[name] = round(time.perf_counter() - began, 1)
            self._path.write_text(json.dumps(self.seconds))


def overrides(name: str, options: argparse.Namespace) -> list[str]:
    """Return what is changed of a config, as `KEY=VALUE` each."""
    changed = [*SHORTENED.get(name, ()), "execution.workers=2"]
    if name == "folder":
        changed.append(f"data.path={json.dumps(str(options.folder))}")
    if name == "cifar10" and options.cifar is not None:
        changed += ["data.name=null", f"data.path={json.dumps(str(options.cifar))}"]
    if options.quick:
        changed += QUICK
        changed += () if name.startswith("heart") else QUICK_IMAGES
    return changed


def absent(name: str, folder: Path | None, cifar: Path | None) -> str | None:
    """Say why a config cannot run here; None if it can."""
    if name == "folder" and folder is None:
        return "no folder of pictures: give --folder, or put one at EVOAE_DATA/signs"
    if name == "folder" and not holds_pictures(folder):
        return f"{folder} is no folder of pictures"
    if name == "cifar10" and cifar is None and find_set(name).fetcher.find(None) is None:
        return "its data are not here (170 MB; 'evoae data get cifar10' brings them)"
    return None


def searched(config: Config, folder: Path, name: str) -> evoae.Run:
    """Run the search, or finish the one that lies there.

    Raises:
        SystemExit: the run there was made with other settings.
    """
    if not folder.exists():
        return evoae.search(config, run=folder, name=name, callback=ConsoleCallback())
    if evoae.Run.open(folder).config != config:
        raise SystemExit(f"{folder} was made with other settings: give another --runs")
    return evoae.resume(folder, callback=ConsoleCallback())


def exported(model: Model, out: Path) -> dict[str, float]:
    """Write the model's files; return how far each is from Keras, by format and part."""
    inputs = choose(model, limit=COMPARED).all()
    done = (
        export(model.autoencoder, part, format, out / file, inputs, force=True)
        for file, format, part in EXPORTS
    )
    return {f"{each.format} {each.part}": each.difference for each in done}


def family(name: str, config: Config, runs: Path) -> dict[str, Any]:
    """Search, refit, export and use; return all that is said of it."""
    clock, out = Clock(runs / f"{name}.seconds.json"), runs / f"{name}-made"
    with clock.phase("search"):
        run = searched(config, runs / name, name)
    with clock.phase("refit"):
        (done,) = refit(run.path, say=tell)
    if done.test_loss is None:
        raise SystemExit(f"{name}: the refit failed: {done.message}")
    out.mkdir(exist_ok=True)
    with clock.phase("use"):
        model = open_model(run.path, kind="refit")
        differences = exported(model, out)
        use = USES[name](model, out)
    return {**reached(run, done), "exports": differences, **use, "seconds": clock.seconds}


def reached(run: evoae.Run, done: Refitted) -> dict[str, Any]:
    """Return the figures of a search and of its winner's refit."""
    best = run.hall_of_fame()[0]
    bound = run.linear_bound()
    return {
        "id": short(best.id),
        "genome": best.genome,
        "latent": best.latent,
        "parameters": best.parameters,
        "trained": len(run.first_evaluations()),
        "search_validation": best.val_loss,
        "search_spread": spread(run),
        "search_pca": None if bound is None else bound[1],
        "refit_validation": done.val_loss,
        "epochs": done.epochs,
        "test": dict(done.test),
        "deviation": dict(done.deviation),
        "test_loss": done.test_loss,
        "pca": done.pca,
    }


def spread(run: evoae.Run) -> list[float]:
    """Return the best, the middle and the worst fitness of all candidates."""
    scores = sorted(each.fitness for each in run.first_evaluations() if each.fitness is not None)
    return [scores[0], scores[len(scores) // 2], scores[-1]]


def tell(line: str) -> None:
    """Say how it goes."""
    print(line, flush=True)


HEADERS = (
    *("config", "d", "params", "search val", "refit val", "test", "test mse", "PCA mse"),
    *("search s", "refit s", "all s", "published or measured before"),
)


def row(name: str, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a config's line of the table."""
    if "skipped" in found:
        return (name, *["-"] * (len(HEADERS) - 2), f"skipped: {found['skipped']}")
    seconds = found["seconds"]
    return (
        name,
        str(found["latent"]),
        f"{found['parameters']:,}",
        *(loss(found[key]) for key in ("search_validation", "refit_validation", "test_loss")),
        loss(found["test"]["mse"]),
        loss(found["pca"]),
        *(f"{seconds[key]:.0f}" for key in ("search", "refit")),
        f"{sum(seconds.values()):.0f}",
        ANCHORS.get(name, "-"),
    )


def told(name: str, found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the table has no room for."""
    yield f"\n{name}: {found['genome']}"
    tests = ", ".join(f"{key} {loss(value)}" for key, value in found["test"].items())
    yield f"  test: {tests}"
    if found["deviation"]:
        figures = ", ".join(f"{key} {loss(value)}" for key, value in found["deviation"].items())
        yield f"  standard deviation over seeds: {figures}"
    best, middle, worst = map(loss, found["search_spread"])
    yield f"  {found['trained']} candidates: best {best}, middle {middle}, worst {worst}"
    differences = ", ".join(f"{key} {value:.1e}" for key, value in found["exports"].items())
    yield f"  differences from Keras on {COMPARED} inputs: {differences}"
    for line in found["used"]:
        yield f"  {line}"
    if "ks" in found:
        yield from ks_lines(found["ks"])


def ks_lines(tables: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield a table of sampled columns beside the data's, for every way of sampling."""
    for how, rows in tables.items():
        yield f"  1,000 rows, --how {how}:"
        yield (
            f"    {'column':<10}{'data mean':>10}{'sd':>8}{'sampled mean':>14}{'sd':>8}"
            f"{'KS':>7}{'TV':>7}{'outside':>9}"
        )
        for each in (KsRow(**row) for row in rows):
            variation = "-" if each.variation is None else f"{each.variation:.3f}"
            yield (
                f"    {each.column:<10}{each.mean:>10.2f}{each.deviation:>8.2f}"
                f"{each.sampled_mean:>14.2f}{each.sampled_deviation:>8.2f}"
                f"{each.ks:>7.3f}{variation:>7}{each.outside:>9.1%}"
            )


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=NAMES, help="repeatable")
    parser.add_argument("--quick", action="store_true", help="tiny trainings")
    parser.add_argument("--runs", type=Path, help="[runs/families, or runs/families-quick]")
    parser.add_argument("--folder", type=Path, help="of pictures [EVOAE_DATA/signs]")
    parser.add_argument(
        "--cifar", type=Path, help="CIFAR-10 as .npz, where its archive cannot be had"
    )
    parser.add_argument("--out", type=Path, help="file for the JSON lines, besides stdout")
    options = parser.parse_args()
    known = Path(os.environ.get("EVOAE_DATA", "data")) / "signs"
    if options.folder is None and known.is_dir():
        options.folder = known
    if options.runs is None:
        options.runs = Path("runs") / ("families-quick" if options.quick else "families")
    return options


def main() -> None:
    """Run, print."""
    options = arguments()
    options.runs.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    for name in options.only or NAMES:
        why = absent(name, options.folder, options.cifar)
        if why is not None:
            found[name] = {"skipped": why}
            continue
        tell(f"\n== {name} ==")
        config = load_config(CONFIGS / f"{name}.yaml", overrides(name, options))
        found[name] = family(name, config, options.runs)
    print()
    print_table(HEADERS, [row(*each) for each in found.items()], right=set(HEADERS[1:-1]))
    for name, each in found.items():
        for line in [] if "skipped" in each else told(name, each):
            print(line)
    total = sum(sum(each.get("seconds", {}).values()) for each in found.values())
    print(f"\nall together {total:.0f} s\n")
    lines = [
        json.dumps(said(name, each, options), ensure_ascii=False) for name, each in found.items()
    ]
    print("\n".join(lines))
    if options.out is not None:
        options.out.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def said(name: str, found: Mapping[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Return the JSON of a config."""
    changed = list(SHORTENED.get(name, ()))
    head = {"benchmark": "families", "config": name, "quick": options.quick, "shortened": changed}
    if name == "cifar10" and options.cifar is not None:
        head["data"] = options.cifar.name
    return {**head, "anchors": ANCHORS.get(name), **found, "machine": asdict(environment())}


if __name__ == "__main__":
    main()
