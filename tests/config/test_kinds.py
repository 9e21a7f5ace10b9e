from __future__ import annotations

import pytest
import yaml

from evoae.config.expected import json_schema
from evoae.config.load import dump_config, load_config, make_config
from evoae.config.objectives import ObjectiveConfig
from evoae.config.template import template
from evoae.runs.compatibility import differences

KINDS = ObjectiveConfig.kinds()


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_lists_the_settings_of_all_kinds_serves_each_of_them(kind, tmp_path):
    path = tmp_path / "all.yaml"
    path.write_text(template())
    config = load_config(path, [f"objective.kind={kind}"])
    assert config.objective == KINDS[kind]()
    assert (
        yaml.safe_load(dump_config(config))["objective"].keys() == KINDS[kind].model_fields.keys()
    )


def test_a_setting_that_kinds_share_has_one_default_in_all_of_them():
    for name, field in ObjectiveConfig.settings().items():
        defaults = {KINDS[word].model_fields[name].default for word in ObjectiveConfig.users(name)}
        assert name == "kind" or defaults == {field.default}


def test_the_json_schema_takes_every_file_that_loads():
    schema = json_schema()["properties"]["objective"]
    assert schema["properties"].keys() == ObjectiveConfig.settings().keys()
    assert schema["properties"]["kind"]["enum"] == list(KINDS)
    assert schema["description"] == ObjectiveConfig.__doc__


def test_another_kind_is_the_first_difference_between_two_configurations():
    def recorded(kind):
        raw = {"data": {"name": "digits"}, "objective": {"kind": kind}}
        return make_config(raw).model_dump(mode="json")

    first, *_ = differences(recorded("variational"), recorded("reconstruction"))
    assert first == ("objective.kind", "variational", "reconstruction")
