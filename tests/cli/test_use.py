"""What the commands that use a model write and print."""

import csv
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from evoae.cli.main import cli
from evoae.cli.options import named_items
from evoae.experiments import downstream
from evoae.use.model import open_model
from tests.cli.test_start import loaded_by
from tests.use.networks import image_autoencoder, images

PICTURES = ["reconstruct", "sample", "interpolate"]


def run(*arguments, code=0):
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == code, done.output
    if code:
        assert done.stdout == ""
        assert (done.stderr[:7], done.stderr.count("\n")) == ("Error: ", 1)
    return done


def size(picture):
    with Image.open(picture) as opened:
        return opened.size


@pytest.fixture(scope="module")
def flat(tiny_run, tmp_path_factory):
    """The .keras file of a network with two numbers in its code."""
    file = tmp_path_factory.mktemp("flat") / "flat.keras"
    import keras

    keras.utils.set_random_seed(0)
    entry, code = keras.Input((8, 8, 1)), keras.Input((2,))
    flattened = keras.layers.Flatten()(entry)
    encoder = keras.Model(entry, keras.layers.Dense(2)(flattened), name="encoder")
    rebuilt = keras.layers.Reshape((8, 8, 1))(keras.layers.Dense(64, activation="sigmoid")(code))
    decoder = keras.Model(code, rebuilt, name="decoder")
    keras.Model(entry, decoder(encoder(entry)), name="autoencoder").save(file)
    return file


def test_export_prints_what_it_wrote_and_how_far_it_is_from_keras(tiny_run, tmp_path):
    said = run("export", tiny_run.path, "--out", tmp_path / "m.keras").stdout
    assert said.startswith(str(tmp_path / "m.keras"))
    assert said.endswith("on 100 items\n")
    arguments = ("--format", "onnx", "--part", "encoder", "--out", tmp_path / "e.onnx", "--json")
    done = json.loads(run("export", tiny_run.path, *arguments).stdout)
    assert done["difference"] <= 1e-6
    assert done["bytes"] == (tmp_path / "e.onnx").stat().st_size
    assert (done["format"], done["part"], done["items"]) == ("onnx", "encoder", 100)


def test_an_exported_autoencoder_can_be_used_in_the_runs_place(tiny_run, tmp_path):
    run("export", tiny_run.path, "--out", tmp_path / "m.keras")
    run("encode", tiny_run.path, "--data", "digits", "--out", tmp_path / "run.npz")
    run("encode", tmp_path / "m.keras", "--data", "digits", "--out", tmp_path / "file.npz")
    of_run, of_file = (np.load(tmp_path / f"{name}.npz")["codes"] for name in ("run", "file"))
    assert len(of_run) == 1797
    np.testing.assert_array_equal(of_run, of_file)


@pytest.mark.parametrize("suffix", [".npz", ".csv"])
def test_encode_writes_as_many_codes_as_asked_for(suffix, tiny_run, tmp_path):
    out = tmp_path / f"codes{suffix}"
    done = run("encode", tiny_run.path, "--limit", 7, "--concat", "--out", out)
    assert (done.stdout, done.stderr) == (f"{out}\n", "7 codes of digits (validation)\n")
    latent = open_model(tiny_run.path).latent
    if suffix == ".npz":
        assert np.load(out)["features"].shape == (7, 64 + latent)
    else:
        assert np.loadtxt(out, delimiter=",", skiprows=1).shape == (7, 1 + 64 + latent + 1)


@pytest.mark.parametrize("command", PICTURES)
def test_pictures_and_arrays_are_written_under_the_name_that_is_printed(
    command, tiny_run, tmp_path
):
    for suffix in (".png", ".npz"):
        out = tmp_path / f"out{suffix}"
        assert run(command, tiny_run.path, "--out", out).stdout == f"{out}\n"
    across, down = {"reconstruct": (16, 8), "sample": (8, 8), "interpolate": (8, 8)}[command]
    # 8 pixels and a line for each image, all of them eight times as large.
    assert size(tmp_path / "out.png") == (8 * (9 * across - 1), 8 * (9 * down - 1))
    assert len(np.load(tmp_path / "out.npz").files) == 2


