"""Arguments and options that several commands share, and what a command is given for them.

Most decorators only add an option. `opened`, `model`, `items`, `refit` and `json` also stand
between click and the command: it is given the run, the model, the items or the settings instead of
what was typed, and what it returns is printed.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evoae.cli.output import say

if TYPE_CHECKING:
    from evoae.config.schema import Config
    from evoae.use.items import ItemName

_Command = Callable[..., Any]
_Decorator = Callable[[_Command], _Command]


def number(
    *names: str, help: str, least: int = 1, default: int | None = None, metavar: str | None = None
) -> _Decorator:
    """Take a whole number; the help shows its default."""
    return click.option(
        *names,
        type=click.IntRange(min=least),
        default=default,
        show_default=default is not None,
        metavar=metavar,
        help=help,
    )


def choice(
    name: str, *words: str, help: str, default: str | None = None, shown: str | None = None
) -> _Decorator:
    """Take one of some words; the help shows its default, or what is `shown` for it."""
    show_default = shown or default is not None
    kind = click.Choice(words)
    return click.option(name, type=kind, default=default, show_default=show_default, help=help)


def path(name: str, *, help: str, metavar: str = "PATH", required: bool = False) -> _Decorator:
    """Take the path of a file or folder."""
    kind = click.Path(path_type=Path)
    return click.option(name, type=kind, metavar=metavar, required=required, help=help)


# --- RUN and ID


# Take RUN: the path of a run's folder, or its name under runs/.
run = click.argument("run")
# Take the candidate's ID, by default that of the best.
id = click.argument("id", metavar="[ID]", default="best")


def opened(command: _Command) -> _Command:
    """Take RUN; give the command the run, open for reading."""

    def open_run(given: dict[str, Any]) -> None:
        from evoae.runs.run import Run

        given["run"] = Run.open(given["run"])

    return run(_adapted(command, open_run))


def model(command: _Command) -> _Command:
    """Take RUN, also the path of a .keras file, and ID; give the command the model."""

    def load(given: dict[str, Any]) -> None:
        from evoae.use.model import open_model

        given["model"] = open_model(given.pop("run"), given.pop("id"))

    return run(id(_adapted(command, load)))


# --- which items, and where they go


# Take `--data`: other data than the run's own.
data = click.option(
    "--data", metavar="NAME|PATH", help="A named set, file or folder. [the run's own data]"
)
# Take `--force`, which is known before other options are looked at.
force = click.option("--force", is_flag=True, is_eager=True, help="Replace what is there.")


def named_items(
    _context: click.Context, _option: click.Parameter, value: str | None
) -> list[ItemName] | None:
    """Read items that a person names, for the callback of an option.

    A comma parts two items where a position or a name follows; a file's name may hold others.

    Raises:
        BadParameter: one is neither a position nor a name.
    """
    if value is None:
        return None
    from evoae.use.items import ItemName

    parts = re.split(r",(?=\s*(?:\d+\s*(?:,|$)|[^,=]+=))", value)
    found = [ItemName.parse(part) for part in parts]
    named = [each for each in found if each is not None]
    if len(named) < len(found):
        said = "its position, such as 5, or its name, such as row=279 or file=cats/01.png"
        raise click.BadParameter(f"'{parts[found.index(None)]}' is no item: give {said}")
    return named


def items(command: _Command) -> _Command:
    """Take what `model` takes, `--data`, `--split` and `--limit`; give model, items and limit."""

    def choose_them(given: dict[str, Any]) -> None:
        from evoae.use.items import check_measured, choose

        asked = {name: given.pop(name) for name in ("data", "split")}
        if asked["split"] == "test" and asked["data"] is None:
            check_measured(given["model"])
        given["items"] = choose(given["model"], **asked, say=say)

    split = choice(
        "--split",
        *("train", "validation", "test", "all"),
        help="Which part; the test part once refit or evaluate has measured on it."
        " [validation; all of --data]",
    )
    limit = number("--limit", help="Only the first so many.")
    return model(data(split(limit(_adapted(command, choose_them)))))


keep = click.option(
    "--keep",
    multiple=True,
    metavar="COLUMN",
    help="A column that was not rebuilt, to stand beside the result; repeatable; all for each.",
)


def out(help: str, of: str, *, required: bool = True) -> _Decorator:
    """Take `--out`, which file to write, and `--force`.

    Args:
        help: of `--out`.
        of: the module whose `SUFFIXES` the file may have; it is loaded where there is a file.
        required: whether there must be one.
    """

    def check(
        context: click.Context, _option: click.Parameter, chosen: Path | None
    ) -> Path | None:
        if chosen is not None:
            from evoae.use.output import check_output

            check_output(chosen, import_module(of).SUFFIXES, force=context.params["force"])
        return chosen

    def without_force(given: dict[str, Any]) -> None:
        del given["force"]

    def decorate(command: _Command) -> _Command:
        file = click.option(
            "--out",
            type=click.Path(path_type=Path),
            metavar="PATH",
            required=required,
            callback=check,
            help=help,
        )
        return file(force(_adapted(command, without_force)))

    return decorate


# --- how to train


_CONFIG = "YAML file, or the name of a configuration that comes with evoae, such as fmnist.yaml."


# Take `--config`; `read_config` reads it.
config = click.option(
    "--config", "config_file", required=True, type=click.Path(path_type=Path), help=_CONFIG
)


def read_config(named: Path, overrides: Sequence[str]) -> Config:
    """Return the configuration in a file, or the shipped one of that name.

    Raises:
        ConfigError: what is wrong, where, and what was expected.
    """
    from evoae.config.load import load_config
    from evoae.config.shipped import find_config

    return load_config(find_config(named, say), overrides)


def overrides(
    help: str = "Override a setting, such as training.epochs=5; may be repeated.",
) -> _Decorator:
    """Take `--set`: settings in place of the file's."""
    return click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=help)


