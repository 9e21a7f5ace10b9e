import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import evoae
from evoae.cli.main import cli
from evoae.cli.refit import _advice
from evoae.config.load import make_config
from evoae.config.schema import TrainingConfig
from evoae.errors import ConfigError, GenomeError, RunError, UseError
from evoae.evaluation import TrainingKey
from evoae.experiments import training_progress
from evoae.experiments.downstream import transfer
from evoae.experiments.refit import _Refit, refit, whole_problem
from evoae.experiments.train_genome import read_genome, train_one
from evoae.formatting import loss
from evoae.report.page import write_report
from evoae.runs.run import Run
from evoae.runs.store import Store
from evoae.use.evaluate import evaluate
from evoae.use.items import choose
from evoae.use.model import open_model
from tests.conftest import TINY, with_changes

QUICK = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01}


@pytest.fixture(scope="module")
def run(tiny_run, tmp_path_factory):
    """A finished search that the tests refit; candidates have results of their own."""
    path = shutil.copytree(tiny_run.path, tmp_path_factory.mktemp("refit") / "run")
    return Run.open(path)


@pytest.fixture(scope="module")
def plain(run):
    """What a refit of the best candidate found, which others are compared with."""
    (done,) = refit(run.path, settings=QUICK)
    return done


def ensure_refitted(run, id):
    """Leave a model of some refit of a candidate."""
    if not (run.path / "refit" / f"{id}.keras").exists():
        refit(run.path, [id], settings=QUICK | {"epochs": 1})


def heard():
    lines = []
    return lines, lines.append


def test_a_refit_trains_on_all_data_and_opens_the_test_set_once(run):
    lines, say = heard()
    (done,) = refit(run.path, settings=QUICK, say=say)
    best = run.hall_of_fame()[0]
    assert done.id == best.id
    assert lines[0] == "1 training of up to 3 epochs, 1,455 for training"  # not the search's 96
    assert done.val_loss < best.val_loss
    assert done.test_loss == done.test["loss"] == pytest.approx(done.test["mse"], rel=1e-5)
    assert set(done.test) == {"loss", "error", "mse", "psnr", "ssim"}
    assert 0 < done.pca < 0.1
    assert done.pca_validation != done.pca
    assert done.pca < done.variance["test"]
    assert done.pca_validation < done.variance["validation"]
    entry = Run.open(run.path).hall_of_fame()[0]
    assert entry.test_loss == done.test_loss
    assert (run.path / "refit" / f"{best.id}.keras").is_file()
    measured = evaluate(run.path)
    assert measured.metrics == pytest.approx(dict(done.test), rel=1e-5)


def test_a_refit_with_the_same_settings_is_read_and_with_others_done_again(run):
    first = refit(run.path, settings=QUICK)
    lines, say = heard()
    assert refit(run.path, settings=QUICK, say=say) == first
    assert lines == []
    other = refit(run.path, settings=QUICK | {"epochs": 2})
    assert other[0].val_loss != first[0].val_loss


def test_any_setting_of_a_refit_may_be_overridden_but_none_of_the_search(run):
    (done,) = refit(run.path, settings=QUICK, overrides=["refit.optimizer=sgd", "refit.epochs=2"])
    assert (done.settings["optimizer"], done.settings["epochs"]) == ("sgd", 2)
    assert done.settings["batch_size"] == QUICK["batch_size"]
    with pytest.raises(RunError, match=r"search.population was"):
        refit(run.path, overrides=["search.population=99"])
    with pytest.raises(ConfigError, match=r"--set refit.epochs: 0"):
        refit(run.path, overrides=["refit.epochs=0"])


@pytest.mark.slow
def test_a_refit_in_bfloat16_is_another_one_and_near_the_first(run, plain):
    (other,) = refit(run.path, settings=QUICK | {"precision": "bfloat16"})
    assert other.val_loss != plain.val_loss
    assert other.val_loss == pytest.approx(plain.val_loss, rel=0.1)
    assert evaluate(run.path).metrics == pytest.approx(dict(other.test), rel=1e-5)


