"""The commented configuration that `evoae init` writes, made from the schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from evoae.config.expected import expected
from evoae.config.load import KeyPath, make_config, sections_of
from evoae.config.schema import Config
from evoae.config.values import Section

_HEADING = (
    "# What to search, how, and where. Every value below is the default: change what you like,",
    "# remove what you leave alone.",
)
_CHOSEN = (
    "# What to search, how, and where. Lines that begin with #: say why a value was chosen for",
    "# these data; all others are defaults. Change what you like, remove what you leave alone.",
)
_COMMENT_COLUMN = 28


def template(
    *,
    name: str | None = None,
    path: str | None = None,
    size: int | None = None,
    chosen: Mapping[str, tuple[Any, str]] = MappingProxyType({}),
) -> str:
    """Return a configuration with every setting, its value and what it means.

    Args:
        name: the named data set; None for Fashion-MNIST unless there is a path.
        path: of the data; None for the named set's usual places.
        size: in pixels that the sides of pictures get; None if all have one size.
        chosen: values other than the defaults by their dotted paths, each with its reason, which
            is written above it.

    Raises:
        ConfigError: one of them is not legal.
    """
    if name is None and path is None:
        name = "fashion_mnist"
    raw = {"data": {"name": name, "path": path, "size": size}}
    overrides = [f"{key}={json.dumps(value)}" for key, (value, _) in chosen.items()]
    config = make_config(raw, overrides=overrides)
    reasons = {tuple(key.split(".")): reason for key, (_, reason) in chosen.items()}
    lines = _lines(Config, config.model_dump(mode="json"), (), reasons)
    return "\n".join((*(_CHOSEN if chosen else _HEADING), "", *lines)) + "\n"


def _lines(
    section: type[Section],
    values: dict[str, Any],
    above: KeyPath,
    reasons: Mapping[KeyPath, str],
) -> Iterator[str]:
    indent = "  " * len(above)
    for key, field in section.settings().items():
        path = (*above, key)
        inner = sections_of(section).get(key)
        if inner is not None:
            if not above:
                yield ""
            yield _commented(f"{indent}{key}:", inner.__doc__ or "")
            yield from _lines(inner, values[key], path, reasons)
        else:
            said = field.description or ""
            if len(users := section.users(key)) == 1:
                said = f"{users[0]}: {said}"
            if str(field.annotation).startswith("typing.Literal"):
                said += f" ({expected(path)})"
            value = values.get(key, field.default)  # the default, if it is another kind's
            if path in reasons:
                yield f"{indent}#: {reasons[path]}"
            yield _commented(f"{indent}{key}: {scalar(value)}", said)


def _commented(line: str, comment: str) -> str:
    return f"{line:<{_COMMENT_COLUMN}}  # {comment}" if comment else line


def scalar(value: Any) -> str:
    """Write a value on one line. JSON is YAML; only plain words lose their quotes."""
    written = json.dumps(value, ensure_ascii=False)
    word = re.fullmatch(r'"([a-z][a-z_0-9]+|\d+[KMG]iB)"', written)
    return word[1] if word and value not in ("null", "true", "false") else written
