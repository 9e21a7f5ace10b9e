"""The estimator, by scikit-learn's own checks and by what people do with it."""

import copy
import gc
import json
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import parametrize_with_checks

import evoae
from evoae import AutoencoderSearch
from evoae.cli.main import cli
from evoae.errors import ConfigError, DataError, RunError, SearchError
from evoae.training.setup import prepare
from tests.covering import first

TINY = {
    "model": {
        "max_depth": 1,
        "layers": "dense",
        "units": [4, 16],
        "max_latent": 4,
        "sampling": {"batchnorm": 0.0, "dropout": 0.0},
    },
    "search": {"population": 2, "generations": 1, "hof_size": 1},
    "training": {"epochs": 1},
    "refit": False,
    "execution": {"kind": "inline"},
}


@pytest.fixture(scope="session", autouse=True)
def _tensorflow_is_set_up():
    prepare()


def tiny(**changed):
    return AutoencoderSearch(**{**TINY, **changed})


def correlated(rows=120, seed=0):
    """Five columns in very different units that two numbers determine."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(rows, 2))
    mixed = np.tanh(hidden @ np.random.default_rng(1).normal(size=(2, 5)))
    return pd.DataFrame(
        mixed * [1, 10, 0.1, 500, 3] + [0, 70, -1, 20_000, 5], columns=list("abcde")
    )


# A space of one network: the checks ask for some 45 fits and never what the search found.
SMALLEST = tiny(latent=4, model={**TINY["model"], "units": [8, 8]})


# Checks that may fail, by their reason. This one shuffles rows at random and asks for 7 digits.
MAY_FAIL = {
    "check_methods_sample_order_invariance": "on some processors the last bit of a float32 sum "
    "depends on where in its batch a row stands"
}


# Checks that fit several times, of what the others show too.
OFTEN = (
    *("check_transformer_data_not_an_array", "check_estimators_dtypes", "check_dtype_object"),
    *("check_pipeline_consistency", "check_fit_idempotent", "check_transformer_preserve_dtypes"),
    *("check_estimators_nan_inf", "check_fit_score_takes_y", "check_dict_unchanged"),
    *("check_positive_only_tag_during_fit", "check_readonly_memmap_input"),
    *("check_f_contiguous_array_estimator", "check_n_features_in_after_fitting"),
    *("check_dont_overwrite_parameters", "check_estimators_fit_returns_self"),
)


def some_now(all_of_them):
    """Return scikit-learn's mark, whose checks that fit often or read-only arrays are slow."""

    def marked(case):
        check = case[-1]
        often = isinstance(check, partial) and (
            check.func.__name__ in OFTEN or check.keywords.get("readonly_memmap", False)
        )
        return pytest.param(*case, marks=pytest.mark.slow) if often else case

    names, cases = all_of_them.args
    return pytest.mark.parametrize(names, list(map(marked, cases)), **all_of_them.kwargs)


@some_now(
    parametrize_with_checks(
        [SMALLEST], expected_failed_checks=lambda _: MAY_FAIL, xfail_strict=False
    )
)
def test_it_passes_scikit_learns_own_check(estimator, check):
    check(estimator)