@pytest.mark.parametrize("command", [*PICTURES, "encode"])
def test_nothing_is_replaced_without_force(command, tiny_run, tmp_path):
    out = tmp_path / "out.npz"
    out.write_text("mine")
    assert "--force" in run(command, tiny_run.path, "--out", out, code=2).stderr
    assert out.read_text() == "mine"
    run(command, tiny_run.path, "--out", out, "--force")
    assert np.load(out).files


def test_sample_says_where_its_codes_come_from(tiny_run, tmp_path):
    out = tmp_path / "s.npz"
    said = run("sample", tiny_run.path, "-n", 5, "--how", "sample", "--seed", 3, "--out", out)
    assert said.stderr == "5 codes from a Gaussian fitted to the codes of 1,455 training items\n"
    assert np.load(out)["values"].shape == (5, 8, 8, 1)


def test_manifold_draws_a_two_dimensional_code(flat, tmp_path):
    out = tmp_path / "m.png"
    run("manifold", flat, "--side", 5, "--data", "digits", "--out", out)
    assert size(out) == (8 * 44, 8 * 44)
    assert "--data" in run("manifold", flat, "--out", tmp_path / "n.png", code=2).stderr


def test_score_prints_csv_and_with_a_meaning_of_labels_the_roc_auc(tiny_run, tmp_path):
    done = run("score", tiny_run.path, "--normal", 0, "--normal", 1)
    header, *lines = csv.reader(done.stdout.splitlines())
    assert header == ["index", "score", "label"]
    assert len({int(line[0]) for line in lines}) == 162  # places in the set, before the split
    normal = np.isin([line[2] for line in lines], ["0", "1"])
    scores = np.array([float(line[1]) for line in lines])
    pairs = scores[~normal][:, None] - scores[normal]
    auc = ((pairs > 0) + (pairs == 0) / 2).mean()
    assert done.stderr == f"162 scores of digits (validation)\nROC-AUC {auc:.4f}\n"
    told = json.loads(run("score", tiny_run.path, "--anomaly", 3, "--json").stdout)
    assert 0 <= told["roc_auc"] <= 1
    assert [row["score"] for row in told["scores"]] == scores.tolist()
    out = tmp_path / "scores.csv"
    assert run("score", tiny_run.path, "--out", out).stdout == f"{out}\n"
    assert out.read_text() == done.stdout


def test_the_strangest_items_come_first_and_the_test_split_only_once_measured(tiny_run):
    every = list(csv.reader(run("score", tiny_run.path).stdout.splitlines()))[1:]
    top = list(csv.reader(run("score", tiny_run.path, "--top", 5).stdout.splitlines()))[1:]
    by_score = sorted(every, key=lambda line: -float(line[1]))
    assert top == by_score[:5]
    assert (
        list(csv.reader(run("score", tiny_run.path, "--sort").stdout.splitlines()))[1:] == by_score
    )
    refused = CliRunner().invoke(cli, ["score", str(tiny_run.path), "--split", "test"])
    assert refused.exit_code == 2
    assert "its test split was not measured yet. Refit it first" in refused.stderr
    refused = CliRunner().invoke(cli, ["score", str(tiny_run.path), "--keep", "colour"])
    assert refused.exit_code == 2
    assert "no column 'colour' was left out" in refused.stderr


