"""Text files of tables as people and programs write them: read, and said how."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from evoae.config.data import DataConfig, TextTableSettings
from evoae.config.load import make_config
from evoae.data.load import load, read
from evoae.data.sources.text_table import read_text_table
from evoae.errors import DataError

RNG = np.random.default_rng(3)
NUMBERS = RNG.normal(size=(60, 3)).round(3)
GERMAN = [[str(cell).replace(".", ",") for cell in row] for row in NUMBERS]


def lines(rows, separator=","):
    return "".join(separator.join(map(str, row)) + "\n" for row in rows)


def grouped(values, mark):
    return [f"{int(value):,}".replace(",", mark) for value in values]


LARGE = RNG.uniform(1_500, 9e6, 60)
# A name, the text, the names of the columns, the first row, and what is said of it.
WRITTEN = {
    "a plain one": ("a,b,c\n" + lines(NUMBERS), "abc", NUMBERS[0], "took line 1 for names, ','"),
    "Excel's separator line": (
        "sep=;\na;b;c\n" + lines(GERMAN, ";"),
        *("abc", NUMBERS[0], "took line 2 for names, ';' between cells, ',' in decimals"),
    ),
    "tabs and decimal commas": (
        lines(GERMAN, "\t"),
        *(["c1", "c2", "c3"], NUMBERS[0], "took no line for names, tabs between cells, ','"),
    ),
    "white space": (
        "".join("  " + "   ".join(map(str, row)) + "\n" for row in NUMBERS),
        *(["c1", "c2", "c3"], NUMBERS[0], "white space between cells"),
    ),
    "white space and decimal commas": (
        lines(GERMAN, " "),
        *(["c1", "c2", "c3"], NUMBERS[0], "white space between cells, ',' in decimals"),
    ),
    "a table of R with rows' names": (
        '"a" "b" "c"\n' + "".join(f'"r{i}" {a} {b} {c}\n' for i, (a, b, c) in enumerate(NUMBERS)),
        *(["row_name", "a", "b", "c"], ["r0", *NUMBERS[0]], "took line 1 for names"),
    ),
    "a title": (
        "Report\nof 2024\n\na,b,c\n" + lines(NUMBERS),
        *("abc", NUMBERS[0], "left out 2 lines before the table ('Report of 2024')"),
    ),
    "a note below": (
        "a,b,c\n" + lines(NUMBERS) + "Source: ourselves\n",
        *("abc", NUMBERS[0], "left out 1 line after the table ('Source: ourselves')"),
    ),
    "comments": (
        "# by a logger\n# site: X\na,b,c\n"
        + lines(NUMBERS[:30])
        + "# pause\n"
        + lines(NUMBERS[30:]),
        *("abc", NUMBERS[0], "left out 1 comment line"),
    ),
    "names in a comment": (
        "# a b c\n" + lines(NUMBERS, " "),
        *("abc", NUMBERS[0], "took the last comment for names"),
    ),
    "numbers for names": (
        "400,410,420\n" + lines(NUMBERS),
        *(["400", "410", "420"], NUMBERS[0], "took line 1 for names"),
    ),
    "years for names": (
        "country,2019,2020\n" + lines([f"C{i}", *row[:2]] for i, row in enumerate(NUMBERS)),
        *(["country", "2019", "2020"], ["C0", *NUMBERS[0][:2]], "took line 1 for names"),
    ),
    "seasons for names": (
        "team,2019_2020\n" + lines(["xyz"[i % 3], row[0]] for i, row in enumerate(NUMBERS)),
        *(["team", "2019_2020"], ["x", NUMBERS[0][0]], "took line 1 for names"),
    ),
    "words without names": (
        lines(["ab"[i % 2], "xyz"[i % 3]] for i in range(60)),
        *(["c1", "c2"], ["a", "x"], "took no line for names"),
    ),
    "names again amid the rows": (
        "a,b,c\n" + lines(NUMBERS[:30]) + "a,b,c\n" + lines(NUMBERS[30:]),
        *("abc", NUMBERS[0], "left out 1 further line of names"),
    ),
    "an index without a name": (
        ",a,a\n" + lines([i, *row[:2]] for i, row in enumerate(NUMBERS)),
        *(["c1", "a", "a_2"], [0, *NUMBERS[0][:2]], "called column 3 'a_2', as 'a' is there"),
    ),
    "a separator at the end of every line": (
        "a;b;c;\n" + "".join(";".join(row) + ";\n" for row in GERMAN),
        *("abc", NUMBERS[0], "left out column 4, which has no name and no value"),
    ),
    "one column of decimal commas": (
        "value\n" + "".join(f"{row[0]}\n" for row in GERMAN),
        *(["value"], NUMBERS[0][:1], "',' in decimals"),
    ),
    "points between thousands": (
        "a;b\n"
        + lines(zip([f"{x},25" for x in grouped(LARGE, ".")], range(60), strict=True), ";"),
        *("ab", [int(LARGE[0]) + 0.25, 0], "',' in decimals, '.' between thousands"),
    ),
    "apostrophes between thousands": (
        "a|b\n" + lines(zip(grouped(LARGE, "'"), NUMBERS[:, 0], strict=True), "|"),
        *("ab", [int(LARGE[0]), NUMBERS[0][0]], "''' between thousands"),
    ),
    "narrow spaces between thousands, and euros": (
        "a;b\n"
        + lines(zip([f"{x},50 €" for x in grouped(LARGE, "\u202f")], range(60), strict=True), ";"),
        *("ab", [int(LARGE[0]) + 0.5, 0], "took '€' from the numbers of 'a'"),
    ),
    "dollars and percent": (
        "a,b\n" + lines([f'"${value:,.2f}"', f"{i}.5%"] for i, value in enumerate(LARGE)),
        *("ab", [round(LARGE[0], 2), 0.5], "took '%' from the numbers of 'b'"),
    ),
    "units": (
        "a,b\n" + lines([f"{row[0]} km/h", f"{row[1]}kg"] for row in NUMBERS),
        *("ab", NUMBERS[0][:2], "took 'km/h' from the numbers of 'a'"),
    ),
    "losses in parentheses": (
        "a,b\n" + lines([f"({i}.5)" if i % 2 else i, row[0]] for i, row in enumerate(NUMBERS, 1)),
        *("ab", [-1.5, NUMBERS[0][0]], "took line 1"),
    ),
    "words for missing values": (
        "a,b\n"
        + lines([row[0], ["red", "NULL", "None", "n/a"][i % 4]] for i, row in enumerate(NUMBERS)),
        *("ab", [NUMBERS[0][0], "red"], "took 'NULL' (15 cells), 'None' (15 cells) and 'n/a'"),
    ),
    "dashes and Excel's errors among numbers": (
        "a,b\n"
        + lines([["-", "#DIV/0!", x][min(i, 2)], y] for i, (x, y, _) in enumerate(NUMBERS)),
        *("ab", ["", NUMBERS[0][1]], "took '#DIV/0!' (1 cell) and '-' (1 cell) for missing"),
    ),
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_table_is_read_as_it_was_meant_and_said_how(name, tmp_path):
    text, columns, first, said = WRITTEN[name]
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    rows = read(DataConfig(path=str(path)))
    assert [*rows.frame.columns] == [*columns]
    cells = [cell if isinstance(cell, str) else float(cell) for cell in first]
    found = [
        cell if isinstance(want, str) else float(cell)
        for cell, want in zip(rows.frame.iloc[0], cells, strict=True)
    ]
    assert found == cells
    (remark,) = rows.remarks
    assert said in remark
    assert "a table of 60 rows and" in remark
    assert len(rows.frame) == 60


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8-sig", ""),
        ("utf-16", "read as utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("cp1252", "cp1252"),
    ],
)
def test_any_usual_encoding_is_read(encoding, said, tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(("größe,b\n" + lines(NUMBERS[:, :2])).encode(encoding))
    table = read_text_table(path)
    assert [*table.frame.columns] == ["größe", "b"]
    assert said in "; ".join(table.said)
    given = read_text_table(path, TextTableSettings(encoding=encoding))
    assert given.frame.equals(table.frame)


def test_what_was_guessed_can_be_set(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("x y\n" + "1,234 5\n" * 30)
    assert float(read_text_table(path).frame.iloc[0, 0]) == 1234
    settings = TextTableSettings(separator="space", decimal="comma", header=False, skip_lines=1)
    table = read_text_table(path, settings)
    assert [*table.frame.columns] == ["c1", "c2"]
    assert float(table.frame.iloc[0, 0]) == 1.234
    plain = TextTableSettings(separator="comma", thousands="none", header=True)
    path.write_text('a,b\n"1,234",x\n' * 3)
    assert read_text_table(path, plain).frame.iloc[0, 0] == "1,234"


def test_a_compressed_table_is_read(tmp_path):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(("a,b,c\n" + lines(NUMBERS)).encode()))
    assert load(DataConfig(path=str(path)), 1).input_shape == (3,)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="truncated"):
        load(DataConfig(path=str(path)), 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It was, they say,\nthe worst\nof times.\n" * 9, "no table: its lines have 1 to 3 cells"),
        ("a,b,c\n1,2\n3,4\n" + lines(NUMBERS), "line 2 has 2 cells and line 3 has 2 cells, most"),
        ("a,b\n1,\n2,\n3,x\n4,\n" + "5,\n" * 9, None),
    ],
)
def test_what_is_no_table_is_one_sentence(text, sentence, tmp_path):
    path = tmp_path / "t.txt"
    path.write_text(text)
    if sentence is None:
        assert len(read_text_table(path).frame) == 13
        return
    with pytest.raises(DataError) as error:
        read_text_table(path)
    assert str(error.value).startswith(f"{path}: {sentence}")


def test_a_table_larger_than_memory_says_what_it_needs_before_it_is_read(tmp_path, monkeypatch):
    import psutil

    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + "1,2\n" * 1000)
    few = psutil.virtual_memory()._replace(available=1000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: few)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("was read"))
    with pytest.raises(DataError, match="about 312 KB, and 1 KB of memory are"):
        read_text_table(path)


def machine(rows=80):
    """A table as a plant keeps it: a key, moments, numbers, fill values, remarks, a far cell."""
    rng = np.random.default_rng(1)
    return [
        ["machine", "when", "pressure", "flow", "remark"],
        *(
            [
                *(f"M-{i:04d}", f"{1 + i % 28:02d}.03.2024"),
                *(-999 if i % 20 == 3 else round(rng.normal(4, 1), 2), round(rng.normal(9, 1), 2)),
                f"note {i % 60}",
            ]
            for i in range(rows)
        ),
    ]


@pytest.fixture
def plant(tmp_path):
    path = tmp_path / "plant.csv"
    table = machine()
    table[8][3] = 1e7
    path.write_text(lines(table))
    return path


def test_keys_moments_and_remarks_are_left_out_and_kept_beside_results(plant):
    data = load(DataConfig(path=str(plant)), 1)
    assert [column.name for column in data.kind.columns] == ["pressure", "flow"]
    assert data.kind.keys == ("machine",)
    said = "\n".join(data.notes)
    assert "as they tell rows apart: 'machine'" in said
    assert "as they hold dates: 'when'" in said
    assert "'remark', which holds 60 different texts" in said
    assert "'flow' is 10,000,000 in row 8, far from the rest" in said
    table = machine()
    for part in ("train", "validation", "test"):
        beside = getattr(data, f"{part}_origins").columns(["when"])
        assert [*beside] == ["row", "machine", "when"]
        for row, key, when in zip(*beside.values(), strict=True):
            assert [key, when] == table[row][:2]
    with pytest.raises(Exception, match="no column 'colour' was left out; there are 'machine'"):
        data.train_origins.columns(["colour"])


def test_dates_become_days_if_asked_and_return_as_dates(plant):
    data = load(DataConfig(path=str(plant), dates="number"), 1)
    when = data.kind.columns[0]
    assert (when.name, when.date) == ("when", "%d.%m.%Y")
    known = {row[1] for row in machine()[1:]}
    assert set(data.kind.decode(data.train)["when"]) <= known
    rows = load(DataConfig(path=str(plant), dates="number"), 1).test_origins.names
    assert [*data.kind.decode(data.test)["when"]] == [machine()[row][1] for row in rows]


def test_fill_values_are_named_and_init_takes_them_for_missing(plant):
    (said,) = [each for each in load(DataConfig(path=str(plant)), 1).notes if "-999" in each]
    assert "-999 stands 4 times in 'pressure', far from the rest" in said
    assert 'set data.missing_values=["usual", "-999"] and data.missing=impute' in said
    source = read(DataConfig(path=str(plant)))
    suggested = {each.key: each.value for each in source.suggestions(DataConfig(path="x"))}
    assert suggested == {"missing_values": ["usual", "-999"], "missing": "impute"}
    data = load(DataConfig.model_validate({"path": str(plant), **suggested}), 1)
    assert data.kind.columns[0].missing == 4
    assert data.kind.columns[0].scale < 2


@pytest.mark.parametrize(
    "heavy", [RNG.lognormal(0, 3, 500), RNG.standard_cauchy(300), [0, 1] * 50]
)
def test_heavy_tails_and_counts_are_no_fill_values(heavy, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n" + lines(zip(heavy, RNG.normal(size=len(heavy)), strict=True)))
    source = read(DataConfig(path=str(path)))
    assert source.suggestions(DataConfig(path="x")) == ()


def test_all_problems_are_told_at_once_with_a_remedy_that_works_as_printed(tmp_path):
    path = tmp_path / "t.csv"
    rows = [[x, "", y, z] for x, y, z in NUMBERS]
    rows[3][0], rows[7][2], rows[9][2] = "oops", "err", "yes"
    path.write_text("a,b,c,d\n" + lines(rows))
    with pytest.raises(DataError) as error:
        load(DataConfig(path=str(path)), 1)
    said = str(error.value)
    assert "column 'b' holds no value, column 'a' holds 'oops' among its numbers, in row 4" in said
    assert "column 'c' holds 'err' and 1 other word among its numbers, in row 8" in said
    overrides = [each for each in error.value.next_step.split() if each.startswith("data.")]
    overrides = error.value.next_step.removeprefix("set ").split(", or,")[0].split(" and ")
    config = make_config(
        {"data": {"path": str(path)}}, overrides=[*overrides, "data.missing=impute"]
    )
    assert load(config.data, 1).input_shape == (3,)
    words = json.loads(overrides[0].partition("=")[2])
    assert words == ["usual", "oops", "err", "yes"]


def test_the_last_column_can_be_the_label(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c,kind\n" + lines([*row, "xy"[i % 2]] for i, row in enumerate(NUMBERS)))
    data = load(DataConfig(path=str(path), label_column="last"), 1)
    assert data.kind.label == "kind"
    assert set(data.train_labels) == {"x", "y"}


def test_a_column_that_is_called_a_label_is_one_for_init_if_it_has_few_words(tmp_path):
    path = tmp_path / "t.csv"
    for name, cells, wanted in (
        ("Class", "xy", {"label_column": "Class"}),
        ("target", range(60), {}),
        ("kind", "xy", {}),
    ):
        rows = [[*row, cells[i % len(cells)]] for i, row in enumerate(NUMBERS)]
        path.write_text(f"a,b,c,{name}\n" + lines(rows))
        source = read(DataConfig(path=str(path)))
        found = {each.key: each.value for each in source.suggestions(DataConfig(path="x"))}
        assert found == wanted, name
    given = DataConfig(path="x", label_column=None)
    path.write_text("a,b,c,class\n" + lines([*row, "xy"[i % 2]] for i, row in enumerate(NUMBERS)))
    assert read(DataConfig(path=str(path))).suggestions(given) == ()


# A name, the text, the names of the columns, the first row, the rows, and what is said of it.
FOREIGN = {
    "empty columns and rows that Excel leaves": (
        "a,b,,,\n" + lines([*row[:2], "", "", ""] for row in NUMBERS) + ",,,,\n" * 30,
        *("ab", NUMBERS[0][:2], 60),
        "left out 30 empty rows; left out columns 3, 4 and 5, which have no name and no value",
    ),
    "a column without a name beside an empty one": (
        "a,,,b\n" + lines([row[0], "", row[1], ""] for row in NUMBERS),
        *(["a", "c3", "b"], [*NUMBERS[0][:2], ""], 60),
        "called column 3 'c3', as it has no name",
    ),
    "units below the names": (
        "t,p,name\n[s],[hPa],\n"
        + lines([*row[:2], "xyz"[i % 3]] for i, row in enumerate(NUMBERS)),
        *(["t", "p", "name"], [*NUMBERS[0][:2], "x"], 60),
        "left out 1 line of units or so below the names ('[s] [hPa]')",
    ),
    "two levels of names": (
        "a,a,b\nmean,sd,mean\n" + lines(NUMBERS),
        *(["a mean", "a sd", "b mean"], NUMBERS[0], 60, "took 1 line more for names"),
    ),
    "two levels of names and the index's": (
        ",a,a\n,mean,sd\nplant,,\n" + lines([f"p{i}", *row[:2]] for i, row in enumerate(NUMBERS)),
        *(["plant", "a mean", "a sd"], ["p0", *NUMBERS[0][:2]], 60, "took 2 lines more for names"),
    ),
    "numbered columns beside an index": (
        ",0,1,2\n" + lines([i, *row] for i, row in enumerate(NUMBERS)),
        *(["c1", "0", "1", "2"], [0, *NUMBERS[0]], 60, "took line 1 for names"),
    ),
    "numbered columns": (
        "0,1,2\n" + lines(NUMBERS),
        *(["0", "1", "2"], NUMBERS[0], 60, "took line 1 for names"),
    ),
    "telephone numbers": (
        "phone,x\n" + lines([f"+49 30 {1000 + i}", row[0]] for i, row in enumerate(NUMBERS)),
        *(["phone", "x"], ["+49 30 1000", NUMBERS[0][0]], 60, "',' between cells"),
    ),
    "a title that Excel pads": (
        "Report,,\nof,2024,\na,b,c\n" + lines(NUMBERS),
        *("abc", NUMBERS[0], 60, "left out 2 lines before the table ('Report of 2024')"),
    ),
    "a title over columns of which one has no name": (
        "Report,,,\na,,b,c\n" + lines([row[0], "", *row[1:]] for row in NUMBERS),
        *("abc", NUMBERS[0], 60, "took line 2 for names"),
    ),
    "apostrophes around cells": (
        "a,b,c\n" + lines([row[0], "'Smith, J'", row[1]] for row in NUMBERS),
        *("abc", [NUMBERS[0][0], "Smith, J", NUMBERS[0][1]], 60, "took ' for the mark around"),
    ),
    "tags that begin with a hash": (
        "tag,a\n" + lines([f"#{i % 4}", row[0]] for i, row in enumerate(NUMBERS)),
        *(["tag", "a"], ["#0", NUMBERS[0][0]], 60, "took line 1 for names"),
    ),
    "a cell too narrow for its number": (
        "a,b\n########,5\n" + lines(NUMBERS[:, :2]),
        *("ab", ["########", 5], 61, "took line 1 for names"),
    ),
    "a table of a data base": (
        "+---+---+\n| a | b |\n+---+---+\n"
        + "".join(f"| {a} | {b} |\n" for a, b, _ in NUMBERS)
        + "+---+---+\n",
        *("ab", NUMBERS[0][:2], 60, "left out 3 ruled lines"),
    ),
    "a table in Markdown": (
        "| a | b |\n|---|--:|\n" + "".join(f"| {a} | {b} |\n" for a, b, _ in NUMBERS),
        *("ab", NUMBERS[0][:2], 60, "left out 1 ruled line"),
    ),
    "remarks behind two strokes": (
        "// written by the balance\n" + lines(NUMBERS, " "),
        *(["c1", "c2", "c3"], NUMBERS[0], 60, "left out 1 comment line at the top"),
    ),
    "the end of a file of DOS": (
        "a,b,c\n" + lines(NUMBERS) + "\x1a",
        *("abc", NUMBERS[0], 60, "took line 1 for names"),
    ),
    "a page of GEO": (
        '!title\t"x"\n!table_begin\n"a"\t"b"\n' + lines(NUMBERS[:, :2], "\t") + "!table_end\n",
        *("ab", NUMBERS[0][:2], 60, "left out 1 comment line"),
    ),
    "losses before a currency, and behind numbers": (
        "a,b\n-$1.50,2.25-\n" + lines([f"${i}.25", row[0]] for i, row in enumerate(NUMBERS)),
        *("ab", [-1.5, -2.25], 61, "took '$' from the numbers of 'a'"),
    ),
    "lakhs": (
        'a,b\n"12,34,567",1\n' + lines(['"1,23,456"', row[0]] for row in NUMBERS),
        *("ab", [1234567, 1], 61, "',' between thousands"),
    ),
    "exponents of Fortran": (
        "".join(f"{i + 1}.5D-01 {row[0]}\n" for i, row in enumerate(NUMBERS)),
        *(["c1", "c2"], [0.15, NUMBERS[0][0]], 60, "white space between cells"),
    ),
    "names of rows that are missing in the header": (
        "a,b\n" + lines([f"r{i}", *row[:2]] for i, row in enumerate(NUMBERS)),
        *(["row_name", "a", "b"], ["r0", *NUMBERS[0][:2]], 60, "called column 1 'row_name'"),
    ),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_table_is_read_as_it_was_meant_and_said_how(name, tmp_path):
    text, columns, first, rows, said = FOREIGN[name]
    path = tmp_path / "t.csv"
    path.write_bytes(text.encode())
    table = read_text_table(path)
    assert [*table.frame.columns] == [*columns]
    found = [
        cell if isinstance(want, str) else float(cell)
        for cell, want in zip(table.frame.iloc[0], first, strict=True)
    ]
    assert found == [want if isinstance(want, str) else float(want) for want in first]
    assert len(table.frame) == rows
    assert said in "; ".join(table.said)


@pytest.mark.parametrize(
    "cells", [["1-", "2-", "3"], ["!go", "stop", "5"], ["//a", "//b", "c", "d"]]
)
def test_marks_in_cells_are_no_losses_and_no_remarks(cells, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("mark,a\n" + lines([cells[i % len(cells)], i / 7] for i in range(60)))
    data = load(DataConfig(path=str(path)), 1)
    assert data.kind.columns[0].categories == tuple(
        sorted(cells, key=lambda cell: (not cell.isdigit(), cell))
    )


def test_rows_are_no_names_of_a_table_whose_first_column_repeats(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b,c\n" + lines([i % 3, *row] for i, row in enumerate(NUMBERS)))
    with pytest.raises(DataError, match="line 1 has 3 cells, most lines 4"):
        read_text_table(path)


def test_an_encoding_that_cannot_be_told_is_asked_for(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(("番号,値\n" + lines(NUMBERS[:, :2])).encode("shift_jis"))
    with pytest.raises(DataError, match=r"neither UTF-8 nor cp1252; set data\.encoding"):
        read_text_table(path)
    given = read_text_table(path, TextTableSettings(encoding="shift_jis"))
    assert [*given.frame.columns] == ["番号", "値"]
    path.write_bytes(("größe,b\n" + lines(NUMBERS[:, :2])).encode("cp1252"))
    said = "; ".join(read_text_table(path).said)
    assert "read as cp1252, with words like 'größe' (data.encoding)" in said


@pytest.mark.parametrize(
    ("cells", "format"),
    [
        (["20240131", "20240229", "20231201", "20230615", "20220101"] * 12, "%Y%m%d"),
        ([f"{i % 28 + 1:02d}-02-2024" for i in range(60)], "%d-%m-%Y"),
        ([f"01/{i % 28 + 1:02d}/2024 1:05 PM" for i in range(60)], "%m/%d/%Y %I:%M %p"),
    ],
)
def test_further_dates_are_left_out_or_become_days(cells, format, tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("when,a\n" + lines(zip(cells, NUMBERS[:, 0], strict=True)))
    left_out = load(DataConfig(path=str(path)), 1)
    assert "as they hold dates: 'when'" in " ".join(left_out.notes)
    data = load(DataConfig(path=str(path), dates="number"), 1)
    assert data.kind.columns[0].date == format
    decoded = data.kind.decode(data.test)["when"].tolist()
    wanted = [cells[row - 1].replace(" 1:", " 01:") for row in data.test_origins.names]
    assert decoded == wanted
    new = data.kind.encode(read(DataConfig(path=str(path))).frame)
    assert np.isfinite(new).all()


def test_codes_that_no_number_keeps_are_text(tmp_path):
    path = tmp_path / "t.csv"
    codes = [str(900719925474099300 + i) for i in range(60)]
    path.write_text("code,a\n" + lines(zip(codes, NUMBERS[:, 0], strict=True)))
    data = load(DataConfig(path=str(path)), 1)
    assert data.kind.keys == ("code",)
    beside = data.test_origins.columns([])
    assert [*beside["code"]] == [codes[row - 1] for row in beside["row"]]
    path.write_text("code,a\n" + lines([codes[i % 2], row[0]] for i, row in enumerate(NUMBERS)))
    assert load(DataConfig(path=str(path)), 1).kind.columns[0].categories == tuple(codes[:2])


def test_a_table_of_which_nothing_is_left_says_why(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a^b\n" + lines(NUMBERS[:, :2], "^"))
    with pytest.raises(DataError, match=r"'a\^b' tells rows apart\): check .*data.separator"):
        load(DataConfig(path=str(path)), 1)


def test_many_words_among_numbers_have_a_remedy_that_works_as_printed(tmp_path):
    path = tmp_path / "t.csv"
    cells = [f"<{i}" if i % 3 == 0 else i for i in range(60)]
    path.write_text("a,b\n" + lines(zip(cells, NUMBERS[:, 0], strict=True)))
    with pytest.raises(DataError) as error:
        load(DataConfig(path=str(path)), 1)
    assert 'set data.ignore=["a"], or' in str(error.value)
    data = load(DataConfig(path=str(path), ignore=("a",)), 1)
    assert data.input_shape == (1,)


def test_numbers_like_codes_and_points_that_may_part_thousands_are_doubted(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text(
        "zip,hour\n" + lines([f"0{1000 + i * 37}", f"{i % 24:02d}"] for i in range(60))
    )
    config = DataConfig(path=str(path))
    (note,) = load(config, 1).notes
    assert "zeros in front, as codes have: 'zip'" in note
    assert note.endswith('set data.categorical=["zip"] or data.ignore=["zip"].')
    path.write_text(
        "kg;n\n" + lines([f"{1 + i % 9}.{123 + i}", i % 7] for i in range(60)).replace(",", ";")
    )
    (remark,) = read(config).remarks
    assert "1.234 would fit thousands (data.thousands=point and data.decimal=comma)" in remark
    settings = DataConfig(path=str(path), thousands="point", decimal="comma")
    assert float(read(settings).frame["kg"].iloc[0]) == 1123
    path.write_text("kg;n\n" + lines(NUMBERS[:, :2], ";"))
    (remark,) = read(config).remarks
    assert "thousands" not in remark