def test_rows_have_the_same_codes_and_scores_in_any_order(fitted):
    rows, order = correlated(20, seed=5), np.random.default_rng(3).permutation(20)
    shuffled = rows.iloc[order]
    for method in (fitted.transform, fitted.score_samples):
        np.testing.assert_allclose(method(rows)[order], method(shuffled), rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def fitted():
    """A well trained estimator of correlated columns; never change it."""
    return tiny(
        latent=2,
        model={**TINY["model"], "units": [32, 64], "activation": "gelu"},
        refit={"epochs": 60, "batch_size": 16, "learning_rate": 0.01},
        random_state=1,
    ).fit(correlated())


def test_a_table_returns_from_its_codes_in_its_own_units(fitted):
    fresh = correlated(seed=5)
    codes = fitted.transform(fresh)
    assert codes.shape == (120, 2)
    again = fitted.inverse_transform(codes)
    share_left = ((fresh - again) ** 2).sum() / ((fresh - fresh.mean()) ** 2).sum()
    assert (share_left < 0.2).all(), share_left


def test_a_row_that_breaks_the_correlation_scores_below_all_others(fitted):
    fresh = correlated(seed=5)
    broken = fresh.iloc[[0]].assign(a=-fresh["a"].iloc[0], d=20_000 - 1500)
    scores = fitted.score_samples(fresh)
    assert (scores <= 0).all()
    assert fitted.score_samples(broken)[0] < scores.min()
    assert fitted.score(fresh) == pytest.approx(scores.mean(), rel=1e-5)


def test_scores_are_errors_of_standardised_columns(fitted):
    fresh = correlated(seed=5)
    again = fitted.inverse_transform(fitted.transform(fresh))
    table = fitted.run_.metadata().kind["fitted"]["columns"]
    scale = np.array([column["scale"] for column in table])
    errors = (((fresh.to_numpy() - again) / scale) ** 2).mean(axis=1)
    np.testing.assert_allclose(fitted.score_samples(fresh), -errors, rtol=1e-3)


def test_values_that_no_float32_holds_are_refused_and_not_scored_as_nan(fitted):
    with pytest.raises(DataError, match="float32"):
        fitted.score_samples(correlated(2) * 1e300)


def test_names_go_in_and_out(fitted):
    assert list(fitted.feature_names_in_) == list("abcde")
    names = ["autoencodersearch0", "autoencodersearch1"]
    assert list(fitted.get_feature_names_out()) == names
    framed = copy.copy(fitted).set_output(transform="pandas").transform(correlated(9))
    assert list(framed.columns) == names
    with pytest.raises(ValueError, match="feature names should match"):
        fitted.transform(correlated(9).rename(columns={"a": "z"}))


def test_a_dataframe_of_words_dates_and_gaps_is_treated_like_csv():
    rows = correlated(90).assign(
        city=pd.Categorical(["Ulm", "Bonn", "Kiel"] * 30),
        when=pd.date_range("2024-01-01", periods=90),
    )
    rows.loc[[3, 40], "b"] = np.nan
    model = tiny().fit(rows)
    codes = model.transform(rows[:7])
    back = model.inverse_transform(codes)
    assert [*back.columns] == [*"abcde", "city"]  # dates are left out, as in a file
    assert set(back["city"]) <= {"Ulm", "Bonn", "Kiel"}
    shuffled = rows[:7][[*rows.columns[::-1]]]
    np.testing.assert_array_equal(model.transform(shuffled), codes)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.score_samples(rows[:7]), model.score_samples(rows[:7]))
    with pytest.raises(DataError, match="no column 'city'"):
        model.transform(rows.drop(columns="city"))
    with pytest.raises(DataError, match="give one with the columns that fit saw"):
        model.transform(codes)


def test_a_column_of_a_dataframe_that_counts_rows_stays_a_feature():
    rows = correlated(60).assign(number=range(60), target=[0, 1] * 30)
    model = tiny().fit(rows)
    assert model.inverse_transform(model.transform(rows)).shape == (60, 7)


def test_what_was_found_is_told(fitted):
    assert fitted.hall_of_fame_[0]["genome"] == fitted.best_genome_
    assert fitted.hall_of_fame_[0]["val_loss"] == fitted.best_loss_
    assert fitted.history_[0]["trained"] == 2
    assert fitted.run_.status().state == "finished"
    assert fitted.refit_["val_loss"] < fitted.best_loss_
    assert fitted.encoder_.output_shape == (None, 2)
    assert fitted.decoder_.input_shape == (None, 2)
    assert (fitted.input_shape_, fitted.code_shape_) == ((5,), (2,))


def test_copies_need_nothing_of_the_original_whose_run_ends_with_it(tmp_path):
    rows = correlated(40)
    original = clone(SMALLEST).fit(rows)
    codes, home = original.transform(rows), original.run_.path
    joblib.dump(original, tmp_path / "search.joblib")
    copies = [
        pickle.loads(pickle.dumps(original)),
        joblib.load(tmp_path / "search.joblib"),
        copy.deepcopy(original),
    ]
    assert home.is_dir()
    del original
    gc.collect()
    assert not home.parent.exists()
    for again in copies:
        np.testing.assert_array_equal(again.transform(rows), codes)
        assert again.score(rows) == copies[0].score(rows) < 0