def test_labels_of_a_file_stand_in_for_the_datas_own(tiny_run, tmp_path):
    labels = tmp_path / "labels.txt"
    labels.write_text("sick\n" + "well\n" * 161)
    arguments = ("score", tiny_run.path, "--labels", labels, "--anomaly", "sick")
    done = run(*arguments, "--limit", 9)
    assert [line.rsplit(",")[-1] for line in done.stdout.split()[1:]] == ["sick"] + ["well"] * 8
    labels.write_text("sick\n")
    assert "1 labels for 162 items" in run(*arguments, code=2).stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("encode", "RUN", "--out", "codes.txt"), "use .csv or .npz"),
        (("encode", "RUN", "--out", "no/codes.csv"), "no such folder"),
        (("encode", "RUN", "--out", "."), "suffix"),
        (("encode", "RUN", "zz", "--out", "c.csv"), "no candidate begins with 'zz'"),
        (("encode", "RUN", "--data", "nowhere", "--out", "c.csv"), "nowhere"),
        (("encode", "FILE", "--out", "c.csv"), "--data"),
        (("encode", "FILE", "9f", "--out", "c.csv"), "one model"),
        (("encode", "no.keras", "--out", "c.csv"), "no such file"),
        (("sample", "RUN", "--out", "s.csv"), "no table rows"),
        (("reconstruct", "RUN", "--out", "s.csv"), "no table rows"),
        (("sample", "RUN", "-n", "900000000", "--out", "s.npz"), "too many"),
        (("manifold", "FILE", "--side", "100000", "--out", "m.npz"), "too many"),
        (("interpolate", "RUN", "--steps", "99999999", "--out", "i.npz"), "too many"),
        (("interpolate", "RUN", "--items", "3", "--out", "i.png"), "two or more"),
        (("interpolate", "RUN", "--items", "3,9999", "--out", "i.png"), "no item 9999"),
        (("interpolate", "RUN", "--items", "index=99999,index=1", "--out", "i.png"), "no item is"),
        (("interpolate", "RUN", "--items", "row=3,row=4", "--out", "i.png"), "by index=…"),
        (("sample", "RUN", "--near", "file=x", "--out", "s.png"), "by index=…"),
        (("sample", "RUN", "--near", "9999", "--out", "s.png"), "no item 9999"),
        (("reconstruct", "RUN", "--how", "sample", "--out", "r.png"), "nothing to draw"),
        (("export", "RUN", "--format", "onnx", "--out", "m.keras"), ".onnx"),
        (("score", "RUN", "--normal", "99"), "162 of 162"),
        (("score", "RUN", "--normal", "1", "--anomaly", "2"), "--normal or --anomaly"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_sentence_and_leaves_nothing(
    arguments, said, flat, tiny_run, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    known = {"RUN": tiny_run.path, "FILE": flat}
    assert said in run(*(known.get(word, word) for word in arguments), code=2).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("sample", "--near", "x"), "'x' is no item"),
        (("sample", "--near", "1,2"), "takes one item"),
        (("sample", "--width", "2"), "name it with --near"),
        (("sample", "--near", "1", "--width", "0"), "x>0"),
        (("interpolate", "--items", "1,x"), "'1,x' is no item"),
        (("interpolate", "--seed", "2"), "say with --random"),
        (("interpolate", "--random", "2", "--items", "0,1"), "takes no --items"),
        (("interpolate", "--random", "2", "--split", "train"), "takes no --items or --split"),
        (("manifold", "--range", "3"), "'3' is no lower and higher number"),
        (("manifold", "--range", "3,-3"), "no lower and higher"),
        (("manifold", "--range", "nan,3"), "no lower and higher"),
        (("reconstruct", "--seed", "2"), "--how sample"),
    ],
)
def test_options_that_do_not_go_together_are_refused(arguments, said, tiny_run, tmp_path):
    command, *options = arguments
    words = [command, str(tiny_run.path), *options, "--out", str(tmp_path / "o.npz")]
    done = CliRunner().invoke(cli, words)
    assert (done.exit_code, said in " ".join(done.stderr.split())) == (2, True), done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,5,9", ["0", "5", "9"]),
        (" 0, 5", ["0", "5"]),
        ("row=279,row=12", ["row 279", "row 12"]),
        ("file=a,b.png,file=cats/1.png", ["file a,b.png", "file cats/1.png"]),
        ("file=a=b.png", ["file a=b.png"]),
    ],
)
def test_a_comma_within_a_name_parts_no_items(text, expected):
    assert [str(name) for name in named_items(None, None, text)] == expected


def test_items_of_digits_are_named_by_the_index_that_results_show(tiny_run, tmp_path):
    header, first, second, *_ = csv.reader(run("score", tiny_run.path).stdout.splitlines())
    named = f"{header[0]}={first[0]},{header[0]}={second[0]}"
    run("interpolate", tiny_run.path, "--items", named, "--out", tmp_path / "named.npz")
    run("interpolate", tiny_run.path, "--items", "0,1", "--out", tmp_path / "places.npz")
    by_name, by_place = (
        np.load(tmp_path / f"{each}.npz")["codes"] for each in ("named", "places")
    )
    np.testing.assert_array_equal(by_name, by_place)
    near = ("sample", tiny_run.path, "--near", f"index={first[0]}", "-n", 4)
    done = run(*near, "--out", tmp_path / "near.png", "--json")
    assert done.stderr.startswith(f"4 codes around index {first[0]} of digits (train and valid")
    told = json.loads(done.stdout)
    assert (told["statistics"], told["clipped"]) == ([], {})
    assert told["near"].startswith(f"index {first[0]} of digits")


