from __future__ import annotations

import json
from pathlib import Path

import pytest

from evoae.config.expected import expected, json_schema
from evoae.config.load import load_config, make_config, sections_of
from evoae.config.schema import Config
from evoae.config.template import template
from evoae.config.values import Section


def settings(section: type[Section], above: str = "") -> dict[str, str]:
    """Return every setting's dotted path and description."""
    found = {}
    for key, field in section.settings().items():
        inner = sections_of(section).get(key)
        if inner is None:
            found[above + key] = field.description or ""
        else:
            found |= settings(inner, f"{above}{key}.")
    return found


def test_the_template_loads_back_to_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text(template())
    assert load_config(path) == make_config({"data": {"name": "fashion_mnist"}})


@pytest.mark.parametrize("data", ["a.npz", "with space", "ü: #é", "null", "true", "10"])
def test_the_template_carries_any_path(tmp_path: Path, data: str) -> None:
    path = tmp_path / "new.yaml"
    path.write_text(template(path=data), encoding="utf-8")
    assert load_config(path) == make_config({"data": {"path": data}})


def test_every_setting_has_a_description_and_stands_in_the_template() -> None:
    text = template()
    for path, description in settings(Config).items():
        assert description, path
        lines = [line for line in text.splitlines() if description in line]
        assert any(line.strip().startswith(path.rpartition(".")[2] + ":") for line in lines), path


def test_a_setting_that_takes_null_says_what_null_means() -> None:
    for path, description in settings(Config).items():
        if "null" in expected(path.split(".")):
            assert "null" in description, path


def test_the_template_fits_a_screen() -> None:
    assert max(len(line) for line in template().splitlines()) <= 100


def test_the_json_schema_knows_every_setting_and_is_json() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["properties"].keys() == Config.model_fields.keys()
    assert schema["additionalProperties"] is False
    memory = schema["$defs"]["ExecutionConfig"]["properties"]["memory_limit"]
    assert "string" in memory["anyOf"][0]["type"]  # an editor accepts 4GiB
    size = schema["$defs"]["DataConfig"]["properties"]["size"]
    assert {"minItems", "maxItems"} <= size["anyOf"][1].keys()  # and refuses [64]
