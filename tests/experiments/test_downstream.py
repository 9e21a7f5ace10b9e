"""What a code is worth to classifiers: who learns from what, and what is compared."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import evoae
from evoae.data.arrays import order
from evoae.data.load import load
from evoae.data.sources.named import find_set
from evoae.errors import DataError, UseError
from evoae.evaluation import seed_for
from evoae.experiments import downstream as module
from evoae.experiments.classifiers import (
    FROZEN,
    PCA,
    PROBE,
    SCRATCH,
    UNFROZEN,
    Comparison,
)
from evoae.experiments.downstream import transfer
from evoae.use.encode import encode
from evoae.use.items import choose, own_data
from evoae.use.model import open_model

SHORT = {"examples": 60, "epochs": 2, "seeds": 2}
SMALL = {"search": {"population": 2, "generations": 1}, "training": {"epochs": 1}}


@pytest.fixture(scope="module")
def compared(tiny_run):
    return transfer(tiny_run.path, **SHORT)


@pytest.fixture(scope="module")
def compared_again(tiny_run, tmp_path_factory):
    """The first seed of that once more, by labels of a file in the order of the data."""
    file = tmp_path_factory.mktemp("labels") / "labels.txt"
    labels = find_set("digits").fetcher.read(None, print).labels
    file.write_text("\n".join(f"digit {label}" for label in labels))
    return transfer(tiny_run.path, labels=file, **SHORT | {"seeds": 1})


@pytest.fixture(scope="module")
def table_run(tmp_path_factory):
    """A variational search on rows, of which every tenth is left out."""
    folder = tmp_path_factory.mktemp("rows")
    rng = np.random.default_rng(0)
    lines = ["a,b,c,kind"]
    for number in range(120):
        a, b, c = rng.normal(size=3) + number % 3
        lines.append(f"{a:.4f},{b:.4f},{'' if number % 10 == 9 else f'{c:.4f}'},k{number % 3}")
    (folder / "rows.csv").write_text("\n".join(lines))
    config = {
        **SMALL,
        "data": {
            "path": str(folder / "rows.csv"),
            "label_column": "kind",
            "missing": "drop",
            "validation": 30,
        },
        "model": {"max_latent": 2, "max_depth": 1, "units": [4, 8]},
        "objective": {"kind": "variational"},
        "execution": {"kind": "inline"},
    }
    return evoae.search(config, run=folder / "run")


@pytest.fixture(scope="module")
def spatial_run(tmp_path_factory):
    """Feature maps as codes, from networks that surely normalise and drop."""
    config = {
        **SMALL,
        "data": {"name": "digits", "reduce": {"train": 64, "validation": 32}},
        "model": {
            "latent": "spatial",
            "max_latent": None,
            "max_depth": 1,
            "filters": [2, 3],
            "sampling": {"batchnorm": 1, "dropout": 1},
        },
        "execution": {"kind": "inline"},
    }
    return evoae.search(config, run=tmp_path_factory.mktemp("spatial") / "run")


def accuracies(found):
    return {method.method: method.accuracies for method in found.methods}


def test_every_way_has_a_figure_for_each_seed(compared, tiny_run):
    assert [method.method for method in compared.methods] == [
        PROBE,
        PCA,
        FROZEN,
        UNFROZEN,
        SCRATCH,
    ]
    for method in compared.methods:
        assert [len(each) for each in (method.accuracies, method.epochs, method.seconds)] == [
            2
        ] * 3
        assert method.mean == pytest.approx(np.mean(method.accuracies))
        assert method.deviation == pytest.approx(np.std(method.accuracies, ddof=1))
    networks = [method.epochs for method in compared.methods[2:]]
    assert {epochs for both in networks for epochs in both} <= {1, 2}
    own = load(tiny_run.config.data, tiny_run.config.seed)
    common = np.bincount(own.train_labels).argmax()
    assert compared.chance == pytest.approx(np.mean(own.validation_labels == common))
    assert (compared.classes, compared.examples, compared.stopping) == (10, 60, 12)
    assert (compared.validation, compared.refitted) == (162, False)


def test_a_probe_is_scikit_learns_on_the_codes_of_the_examples_that_the_seed_draws(
    compared, tiny_run
):
    model, own = open_model(tiny_run.path), load(tiny_run.config.data, tiny_run.config.seed)
    expected = []
    for number in (1, 2):
        seed = seed_for(tiny_run.config.seed, f"{model.id} transfer {number}")
        drawn = order(len(own.train), seed, "transfer")[:60]
        codes = encode(model, choose(model, split="train"))[drawn].astype(np.float64)
        probe = make_pipeline(StandardScaler(), LogisticRegression())
        probe.fit(codes, own.train_labels[drawn])
        shown = encode(model, choose(model)).astype(np.float64)
        expected.append(probe.score(shown, own.validation_labels))
    assert accuracies(compared)[PROBE] == pytest.approx(expected)


@pytest.mark.slow
def test_the_same_examples_give_the_same_accuracies_and_another_seed_others(
    compared, compared_again
):
    for name, (first, second) in accuracies(compared).items():
        assert accuracies(compared_again)[name] == (first,)
        assert first != second


@pytest.mark.slow
def test_nothing_is_learned_from_validation_labels_nor_seen_of_the_test_split(
    compared, tiny_run, monkeypatch
):
    def without_test(model, labels=None):
        own = own_data(model, labels)
        wrong = (own.validation_labels + 1) % 10
        return replace(own, test=None, test_labels=None, validation_labels=wrong)

    monkeypatch.setattr(module, "own_data", without_test)
    other = transfer(tiny_run.path, **SHORT | {"seeds": 1})
    for one, wrong in zip(compared.methods, other.methods, strict=True):
        assert wrong.epochs == one.epochs[:1]
        assert wrong.mean + one.accuracies[0] <= 1  # an answer cannot be right in both
    assert accuracies(other)[PCA][0] < 0.15 < 0.3 < accuracies(compared)[PCA][0]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["table_run", "spatial_run"])
def test_the_unfrozen_network_begins_as_what_the_frozen_encoder_ended_in(
    kind, request, monkeypatch
):
    run = request.getfixturevalue(kind)
    seen = []
    learn = Comparison._learn

    def spied(self, network, inputs, classes, shown, *rest):
        before = self._logits(network, shown)
        found = learn(self, network, inputs, classes, shown, *rest)
        seen.append((before, self._logits(network, shown)))
        return found

    monkeypatch.setattr(Comparison, "_learn", spied)
    found = transfer(run.path, examples=40, epochs=2, seeds=1)
    (_, frozen), (start, end), (scratch, _) = seen
    np.testing.assert_allclose(start, frozen, rtol=1e-3, atol=1e-3)
    assert not np.allclose(start, end, rtol=1e-3, atol=1e-3)
    assert not np.allclose(start, scratch, rtol=1e-3, atol=1e-3)
    assert found.methods[0].deviation is None


@pytest.mark.slow
def test_a_class_that_can_be_read_off_the_code_is_found_there_and_not_elsewhere(
    tiny_run, tmp_path
):
    model = open_model(tiny_run.path)
    images = find_set("digits").fetcher.read(None, print).images
    np.save(tmp_path / "all.npy", images)
    codes = encode(model, choose(model, data=str(tmp_path / "all.npy")))
    centred = codes - np.median(codes, axis=0)
    spread = centred / (1e-9 + np.abs(centred).mean(axis=0))
    np.save(tmp_path / "sign.npy", spread.sum(axis=1) > 0)
    found = transfer(tiny_run.path, labels=tmp_path / "sign.npy", examples=400, epochs=20, seeds=1)
    reached = {method.method: method.mean for method in found.methods}
    assert found.classes == 2
    assert min(reached[PROBE], reached[FROZEN]) > 0.93
    assert found.chance < 0.65


def test_labels_of_a_file_in_the_order_of_the_data_are_the_datas_own(compared, compared_again):
    found = compared_again
    assert (found.classes, found.chance) == (compared.classes, compared.chance)
    assert found.methods[0].accuracies == compared.methods[0].accuracies[:1]


def test_labels_of_a_file_follow_their_rows_where_others_are_left_out(table_run, tmp_path):
    (tmp_path / "labels.txt").write_text("\n".join(f"k{number % 3}" for number in range(120)))
    model = open_model(table_run.path)
    own, given = own_data(model), own_data(model, tmp_path / "labels.txt")
    assert own.train_labels.tolist() == given.train_labels.tolist()
    assert own.validation_labels.tolist() == given.validation_labels.tolist()
    assert len(set(own.train_labels)) == 3


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.arange(5), "holds 5 labels for 1,797"),
        (np.linspace(0, 1, 1797), "labels are numbers such as"),
        (np.full(1797, np.nan), "labels are numbers such as nan"),
        (np.zeros(1797), "1 different labels of 1,455"),
        (np.arange(1797), "1,455 different labels of 1,455"),
    ],
)
def test_labels_that_are_no_classes_are_one_sentence(labels, said, tiny_run, tmp_path):
    np.save(tmp_path / "labels.npy", labels)
    with pytest.raises(DataError) as refused:
        transfer(tiny_run.path, labels=tmp_path / "labels.npy")
    assert said in str(refused.value)


def test_what_cannot_be_compared_is_one_sentence(tiny_run, tmp_path, monkeypatch):
    with pytest.raises(UseError, match="2,000, but the training split holds 1,455"):
        transfer(tiny_run.path, examples=2000)
    model = open_model(tiny_run.path)
    with pytest.raises(UseError, match="Name a run"):
        transfer(model.path)
    rare = np.zeros(1797, np.int64)
    rare[::600] = 1
    np.save(tmp_path / "rare.npy", rare)
    with pytest.raises(UseError, match="raise --examples"):
        transfer(tiny_run.path, labels=tmp_path / "rare.npy", examples=5)
    bare = replace(own_data(model), train_labels=None)
    monkeypatch.setattr(module, "own_data", lambda *_: bare)
    with pytest.raises(DataError, match="--labels"):
        transfer(tiny_run.path)
