"""Read YAML that a person wrote: the plain part of YAML, within limits, every fault with its line.

Plain means mappings, lists, text, numbers, true, false and null. Tags, aliases and merge keys are
refused: a configuration needs none, and they are how a small file becomes a large one. Numbers
follow YAML 1.2, so that `1e-3` is a number and `010`, `1:30` and `2024-01-01` are text.
"""

from __future__ import annotations

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.events import AliasEvent, CollectionStartEvent, Event, ScalarEvent
from yaml.nodes import MappingNode, Node, ScalarNode

from evoae.errors import ConfigError

MAX_BYTES = 256 * 1024
MAX_DEPTH = 16


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, reduced to plain YAML. Raises MarkedYAMLError for all else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose the next node, unless it is one that plain YAML lacks."""
        event: Event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, AliasEvent):
            raise _fault(event, "alias", "write the value out instead")
        if isinstance(event, ScalarEvent | CollectionStartEvent) and event.tag is not None:
            raise _fault(event, "tag", "write the plain value")
        if self.depth == MAX_DEPTH:
            raise _fault(event, "nesting", f"no setting is nested deeper than {MAX_DEPTH}")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping whose keys are the text that was written, each once."""
        mapping: dict[Hashable, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise _fault(key, "key", "a key is one word")
            if key.value in mapping:
                raise _fault(key, f"key '{key.value}' again", "keep one of the two")
            mapping[key.value] = self.construct_object(value, deep=deep)
        return mapping


for _kind, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]{0,40})", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:(?:[0-9][0-9_]*)?\.[0-9]+|[0-9][0-9_]*\.)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), _first
    )


def _fault(where: Event | Node, what: str, advice: str) -> yaml.MarkedYAMLError:
    mark: Any = where.start_mark  # the stubs know two classes of marks
    return yaml.MarkedYAMLError(problem=f"{what}; {advice}", problem_mark=mark)


def parse_yaml(text: str, place: str) -> Any:
    """Return the value that `text` holds; None if it holds nothing.

    Raises:
        ConfigError: it isn't plain YAML; the place names the line.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line = f" line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{place}:{line}", fault.problem or fault.context) from fault
    except yaml.YAMLError as fault:  # characters that no text holds
        raise ConfigError(place, "not a text file", "expected YAML") from fault


def read_yaml(path: Path, source: str | None = None) -> dict[str, Any]:
    """Return the mapping at the top of a YAML file, which a sentence calls `source` or its name.

    Raises:
        ConfigError: the file is missing, unreadable, too large, not text, or not a YAML mapping.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as why:
        advice = "`evoae init` writes one" if isinstance(why, FileNotFoundError) else ""
        raise ConfigError(str(path), (why.strerror or str(why)).lower(), advice) from why
    if len(data) > MAX_BYTES:
        raise ConfigError(
            str(path), "too large for a configuration", f"expected at most {MAX_BYTES >> 10} KiB"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        raise ConfigError(str(path), "not a text file", "expected YAML in UTF-8") from why
    raw = parse_yaml(text, source or path.name)
    if not isinstance(raw, dict):
        found = "empty" if raw is None else f"a single {type(raw).__name__}"
        raise ConfigError(
            str(path), found, "expected sections such as data: and search:; `evoae init` shows all"
        )
    return raw