def test_several_seeds_give_a_deviation_and_the_best_by_validation_is_kept(run):
    (done,) = refit(run.path, [run.hall_of_fame()[1].id[:8]], settings=QUICK | {"seeds": 2})
    assert done.trained == 2
    assert set(done.deviation) == set(done.test)
    assert done.deviation["mse"] > 0
    id = done.id
    assert [path.name for path in (run.path / "refit").glob(f"{id}*")] == [f"{id}.keras"]
    found = evaluate(run.path, id, split="validation")
    assert found.metrics["loss"] == pytest.approx(done.val_loss, rel=1e-5)


@pytest.mark.slow
def test_the_validation_split_may_be_trained_on_and_then_it_judges_nothing(run, plain):
    id = run.best().id
    lines, say = heard()
    (done,) = refit(run.path, settings=QUICK | {"with_validation": True, "seeds": 2}, say=say)
    assert lines[0] == "2 trainings of up to 3 epochs, 1,617 for training"  # 1,455 and 162
    assert (done.trained, done.val_loss, done.epochs) == (2, None, (3, 3))
    assert 0 < done.test_loss != plain.test_loss
    assert done.pca != plain.pca  # fitted on as much
    with Store.reader(run.path) as store:
        results = {kind: found for (of, kind), found in store.results().items() if of == id}
    trainings = [results["refit 1"], results["refit 2"]]
    assert [each["validation_history"] for each in trainings] == [[], []]
    kept = min(trainings, key=lambda training: training["train_history"][-1])
    model = open_model(run.path)
    figures = evaluate(run.path, split="train").metrics
    assert figures["loss"] == pytest.approx(kept["train_history"][-1], rel=0.1)
    assert model.saw_validation
    assert choose(model).name.endswith("(validation), which it was trained on")
    again, say = heard()
    assert refit(run.path, settings=done.settings, say=say) == [done]
    assert again == []
    said = CliRunner().invoke(cli, ["show", str(run.path), id]).output
    assert f"refit: 3 epochs with the validation items, test {loss(done.test_loss)}" in said
    page = Path(write_report(run.path).path).read_text(encoding="utf-8")
    assert "Refitted on all training and validation data for 3 epochs, it has" in page
    assert "The refit's training loss over 3 epochs" in page
    assert "Networks refitted with them were trained on them, others were not." in page
    assert "No network was trained on them" not in page
    with pytest.raises(UseError, match="its refit was trained on the validation items"):
        transfer(run.path, seeds=1)


def test_nothing_is_left_to_wait_for_where_validation_is_trained_on():
    with pytest.raises(ConfigError, match="refit: patience of 3 with_validation: no epoch"):
        make_config(TINY | {"refit": {"with_validation": True, "patience": 3}})


USED_BEFORE = """
import sys
from evoae.use.encode import encode
from evoae.use.items import choose
from evoae.use.model import open_model
from evoae.experiments.refit import refit

if __name__ == "__main__":
    model = open_model(sys.argv[1])
    encode(model, choose(model, limit=2))
    (done,) = refit(sys.argv[1], settings={"epochs": 1})
    print(done.test["mse"])
"""


@pytest.mark.slow
def test_a_model_may_be_used_before_another_is_refitted_in_one_process(run, tmp_path):
    path = shutil.copytree(run.path, tmp_path / "run")
    config = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(config.replace("kind: inline", "kind: local"))
    done = subprocess.run(
        [sys.executable, "-c", USED_BEFORE, path], check=True, capture_output=True, text=True
    )
    assert 0 < float(done.stdout) < 1


def test_an_interrupted_refit_repeats_no_finished_training(run, monkeypatch):
    id = run.hall_of_fame()[2].id
    settings = QUICK | {"seeds": 2, "epochs": 1}

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("evoae.experiments.refit._Refit._conclude", killed)
        with pytest.raises(KeyboardInterrupt):
            refit(run.path, [id], settings=settings)
    lines, say = heard()
    (done,) = refit(run.path, [id], settings=settings, say=say)
    assert done.trained == 2
    assert lines == []


