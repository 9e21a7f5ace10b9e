"""Describes in words which values a setting takes, read from the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from evoae.config.schema import Config
from evoae.formatting import exact

JsonSchema = Mapping[str, Any]
_ENORMOUS = 1e6
_BOUNDS = {
    **{"minimum": "of at least", "exclusiveMinimum": "above"},
    **{"maximum": "at most", "exclusiveMaximum": "below"},
}


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the configuration, for editors that complete and check it."""
    schema = Config.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def expected(path: Sequence[str]) -> str:
    """Return what the setting at `path` takes, such as `a whole number of at least 2`."""
    schema: JsonSchema = _cached_schema()
    for key in path:
        schema = _resolve(schema)["properties"][key]
    return _words(schema)


@cache
def _cached_schema() -> JsonSchema:
    return json_schema()


def _resolve(schema: JsonSchema) -> JsonSchema:
    """Follow a reference to a section."""
    if "$ref" in schema:
        return _cached_schema()["$defs"][schema["$ref"].rpartition("/")[2]]  # type: ignore[no-any-return]
    return schema


def _words(schema: JsonSchema) -> str:  # noqa: C901 - one line for each case
    match schema:
        case {"$ref": _} | {"type": "object"}:
            return "a section of settings"
        case {"anyOf": [{"enum": [*words, last]}, {"type": "array"}]}:
            return f"{', '.join(words)} or {last}, or a list of these"
        case {"anyOf": options}:
            return _either([_words(option) for option in options])
        case {"enum": [*values, last]}:
            return f"{', '.join(map(str, values))} or {last}"
        case {"const": value}:
            return str(value)
        case {"format": "bytes"}:
            return "a size such as 4GiB or 512MiB"
        case {"type": "boolean"}:
            return "true or false"
        case {"minItems": 2, "maxItems": 2, "items": item}:
            return f"a list of two, each {_words(item)}"
        case {"prefixItems": [item, *_]}:
            return f"[low, high], each {_words(item)}"
        case {"type": "array", "items": item}:
            return f"a list, each {_words(item)}"
        case {"type": "integer"}:
            return f"a whole number{_range(schema)}"
        case {"type": "number"}:
            return f"a number{_range(schema)}"
        case {"type": "string"}:
            return "text"
        case _:
            return "null"


def _either(options: Sequence[str]) -> str:
    """Join alternatives; a comma keeps apart what says `or` or `each` itself."""
    *others, last = options
    apart = any(" or " in option or ", each " in option for option in options)
    return ", ".join(others) + (", or " if apart or len(others) > 1 else " or ") + last


def _range(schema: JsonSchema) -> str:
    """Word a range; a bound that is only there for the machine's sake is left out."""
    bounds = {words: schema[key] for key, words in _BOUNDS.items() if key in schema}
    if bounds.get("at most", 0) >= _ENORMOUS:
        del bounds["at most"]
    if {"of at least", "at most"} <= bounds.keys():
        return f" from {exact(bounds['of at least'])} to {exact(bounds['at most'])}"
    said = [f"{words} {'2^63' if n == 2**63 else exact(n)}" for words, n in bounds.items()]
    return f" {' and '.join(said)}" if said else ""