def refit(command: _Command) -> _Command:
    """Take `--epochs` and `--seeds`; give the command those that were given as `settings`."""

    def collect(given: dict[str, Any]) -> None:
        asked = {name: given.pop(name) for name in ("epochs", "seeds")}
        given["settings"] = {name: value for name, value in asked.items() if value is not None}

    epochs = number("--epochs", help="Most passes. [refit.epochs]")
    seeds = number("--seeds", help="Trainings of each. [refit.seeds]")
    return epochs(seeds(_adapted(command, collect)))


def training(command: _Command) -> _Command:
    """Take `--run`, `--epochs`, `--seeds`, `--set` and `--json`: how one network is trained."""
    folder = path("--run", help="Folder to make. [runs/NAME-N]")
    return folder(refit(overrides()(json()(command))))


# --- how to print


def as_json_flag(help: str) -> _Decorator:
    """Take `--json`, for a command that prints by itself."""
    return click.option("--json", "as_json", is_flag=True, help=help)


def json(help: str = "Print JSON.") -> _Decorator:
    """Take `--json`, and print the `Output` that the command returns: as JSON, CSV or text."""

    def decorate(command: _Command) -> _Command:
        def printed(*, as_json: bool, as_csv: bool = False, **given: Any) -> int:
            done = command(**given)
            done.show(as_json=as_json, as_csv=as_csv)
            return int(done.exit_code)

        return as_json_flag(help)(functools.update_wrapper(printed, command))

    return decorate


# Take `--csv`; stands above `json`, which prints it.
csv = click.option(
    "--csv", "as_csv", is_flag=True, help="Print CSV. In a spreadsheet import it as text."
)


def _adapted(command: _Command, change: Callable[[dict[str, Any]], None]) -> _Command:
    """Return a command that is called with what `change` makes of its arguments."""

    def changed(**given: Any) -> Any:
        change(given)
        return command(**given)

    return functools.update_wrapper(changed, command)
