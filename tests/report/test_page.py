"""The page of a run: whole, self-contained, and there whatever became of the run."""

import errno
import json
import os
import shutil

import pytest
from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.evaluation import Evaluation, Outcome, Seconds, TrainingKey
from evoae.report import model_views
from evoae.report.model_views import open_models
from evoae.report.page import html, sections, write_report
from evoae.report.sections import reproduction, summary
from evoae.runs.store import Store
from tests.cli.test_start import loaded_by
from tests.report import samples
from tests.report.pages import check, headings, section, text

ORDER = [
    *("answer", "course", "front", "copies", "map", "decoder", "columns", "network", "curves"),
    *("explored", "failures", "cost", "setting"),
]


def run(*arguments, code=0):
    done = CliRunner().invoke(cli, ["report", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done


def page_of(folder):
    snapshot = samples.read(folder)
    return check(html(snapshot, sections(snapshot, open_models(snapshot, 2))))


@pytest.fixture(scope="module")
def copied(tiny_run, tmp_path_factory):
    """A finished run that may be written to."""
    folder = tmp_path_factory.mktemp("copied") / "run"
    shutil.copytree(tiny_run.path, folder)
    return folder


@pytest.fixture
def failing(tmp_path):
    store, ids = samples.make(tmp_path / "failing")
    with store:
        samples.failed(store, ids[0], Outcome.TIMED_OUT)
        samples.failed(store, ids[1], Outcome.TIMED_OUT)
        samples.failed(store, ids[2])
        samples.finished(store, 1, [], **dict.fromkeys(("min", "median", "mean", "std")))
    return tmp_path / "failing"


def test_a_finished_run_becomes_one_file_that_needs_no_other(copied):
    before = {p: p.read_bytes() for p in copied.rglob("*") if p.is_file() and "-" not in p.name}
    done = run(copied)
    path = copied / "report.html"
    assert done.stdout == f"{path}\n"
    root = check(path.read_text())
    found = headings(root)
    assert found == [name for name in ORDER if name in found]
    assert {"answer", "course", "front", "copies", "map", "network", "curves", "cost"} <= set(
        found
    )
    assert not {"decoder", "columns"} & set(found)  # neither variational, nor a table
    after = {p: p.read_bytes() for p in copied.rglob("*") if p.is_file() and "-" not in p.name}
    assert after.keys() - before.keys() == {path}
    assert all(after[p] == data for p, data in before.items())


@pytest.mark.slow
def test_a_second_page_replaces_the_first_and_is_the_same_but_for_its_time(copied):
    first, second = (write_report(copied, top=1) for _ in range(2))
    assert abs(first.bytes - second.bytes) < 3  # of minutes
    assert [p.name for p in copied.glob("*report*")] == ["report.html"]


def test_the_best_model_is_named_with_its_loss_and_what_pca_has(copied, tiny_run):
    said = text(section(page_of(copied), "answer"))
    best, bound = tiny_run.hall_of_fame()[0], tiny_run.linear_bound()
    assert f"{best.id[:6]} is the best to rebuild digits" in said
    assert f"{best.val_loss:.5f}"[1:] in said
    assert f"{bound[1]:.5f}"[1:] in said
    assert f"evoae export {copied} --out best.keras" in said


def test_each_of_the_best_has_pca_of_its_size_beside_it_and_the_front_its_curve(copied, tiny_run):
    root, bounds = page_of(copied), tiny_run.linear_bounds()
    hall = tiny_run.hall_of_fame()
    latents = {each.latent for each in tiny_run.first_evaluations()}
    assert len({entry.latent for entry in hall}) > 1
    rows = [[text(cell) for cell in row] for row in section(root, "answer").iter("tr")]
    column = rows[0].index("PCA")
    assert [row[column] for row in rows[1 : 1 + len(hall)]] == [
        f"{bounds[entry.latent]:.5f}"[1:] for entry in hall
    ]
    said = " ".join(each.get("aria-label", "") for each in section(root, "front").iter())
    for end in (min(latents), max(latents)):
        assert f"{bounds[end]:.5f}"[1:] + f" at {end}" in said


def test_errors_are_those_that_the_run_ranks_by_where_it_measured_on_enough_items(
    copied, monkeypatch
):
    snapshot = samples.read(copied)
    monkeypatch.setattr(model_views, "_FEWEST_ITEMS", 64)
    found = open_models(snapshot, 3)
    assert found.origin == "all 64 validation items that the run measured its networks on"
    assert found.caveat == ""
    assert [view.mean for view in found.views] == pytest.approx(
        [entry.val_loss for entry in snapshot.hall], rel=1e-4
    )
    monkeypatch.setattr(model_views, "_MOST_ITEMS", 40)
    found = open_models(snapshot, 1)
    assert found.origin.startswith("the first 40 of the 64 validation items that the run")
    assert found.caveat == "The run's own ranking may differ: it is by other items."


def test_where_a_run_measured_on_too_few_items_the_page_says_which_others_it_shows(copied):
    said = text(section(page_of(copied), "copies"))
    assert (
        "From all 162 items of the validation split (the run measured its networks on 64" in said
    )
    assert "measured anew for this page" in said
    assert "ranking may differ: it is by other items." in said
    assert "over all 162" in said


def test_the_answer_shows_pictures_with_the_best_models_copies_and_those_of_pca(copied, tiny_run):
    shown = section(page_of(copied), "answer")
    captions = [text(each) for each in shown.iter("figcaption")]
    best = tiny_run.hall_of_fame()[0]
    assert captions[0] == "original"
    assert captions[1].startswith(f"{best.id[:6]}: error ")
    assert captions[2].startswith(f"PCA of {best.latent} numbers, fitted on 96 training items: ")
    assert len(list(shown.iter("img"))) == 3
    (labels,) = (each for each in shown.iter("div") if each.get("class") == "captions")
    assert [text(each) for each in labels] == ["0", "1", "2", "3", "4", "5"]


def test_pca_rebuilds_as_well_as_the_run_has_recorded(copied, tiny_run, monkeypatch):
    monkeypatch.setattr(model_views, "_FEWEST_ITEMS", 64)  # those that the run measured on
    found = open_models(samples.read(copied), 1)
    assert found.linear.size == tiny_run.hall_of_fame()[0].latent
    assert found.linear.errors.mean() == pytest.approx(tiny_run.linear_bound()[1], rel=1e-4)


def test_the_answer_ends_in_what_to_change_and_gives_no_command_twice(copied):
    shown = section(page_of(copied), "answer")
    advice = samples.read(copied).advice
    assert advice
    for each in advice:
        assert each.why in text(shown)
    lines = [text(each) for each in shown.iter("code")]
    assert len(lines) == len(set(lines))
    assert sum(line.startswith("evoae refit ") for line in lines) == 1


def test_two_models_stand_side_by_side(copied, tiny_run):
    hall = tiny_run.hall_of_fame()
    one, other = hall[2], hall[0]
    out = copied / "compared.html"
    try:
        run(copied, "--models", one.id[:8], "best", "--out", out)
        root = check(out.read_text())
    finally:
        out.unlink(missing_ok=True)
    assert headings(root)[:2] == ["answer", "models"]
    rows = [[text(cell) for cell in row] for row in section(root, "models").iter("tr")]
    told = {row[0]: row[1:] for row in rows}
    assert told[""] == [one.id[:6], other.id[:6]]
    assert told["search"] == [f"{entry.val_loss:.5f}"[1:] for entry in (one, other)]
    assert told["parameters"] == [f"{entry.parameters:,}" for entry in (one, other)]
    assert not {"refit", "test"} & set(told)  # neither was refitted
    assert one.genome in text(section(root, "models"))
    copies = [text(each) for each in section(root, "copies").iter("figcaption")]
    both = [caption for caption in copies if ": error " in caption]
    assert [caption[:6] for caption in both] == [one.id[:6], other.id[:6]] * 3
    assert "Where their errors differ most" in text(section(root, "copies"))
    assert len([e for e in section(root, "network").iter() if e.get("class") == "network"]) == 2
    # The answer stays that of the run.
    assert f"{other.id[:6]} is the best to rebuild" in text(section(root, "answer"))
    assert text(list(section(root, "answer").iter("figcaption"))[1]).startswith(other.id[:6])


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("best",), "1 model to see side by side; name 2 to 4"),
        (("best",) * 5, "5 models to see side by side; name 2 to 4"),
        (("best", "best"), "named twice"),
        (("best", "zz"), "no candidate begins with 'zz'"),
    ],
)
def test_what_can_not_be_compared_is_refused_in_a_sentence(named, said, copied, tmp_path):
    done = run(copied, "--out", tmp_path / "page.html", "--models", *named, code=2)
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.html").exists()


