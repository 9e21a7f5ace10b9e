"""Splits that keep groups together, or follow time."""

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from evoae.config.data import DataConfig
from evoae.data.load import load
from evoae.errors import DataError

RNG = np.random.default_rng(0)
SPLITS = ("train", "validation", "test")


@pytest.fixture
def visits(tmp_path):
    """Two hundred visits of twenty patients, on days that are not in order."""
    path = tmp_path / "visits.csv"
    days = RNG.permutation(200)
    lines = [
        f"p{i % 20},{np.datetime64('2024-01-01') + d},{RNG.normal():.3f}"
        for i, d in enumerate(days)
    ]
    path.write_text("patient,day,weight\n" + "\n".join(lines))
    return path


def cells(data, name):
    return [getattr(data, f"{split}_origins").columns([name])[name] for split in SPLITS]


def test_a_group_lies_in_one_split_and_is_not_trained_on(visits):
    data = load(DataConfig(path=str(visits), group="patient", test=0.2, validation=0.2), 1)
    groups = [set(each) for each in cells(data, "patient")]
    assert sorted(patient for group in groups for patient in group) == sorted(
        f"p{i}" for i in range(20)
    )
    assert list(map(len, groups)) == [12, 4, 4]
    assert [column.name for column in data.kind.columns] == ["weight"]
    assert any("by groups of 'patient'" in line for line in data.origin)
    other = load(DataConfig(path=str(visits), group="patient", test=0.2, validation=0.2), 2)
    assert {*cells(other, "patient")[2]} != groups[2]


def test_time_trains_before_it_validates_before_it_tests(visits):
    data = load(DataConfig(path=str(visits), time="day"), 1)
    train, validation, test = cells(data, "day")
    assert max(train) < min(validation) < max(validation) < min(test)
    ordered = load(DataConfig(path=str(visits), time="order"), 1)
    rows = [getattr(ordered, f"{split}_origins").names for split in SPLITS]
    assert np.concatenate(rows).tolist() == list(range(1, 201))


def picture(path):
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (8, 8), np.uint8)).save(path)


def test_pictures_are_grouped_by_folder_or_by_a_pattern_of_their_names(tmp_path):
    for number in range(40):
        picture(tmp_path / f"film{number % 8}" / f"patient{number // 4}_{number}.png")
    for group, wanted in (
        ("folder", lambda n: n.split("/")[0]),
        (r"patient(\d+)", lambda n: n.split("_")[0].split("/")[1]),
    ):
        data = load(DataConfig(path=str(tmp_path), group=group), 1)
        groups = [
            {wanted(name) for name in getattr(data, f"{split}_origins").names} for split in SPLITS
        ]
        assert not groups[0] & groups[1]
        assert not (groups[0] | groups[1]) & groups[2]
    for group, said in (
        ("x(", "unterminated"),
        ("person", "40 of 40 names do not hold person: film0/"),
    ):
        with pytest.raises(DataError, match=said):
            load(DataConfig(path=str(tmp_path), group=group), 1)


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"group": "patients"}, "no column is called 'patients'; did you mean 'patient'"),
        ({"time": "patient"}, "'patient' has no number or date in row 1"),
        ({"group": "site"}, "'site' makes 1 group"),
    ],
)
def test_what_cannot_be_grouped_or_ordered_is_one_sentence(keys, said, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("patient,site,v\n" + "".join(f"p{i % 4},x,{i % 7}\n" for i in range(40)))
    with pytest.raises(DataError) as error:
        load(DataConfig(path=str(path), **keys), 1)
    assert said in str(error.value)


def test_arrays_have_no_groups_and_both_at_once_are_refused(tmp_path):
    np.save(tmp_path / "x.npy", RNG.integers(0, 256, (30, 8, 8), np.uint8))
    with pytest.raises(DataError, match="images of an array have no names"):
        load(DataConfig(path=str(tmp_path / "x.npy"), group="folder"), 1)
    with pytest.raises(ValidationError, match="exclude each other"):
        DataConfig(path="x", group="a", time="b")
