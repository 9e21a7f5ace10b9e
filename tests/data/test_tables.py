from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evoae.config.data import DataConfig, ReduceConfig
from evoae.data.dataset import Dataset
from evoae.data.kinds.columns import Column
from evoae.data.kinds.registry import restore
from evoae.data.kinds.tables import Rows, Table
from evoae.data.load import load
from evoae.data.sources.files import read_path
from evoae.data.summary import summarise
from evoae.errors import DataError

Csv = Callable[[str], Path]


@pytest.fixture
def csv(tmp_path: Path) -> Csv:
    """A function that writes a text to t.csv."""

    def write(text: str) -> Path:
        path = tmp_path / "t.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def made_up(count: int = 60, seed: int = 0) -> pd.DataFrame:
    """Whole numbers, numbers with two places, a constant, two kinds of categories, a label."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": rng.integers(20, 80, count),
            "dose": rng.normal(3, 2, count).round(2),
            "unit": 5,
            "colour": rng.choice(["red", "green", "blue"], count),
            "grade": rng.integers(1, 4, count),
            "ill": rng.integers(0, 2, count),
        }
    )


def settings(path: Path, **keys: Any) -> DataConfig:
    return DataConfig.model_validate({"path": str(path), **keys})


def complaint(path: Path, **keys: Any) -> str:
    with pytest.raises(DataError) as error:
        load(settings(path, **keys), 1)
    assert "\n" not in str(error.value)
    return str(error.value).replace(f"{path}: ", "")


@pytest.fixture
def table_file(csv: Csv) -> Path:
    return csv(made_up().to_csv(index=False))


@pytest.fixture
def data(table_file: Path) -> Dataset:
    return load(settings(table_file, label_column="ill", categorical=["grade"]), 1)


def the_table(data: Dataset) -> Table:
    assert isinstance(data.kind, Table)
    return data.kind


def every_split(data: Dataset) -> Iterator[tuple[Any, Any]]:
    yield data.train, data.train_labels
    yield data.validation, data.validation_labels
    yield data.test, data.test_labels


def test_numbers_are_standardised_by_the_training_rows_alone(data: Dataset) -> None:
    numeric = data.train[:, :2].astype(np.float64)
    assert np.allclose(numeric.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(numeric.std(axis=0), 1, atol=1e-6)
    assert (np.abs(data.test[:, :2].mean(axis=0)) > 1e-3).all()
    assert data.train.dtype == np.float32
    assert data.kind.output == "linear"


def test_a_constant_column_becomes_zeros_and_returns_as_it_was(data: Dataset) -> None:
    assert (data.train[:, 2] == 0).all()
    assert the_table(data).columns[2].scale == 1
    assert (the_table(data).decode(data.test)["unit"] == 5).all()


def test_text_and_named_columns_become_one_input_for_each_category(data: Dataset) -> None:
    assert the_table(data).features == (
        *("age", "dose", "unit", "colour=blue", "colour=green", "colour=red"),
        *("grade=1", "grade=2", "grade=3"),
    )
    assert data.input_shape == (9,)
    assert (data.train[:, 3:6].sum(axis=1) == 1).all()
    assert set(np.unique(data.train[:, 3:])) == {0, 1}


def test_rows_return_in_their_original_units_with_their_labels(data: Dataset) -> None:
    original = made_up().astype({"grade": str}).sort_values(["age", "dose"])
    found = pd.concat(
        [the_table(data).decode(rows).assign(ill=labels) for rows, labels in every_split(data)]
    ).sort_values(["age", "dose"])
    assert found.to_csv(index=False) == original.to_csv(index=False)


def test_new_rows_are_encoded_as_the_file_was(data: Dataset, table_file: Path) -> None:
    table = the_table(data)
    for rows, _ in every_split(data):
        assert np.array_equal(table.encode(table.decode(rows)), rows)
    (encoded,), labels = table.inputs(read_path(table_file))
    assert np.array_equal(labels, made_up()["ill"])
    assert np.array_equal(encoded, table.encode(made_up()))


def test_a_table_survives_json(data: Dataset) -> None:
    table = the_table(data)
    assert restore(json.loads(json.dumps(table.to_json()))) == table


def test_what_a_network_says_decodes_to_one_category_and_rounded_numbers(data: Dataset) -> None:
    said = np.random.default_rng(3).normal(size=(20, 9)).astype(np.float32)
    rows = the_table(data).decode(said)
    assert rows["age"].dtype == np.int64
    assert (rows["dose"] == rows["dose"].round(2)).all()
    greatest = said[:, 3:6].argmax(axis=1)
    assert rows["colour"].tolist() == [("blue", "green", "red")[one] for one in greatest]


def test_a_network_that_says_nothing_finite_is_decoded_without_an_error(data: Dataset) -> None:
    rows = the_table(data).decode(np.full((2, 9), np.nan, np.float32))
    assert rows["age"].isna().all()


def test_the_digest_covers_seed_and_settings_and_a_reduction_keeps_the_table(
    data: Dataset, table_file: Path
) -> None:
    asked = {"label_column": "ill", "categorical": ["grade"]}
    assert load(settings(table_file, **asked), 1).digest == data.digest
    others = {
        load(settings(table_file, **asked), 2).digest,
        load(settings(table_file, label_column="ill"), 1).digest,
        load(settings(table_file, **asked, ignore=["unit"]), 1).digest,
        data.reduced(ReduceConfig(train=20), 1).digest,
    }
    assert len(others | {data.digest}) == 5
    assert data.reduced(ReduceConfig(train=20), 1).kind == data.kind
    with pytest.raises(DataError) as error:
        data.reduced(ReduceConfig(train=2000), 1)
    assert "2,000 rows, but the train split has" in str(error.value)


def with_gaps() -> pd.DataFrame:
    frame = made_up().astype({"age": object, "colour": object})
    frame.loc[[3, 9], "age"] = "?"
    frame.loc[[9, 20, 21], "colour"] = ""
    return frame


def test_missing_values_are_refused_with_their_number_unless_told(csv: Csv) -> None:
    assert complaint(csv(with_gaps().to_csv(index=False))) == (
        "5 missing values (age 2, colour 3); set data.missing to drop (4 of 60 rows) or to impute"
    )


def test_dropping_leaves_out_the_rows_that_lack_a_value_and_counts_them(csv: Csv) -> None:
    data = load(settings(csv(with_gaps().to_csv(index=False)), missing="drop"), 1)
    table = the_table(data)
    assert (table.rows, table.left_out) == (60, 4)
    assert sum(len(rows) for rows, _ in every_split(data)) == 56
    assert [column.missing for column in table.columns] == [2, 0, 0, 3, 0, 0]
    assert data.origin[0] == "left out 4 of 60 rows, which lack a value"
    with pytest.raises(DataError) as error:
        table.encode(with_gaps())
    assert str(error.value) == (
        "rows: column 'age' has no value in row 4 and 1 more; fill it, or leave such rows out"
    )


def test_imputing_fills_with_what_the_training_rows_show(csv: Csv) -> None:
    data = load(settings(csv(with_gaps().to_csv(index=False)), missing="impute"), 1)
    table = the_table(data)
    assert (table.rows, table.left_out) == (60, 0)
    age, colour = table.columns[0], table.columns[3]
    decoded = table.decode(data.train)
    assert colour.fill == decoded["colour"].mode()[0]
    assert age.fill is not None
    filled = table.encode(made_up(1).assign(age=None, colour="NA"))
    assert table.decode(filled).loc[0, "colour"] == colour.fill
    assert filled[0, 0] == pytest.approx((float(age.fill) - age.mean) / age.scale)
    assert "filled 5 missing values: medians, or the most frequent category" in data.origin


def test_filling_and_scaling_look_at_no_validation_or_test_row() -> None:
    frame = made_up(200)
    config = DataConfig(path="x", missing="impute", keys=())
    first = Rows("x", "x", frame).split(config, 1)
    position = pd.Series(range(200))
    numbered = Rows("x", "x", frame.assign(age=position)).split(config, 1)
    held_out = pd.concat(
        [the_table(numbered).decode(rows)["age"] for rows in (numbered.validation, numbered.test)]
    )
    changed = frame.copy()
    changed.loc[held_out, ["age", "dose"]] += 1000
    second = Rows("x", "x", changed).split(config, 1)
    assert second.kind == first.kind
    assert np.array_equal(second.train, first.train)
    assert not np.array_equal(second.test, first.test)


def test_a_category_that_only_other_splits_have_becomes_zeros_and_is_counted() -> None:
    config = DataConfig(path="x", validation=10, test=10, keys=())
    numbered = made_up().assign(age=range(60))
    order = Rows("x", "x", numbered).split(config, 1)
    last = int(the_table(order).decode(order.test).loc[0, "age"])
    numbered["colour"] = numbered["colour"].astype(object)
    numbered.loc[last, "colour"] = "ultraviolet"
    data = Rows("x", "x", numbered).split(config, 1)
    colour = the_table(data).columns[3]
    assert colour.categories == ("blue", "green", "red")
    assert colour.unseen == 1
    assert data.test[0, 3:6].tolist() == [0, 0, 0]


def test_a_column_without_a_value_among_the_training_rows_is_a_sentence() -> None:
    config = DataConfig(path="x", validation=10, test=10, missing="impute", keys=())
    numbered = made_up().assign(age=range(60))
    order = Rows("x", "x", numbered).split(config, 1)
    last = int(the_table(order).decode(order.test).loc[0, "age"])
    numbered["dose"] = np.nan
    numbered.loc[last, "dose"] = 1.0
    with pytest.raises(DataError) as error:
        Rows("x", "x", numbered).split(config, 1)
    assert str(error.value) == (
        "x: column 'dose' holds no value in the 40 training rows; add 'dose' to data.ignore"
    )


@pytest.mark.parametrize(
    ("text", "columns", "first"),
    [
        ("a,b\n1,x\n2,y\n3,x\n", ["a", "b"], [1, "x"]),
        ("1,x\n2,y\n3,x\n", ["c1", "c2"], [1, "x"]),
        ("a;b\n1,5;x\n2,5;y\n3;x\n", ["a", "b"], [1.5, "x"]),
        ("a\tb\n 1 \tx \n2\ty\n3\tx\n", ["a", "b"], [1, "x"]),
        ('\n"a,1",b\n\n1,"x, y"\n2,z\n3,z\n\n', ["a,1", "b"], [1, "x, y"]),
        ("\ufeffa,b\r\n1,TRUE\r\n2,FALSE\r\n3,TRUE\r\n", ["a", "b"], [1, "TRUE"]),
        ("a,b\n1e3,0.25\n2,1\n3,2\n", ["a", "b"], [1000, 0.25]),
    ],
)
def test_tables_are_read_as_people_write_them(
    csv: Csv, text: str, columns: list[str], first: list[Any]
) -> None:
    data = load(settings(csv(text), test=1, validation=1), 1)
    table = the_table(data)
    assert list(table.names) == columns
    rows = pd.concat([table.decode(part) for part, _ in every_split(data)])
    assert first in rows.to_numpy().tolist()
    assert len(rows) == 3


def test_header_and_missing_values_obey_the_settings(csv: Csv) -> None:
    small = {"test": 1, "validation": 1}
    named = load(settings(csv("2020,2021\n1,2\n3,5\n4,4\n"), header=True, **small), 1)
    assert the_table(named).names == ("2020", "2021")
    plain = load(settings(csv("a,b\nc,d\na,d\n"), header=False, **small), 1)
    assert the_table(plain).rows == 3
    odd = csv("a,b\n1,-9\n3,5\n4,4\n7,7\n")
    dropped = load(settings(odd, missing_values=["-9"], missing="drop", **small), 1)
    assert the_table(dropped).left_out == 1
    with pytest.raises(DataError, match="column 'b' has no value in row 1"):
        the_table(dropped).encode(pd.DataFrame({"a": [1], "b": [-9]}))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "an empty table; add rows"),
        ("\n \n", "an empty table; add rows"),
        ("a,b\n", "a header and no rows; add rows, or set data.header: false"),
        (
            "a,b\n1,2\n",
            "1 row(s); train and validation and test need 3 or more",
        ),
        ("a,b\n1,2\n3\n4,5\n", "line 3 has 1 cell, most lines 2; mend that line"),
        ("a,b\n1,2\n3,4,5\n4,5\n", "line 3 has 3 cells, most lines 2; mend that line"),
        (
            "a,b\n1,\n3,?\n4,NaN\n",
            "column 'b' holds no value; set data.ignore=[\"b\"]",
        ),
        (
            "a,b\n1,7\n3,8\n4,oops\n5,9\n",
            "column 'b' holds 'oops' among its numbers, in row 3; set "
            'data.missing_values=["usual", "oops"], or, where words are categories, '
            'data.categorical=["b"]',
        ),
        (
            "a\n1\n2\ninf\n3\n",
            "column 'a' holds 'inf' among its numbers, in row 3; set "
            'data.missing_values=["usual", "inf"], or, where words are categories, '
            'data.categorical=["a"]',
        ),
        (
            "a,b\n" + "".join(f"{i},id{i}\n" for i in range(60)),
            "no column is left to rebuild; leave out fewer",
        ),
        (
            "a,b\n1,2e200\n3,4e210\n5,6e220\n",
            "column 'b' holds 2e+200 in row 1, too large; set data.ignore=[\"b\"]",
        ),
        ('a,b\n1,"2\n3,4\n', "not a table (unexpected end of data); save it as CSV again"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_sentence(csv: Csv, text: str, sentence: str) -> None:
    assert complaint(csv(text)).startswith(sentence)


def test_a_table_that_is_no_text_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n1,\0\1\2\n")
    assert complaint(path) == "not a text file; save it as CSV in UTF-8"
    (tmp_path / "d.csv").mkdir()
    assert "a folder of no known format" in complaint(tmp_path / "d.csv")


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (
            {"label_column": "il"},
            "data.label_column: no column is called 'il'; did you mean 'ill'?",
        ),
        (
            {"categorical": ["x!"]},
            "data.categorical: no column is called 'x!'; "
            "there are age, dose, unit, colour, grade, ill",
        ),
        (
            {"ignore": ["Dose"]},
            "data.ignore: no column is called 'Dose'; did you mean 'dose'?",
        ),
        (
            {"ignore": ["age", "dose", "unit", "colour", "grade", "ill"]},
            "no column is left to rebuild; leave out fewer",
        ),
        ({"size": 64}, "data.size: 64 says nothing about t.csv; remove it"),
        ({"labels": "x"}, "data.labels: x says nothing about t.csv; remove it"),
        ({"test": 60}, "data.test: 60 takes all of the 60 rows to train on; lower it"),
    ],
)
def test_settings_that_do_not_fit_the_table_are_one_sentence(
    table_file: Path, keys: dict[str, Any], sentence: str
) -> None:
    assert complaint(table_file, **keys) == sentence


def test_a_missing_label_is_counted_like_any_value_but_never_made_up(csv: Csv) -> None:
    frame = made_up().astype({"ill": object})
    frame.loc[5, "ill"] = ""
    path = csv(frame.to_csv(index=False))
    assert complaint(path, label_column="ill").startswith("1 missing value (ill 1); set")
    assert complaint(path, label_column="ill", missing="impute") == (
        "the label 'ill' is missing in row 6; set data.missing: drop, which leaves such rows out"
    )
    data = load(settings(path, label_column="ill", missing="drop"), 1)
    assert the_table(data).left_out == 1
    assert data.train_labels is not None
    assert data.train_labels.dtype == np.int64


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (
            lambda frame: frame.drop(columns="dose"),
            "rows: no column 'dose'; the model needs 5 columns; it holds 'ill' besides",
        ),
        (
            lambda frame: frame.assign(dose="much"),
            "rows: column 'dose' holds 'much' in row 1; expected a number",
        ),
        (
            lambda frame: frame.assign(age=1e300),
            "rows: column 'age' holds 1e+300 in row 1; expected a number",
        ),
    ],
)
def test_new_rows_that_do_not_fit_are_one_sentence(
    data: Dataset, change: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    with pytest.raises(DataError) as error:
        the_table(data).encode(change(made_up()))
    assert str(error.value) == sentence


def test_how_new_rows_differ_is_said(data: Dataset) -> None:
    table, new = the_table(data), made_up(20, seed=4)
    assert list(table.doubts(Rows("new.csv", "new.csv", new))) == []
    odd = new.rename(columns={"dose": " Dose", "unit": "UNIT"}).assign(site="x", colour="pink")
    odd[" Dose"] = odd[" Dose"] * 1000
    rows = Rows("new.csv", "new.csv", odd)
    (encoded,), _ = table.inputs(rows)
    assert (encoded[:, 3:6] == 0).all()
    taken, passed, far, unknown = table.doubts(rows)
    assert taken == "new.csv: took ' Dose' for 'dose', 'UNIT' for 'unit'"
    assert passed == "new.csv: passed over 1 column, which the model does not know: 'site'"
    assert "'dose' is far from the training rows" in far
    assert far.endswith("rows: is it in the same unit?") or "every row" in far
    assert "'colour' is 'pink' in 20 rows, which no training row is" in unknown


def test_a_new_file_may_lack_the_header_and_the_label(data: Dataset, csv: Csv) -> None:
    table = the_table(data)
    rows = made_up(5)
    for columns in (list(rows), list(rows)[:-1]):
        written = csv(rows[columns].to_csv(index=False, header=False))
        (encoded,), labels = table.inputs(read_path(written))
        assert np.array_equal(encoded, table.encode(rows))
        assert (labels is None) == ("ill" not in columns)
    with pytest.raises(DataError) as error:
        table.inputs(read_path(csv("1,2\n3,4\n")))
    assert str(error.value).endswith("2 columns and no header; expected a header, or 6 or 5")


def test_a_summary_tells_of_every_column(data: Dataset) -> None:
    summary = summarise(data)
    age, colour = summary.columns[0], summary.columns[3]
    decoded = the_table(data).decode(data.train)
    assert (age.kind, age.low, age.high) == ("numeric", decoded["age"].min(), decoded["age"].max())
    assert age.mean == pytest.approx(decoded["age"].mean())
    assert age.deviation == pytest.approx(decoded["age"].std(ddof=0))
    assert colour.shares == pytest.approx(decoded["colour"].value_counts(normalize=True).to_dict())
    assert (summary.rows, summary.left_out) == (60, 0)


def test_a_table_of_one_column_is_a_table(csv: Csv) -> None:
    data = load(settings(csv("a\n1\n2\n3\n4\n"), test=1, validation=1), 1)
    assert data.input_shape == (1,)


def test_reading_returns_rows_for_a_table(table_file: Path) -> None:
    rows = read_path(table_file)
    assert isinstance(rows, Rows)
    assert list(rows.frame.columns) == list(made_up().columns)


def test_a_cell_may_be_long(csv: Csv) -> None:
    words = ["x" * 200_000, "y"]
    path = csv("a,b\n" + "".join(f"{i % 7},{words[i % 2]}\n" for i in range(30)))
    assert load(DataConfig(path=str(path)), 0).input_shape == (3,)


def test_columns_encoded_at_once_are_those_encoded_alone(csv: Csv) -> None:
    cells = [f"{1 / (row + 3)},{row},{-9 if row == 5 else row * 1e9},x" for row in range(40)]
    config = DataConfig(path=str(csv("\n".join(["a,b,c,word", *cells]))), missing="impute")
    config = config.model_copy(update={"missing_values": ("-9",)})
    table = load(config, 3).kind
    assert isinstance(table, Table)
    frame = pd.DataFrame({"a": [0.1, np.nan], "c": [-9.0, 4e9], "b": [1.0, -9.0]})
    frame["word"] = ["x", "y"]
    alone = [
        column.encode(frame[column.name], config.missing_values, "rows")
        for column in table.columns
    ]
    encoded = table.encode(frame)
    assert encoded.tobytes() == np.hstack(alone).astype(np.float32).tobytes()
    frame.loc[1, "c"] = np.inf
    with pytest.raises(DataError, match="column 'c' holds inf in row 2"):
        table.encode(frame)


def counted() -> Table:
    """Counts of 0 to 9, shares up to 100 with their decimals, and colours, three in four red."""
    share = np.linspace(0, 100, 40) ** 1.5 / 10
    frame = pd.DataFrame(
        {"count": np.arange(40) % 10, "share": share, "colour": ["red", "red", "red", "blue"] * 10}
    )
    fitted = Rows("x", "x", frame.astype({"count": float})).split(DataConfig(name="heart"), 1)
    assert isinstance(fitted.kind, Table)
    return fitted.kind


def test_the_range_and_the_shares_of_the_training_rows_are_recorded(data: Dataset) -> None:
    table, raw = the_table(data), the_table(data).decode(data.train)
    for column in table.columns:
        if column.categories:
            shares = raw[column.name].value_counts(normalize=True)
            assert column.shares == pytest.approx([shares[each] for each in column.categories])
            assert (column.low, column.high) == (None, None)
        else:
            ends = raw[column.name].min(), raw[column.name].max()
            assert (column.low, column.high) == pytest.approx(ends)
            assert column.shares == ()


def test_made_up_numbers_are_set_to_the_ends_of_the_training_rows_and_counted() -> None:
    table = counted()
    low, high = ([getattr(column, end) for column in table.columns[:2]] for end in ("low", "high"))
    made = np.array([[-9, -9, 1, 0], [9, 9, 0, 1], [0.1, 9, 0.4, 0.6]], np.float32)
    inside, changed = table.clip(made)
    assert changed == {"count": 2, "share": 3}
    rows = table.decode(inside)
    assert rows["count"].tolist()[:2] == [low[0], high[0]]
    assert rows["share"].tolist() == [low[1], high[1], high[1]]  # to the last bit
    np.testing.assert_array_equal(inside[:, 2:], made[:, 2:])
    assert table.decode(made)["count"][0] < 0  # a reconstruction keeps its error


def test_numbers_that_round_to_the_end_are_not_counted_as_changed() -> None:
    table = counted()
    count = table.columns[0]
    assert count.low == 0
    almost = np.array([[(-0.3 - count.mean) / count.scale, 0, 1, 0]], np.float32)
    inside, changed = table.clip(almost)
    assert changed == {}
    assert table.decode(inside)["count"].tolist() == [0]


def test_a_table_recorded_before_ranges_were_is_restored_and_clips_nothing() -> None:
    stored = counted().to_json()
    for column in stored["fitted"]["columns"]:
        for name in ("low", "high", "shares"):
            del column[name]
    table = restore(json.loads(json.dumps(stored)))
    made = np.array([[-9, 9, 1, 0]], np.float32)
    inside, changed = table.clip(made)
    np.testing.assert_array_equal(inside, made)
    assert (changed, table.compare(made)) == ({}, [])


def test_statistics_of_made_up_rows_stand_beside_those_of_the_training_rows() -> None:
    table = counted()
    count = table.columns[0]
    z = np.array([1.0, 3.0, 3.0, 5.0])
    z = (z - count.mean) / count.scale
    blue = [0, 0, 1, 1]
    made = np.stack([z, 0 * z, blue, [1 - each for each in blue]], axis=1).astype(np.float32)
    compared: list[Any] = table.compare(made)
    mean, deviation, *_, first, second = compared
    assert (mean.column, mean.statistic, mean.new) == ("count", "mean", pytest.approx(3))
    assert mean.training == count.mean
    assert mean.difference == pytest.approx((3 - count.mean) / count.scale)
    assert mean.chance == pytest.approx(0.5)
    assert deviation.new == pytest.approx(np.sqrt(2))
    assert (first.column, first.statistic, first.category) == ("colour", "share", "blue")
    assert (first.new, first.new + second.new) == (0.5, 1)
    assert first.training == table.columns[2].shares[0]
    assert first.difference == pytest.approx(0.5 - first.training)


def test_the_mean_of_dates_is_a_date() -> None:
    column = Column("day", mean=18262.0, scale=10.0, date="%Y-%m-%d", low=18252.0, high=18272.0)
    mean, deviation = column.compare(np.array([[0.1], [0.1]]))
    assert (mean.training, mean.new) == ("2020-01-01", "2020-01-02")
    assert (deviation.training, deviation.new) == (10.0, 0.0)
