"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

if TYPE_CHECKING:
    from evoae.config.schema import Config

_Command = TypeVar("_Command", bound=Callable[..., Any])


def model(command: _Command) -> _Command:
    """Take RUN, also the path of a .keras file, and the candidate's ID."""
    return click.argument("run")(click.argument("id", metavar="[ID]", default="best")(command))


def data(command: _Command) -> _Command:
    """Take `--data`: other data than the run's own."""
    return click.option(
        "--data", metavar="NAME|PATH", help="A named set, file or folder. [the run's own data]"
    )(command)


def items(command: _Command) -> _Command:
    """Take `--data`, `--split` and `--limit`: which items."""
    split = click.option(
        "--split",
        type=click.Choice(["train", "validation", "all"]),
        help="Which part; the run's own test part is left to refit and evaluate."
        " [validation; all of --data]",
    )
    limit = click.option("--limit", type=click.IntRange(min=1), help="Only the first so many.")
    return data(split(limit(command)))


def out(what: str) -> Callable[[_Command], _Command]:
    """Take `--out`, which file to write, and `--force`."""

    def decorate(command: _Command) -> _Command:
        path = click.option(
            "--out", required=True, type=click.Path(path_type=Path), metavar="PATH", help=what
        )
        return path(force(command))

    return decorate


def force(command: _Command) -> _Command:
    """Take `--force`."""
    return click.option("--force", is_flag=True, help="Replace what is there.")(command)


def seed(command: _Command) -> _Command:
    """Take `--seed`."""
    return click.option(
        "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws."
    )(command)


def formats(command: _Command) -> _Command:
    """Take `--csv` and `--json`."""
    as_csv = click.option(
        "--csv", "as_csv", is_flag=True, help="Print CSV. In a spreadsheet import it as text."
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

    def both(*args: Any, as_csv: bool, as_json: bool, **given: Any) -> Any:
        if as_csv and as_json:
            raise click.UsageError("--csv and --json exclude each other")
        return command(*args, as_csv=as_csv, as_json=as_json, **given)

    return as_csv(as_json(cast(_Command, functools.update_wrapper(both, command))))


_CONFIG = "YAML file, or the name of a configuration that comes with evoae, such as fmnist.yaml."


def config(command: _Command) -> _Command:
    """Take `--config`; `read_config` reads it."""
    return click.option(
        "--config", "config_file", required=True, type=click.Path(path_type=Path), help=_CONFIG
    )(command)


def read_config(named: Path, overrides: Sequence[str]) -> Config:
    """Return the configuration in a file, or the shipped one of that name.

    Raises:
        ConfigError: what is wrong, where, and what was expected.
    """
    from evoae.config.load import load_config
    from evoae.config.shipped import find_config

    return load_config(find_config(named, lambda line: click.echo(line, err=True)), overrides)


def overrides(command: _Command) -> _Command:
    """Take `--set`: settings in place of the file's."""
    return click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Override a setting, such as training.epochs=5; may be repeated.",
    )(command)


def refit(command: _Command) -> _Command:
    """Take `--epochs` and `--seeds`: how a proper training differs from the configuration's."""
    epochs = click.option(
        "--epochs", type=click.IntRange(min=1), help="Most passes. [refit.epochs]"
    )
    seeds = click.option(
        "--seeds", type=click.IntRange(min=1), help="Trainings of each. [refit.seeds]"
    )
    return epochs(seeds(command))


def one(command: _Command) -> _Command:
    """Take `--run`, `--epochs`, `--seeds`, `--set` and `--json`: how one network is trained."""
    run = click.option(
        "--run", type=click.Path(path_type=Path), help="Folder to make. [runs/NAME-N]"
    )
    as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    return run(refit(overrides(as_json(command))))


def given(**options: object) -> dict[str, object]:
    """Return the options that were given."""
    return {name: value for name, value in options.items() if value is not None}