def test_ids_without_models_are_no_runs(copied):
    assert "'--models abc'" in run(copied, "abc", code=2).stderr


def test_the_test_set_is_not_opened(copied, monkeypatch):
    from evoae.use import items

    def spy(dataset, split):
        assert split == "validation"
        return real(dataset, split)

    real = items._of_split
    monkeypatch.setattr(items, "_of_split", spy)
    page_of(copied)


def test_every_point_that_tells_something_where_one_hovers_tells_it_in_a_table_too(copied):
    root = page_of(copied)
    hovered = {title.text.split(" · ")[0] for title in root.iter("title") if " · " in title.text}
    listed = {text(cell) for cell in root.iter("td")}
    assert hovered
    assert hovered <= listed


def test_a_run_of_failures_alone_has_a_page_that_says_so(failing):
    root = page_of(failing)
    assert headings(root) == ["answer", "course", "failures", "cost", "setting"]
    assert "of 3 trainings every one failed" in text(section(root, "answer"))
    rows = [text(row) for row in section(root, "failures").iter("tr")]
    assert [row.split()[:3] for row in rows[1:]] == [
        ["timed", "out", "2"],
        ["diverged", "1", "the"],
    ]
    assert "<not> a number & worse" in text(section(root, "failures"))
    spent = text(section(root, "cost"))
    assert "3 failed" in spent
    assert "most memory of a worker" not in spent  # of what is unknown nothing is said


