"""A search that begins with given networks."""

import importlib

import pytest

import evoae
from evoae.errors import GenomeError, SpaceError
from evoae.execution.inline import InlineExecutor
from tests import faulty
from tests.conftest import TINY, history, with_changes

CONDUCTOR = importlib.import_module("evoae.engine.session")  # `evoae.search` is its function
GIVEN = (
    "conv(8,3x3) | latent(4) | upconv(8,3x3)",
    "conv(8,3x3) conv(4,3x3) | latent(4) | upconv(4,3x3) upconv(8,3x3)",
    "conv(12,3x3) bn | latent(8) | upconv(12,5x5)",
)


@pytest.fixture(autouse=True)
def _without_tensorflow(monkeypatch):
    monkeypatch.setattr(CONDUCTOR, "executor_for", lambda *_: InlineExecutor(faulty.scored))


def seeded(tmp_path, lines, **search):
    (tmp_path / "seeds.txt").write_text("# the good ones\n" + "\n".join(lines) + "\n")
    given = {"seed_genomes": str(tmp_path / "seeds.txt"), **search}
    return with_changes(TINY, search=given)


@pytest.mark.parametrize(
    "search",
    [
        {"population": 6},
        {"population": 2, "elitism": 0},
        {"algorithm": "aging", "max_in_flight": 2},
    ],
    ids=["one batch", "two batches", "aging"],
)
def test_given_networks_are_tried_first_in_their_order(search, tmp_path):
    run = evoae.search(seeded(tmp_path, GIVEN, **search), run=tmp_path / "run")
    tried = [run.find(each.id).candidate for each in run.first_evaluations()]
    tried.sort(key=lambda candidate: (candidate.generation, candidate.position))
    assert [each.genome for each in tried[:3]] == list(GIVEN)
    assert [each.operator for each in tried[:3]] == ["seed"] * 3
    assert len({each.id for each in tried}) == len(tried)


def test_given_networks_leave_further_trainings_no_room_while_they_fill_batches(tmp_path):
    widths = ((outer, inner) for outer in (8, 10, 12) for inner in (4, 6, 8, 10, 12, 7))
    given = [
        f"conv({outer},3x3) conv({inner},3x3) | latent(4) | upconv({inner},3x3) upconv(8,3x3)"
        for outer, inner in widths
    ]
    search = {"population": 4, "generations": 6, "repeats": 3, "repeat_share": 0.5}
    run = evoae.search(seeded(tmp_path, given, **search), run=tmp_path / "run")
    assert [g.stats["repeated"] for g in run.generations()][:4] == [0] * 4
    assert run.status().repeated
    tried = {each.genome for each in run.evaluations()}
    assert set(given) <= tried


def test_a_resume_needs_the_file_no_more(tmp_path):
    run = evoae.search(seeded(tmp_path, GIVEN, generations=1), run=tmp_path / "run")
    (tmp_path / "seeds.txt").unlink()
    whole = evoae.search(TINY, run=tmp_path / "other")
    assert len(history(evoae.resume(run.path, generations=1))["generations"]) == 2
    assert history(whole)["generations"][0] != history(run)["generations"][0]


def test_a_network_outside_the_space_is_named_by_its_line(tmp_path):
    lines = [GIVEN[0], "conv(99,3x3) | latent(4) | upconv(8,3x3)"]
    with pytest.raises(SpaceError) as refused:
        evoae.search(seeded(tmp_path, lines), run=tmp_path / "run")
    assert refused.value.place.endswith("seeds.txt: line 3")
    assert not (tmp_path / "run").exists()


def test_a_broken_line_or_a_missing_file_is_named(tmp_path):
    with pytest.raises(GenomeError, match="line 2: genome"):
        evoae.search(seeded(tmp_path, ["conv(8,3x3"]), run=tmp_path / "run")
    missing = with_changes(TINY, search={"seed_genomes": "nowhere.txt"})
    with pytest.raises(GenomeError, match=r"nowhere.txt"):
        evoae.search(missing, run=tmp_path / "run")
