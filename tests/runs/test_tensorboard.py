"""What TensorBoard is given: curves, what HParams compares, generations, pictures."""

import shutil

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

import evoae
from evoae.runs.store import Store
from evoae.runs.tensorboard import TENSORBOARD, candidate_folder
from tests.conftest import TINY, with_changes


def read(folder):
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def files(run):
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in (run / TENSORBOARD).rglob("*")
        if path.is_file()
    }


def test_generations_are_scalars(tiny_run):
    found = read(tiny_run.path / TENSORBOARD / "search")
    rows = tiny_run.generations()
    assert [event.step for event in found.Scalars("best")] == [1, 2]
    best = [event.value for event in found.Scalars("best")]
    assert best == pytest.approx([row.stats["best"] for row in rows])
    assert "cost" in found.Tags()["scalars"]


def test_a_candidate_has_its_curves_and_its_hyperparameters(tiny_run):
    best = tiny_run.hall_of_fame()[0]
    found = read(candidate_folder(tiny_run.path, best.id))
    evaluation = tiny_run.find(best.id).evaluation
    for name, losses in (
        ("train", evaluation.train_loss),
        ("validation", evaluation.validation_loss),
    ):
        told = found.Scalars(f"loss/{name}")
        assert [event.step for event in told] == [1, 2]
        assert [event.value for event in told] == pytest.approx(losses)
    assert found.Scalars("val_loss")[0].value == pytest.approx(best.val_loss)
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    told = HParamsPluginData.FromString(content).session_start_info.hparams
    assert told["parameters"].number_value == best.parameters
    assert told["operator"].string_value == tiny_run.find(best.id).candidate.operator


def test_members_of_the_hall_of_fame_have_pictures(tiny_run):
    best = tiny_run.hall_of_fame()[0]
    (event,) = read(candidate_folder(tiny_run.path, best.id)).Images("reconstructions")
    assert (event.width, event.height) == (8 * 8, 2 * 8)
    assert event.encoded_image_string.startswith(b"\x89PNG")


def test_a_driver_writes_what_a_crash_has_lost(tiny_run, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(tiny_run.path, run)
    whole = files(run)
    best = tiny_run.hall_of_fame()[0]
    (candidate_folder(run, best.id) / "events.out.tfevents.curves").unlink()
    shutil.rmtree(run / TENSORBOARD / "search")
    with Store.writer(run):
        pass
    assert files(run) == whole


@pytest.mark.slow
def test_a_failed_training_has_the_epochs_that_it_got(tmp_path):
    wild = with_changes(TINY, training={"optimizer": "sgd", "learning_rate": 1e6})
    wild = with_changes(wild, search={"max_failure_share": 1})
    run = evoae.search(wild, run=tmp_path / "run")
    failed = [each for each in run.first_evaluations() if each.fitness is None]
    assert failed
    for each in failed:
        found = read(candidate_folder(run.path, each.id))
        assert len(found.Tags()["scalars"]) == (2 if each.validation_loss else 0)


def test_a_table_has_no_pictures(tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("".join(f"{i % 7},{i % 5},{i % 3}\n" for i in range(80)))
    table = with_changes(TINY, data={"path": str(rows), "reduce": {}}, model={"max_latent": 2})
    del table["data"]["name"], table["model"]["filters"]
    run = evoae.search(table, run=tmp_path / "run")
    assert not list((run.path / TENSORBOARD).rglob("*pictures"))
