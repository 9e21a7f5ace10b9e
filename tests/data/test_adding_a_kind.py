"""A further kind of data is its settings and one file: here both are made up, and searched with.

The kind is angles, rows of whole degrees: 359 is as near to 1 as 3 is.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
import pytest
from click.testing import CliRunner
from pydantic import Field

import evoae
from evoae.cli.main import cli
from evoae.config.data import DataConfig
from evoae.config.schema import Config
from evoae.data.arrays import take, take_labels
from evoae.data.dataset import AbstractKind, Dataset, Source
from evoae.data.kinds.registry import KINDS, kind_of, kind_of_array, restore
from evoae.data.origins import Origins
from evoae.data.splits import check_enough, draw, drawn
from evoae.errors import ConfigError, DataError, UseError
from evoae.report.page import write_report
from evoae.use.items import choose
from evoae.use.model import open_model
from evoae.use.output import check_decodable
from evoae.use.reconstruct import write_rebuilt
from tests.conftest import TINY, with_changes

# What would stand in evoae/config/data.py: a class of settings, of which DataConfig is made.


class DataWithAngles(DataConfig):
    """What to rebuild: a named set, a file, or a folder."""

    turn: int = Field(360, ge=2, description="angles: how many make a full turn")


# What would be evoae/data/kinds/angles.py.


@final
@dataclass(frozen=True, slots=True)
class Angles(AbstractKind):
    """Angles, encoded as shares of a full turn."""

    name = "angles"
    item = "reading"
    described = "readings of angles"
    value = "angle"
    rank = 1
    bounded = True
    pictures = False
    augmentations = frozenset()
    array_settings = frozenset()
    plain = "dense(5) | latent({latent}) | updense(5)"
    handmade = None

    turn: int = 0

    def takes(self, array):
        return array.ndim == 2 and array.dtype == np.uint16

    def source(self, name, place, arrays):
        return AngleSource(name, arrays["images"])

    def inputs(self, source):
        return ((source.angles / self.turn).astype(np.float32),), None

    def doubts(self, source):
        return iter(())

    def header(self, shape):
        return [f"angle {number}" for number in range(1, shape[0] + 1)]

    def cells(self, values):
        return [[f"{angle:.0f}°" for angle in row * self.turn] for row in values]

    def clip(self, values):
        return values, {}

    def choices(self):
        return iter(())

    def compare(self, values):
        return []

    def quality(self, originals, copies):
        import tensorflow as tf

        apart = tf.abs(originals - copies)
        return {"degrees": self.turn * tf.reduce_mean(tf.minimum(apart, 1 - apart))}


@dataclass(frozen=True, eq=False)
class AngleSource(Source):
    """Angles that a reader found."""

    kind = "angles"
    name: str
    angles: np.ndarray

    def __len__(self):
        return len(self.angles)

    def suggestions(self, config):
        return ()

    def origins(self, kind):
        return Origins.counted(len(self))

    def split(self, config, seed, given=None):
        check_enough(len(self), self.name, Angles.item)
        kind = Angles(turn=config.turn)
        parts = draw(len(self), config, seed, "readings")
        (inputs,), _ = kind.inputs(self)
        origin = (f"angles of {config.turn} a turn", drawn(seed, *map(len, parts)))
        labels = [take_labels(given, part) for part in parts]
        return Dataset(self.name, *(take(inputs, part) for part in parts), origin, kind, *labels)


@pytest.fixture(scope="module", autouse=True)
def _angles() -> Iterator[None]:
    """The two pieces in their places."""
    field = Config.model_fields["data"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(KINDS, "angles", Angles())
        patch.setattr(field, "annotation", DataWithAngles)
        Config.model_rebuild(force=True)
        yield
    Config.model_rebuild(force=True)


@pytest.fixture(scope="module")
def config(tmp_path_factory) -> dict:
    """A search on 64 readings of four angles in a circle of 400."""
    path = tmp_path_factory.mktemp("angles") / "compass.npy"
    first = np.random.default_rng(0).integers(0, 400, (64, 1))
    np.save(path, ((first + np.array([0, 100, 200, 300])) % 400).astype(np.uint16))
    changes = {
        "data": {"path": str(path), "turn": 400, "reduce": {"train": 40, "validation": 6}},
        "model": {"max_latent": 3, "max_depth": 1, "units": [4, 8]},
        "search": {"population": 2, "generations": 1, "hof_size": 2},
        "training": {"epochs": 1},
        "report": {"baselines": ["plain", "handmade"]},
    }
    changed = with_changes(TINY, **changes)
    del changed["data"]["name"]
    return changed


@pytest.fixture(scope="module")
def run(config, tmp_path_factory) -> evoae.Run:
    return evoae.search(config, run=tmp_path_factory.mktemp("angles") / "run")


def told(*words: object) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


def test_a_kind_takes_its_arrays_and_leaves_others_what_they_were() -> None:
    assert kind_of_array(np.zeros((3, 4), np.uint16)).name == "angles"
    assert kind_of_array(np.zeros((3, 4))).name == "rows"
    assert kind_of_array(np.zeros((3, 4, 4), np.uint8)).name == "images"


def test_what_was_fitted_comes_back_from_json() -> None:
    stored = json.loads(json.dumps(Angles(turn=400).to_json()))
    assert restore(stored) == Angles(turn=400)


def test_a_search_with_the_kind_ends_with_trained_networks_and_its_plain_rival(run) -> None:
    assert run.status().state == "finished"
    assert run.data_kind() == Angles(turn=400)
    assert all(entry.genome.startswith("dense(") for entry in run.hall_of_fame())
    (plain,) = run.baselines()  # no network by hand is known
    assert (plain.name, plain.genome.split()[0]) == ("plain", "dense(5)")


def test_commands_speak_of_the_kind_by_its_own_words(run) -> None:
    assert " a reading " in told("show", run.path, "best")
    assert "plain" in told("hof", run.path)
    described = told("data", "describe", run.config.data.path, "--set", "data.turn=400")
    assert "mean reading" in described
    measured = json.loads(told("evaluate", run.path, "--json"))["metrics"]
    assert 0 < measured["degrees"] <= 200


def test_items_and_copies_are_written_in_the_units_of_the_kind(run, tmp_path) -> None:
    model = open_model(run.path)
    items = choose(model, limit=3)
    write_rebuilt(tmp_path / "copies.csv", model, items)
    header, first, *_ = (tmp_path / "copies.csv").read_text().splitlines()
    assert header.startswith("index,error,angle 1,angle 2,angle 3,angle 4,angle 1_rebuilt")
    angles = [int(cell.rstrip("°")) for cell in first.split(",")[2:6]]
    assert {(angle - angles[0]) % 400 for angle in angles} == {0, 100, 200, 300}
    with pytest.raises(UseError, match="readings of angles, no images"):
        check_decodable(tmp_path / "x.png", model, 3)


def test_new_readings_are_encoded_as_those_of_the_run(run, tmp_path) -> None:
    np.save(tmp_path / "new.npy", np.full((2, 4), 200, np.uint16))
    items = choose(open_model(run.path), data=str(tmp_path / "new.npy"))
    assert (items.all() == 0.5).all()
    np.save(tmp_path / "rows.npy", np.zeros((2, 4)))
    with pytest.raises(UseError, match=r"rows of a table; .* takes readings of angles"):
        choose(open_model(run.path), data=str(tmp_path / "rows.npy"))


def test_a_report_shows_readings_as_lines_of_a_table(run, tmp_path) -> None:
    write_report(run.path, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "mean squared error per angle" in page
    assert "readings and their copies" in page


def test_pictures_settings_make_no_sense_for_the_kind(config) -> None:
    with pytest.raises(ConfigError, match="readings of angles have no left nor right"):
        evoae.search(with_changes(config, training={"shift": 2}), run="never-made")
    assert not Path("never-made").exists()


def test_every_kind_says_all_that_is_asked_of_it() -> None:
    facts = AbstractKind.__annotations__
    for kind in KINDS.values():
        assert all(hasattr(kind, fact) for fact in facts), kind.name
        assert kind == dataclasses.replace(kind)  # its defaults: nothing is fitted yet


def test_items_of_no_kind_and_damaged_memory_of_one_are_refused_in_a_sentence():
    with pytest.raises(DataError, match="5 axes"):
        kind_of((3, 3, 3, 3, 3))
    with pytest.raises(DataError, match="'sounds'; known are"):
        restore({"name": "sounds", "fitted": {}})
    name = next(iter(KINDS))
    with pytest.raises(DataError, match="restore the run's database from a copy"):
        restore({"name": name})