def test_a_given_network_is_trained_again_with_the_settings_it_was_trained_with(tmp_path):
    store, ids = samples.make(tmp_path / "my run", samples.GENOMES[:1], genome="x y")
    with store:
        samples.scored(store, ids[0], 0.05)
        settings = samples.CONFIG.refit.model_dump(mode="json") | {"epochs": 7, "patience": 4}
        refit = {"test_loss": 0.04, "settings": settings}
        samples.finished(store, 1, ids)
        store.set_result(ids[0], "refit", refit)
    config = f"'{tmp_path}/my run/config.yaml'"
    assert reproduction.again(samples.read(tmp_path / "my run")) == (
        f"evoae train --config {config} --genome 'x y' --set refit.epochs=7 --set refit.patience=4"
    )


def test_the_parts_of_the_training_time_are_those_of_trainings_that_have_parts(tmp_path):
    store, ids = samples.make(tmp_path / "run")
    with store:
        samples.scored(store, ids[0], 0.05)
        samples.scored(store, ids[1], 0.06)
        late = Evaluation(
            TrainingKey(ids[2]), Outcome.TIMED_OUT, seconds=Seconds(total=300), message="late"
        )
        store.add_evaluation(late)
        again = Evaluation(TrainingKey(ids[0], 2), Outcome.SCORED, 0.05, seconds=Seconds(total=50))
        store.add_repeat(again, 1)
        samples.finished(store, 1, ids[:2])
    said = text(section(page_of(tmp_path / "run"), "cost"))
    assert "Time by part, over the 2 trainings with a score (each network's first; of" in said
    assert "its epochs, validation included 2 s 67%" in said
    assert "loading data, saving the model 0 s 13%" in said


def test_a_page_without_models_loads_no_tensorflow(failing):
    code = f"from evoae.report.page import write_report\nwrite_report({str(failing)!r})"
    assert not loaded_by(code) & {"tensorflow", "keras", "sklearn"}


def test_a_run_that_has_trained_nothing_yet_has_a_page(tmp_path):
    samples.make(tmp_path / "new")[0].close()
    root = page_of(tmp_path / "new")
    assert "No network has a score yet" in text(section(root, "answer"))
    assert f"evoae resume {tmp_path / 'new'}" in text(section(root, "answer"))


