"""One throw-away objective: a class of settings and one of its own are all that it takes."""

from __future__ import annotations

from typing import Literal, final

import pytest
from pydantic import Field

import evoae
from evoae.config.load import make_config
from evoae.config.objectives import ObjectiveConfig
from evoae.config.schema import Config
from evoae.errors import ConfigError
from evoae.models.objectives.base import AbstractObjective
from tests.conftest import TINY, with_changes
from tests.contracts.objective import ObjectiveContract


@pytest.fixture(scope="module")
def shrunk():
    """The class of settings of an objective that is known as long as these tests run."""

    # What would stand in config/objectives.py.
    class ShrunkConfig(ObjectiveConfig):
        """Codes are small."""

        added = "the size of the code"

        kind: Literal["shrunk"] = Field("shrunk", description="aim")
        pull: float = Field(0.1, description="weight of the size")

        @property
        def code_activation(self):
            return "sigmoid"

    # What would stand in models/objectives/shrunk.py.
    @final
    class Shrunk(AbstractObjective, kind="shrunk"):
        """Mean squared error plus the mean square of the code's numbers."""

        def __init__(self, config, seed, *, bounded):
            self._pull = config.pull

        def loss(self, model, images, numbers, *, epoch):
            return self._measure(model, images, training=True)["loss"]

        def metrics(self, model, images, numbers):
            return self._measure(model, images, training=False)

        def _measure(self, model, images, *, training):
            import keras

            code = model.get_layer("encoder")(images, training=training)
            output = model.get_layer("decoder")(code, training=training)
            error = keras.ops.mean(keras.ops.square(images - output))
            size = keras.ops.mean(keras.ops.square(code))
            return {"loss": error + self._pull * size, "error": error, "size": size}

    Config.model_rebuild(force=True)
    yield ShrunkConfig
    del ObjectiveConfig._kinds["shrunk"], AbstractObjective.of_kind["shrunk"]
    Config.model_rebuild(force=True)


class TestShrunk(ObjectiveContract):
    @pytest.fixture
    def config(self, shrunk):
        return shrunk()


def test_a_search_trains_it_records_its_metrics_and_builds_the_code_it_asks_for(shrunk, tmp_path):
    few = {"population": 2, "generations": 1}
    raw = with_changes(TINY, objective={"kind": "shrunk", "pull": 0.5}, search=few)
    raw = with_changes(raw, training={"epochs": 1}, execution={"kind": "inline"})
    run = evoae.search(raw, run=tmp_path / "run")
    evaluations = run.first_evaluations()
    assert evaluations
    for evaluation in evaluations:
        assert evaluation.metrics.keys() == {"loss", "error", "size"}
        assert evaluation.fitness == evaluation.metrics["loss"] > evaluation.metrics["error"]
    reread = evoae.Run.open(run.path)
    assert reread.config.objective == shrunk(pull=0.5)
    assert reread.config.objective.fitness_in_words("pixel") == (
        "mean squared error per pixel and the size of the code"
    )
    encoder = run.hall_of_fame()[0].load().get_layer("encoder")
    assert encoder.layers[-1].activation.__name__ == "sigmoid"


def test_its_settings_are_validated_and_refused_for_other_kinds(shrunk):
    def objective(**settings):
        return make_config({"data": {"name": "digits"}, "objective": settings}).objective

    assert objective(kind="shrunk", pull=2.0) == shrunk(pull=2.0)
    with pytest.raises(ConfigError, match=r"objective.pull: only kind shrunk uses it"):
        objective(kind="sparse", pull=2.0)
    with pytest.raises(ConfigError, match=r"objective.beta: only kind variational uses it"):
        objective(kind="shrunk", beta=2.0)
    with pytest.raises(ConfigError, match=r"objective.pul: unknown; did you mean 'pull'"):
        objective(kind="shrunk", pul=2.0)