def test_a_training_that_fails_is_a_recorded_result(run):
    (done,) = refit(run.path, settings=QUICK | {"learning_rate": 1e30, "optimizer": "sgd"})
    assert (done.trained, done.val_loss, done.test) == (0, None, {})
    assert "no longer finite" in done.message
    json.dumps(done.summary())


@pytest.mark.slow
def test_top_takes_the_best_of_the_hall_of_fame(run):
    done = refit(run.path, top=2, settings=QUICK | {"epochs": 1})
    assert [each.id for each in done] == [entry.id for entry in run.hall_of_fame()[:2]]


def test_a_candidate_named_twice_is_trained_once(run):
    id = run.best().id
    lines, say = heard()
    (done,) = refit(run.path, ["best", id[:10]], settings=QUICK | {"epochs": 4}, say=say)
    assert (done.id, done.trained, len(lines)) == (id, 1, 2)


@pytest.mark.slow
def test_what_an_interrupted_refit_of_more_seeds_left_is_removed(run, monkeypatch):
    id = run.hall_of_fame()[1].id
    settings = QUICK | {"epochs": 1, "learning_rate": 0.005}  # of no other test

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("evoae.experiments.refit._Refit._conclude", killed)
        with pytest.raises(KeyboardInterrupt):
            refit(run.path, [id], settings=settings | {"seeds": 2})
    (run.path / "refit" / f".0123.{id}.3.keras").touch()  # as a kill in mid-save leaves
    refit(run.path, [id], settings=settings)
    assert [file.name for file in (run.path / "refit").glob(f"*{id}*")] == [f"{id}.keras"]


@pytest.mark.parametrize(("when", "epochs"), [("before the record", 2), ("after it", 3)])
def test_a_kill_while_concluding_leaves_no_record_beside_another_model(
    run, monkeypatch, when, epochs
):
    id, new = run.hall_of_fame()[1].id, QUICK | {"epochs": epochs}
    ensure_refitted(run, id)
    record = _Refit._record

    def killed(self, id, kind, value):
        if kind == "refit" and when == "after it":
            record(self, id, kind, value)
        if kind == "refit":
            raise KeyboardInterrupt
        record(self, id, kind, value)

    with monkeypatch.context() as patch:
        patch.setattr("evoae.experiments.refit._Refit._record", killed)
        with pytest.raises(KeyboardInterrupt):
            refit(run.path, [id], settings=new)
    assert not (run.path / "refit" / f"{id}.keras").exists()
    lines, say = heard()
    (done,) = refit(run.path, [id], settings=new, say=say)
    assert lines == []  # the training is not repeated
    assert evaluate(run.path, id).metrics == pytest.approx(dict(done.test), rel=1e-5)


def test_a_failed_training_leaves_no_model_of_an_earlier_refit(run):
    id = run.hall_of_fame()[1].id
    ensure_refitted(run, id)
    (done,) = refit(run.path, [id], settings=QUICK | {"learning_rate": 1e30, "optimizer": "sgd"})
    assert done.trained == 0
    assert not (run.path / "refit" / f"{id}.keras").exists()


def test_a_run_under_way_is_not_refitted(run):
    from evoae.runs.store import Store

    with Store.writer(run.path), pytest.raises(RunError, match="already running"):
        refit(run.path, settings=QUICK | {"epochs": 4})


def test_one_given_network_becomes_a_run_that_every_command_reads(tmp_path):
    text = "conv(6,3x3) | latent(4) | upconv(6,3x3)"
    config = make_config(with_changes(TINY))
    made, done = train_one(config, text, run=tmp_path / "one", settings=QUICK)
    (entry,) = made.hall_of_fame()
    assert (entry.genome, entry.id) == (text, done.id)
    assert entry.test_loss == done.test_loss
    assert made.status().state == "finished"
    with pytest.raises(RunError, match="one given network"):
        evoae.resume(made.path)


