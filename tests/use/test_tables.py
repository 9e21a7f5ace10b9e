"""Rows of a table through every use, and back in their original units."""

import csv
import json
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.config.schema import Config
from evoae.data.load import load
from evoae.errors import DataError, UseError
from evoae.runs.folder import create
from evoae.runs.run import Run
from evoae.runs.store import Store
from evoae.use.encode import encode, write_codes
from evoae.use.grid import interpolate, interpolate_random
from evoae.use.items import choose
from evoae.use.model import open_model
from evoae.use.output import check_decodable, write_decoded
from evoae.use.reconstruct import write_rebuilt
from evoae.use.sample import sample
from evoae.use.score import score
from tests.runs.samples import METADATA, candidate, finished, identity, scored
from tests.use.networks import dense_autoencoder

COLUMNS = ["age", "colour", "pressure"]


@pytest.fixture(scope="module")
def rows():
    """120 patients: whole numbers, three categories, numbers with a decimal, and a label."""
    rng = np.random.default_rng(7)
    age = rng.integers(20, 90, 120)
    return pd.DataFrame(
        {
            "age": age,
            "colour": rng.choice(["red", "green", "blue"], 120),
            "sick": np.where(rng.random(120) < 0.3, "yes", "no"),
            "pressure": (100 + age / 2 + rng.normal(0, 5, 120)).round(1),
        }
    )


@pytest.fixture(scope="module")
def run(rows, tmp_path_factory):
    """A run folder whose best model gives every row back exactly: its code is as wide."""
    folder = tmp_path_factory.mktemp("table")
    rows.to_csv(folder / "patients.csv", index=False)
    data = {"path": str(folder / "patients.csv"), "label_column": "sick"}
    config = Config.model_validate({"data": data, "search": {"population": 2, "hof_size": 2}})
    dataset = load(config.data, config.seed)
    fitted = dataset.kind.to_json()
    create(folder / "run", config, replace(METADATA, data_digest=dataset.digest, kind=fitted))
    with Store.writer(folder / "run") as store:
        store.add_candidate(candidate(1))
        store.add_candidate(candidate(2, position=1))
        store.add_evaluation(scored(1))
        store.add_evaluation(scored(2, 0.1))
        store.finish_generation(finished(1))
    same = np.eye(5, dtype=np.float32)
    model = dense_autoencoder(5, 5, weights=(same * 2, same / 2))
    model.save(folder / "run" / "models" / f"{identity(1)}.keras")
    return folder / "run"


@pytest.fixture(scope="module")
def model(run):
    return open_model(run)


