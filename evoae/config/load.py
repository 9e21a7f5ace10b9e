"""From a YAML file or a mapping to a `Config`, or to one sentence that says what to mend."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from evoae.config.expected import expected
from evoae.config.read import parse_yaml, read_yaml
from evoae.config.schema import Config
from evoae.config.values import Section
from evoae.errors import ConfigError
from evoae.formatting import exact

KeyPath = tuple[str, ...]  # ("search", "population")


def load_config(path: Path, overrides: Sequence[str] = (), *, source: str | None = None) -> Config:
    """Read a configuration.

    Args:
        path: a YAML file.
        overrides: `KEY=VALUE` each, such as `training.epochs=5`; the last one for a key counts.
        source: what a sentence calls it; None for its name.

    Raises:
        ConfigError: what is wrong, where, and what was expected.
    """
    source = source or path.name
    return _make(read_yaml(path, source), source, overrides)


def make_config(
    raw: Mapping[str, Any] | Config, *, source: str = "config", overrides: Sequence[str] = ()
) -> Config:
    """Validate a configuration made in Python.

    Args:
        raw: the sections; a `Config` is returned as it is.
        source: what a sentence calls it.
        overrides: of `raw`, as in `load_config`.

    Raises:
        ConfigError: what is wrong, where, and what was expected.
    """
    if isinstance(raw, Config):
        return raw
    if not isinstance(raw, Mapping):
        raise ConfigError(source, _shown(raw), "expected a mapping of sections")
    return _make(raw, source, overrides)


def dump_config(config: Config) -> str:
    """Return the whole configuration, defaults included, as YAML that loads back to it."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def sections_of(section: type[Section]) -> dict[str, type[Section]]:
    """Return the sections that lie directly inside `section`, by key."""
    return {
        name: field.annotation
        for name, field in section.settings().items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
    }


def _make(raw: Mapping[Any, Any], source: str, overrides: Sequence[str]) -> Config:
    filled = _with_sections(raw, Config)
    overridden: set[KeyPath] = set()
    for override in overrides:
        key, value = _override(override)
        overridden.add(key)
        _put(filled, key, value, f"--set {'.'.join(key)}")
    return _validate(filled, source, overridden)


def _with_sections(raw: Mapping[Any, Any], section: type[Section]) -> dict[Any, Any]:
    """Copy `raw`, putting {} where a section is missing or has all its lines commented out."""
    filled = dict(raw)
    for name, inner in sections_of(section).items():
        value = filled.get(name)
        if value is None or isinstance(value, Mapping):
            filled[name] = _with_sections(value or {}, inner)
    return filled


def _override(override: str) -> tuple[KeyPath, Any]:
    key, equals, text = override.partition("=")
    place = f"--set {key.strip()}"
    if not equals:
        raise ConfigError(place, "no value", "expected KEY=VALUE such as training.epochs=5")
    return tuple(key.strip().split(".")), parse_yaml(text, place)


def _put(raw: dict[Any, Any], path: KeyPath, value: Any, place: str) -> None:
    """Set the setting at `path`, in place; a path that the schema lacks raises ConfigError."""
    section: type[Section] = Config
    for depth, key in enumerate(path):
        if key not in section.settings():
            raise _unknown(place, key, section)
        if depth == len(path) - 1:
            raw[key] = value
            return
        inner = sections_of(section)
        if key not in inner or not isinstance(raw[key], dict):
            here = ".".join(path[: depth + 1])
            raise ConfigError(place, "unknown", f"{here} is one value, not a section")
        raw, section = raw[key], inner[key]


def _validate(raw: dict[Any, Any], source: str, overridden: Set[KeyPath]) -> Config:
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        # A misspelt key is likely to be the cause of the other problems.
        problems = sorted(error.errors(), key=lambda problem: not _is_unknown(problem))
        raise _sentence(problems[0], raw, source, overridden) from error


def _is_unknown(problem: ErrorDetails) -> bool:
    return problem["type"] in ("extra_forbidden", "invalid_key")


def _sentence(
    problem: ErrorDetails, raw: Any, source: str, overridden: Set[KeyPath]
) -> ConfigError:
    """Turn what pydantic found into place, value and what was expected."""
    section, above, setting = _locate(problem)
    if _is_unknown(problem):
        key = str(problem["loc"][-1])
        return _unknown(_place((*above, key), source, overridden), key, section)
    said = str(problem["ctx"]["error"]) if problem["type"] == "value_error" else ""
    if said and setting is None:
        # A rule between settings: its message may start with the setting that it is about.
        key, colon, rest = said.partition(": ")
        if colon and key.split(".")[0] in section.settings():
            return ConfigError(_place((*above, *key.split(".")), source, overridden), rest)
        return ConfigError(_place(above, source, overridden), said)
    path = above if setting is None else (*above, setting)
    value = raw
    for key in path:
        value = value[key]
    advice = said or f"expected {expected(path)}"
    most = problem.get("ctx", {}).get("le")
    if most is not None and exact(most) not in advice:
        advice = f"expected at most {exact(most)}"
    return ConfigError(_place(path, source, overridden), _shown(value), advice)


def _locate(problem: ErrorDetails) -> tuple[type[Section], KeyPath, str | None]:
    """Return a problem's section, the section's path and the setting; None for the section itself.

    What pydantic adds, a section's kind, list positions and members of a union, is left out.
    """
    section: type[Section] = Config
    above: KeyPath = ()
    # A kind that there is not is told of the section, without the setting.
    unknown_kind = ("kind",) if problem["type"] == "union_tag_invalid" else ()
    for key in map(str, (*problem["loc"], *unknown_kind)):
        if key in section.kinds():
            continue
        if key not in section.settings():
            break
        if key not in sections_of(section):
            return section, above, key
        section, above = sections_of(section)[key], (*above, key)
    return section, above, None


def _place(path: KeyPath, source: str, overridden: Set[KeyPath]) -> str:
    typed = any(path[:depth] in overridden for depth in range(1, len(path) + 1))
    return f"{'--set ' if typed else f'{source}: '}{'.'.join(path)}"


def _unknown(place: str, key: str, section: type[Section]) -> ConfigError:
    """Name the nearest key of the section, else where such a key exists, else all keys."""
    near = difflib.get_close_matches(key, section.settings(), n=1)
    near += [".".join(path) for path in _paths(Config, ()) if path[-1] == key]
    known = ", ".join(section.settings())
    hint = f"did you mean '{near[0]}'?" if near else f"expected one of {known}"
    return ConfigError(place, "unknown", hint)


def _paths(section: type[Section], above: KeyPath) -> Iterator[KeyPath]:
    for name in section.settings():
        yield (*above, name)
        if name in sections_of(section):
            yield from _paths(sections_of(section)[name], (*above, name))


def _shown(value: object) -> str:
    """Show a value as YAML would write it, shortened."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return reprlib.repr(value)