def test_the_only_item_of_other_data_is_near_by_the_runs_own_codes(tiny_run, tmp_path):
    np.save(tmp_path / "x.npy", images(1, shape=(8, 8)))
    near = ("sample", tiny_run.path, "--near", 0, "--data", tmp_path / "x.npy", "-n", 2)
    said = run(*near, "--out", tmp_path / "s.png").stderr
    assert said.startswith("2 codes around index 0 of x.npy: a Gaussian 0.25 times as wide as")
    assert said.endswith("of the codes of 1,455 training items\n")


def test_a_variational_file_draws_codes_of_items_and_of_its_prior(tmp_path):
    file, data = tmp_path / "v.keras", tmp_path / "x.npy"
    image_autoencoder(latent=2, posterior="diagonal").save(file)
    np.save(data, images(6))
    arrays = {}
    for name, how in (("mean", ()), ("draw", ("--how", "sample", "--seed", 4))):
        out = tmp_path / f"{name}.npz"
        run("reconstruct", file, "--data", data, *how, "--out", out)
        arrays[name] = np.load(out)["rebuilt"]
    assert not np.allclose(arrays["mean"], arrays["draw"], atol=1e-3)
    near = ("sample", file, "--near", "index=5", "--data", data, "-n", 2)
    said = run(*near, "--out", tmp_path / "n.npz").stderr
    assert said == "2 codes around index 5 of x.npy: its posterior\n"
    said = run("interpolate", file, "--random", 2, "--out", tmp_path / "i.npz").stderr
    assert said == "straight lines between 2 codes from the prior N(0, I)\n"


def test_manifold_takes_a_range_that_begins_with_a_minus(flat, tmp_path):
    out = tmp_path / "m.npz"
    done = run("manifold", flat, "--side", 3, "--range", "-2,2", "--out", out)
    assert done.stderr == "3 by 3 codes: even steps from -2 to 2\n"
    np.testing.assert_allclose(np.load(out)["codes"][0, :, 0], [-2, 0, 2])


def test_a_candidate_without_a_model_is_to_be_refitted(tiny_run, tmp_path):
    kept = {entry.id for entry in tiny_run.hall_of_fame()}
    outside = next(e.id for e in tiny_run.first_evaluations() if e.id not in kept)
    said = run("sample", tiny_run.path, outside, "--out", tmp_path / "s.png", code=2).stderr
    assert f"evoae refit {tiny_run.path} {outside[:6]}" in said


def test_transfer_prints_a_line_for_each_way_and_chance_below(tiny_run, tmp_path, monkeypatch):
    short = ("transfer", tiny_run.path, "--examples", 50, "--epochs", 1)
    compare = downstream.transfer
    with monkeypatch.context() as patch:
        found = []

        def once(*arguments, **settings):
            found[:] = found or [compare(*arguments, **settings)]
            return found[0]

        patch.setattr(downstream, "transfer", once)
        done = run(*short, "--seeds", 2)
        told = json.loads(run(*short, "--seeds", 2, "--json").stdout)
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["method", "accuracy", "epochs", "seconds"]
    assert ["±" in line for line in lines] == [True] * 5 + [False]
    assert lines[-1].split()[:1] == ["chance:"]
    assert "accuracy on 162 validation items" in done.stderr
    assert "of which 10 say when a network stops" in done.stderr
    assert [method["method"] for method in told["methods"]] == [
        line.partition("  ")[0] for line in lines[:-1]
    ]
    assert (told["measured_on"], told["latent"]) == (
        "validation",
        open_model(tiny_run.path).latent,
    )
    labels = tmp_path / "labels.txt"
    labels.write_text("a\nb\n")
    assert "2 labels for 1,797" in run(*short, "--labels", labels, code=2).stderr
    assert "lower it" in run("transfer", tiny_run.path, "--examples", 9999, code=2).stderr


@pytest.mark.parametrize(
    "command", ["export", *PICTURES, "encode", "manifold", "score", "transfer"]
)
def test_a_commands_help_loads_no_numeric_library(command):
    code = (
        "from evoae.cli.main import cli\n"
        f"try: cli(['{command}', '--help'])\n"
        "except SystemExit as end: assert not end.code"
    )
    assert loaded_by(code) == set()