def read(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def same_row(written, original):
    seen = (int(written["age"]), written["colour"], float(written["pressure"]))
    return seen == (original.age, original.colour, original.pressure)


def test_new_rows_are_encoded_like_the_training_rows_and_keep_their_order(model, rows, tmp_path):
    rows.iloc[:9][["sick", "pressure", "colour", "age"]].to_csv(tmp_path / "new.csv", index=False)
    items = choose(model, data=str(tmp_path / "new.csv"))
    assert items.labels.tolist() == rows["sick"][:9].tolist()
    write_codes(tmp_path / "c.csv", encode(model, items), items, concat=True)
    written = read(tmp_path / "c.csv")
    assert [each["row"] for each in written] == [str(number) for number in range(1, 10)]
    assert list(written[0]) == ["row", *COLUMNS, "z1", "z2", "z3", "z4", "z5", "label"]
    assert all(map(same_row, written, rows.itertuples()))
    assert [float(each["z1"]) for each in written] == pytest.approx(2 * items.all()[:, 0])


def test_reconstructions_stand_beside_the_originals_with_their_error(model, rows, tmp_path):
    items = choose(model, limit=5)
    write_rebuilt(tmp_path / "r.csv", model, items)
    written = read(tmp_path / "r.csv")
    assert list(written[0]) == ["row", "error", *COLUMNS, *(f"{n}_rebuilt" for n in COLUMNS)]
    known = {(str(row.age), row.colour, str(row.pressure)) for row in rows.itertuples()}
    for line in written:
        assert same_row(line, rows.iloc[int(line["row"]) - 1])
        assert float(line["error"]) < 1e-10
        assert [line[name] for name in COLUMNS] == [line[f"{name}_rebuilt"] for name in COLUMNS]
        assert tuple(line[name] for name in COLUMNS) in known


def test_samples_are_rows_in_the_original_units_like_those_of_the_data(model, rows, tmp_path):
    drawn = sample(model, 2000, seed=1)
    write_decoded(tmp_path / "s.csv", drawn, model.kind)
    written = pd.read_csv(tmp_path / "s.csv")
    assert list(written.columns) == COLUMNS
    assert written["age"].dtype == np.int64
    assert set(written["colour"]) == {"red", "green", "blue"}
    for name in ("age", "pressure"):
        assert written[name].mean() == pytest.approx(rows[name].mean(), rel=0.05)
        assert written[name].std() == pytest.approx(rows[name].std(), rel=0.15)
    apart = rows["age"].corr(rows["pressure"])
    assert written["age"].corr(written["pressure"]) == pytest.approx(apart, abs=0.1)


def test_rows_between_two_rows_are_placed_and_lie_between_them(model, tmp_path):
    grid = interpolate(model, choose(model).at([0, 1]), steps=4)
    write_decoded(tmp_path / "i.csv", grid, model.kind)
    written = read(tmp_path / "i.csv")
    assert [(line["row"], line["column"]) for line in written] == [("0", str(n)) for n in range(4)]
    pressures = [float(line["pressure"]) for line in written]
    assert sorted(pressures) in (pressures, pressures[::-1])


def test_a_row_that_is_rebuilt_badly_scores_high(run):
    lossy = open_model(run)
    weights = np.diag([1, 1, 1, 1, 0]).astype(np.float32)  # loses the pressure
    lossy.encoder.get_layer("code").set_weights([weights])
    lossy.decoder.layers[-1].set_weights([weights])
    items = choose(lossy, split="train")
    expected = items.all()[:, -1] ** 2 / 5
    np.testing.assert_allclose(score(lossy, items).values, expected, rtol=1e-4, atol=1e-9)


def test_rows_that_do_not_fit_the_table_are_refused(model, rows, tmp_path):
    rows.drop(columns="age").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(DataError, match="age"):
        choose(model, data=str(tmp_path / "less.csv"))
    with pytest.raises(DataError, match="no file"):
        choose(model, data=str(tmp_path / "none.csv"))
    with pytest.raises(UseError, match="rows of a table"):
        check_decodable(tmp_path / "x.png", model, 4)


def test_a_lone_file_does_not_know_the_columns(model, tmp_path):
    lone = open_model(shutil.copy(model.path, tmp_path / "lone.keras"))
    (tmp_path / "new.csv").write_text("age,colour,pressure\n1,red,2\n")
    with pytest.raises(UseError, match="Name the run"):
        choose(lone, data=str(tmp_path / "new.csv"))
    with pytest.raises(UseError, match="name the run"):
        check_decodable(tmp_path / "x.csv", lone, 4)


def test_new_rows_may_be_an_array_of_the_same_columns(model, tmp_path):
    numeric = tmp_path / "rows.npz"
    np.savez(numeric, x=np.ones((4, 2)), columns=np.array(["age", "pressure"]))
    with pytest.raises(DataError, match="no column 'colour'"):
        choose(model, data=str(numeric))
    np.save(tmp_path / "pictures.npy", np.zeros((4, 8, 8), np.float32))
    with pytest.raises(UseError, match="takes rows of a table"):
        choose(model, data=str(tmp_path / "pictures.npy"))


@pytest.fixture
def wild(run):
    """Decodes twice as far from the mean as it encodes, so that rows leave the training range."""
    model = open_model(run)
    model.decoder.layers[-1].set_weights([np.eye(5, dtype=np.float32)])
    return model


@pytest.mark.parametrize("make", ["sample", "interpolate", "random"])
def test_made_up_rows_stay_in_the_range_of_the_training_rows(make, wild, run, rows, tmp_path):
    items = choose(wild, split="train")
    made = {
        "sample": lambda: sample(wild, 500, how="sample"),
        "interpolate": lambda: interpolate(wild, items.all()[:20]),
        "random": lambda: interpolate_random(wild, 40),
    }[make]()
    write_decoded(tmp_path / "s.csv", made, wild.kind)
    written, training = pd.read_csv(tmp_path / "s.csv"), wild.kind.decode(items.all())
    for name in ("age", "pressure"):
        low, high = training[name].min(), training[name].max()
        assert (written[name].min(), written[name].max()) == (low, high)  # reached, not left
    assert set(made.clipped) == {"age", "pressure"}
    write_rebuilt(tmp_path / "r.csv", wild, items)
    assert pd.read_csv(tmp_path / "r.csv")["age_rebuilt"].max() > training["age"].max()


def typed(*words):
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done


def test_sample_tells_how_samples_compare_with_the_training_rows(run, tmp_path):
    done = typed("sample", run, "-n", 500, "--out", tmp_path / "s.csv", "--json")
    told, written = json.loads(done.stdout), pd.read_csv(tmp_path / "s.csv")
    assert (told["path"], told["codes"]) == (str(tmp_path / "s.csv"), 500)
    found = {
        (each["column"], each["statistic"], each["category"]): each["new"]
        for each in told["statistics"]
    }
    assert found["age", "mean", ""] == pytest.approx(written["age"].mean())
    assert found["pressure", "deviation", ""] == pytest.approx(written["pressure"].std(ddof=0))
    assert found["colour", "share", "red"] == pytest.approx((written["colour"] == "red").mean())
    assert len(found) == 2 + 2 + 3


def test_sample_names_the_statistics_that_differ_and_what_was_clipped(run, wild, tmp_path):
    wild.autoencoder.save(tmp_path / "wild.keras")
    shutil.copytree(run, tmp_path / "run")
    shutil.move(tmp_path / "wild.keras", tmp_path / "run" / "models" / f"{identity(1)}.keras")
    said = typed("sample", tmp_path / "run", "-n", 400, "--out", tmp_path / "s.csv").stderr
    first, clipped, farthest = said.splitlines()
    assert first.startswith("400 codes from a Gaussian fitted to the codes of")
    assert re.fullmatch(
        r"\d+ numbers beyond the training rows' range set to its end: "
        r"'(age|pressure)' \d+, '(age|pressure)' \d+",
        clipped,
    )
    assert farthest.startswith(
        "farthest from the training rows (theirs in brackets): deviation of"
    )
    assert "% (" in farthest or farthest.count("deviation of") == 2


def test_sample_near_a_row_that_results_name_and_between_rows_and_random_codes(
    run, rows, tmp_path
):
    model = open_model(run)
    row = int(choose(model, split="train").origins.names[4])
    out = tmp_path / "near.csv"
    near = ("sample", run, "--near", f"row={row}", "--width", 0.001, "--how", "mean", "-n", 5)
    said = typed(*near, "--out", out).stderr
    assert said.startswith(f"5 codes around row {row} of patients.csv (train and validation)")
    assert "farthest" not in said
    assert all(same_row(line, rows.iloc[row - 1]) for line in read(out))
    items = f"row={row},row={choose(model).origins.names[0]}"
    typed("interpolate", run, "--items", items, "--out", tmp_path / "i.csv")
    assert same_row(read(tmp_path / "i.csv")[0], rows.iloc[row - 1])
    said = typed(
        "interpolate", run, "--random", 3, "--seed", 1, "--out", tmp_path / "r.csv"
    ).stderr
    assert said.startswith("straight lines between 3 codes from a Gaussian")
    assert len(read(tmp_path / "r.csv")) == 2 * 8


def test_a_run_without_recorded_ranges_says_that_nothing_is_clipped(run, tmp_path, monkeypatch):
    kind = open_model(run).kind
    old = [replace(column, low=None, high=None, shares=()) for column in kind.columns]
    monkeypatch.setattr(Run, "data_kind", lambda _: replace(kind, columns=tuple(old)))
    said = typed("sample", run, "-n", 9, "--out", tmp_path / "s.csv").stderr
    assert said.endswith("is not known: nothing is clipped or compared\n")
