"""Every number of the configuration has bounds that the machine can hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from evoae.config.expected import expected, json_schema
from evoae.config.load import dump_config, make_config
from evoae.data.load import load
from evoae.engine.problem import space_of
from evoae.errors import ConfigError, EvoaeError
from evoae.genome.network_defaults import NetworkDefaults
from evoae.genome.sampling import sample

SCHEMA = json_schema()
Wrap = Callable[[Any], Any]


def numbers(
    schema: Mapping[str, Any], path: tuple[str, ...] = (), wrap: Wrap = lambda value: value
) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any], Wrap]]:
    """Yield each number of a schema: its path, its own schema, and how a setting holds it."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    for key, inner in schema.get("properties", {}).items():
        yield from numbers(inner, (*path, key))
    for option in schema.get("anyOf", ()):
        yield from numbers(option, path, wrap)
    for items in {id(each): each for each in schema.get("prefixItems", ())}.values():
        yield from numbers(items, path, lambda value: [value] * len(schema["prefixItems"]))
    if isinstance(schema.get("items"), dict):
        yield from numbers(
            schema["items"], path, lambda value: [value] * schema.get("minItems", 1)
        )
    if {"integer", "number"} & {*np.atleast_1d(schema.get("type", "none"))}:
        yield path, schema, wrap


NUMBERS = list(numbers(SCHEMA))
NAMES = [".".join(path) for path, _, _ in NUMBERS]


def largest(schema: Mapping[str, Any]) -> float:
    if "maximum" in schema:
        return schema["maximum"]
    open_end = schema["exclusiveMaximum"]
    return open_end - 1 if schema["type"] == "integer" else math.nextafter(open_end, 0)


def test_the_walk_over_the_schema_finds_numbers_of_every_kind() -> None:
    assert {
        *("seed", "data.size", "data.validation", "model.max_latent", "model.filters"),
        *("search.racing.rungs", "search.budget.minutes", "execution.memory_limit"),
        *("model.learning.learning_rates", "training.batch_size", "execution.workers"),
    } <= set(NAMES)


@pytest.mark.parametrize(("path", "schema", "_"), NUMBERS, ids=NAMES)
def test_every_number_has_a_largest_value(
    path: tuple[str, ...], schema: Mapping[str, Any], _: Wrap
) -> None:
    assert "enum" in schema or schema.keys() & {"maximum", "exclusiveMaximum"}, path
    if schema.get("type") != "number" and "exclusiveMaximum" not in schema:
        assert "enum" in schema or schema["maximum"] < 2**63


def configured(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    """Return a raw configuration with one setting, and what must be so for it to be allowed."""
    raw: dict[str, Any] = {"data": {"name": "digits"}}
    for key, other in (("max_latent", 2**31 - 1), ("max_parameters", None)):
        raw.setdefault("model", {})[key] = other
    section = raw
    for key in path[:-1]:
        section = section.setdefault(key, {})
    section[path[-1]] = value
    return raw


def used(raw: Mapping[str, Any]) -> None:
    """Do with a configuration what needs no training."""
    config = make_config(raw)
    assert make_config(raw) == config
    assert dump_config(config)
    assert len(load(config.data, config.seed).digest) == 64
    for shape in ((8, 8, 1), (12,)):
        space = space_of(
            config, NetworkDefaults.of(config.model, config.objective, shape, "sigmoid")
        )
        space.measure(sample(np.random.default_rng(0), space))


@pytest.mark.parametrize("number", NUMBERS, ids=NAMES)
def test_the_largest_value_works_or_gets_a_sentence(
    number: tuple[tuple[str, ...], Mapping[str, Any], Wrap],
) -> None:
    path, schema, wrap = number
    for value in (schema.get("const", largest(schema)), 10**30, 1e308):
        with suppress(EvoaeError):
            used(configured(path, wrap(value)))
    # Whatever else is in the way: the value itself is one that the setting takes.
    with pytest.raises(ConfigError) as caught:
        used(configured(path, wrap({"foreign": 0})))
    assert ".".join(path) in caught.value.place


@pytest.mark.parametrize("value", [10**31, 10**400, 1e308, -(10**31), -1e308])
@pytest.mark.parametrize(("path", "_", "wrap"), NUMBERS, ids=NAMES)
def test_no_setting_takes_a_number_beyond_all_measure(
    path: tuple[str, ...], _: Mapping[str, Any], wrap: Wrap, value: float
) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config(configured(path, wrap(value)))
    assert ".".join(path) in caught.value.place
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_setting_takes_is_said_without_exponents(name: str) -> None:
    said = expected(name.split("."))
    assert "e+" not in said
    assert "e-" not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("training.batch_size", "a whole number of at least 1"),
        ("search.population", "a whole number from 2 to 100,000"),
        ("objective.beta", "a number of at least 0"),
        ("training.learning_rate", "a number above 0"),
        ("model.min_side", "a whole number of at least 1"),
        ("search.budget.minutes", "a number above 0 or null"),
        ("data.validation", "a whole number of at least 1 or a number above 0 and below 1"),
        ("seed", "a whole number of at least 0 and below 2^63"),
    ],
)
def test_a_bound_that_nobody_reaches_is_not_said(name: str, said: str) -> None:
    assert expected(name.split(".")) == said


def test_a_batch_size_beyond_what_the_setting_takes_is_told_its_bound() -> None:
    with pytest.raises(ConfigError, match=r"batch_size: 10.*0; expected at most 2,147,483,647"):
        make_config({"data": {"name": "digits"}, "training": {"batch_size": 10**30}})


@pytest.mark.parametrize("value", [6000, 1, "6000B", "255MiB"])
def test_a_memory_limit_that_no_worker_can_keep_is_refused(value: int | str) -> None:
    with pytest.raises(ConfigError) as caught:
        make_config({"data": {"name": "digits"}, "execution": {"memory_limit": value}})
    assert caught.value.place == "config: execution.memory_limit"
    assert "a bare number counts bytes" in caught.value.next_step
    assert "4GiB" in caught.value.next_step
    given = {"data": {"name": "digits"}, "execution": {"memory_limit": "256MiB"}}
    assert make_config(given).execution.memory_limit == 2**28