def test_a_code_as_large_as_the_input_is_not_compared_with_pca(tmp_path):
    config = make_config(with_changes(TINY))
    wide = "dense(8) | latent(64) | updense(8)"
    _, done = train_one(config, wide, run=tmp_path / "wide", settings=QUICK | {"epochs": 1})
    assert (done.trained, done.pca) == (1, None)


@pytest.mark.slow
def test_one_network_may_lie_outside_the_space_but_must_fit_the_data(tmp_path):
    config = make_config(with_changes(TINY, data={"name": "digits"}))
    wide = "down(stride) conv(20,3x3) dense(30) | latent(9) | updense(30) upconv(20,3x3)"
    made, _ = train_one(config, wide, run=tmp_path / "wide", settings=QUICK | {"epochs": 1})
    assert made.hall_of_fame()[0].latent == 9
    (tmp_path / "rows.csv").write_text("a,b\n" + "\n".join(f"{i},{i * i % 7}" for i in range(40)))
    table = with_changes(TINY) | {"data": {"path": str(tmp_path / "rows.csv")}}
    with pytest.raises(GenomeError, match="convolutions need images"):
        train_one(make_config(table), wide, run=tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_genome_is_read_from_a_line_or_from_a_file(tmp_path):
    text = "dense(4) | latent(2) | updense(4)"
    (tmp_path / "net.txt").write_text(f"# from somewhere\n\n{text}\n")
    assert read_genome(str(tmp_path / "net.txt")) == read_genome(text)
    (tmp_path / "two.txt").write_text(f"{text}\n{text}\n")
    with pytest.raises(GenomeError, match="2 lines"):
        read_genome(str(tmp_path / "two.txt"))
    with pytest.raises(GenomeError, match="no such file"):
        read_genome("missing.txt")


def test_a_long_training_is_followed_epoch_by_epoch(tmp_path, monkeypatch):
    from threading import Event

    from tests.execution.trainers import task

    monkeypatch.setattr(training_progress, "_EVERY", 0.01)
    curve = tmp_path / "curve.jsonl"
    long = replace(
        task(1), key=TrainingKey("abcdef12", 2), curve=curve, training=TrainingConfig(epochs=9)
    )
    heard_it, lines = Event(), []

    def say(line):
        lines.append(line)
        heard_it.set()

    with training_progress.followed([long], say):
        rows = [{"epoch": n, "train": 1.0, "validation": loss} for n, loss in ((1, 3.0), (2, 5.0))]
        curve.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"epoch": 3, "tra')
        assert heard_it.wait(20)
    assert lines[0].startswith("abcdef seed 2: epoch 2 of 9, validation 5 (best 3), ")


def test_a_line_is_drawn_of_the_training_under_way(tmp_path, monkeypatch):
    from threading import Event

    from tests.execution.trainers import task

    monkeypatch.setattr(training_progress, "_OFTEN", 0.005)
    training = TrainingConfig(epochs=4)
    tasks = [
        replace(task(n), key=TrainingKey("ab", n), curve=tmp_path / f"{n}", training=training)
        for n in (1, 2)
    ]
    drawn, one, both, first_over = [], Event(), Event(), Event()

    def show(reached):
        drawn.append(reached)
        if reached.epoch == 1:
            one.set()
        if reached.epoch == 2 and reached.left is not None:
            both.set()
        if reached.finished:
            first_over.set()

    row = json.dumps({"epoch": 1, "train": 1.0, "validation": 0.5}) + "\n"
    with training_progress.followed(tasks, lambda _: None, show=show) as over:
        tasks[0].curve.write_text(row)
        assert one.wait(20)
        tasks[0].curve.write_text(2 * row)
        assert both.wait(20)
        over(tasks[0].key)
        assert first_over.wait(20)
    assert drawn[0].trainings == 2
    assert (drawn[-1].finished, drawn[-1].share) == (1, 0.5)


@pytest.fixture
def reads(monkeypatch):
    """One entry for each time that the data of the tests' runs are read."""
    from sklearn import datasets

    found, read = [], datasets.load_digits

    def counted(**settings):
        found.append(settings)
        return read(**settings)

    monkeypatch.setattr(datasets, "load_digits", counted)
    return found


def test_a_refit_reads_the_data_once_and_checks_them_as_the_search_had_them(run, reads):
    problem = whole_problem(run, run.config)
    assert len(reads) == 1
    assert (len(problem.dataset.train), problem.source_images) == (1455, 1455)
    assert run.metadata().train_images == 96
    changed = run.config.model_copy(update={"seed": 4})
    with pytest.raises(RunError, match="Restore the data that the run began with"):
        whole_problem(run, changed)


@pytest.mark.parametrize("use", [evaluate, write_report], ids=lambda use: use.__name__)
def test_what_uses_a_model_reads_the_data_once(use, run, reads):
    use(run.path)
    assert len(reads) == 1


WORSE = {"epochs": 1, "learning_rate": 1e-7, "optimizer": "sgd"}


@pytest.fixture
def worse(tiny_run, tmp_path):
    """A run whose best candidate was refitted in vain, and what the refit found."""
    path = shutil.copytree(tiny_run.path, tmp_path / "run")
    (done,) = refit(path, settings=WORSE)
    return Run.open(path), done


def test_the_search_s_model_stays_where_the_refit_s_is_worse_on_the_same_items(worse):
    run, done = worse
    id = done.id
    assert done.handed_over == "search"
    assert done.val_loss == done.val_losses["search"] < done.val_losses["refit"]
    searched = open_model(run.path, id, kind="search")
    whole = evaluate(run.path, id, split="validation").metrics["loss"]  # not of data.reduce alone
    assert done.val_loss == pytest.approx(whole, rel=1e-5)
    assert evaluate(run.path, id).metrics == pytest.approx(dict(done.test), rel=1e-5)
    used = open_model(run.path, id)
    assert used.path == run.path / "refit" / f"{id}.keras"
    for ours, theirs in zip(used.autoencoder.weights, searched.autoencoder.weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert refit(run.path, settings=WORSE) == [done]  # nothing is trained or measured again


def test_it_is_said_wherever_the_refit_is_told_of(worse):
    run, done = worse
    said = CliRunner().invoke(cli, ["show", str(run.path), done.id]).output
    assert "so the search's model stays" in said
    sets = [part for key, value in WORSE.items() for part in ("--set", f"refit.{key}={value}")]
    again = CliRunner().invoke(cli, ["refit", str(run.path), *sets])
    assert "which stays the one that other commands use" in again.stderr
    page = Path(write_report(run.path).path).read_text(encoding="utf-8")
    assert "so the search" in page


@pytest.mark.parametrize(
    ("epochs", "handed_over", "said"),
    [
        ((59, 19), "refit", "The refit was best at epoch 19 of 59: it overfits"),
        ((59, 58), "refit", ""),
        ((3, 3), "search", "at epoch 3 of 3: try more epochs, or batches of less than 64"),
        ((59, 19), "search", "other commands use. The refit was best at epoch 19 of 59"),
    ],
)
def test_the_advice_follows_from_the_curve(epochs, handed_over, said, worse):
    _, done = worse
    told = _advice(replace(done, epochs=epochs, handed_over=handed_over))
    assert said in told
    assert bool(told) == bool(said)
    assert ("try more epochs" in told) == (epochs == (3, 3))


def test_a_search_s_model_that_cannot_be_read_is_not_compared(tiny_run, tmp_path):
    run = Run.open(shutil.copytree(tiny_run.path, tmp_path / "run"))
    best = run.hall_of_fame()[0]
    best.model_path.write_bytes(b"damaged")
    lines, say = heard()
    (done,) = refit(run.path, settings=WORSE, say=say)
    assert (done.handed_over, set(done.val_losses)) == ("refit", {"refit"})
    assert any("not compared with the search's model" in line for line in lines)