@pytest.mark.slow
def test_verbose_says_how_the_fit_goes_and_silence_is_the_default(capsys):
    rows, told = correlated(40), {}
    for verbose in (0, 1):
        search = tiny(verbose=verbose, refit={"epochs": 1}).fit(rows)
        assert search.get_params()["verbose"] == verbose
        told[verbose] = capsys.readouterr()
    assert (told[0].out, told[0].err, told[1].out) == ("", "", "")
    assert "gen 1/1 done: " in told[1].err
    assert "2/2 trained" in told[1].err
    assert f"{search.refit_['id'][:6]} seed " in told[1].err.splitlines()[-1]


def test_a_kept_run_can_be_read_extended_and_used(tmp_path):
    run = tmp_path / "kept" / "run"
    search = tiny(run=run).fit(correlated(60))
    assert search.run_.path == run
    listed = CliRunner().invoke(cli, ["hof", str(run), "--json"])
    assert json.loads(listed.stdout)[0]["genome"] == search.best_genome_
    assert evoae.Run.open(run).config.data.path == str(tmp_path / "kept" / "run-data.npz")
    more = evoae.resume(run, generations=1)
    assert len(more.generations()) == 2
    fitted = more.metadata().kind["fitted"]
    assert [column["name"] for column in fitted["columns"]] == list("abcde")
    before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    with pytest.raises(RunError) as refused:
        search.fit(correlated(50))
    assert "exists already" in str(refused.value)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before


def test_a_file_that_lies_where_the_data_would_go_is_left_alone(tmp_path):
    (tmp_path / "run-data.npz").write_text("mine")
    with pytest.raises(RunError):
        tiny(run=tmp_path / "run").fit(correlated(40))
    assert (tmp_path / "run-data.npz").read_text() == "mine"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("white", first([1, 255], lambda white: white == 255))
def test_images_are_coded_and_return_as_images(white):
    digits = (load_digits().images[:200] / 16 * white).astype(np.uint8 if white > 1 else float)
    convolutional = {**TINY["model"], "layers": "conv", "filters": [4, 8]}
    training = {"epochs": 6, "batch_size": 16, "learning_rate": 0.01}
    search = tiny(model=convolutional, training=training).fit(digits)
    assert search.n_features_in_ == 64
    assert search.input_shape_ == (8, 8, 1)
    codes = search.transform(digits)
    assert codes.shape == (200, search.code_shape_[0])
    again = search.inverse_transform(codes)
    assert again.shape == digits.shape
    error = ((again - digits.astype(float)) / white) ** 2
    np.testing.assert_allclose(search.score_samples(digits), -error.mean(axis=(1, 2)), rtol=1e-3)
    mean_image = ((digits.mean(axis=0) - digits.astype(float)) / white) ** 2
    assert error.mean() < mean_image.mean()
    with pytest.raises(DataError, match="expected images, each 8×8×1"):
        search.transform(digits[:, :7])
    np.testing.assert_array_equal(search.transform(digits[..., np.newaxis]), codes)


def test_a_variational_code_is_the_mean():
    rows = correlated(60).to_numpy()
    search = tiny(objective={"kind": "variational"}).fit(rows)
    mean, *_ = search.encoder_((rows - rows.mean(axis=0)).astype(np.float32))
    assert search.transform(rows).shape == np.shape(mean)
    np.testing.assert_array_equal(search.transform(rows), search.transform(rows))


@pytest.mark.slow
def test_it_feeds_a_classifier_in_a_pipeline():
    digits = load_digits()
    training = {"epochs": 5, "batch_size": 16, "learning_rate": 0.01}
    search = clone(SMALLEST).set_params(latent=8, model__units=[32, 32], training=training)
    model = make_pipeline(search, LogisticRegression(max_iter=2000))
    model.fit(digits.data[:600], digits.target[:600])
    assert model.score(digits.data[600:900], digits.target[600:900]) > 0.5


@pytest.mark.slow
def test_a_grid_search_tunes_the_code_and_any_setting():
    grid = {"latent": np.array([1, 4]), "training__batch_size": [8]}
    estimator = clone(SMALLEST).set_params(training={"epochs": 15, "learning_rate": 0.01})
    found = GridSearchCV(estimator, grid, cv=2, error_score="raise").fit(correlated())
    assert found.best_params_ == {"latent": 4, "training__batch_size": 8}
    best = found.best_estimator_
    assert best.training == {"epochs": 15, "learning_rate": 0.01, "batch_size": 8}
    assert (best.run_.config.training.batch_size, best.code_shape_) == (8, (4,))


