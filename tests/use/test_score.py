import numpy as np
import pytest

from evoae.data.load import load
from evoae.errors import UseError
from evoae.use.items import Items, choose
from evoae.use.model import open_model
from evoae.use.score import Scores, errors, roc_auc, score


def test_scores_average_to_the_fitness_that_the_search_recorded(tiny_run, tmp_path):
    config, best = tiny_run.config, tiny_run.hall_of_fame()[0]
    searched = load(config.data, config.seed).reduced(config.data.reduce, config.seed).validation
    np.savez(tmp_path / "x.npz", x=searched)
    model = open_model(tiny_run.path)
    scores = score(model, choose(model, data=str(tmp_path / "x.npz")))
    assert len(scores.values) == len(searched)
    assert scores.values.mean() == pytest.approx(best.val_loss, rel=1e-5)


@pytest.mark.parametrize("loss", ["mse", "mae", "bce"])
def test_an_items_error_is_keras_own(loss):
    import keras

    rng = np.random.default_rng(0)
    truth, output = rng.random((4, 3, 2), np.float32), rng.random((4, 3, 2), np.float32)
    output[0, 0] = (0, 1)  # where a logarithm ends
    keras_loss = {
        "mse": keras.losses.mean_squared_error,
        "mae": keras.losses.mean_absolute_error,
        "bce": keras.losses.binary_crossentropy,
    }[loss]
    expected = np.asarray(keras_loss(truth.reshape(4, -1), output.reshape(4, -1)))
    np.testing.assert_allclose(errors(truth, output, loss), expected, rtol=1e-4)


def test_roc_auc_is_the_share_of_pairs_in_the_right_order():
    labels = np.array([3, 3, 1, 7, 1])
    scores = Scores(np.array([0.1, 0.2, 0.15, 0.9, 0.3]), labels, "mse")
    # Anomalies (not 3): .15, .9, .3. Against .1 all three win, against .2 two do.
    assert roc_auc(scores, normal=["3"]) == pytest.approx(5 / 6)
    assert roc_auc(scores, anomaly=["1.0", "7"]) == pytest.approx(5 / 6)


def test_labels_that_differ_in_their_seventh_digit_are_two_labels():
    labels = np.array([1234567, 1234568, 1234567])
    scores = Scores(np.array([0.1, 0.9, 0.2]), labels, "mse")
    assert roc_auc(scores, anomaly=["1234568"]) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "--normal or --anomaly"),
        ({"normal": ["a"], "anomaly": ["b"]}, "--normal or --anomaly"),
        ({"normal": ["c"]}, "2 of 2 items are anomalies; the labels are a, b"),
        ({"anomaly": ["c"]}, "0 of 2"),
    ],
)
def test_a_question_without_an_answer_is_refused(given, said):
    scores = Scores(np.array([0.1, 0.2]), np.array(["a", "b"]), "mse")
    with pytest.raises(UseError) as refused:
        roc_auc(scores, **given)
    assert said in str(refused.value)
    with pytest.raises(UseError, match="no labels"):
        roc_auc(Scores(scores.values, None, "mse"), **given)


def test_lines_hold_number_score_and_label():
    values = np.array([0.5, 0.25])
    assert Scores(values, None, "mse").lines() == (["index", "score"], [[0, 0.5], [1, 0.25]])
    header, lines = Scores(values, np.array(["a", "b"]), "mse").lines()
    assert (header, lines) == (["index", "score", "label"], [[0, 0.5, "a"], [1, 0.25, "b"]])


def test_scores_keep_the_labels_of_the_items(plain):
    inputs = np.zeros((3, 9, 7, 2), np.float32)
    assert score(plain, Items("x", (inputs,), np.arange(3))).labels.tolist() == [0, 1, 2]