def test_a_run_whose_models_are_gone_shows_all_the_rest(tmp_path):
    store, ids = samples.make(tmp_path / "run")
    with store:
        for number, id in enumerate(ids):
            samples.scored(store, id, 0.05 + number / 100)
        samples.finished(store, 1, ids[:2])
        samples.finished(store, 2, ids)
    done = run(tmp_path / "run")
    assert f"Not shown: {tmp_path}" in done.stderr
    root = check((tmp_path / "run" / "report.html").read_text())
    assert "missing" in text(section(root, "copies"))
    assert {"course", "front", "network", "curves", "explored"} < set(headings(root))
    assert len(list(section(root, "front").iter("svg"))) == 2  # latent sizes differ


def test_a_damaged_model_is_named_beside_the_copies_of_the_others(copied, tmp_path):
    shutil.copytree(copied, tmp_path / "damaged")
    snapshot = samples.read(tmp_path / "damaged")
    snapshot.hall[1].model_path.write_bytes(b"no model")
    shown = section(page_of(tmp_path / "damaged"), "copies")
    assert f"{snapshot.hall[1].id}.keras: cannot be loaded" in text(shown)
    assert list(shown.iter("img"))


def test_data_that_changed_leave_a_sentence_in_the_pictures_place(copied, tmp_path):
    shutil.copytree(copied, tmp_path / "changed")
    with Store.writer(tmp_path / "changed") as store:
        store.update(data_digest="f" * 64)
    root = page_of(tmp_path / "changed")
    assert "not the data that" in text(section(root, "copies"))
    assert not list(root.iter("img"))
    assert {"course", "network", "curves"} < set(headings(root))


def test_a_run_of_one_given_network_tells_of_no_search(tmp_path):
    genome = samples.GENOMES[0]
    store, ids = samples.make(tmp_path / "one", (genome,), genome=genome)
    with store:
        samples.scored(store, ids[0], 0.05)
        samples.finished(store, 1, ids)
        store.update(generations=1, ended=True)
    root = page_of(tmp_path / "one")
    assert "One given network was trained" in text(section(root, "answer"))
    assert not {"course", "front", "explored"} & set(headings(root))
    assert f"--genome '{genome}'" in text(section(root, "setting"))


def test_names_from_outside_stay_text(tmp_path):
    store, ids = samples.make(tmp_path / "run", data="<script>$x_1$</script> & 'co'")
    with store:
        samples.scored(store, ids[0], 0.05)
    assert "<script>$x_1$</script> & 'co'" in text(section(page_of(tmp_path / "run"), "setting"))


def test_what_is_no_run_exits_2_in_a_sentence(tmp_path):
    done = run(tmp_path, code=2)
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_another_file_is_not_replaced_unless_told_to(failing, tmp_path):
    out = tmp_path / "page.html"
    out.write_text("mine")
    assert "--force" in run(failing, "--out", out, code=2).stderr
    assert "unknown suffix" in run(failing, "--out", tmp_path / "page.pdf", code=2).stderr
    assert out.read_text() == "mine"
    told = json.loads(run(failing, "--out", out, "--force", "--json").stdout)
    assert (told["path"], told["bytes"]) == (str(out), out.stat().st_size)
    assert told["sections"] == ["answer", "course", "failures", "cost", "setting"]
    assert not (failing / "report.html").exists()


def test_a_disk_too_full_for_the_page_is_a_failed_run(failing, tmp_path, monkeypatch):
    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    out = tmp_path / "page.html"
    assert f"{out}: no space left on device" in run(failing, "--out", out, code=1).stderr


@pytest.mark.parametrize("state", ["new", "failing", "finished"])
def test_every_command_that_the_page_names_can_be_given(state, tmp_path, failing, copied):
    folder = {"failing": failing, "finished": copied, "new": tmp_path / "a new run"}[state]
    if state == "new":
        samples.make(folder)[0].close()
    import shlex

    commands = summary.next_commands(samples.read(folder))
    assert commands
    for line, _ in commands:
        program, name, *arguments = shlex.split(line)
        command = cli.get_command(None, name)
        assert (program, command is not None) == ("evoae", True)
        context = command.make_context(name, list(arguments))
        assert context.params["run"] == str(folder)