def test_settings_are_parameters_by_their_path():
    search = tiny(search={"population": 4, "mutation": {"latent": 2.0}})
    deep = search.get_params()
    assert deep["search__population"] == 4
    assert deep["search__mutation__latent"] == 2.0
    assert "search__population" not in search.get_params(deep=False)
    before = copy.deepcopy(search.search)
    other = clone(search).set_params(search__mutation__rates=0.0, data__validation=0.3, latent=3)
    assert other.search == {"population": 4, "mutation": {"latent": 2.0, "rates": 0.0}}
    assert (other.data, other.latent) == ({"validation": 0.3}, 3)
    assert (search.search, search.data) == (before, None)
    with pytest.raises(ValueError, match="Invalid parameter 'serch'"):
        search.set_params(serch__population=3)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"search": {"populaton": 4}}, "AutoencoderSearch: search.populaton: unknown; did you"),
        ({"training": {"epochs": 0}}, "AutoencoderSearch: training.epochs: 0; expected"),
        ({"data": {"name": "digits"}}, "data.name: digits; the data are X, so remove it"),
        ({"data": {"validaton": 0.2}}, "data.validaton: unknown; did you mean 'validation'?"),
        ({"model": 3}, "AutoencoderSearch: model: 3; expected a section"),
        ({"latent": "wide"}, "AutoencoderSearch: model.min_latent: 'wide'; expected"),
        ({"config": 5}, "AutoencoderSearch: config: 5; expected sections"),
        ({"config": {"serch": {}}}, "AutoencoderSearch: serch: unknown; did you mean 'search'?"),
        ({"refit": {"epoch": 3}}, "AutoencoderSearch: refit.epoch: unknown; did you mean"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named_by_fit(parameters, said):
    with pytest.raises(ConfigError) as refused:
        tiny(**parameters).fit(correlated(40))
    assert said in str(refused.value)


def test_a_path_below_a_single_setting_is_named_by_fit():
    estimator = AutoencoderSearch(search={"population": 4}).set_params(search__population__x=1)
    with pytest.raises(ConfigError, match="population"):
        estimator.fit(correlated(40))


def test_a_configuration_of_other_data_may_be_the_base():
    file = Path(__file__).parents[2] / "configs" / "digits.yaml"
    search = AutoencoderSearch(file, **TINY, random_state=np.int64(5), data={"validation": 9})
    config = search.set_params(data__reduce=None).fit(correlated(40)).run_.config
    assert (config.data.name, config.data.validation) == (None, 9)
    assert config.seed == 5
    assert config.search.population == 2


@pytest.mark.slow
def test_the_random_state_decides_and_none_is_the_configurations_seed():
    rows = correlated(40)

    def found(random_state, **config):
        search = clone(SMALLEST).set_params(random_state=random_state, config=config)
        return search.fit(rows).best_loss_

    of_default = found(None)
    assert found(7) == of_default
    assert found(8) == found(None, seed=8) != of_default
    assert found(np.random.RandomState(3)) == found(np.random.RandomState(3)) != of_default


def test_a_search_without_any_score_is_one_sentence_and_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    hopeless = {"learning_rate": 1e30, "optimizer": "sgd", "epochs": 3}
    search = {**TINY["search"], "max_failure_share": 1}
    with pytest.raises(SearchError) as refused:
        tiny(training=hopeless, search=search).fit(correlated(200))
    assert "no training gave a score (the first: the" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_before_fit_there_is_nothing_to_use():
    search = tiny()
    assert not hasattr(search, "encoder_")
    for method in (search.transform, search.inverse_transform, search.score_samples):
        with pytest.raises(NotFittedError):
            method(np.zeros((4, 2)))


def test_codes_of_another_size_are_refused(fitted):
    with pytest.raises(ValueError, match=r"X has 3 features, but the codes .* have 2"):
        fitted.inverse_transform(np.zeros((4, 3)))


def test_importing_evoae_loads_neither_scikit_learn_nor_deap_nor_keras():
    code = (
        "import sys, evoae; evoae.Run\n"
        "print(*[m for m in ('sklearn', 'deap', 'keras', 'tensorflow') if m in sys.modules])\n"
        "evoae.search, evoae.AutoencoderSearch(), evoae.deap_toolbox\n"
        "print(*[m for m in ('keras', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
