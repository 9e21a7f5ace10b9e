"""What to change next: what recorded figures say, each with a command that works as printed."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from evoae.cli.main import cli
from evoae.config.load import load_config
from evoae.config.schema import Config
from evoae.experiments.advice import Advice, what_next
from evoae.runs.files import REFIT
from evoae.runs.run import Run
from evoae.runs.store import Store
from tests.report import samples

WIDE = "conv(128,3x3) | latent(4) | upconv(16,3x3)"
FLAT = {"validation_loss": (0.05, 0.05)}


def make(
    folder: Path,
    genomes: tuple[str, ...],
    losses: tuple[float, ...],
    model: dict | None = None,
    evaluation: dict | None = None,
    **metadata: object,
) -> Run:
    """A finished run of one generation, unless `per_generation` says otherwise."""
    raw = {"data": {"name": "digits"}, "search": {"population": 2, "generations": 2}}
    config = Config.model_validate({**raw, "model": model or {}})
    kept, samples.CONFIG = samples.CONFIG, config
    many = {"per_generation": metadata.pop("per_generation", len(genomes))}
    noise = metadata.pop("noise", None)
    try:
        store, ids = samples.make(folder, genomes, **many)
    finally:
        samples.CONFIG = kept
    with store:
        for id, loss in zip(ids, losses, strict=True):
            samples.scored(store, id, loss, **(evaluation or FLAT))
        for number in range(1, 1 + -(-len(ids) // many["per_generation"])):
            samples.finished(store, number, ids, noise=noise)
        store.update(ended=True, seconds=200.0, **metadata)
    return Run.open(folder)


def of(run: Run, word: str) -> list[Advice]:
    return [advice for advice in what_next(run) if word in advice.why]


def checked(advice: Advice) -> list[str]:
    """The commands of an advice, each of which its own program takes as it is printed."""
    for line, purpose in advice.commands:
        program, name, *arguments = shlex.split(line)
        command = cli.get_command(None, name)
        assert (program, command is not None, bool(purpose)) == ("evoae", True, True)
        command.make_context(name, list(arguments))
        if name == "search":
            *_, path, option, override = arguments
            assert option == "--set"
            load_config(Path(path), [override])
    return [line for line, _ in advice.commands]


def test_nothing_is_said_of_a_search_that_met_no_limit_and_has_settled(tmp_path):
    assert what_next(make(tmp_path / "run", samples.GENOMES[:2], (0.05, 0.06))) == ()


def test_nothing_is_said_before_the_first_score(tmp_path):
    samples.make(tmp_path / "run")[0].close()
    assert what_next(Run.open(tmp_path / "run")) == ()


def test_a_latent_size_at_its_limit_is_said_with_twice_the_limit(tmp_path):
    run = make(tmp_path / "run", samples.GENOMES[:2], (0.05, 0.06), {"max_latent": 4})
    (found,) = of(run, "latent")
    assert found.why == (
        "The latent size of all 2 best models is the largest allowed, model.max_latent 4."
    )
    assert checked(found) == [
        f"evoae search --config {run.path}/config.yaml --set model.max_latent=8"
    ]


@pytest.mark.parametrize(
    "model", [{"max_latent": 4, "min_latent": 4}, {"max_latent": 32}, {"max_latent": 8}]
)
def test_a_fixed_latent_size_or_one_below_its_limit_is_left_alone(model, tmp_path):
    assert not of(make(tmp_path / "run", samples.GENOMES[:2], (0.05, 0.06), model), "latent")


def test_a_limit_that_only_another_than_the_best_has_reached_is_none(tmp_path):
    run = make(tmp_path / "run", (samples.GENOMES[0], WIDE), (0.05, 0.06))
    assert not of(run, "widest")


def test_depth_and_filters_at_their_limits(tmp_path):
    model = {"max_depth": 1, "filters": [16, 128]}
    run = make(tmp_path / "run", (WIDE, samples.GENOMES[0]), (0.05, 0.06), model)
    (deep,) = of(run, "depth")
    assert "of all 2 best models is the largest allowed, model.max_depth 1" in deep.why
    assert checked(deep)[0].endswith("--set model.max_depth=3")
    wide = make(tmp_path / "wide", (WIDE,), (0.05,))
    (found,) = of(wide, "widest")
    assert found.why.startswith("The widest layer of the best model, ")
    assert found.why.endswith("has the most filters allowed, model.filters 128.")
    assert checked(found)[0].endswith("--set 'model.filters=[16, 256]'")


def test_units_at_their_limit(tmp_path):
    run = make(
        tmp_path / "run",
        ("dense(12) | latent(4) | updense(12)",),
        (0.05,),
        {"layers": "dense", "units": [4, 12]},
    )
    (found,) = of(run, "units")
    assert checked(found)[0].endswith("--set 'model.units=[4, 24]'")


def test_parameters_and_flops_near_their_limits(tmp_path):
    free = make(tmp_path / "free", samples.GENOMES[:1], (0.05,))
    (trained,) = free.first_evaluations()
    model = {"max_parameters": trained.parameters, "max_flops": trained.flops}
    run = make(tmp_path / "run", samples.GENOMES[:1], (0.05,), model)
    (parameters,), (cost,) = of(run, "max_parameters"), of(run, "max_flops")
    assert checked(parameters)[0].endswith(f"model.max_parameters={2 * trained.parameters}")
    assert checked(cost)[0].endswith(f"model.max_flops={2 * trained.flops}")


def test_a_setting_that_can_not_be_raised_is_not_asked_for(tmp_path):
    deep = " ".join(["dense(8)"] * 100), " ".join(["updense(8)"] * 100)
    run = make(
        tmp_path / "run", (f"{deep[0]} | latent(4) | {deep[1]}",), (0.05,), {"max_depth": 100}
    )
    assert not of(run, "depth")


@pytest.mark.parametrize(
    ("curve", "falls"), [((0.2, 0.1), True), ((0.2, 0.1995), False), ((0.1, 0.2, 0.11), False)]
)
def test_a_curve_that_still_falls_asks_for_longer_trainings(curve, falls, tmp_path):
    run = make(
        tmp_path / "run", samples.GENOMES[:1], (curve[-1],), evaluation={"validation_loss": curve}
    )
    found = of(run, "still fell")
    assert bool(found) is falls
    if falls:
        assert "in its last epoch, number 2, by 50.0% to .10000." in found[0].why
        refit, search = checked(found[0])
        assert refit == f"evoae refit {run.path} --minutes 4"
        assert search.endswith(f"--set training.epochs={2 * run.config.training.epochs}")


@pytest.mark.parametrize(("kept", "said"), [(9, True), (4, False)])
def test_a_refit_that_was_best_near_its_end_takes_the_place_of_the_searchs_curve(
    kept, said, tmp_path
):
    run = make(
        tmp_path / "run",
        samples.GENOMES[:1],
        (0.1,),
        evaluation={"validation_loss": (0.2, 0.1)},
    )
    (id,) = (entry.id for entry in run.hall_of_fame())
    with Store.writer(run.path) as store:
        store.set_result(id, REFIT, {"epochs": [10, kept], "val_loss": 0.05, "test_loss": 0.06})
    assert not of(run, "still fell")
    found = of(run, "near its end")
    assert bool(found) is said
    if said:
        assert found[0].why == f"The refit of {id[:6]} was best at epoch 9 of 10, near its end."
        assert checked(found[0]) == [f"evoae refit {run.path} {id[:6]} --epochs 20"]


def test_a_last_generation_that_was_better_asks_to_search_on(tmp_path):
    run = make(tmp_path / "run", samples.GENOMES, (0.06, 0.07, 0.05, 0.08), per_generation=2)
    (found,) = of(run, "still improving")
    assert found.why.endswith("number 2, lowered the best loss by 16.7% to .05000.")
    assert checked(found) == [f"evoae resume {run.path} --generations 10"]
    settled = make(tmp_path / "b", samples.GENOMES, (0.05, 0.07, 0.06, 0.08), per_generation=2)
    assert not of(settled, "improving")
    spent = make(
        tmp_path / "c",
        samples.GENOMES,
        (0.06, 0.07, 0.05, 0.08),
        per_generation=2,
        exhausted=True,
    )
    assert not of(spent, "improving")


def test_an_improvement_within_the_noise_is_none(tmp_path):
    for name, before, noise, said in (
        ("a", 0.051, 0.001, True),
        ("b", 0.051, 0.02, False),
        ("c", 0.0503, None, False),  # a change of 0.6% says nothing where no noise is known
    ):
        losses = (before, 0.07, 0.05, 0.08)
        run = make(tmp_path / name, samples.GENOMES, losses, per_generation=2, noise=noise)
        assert bool(of(run, "improving")) is said


def test_pca_that_is_better_leads_and_no_command_is_given_twice(tmp_path):
    falling = {"validation_loss": (0.2, 0.1)}
    run = make(
        tmp_path / "run",
        samples.GENOMES[:1],
        (0.1,),
        {"max_latent": 4},
        falling,
        pca={4: 0.04},
        variance=0.2,
    )
    found = what_next(run)
    assert found[0].why == "PCA of the same size is better in validation: .04000 against .10000."
    lines = [line for advice in found for line in checked(advice)]
    assert len(lines) == len(set(lines))
    assert lines[0] == f"evoae refit {run.path} --minutes 4"
    assert of(run, "still fell")[0].commands[0][0].endswith("training.epochs=6")


def test_a_given_network_is_asked_for_no_other_search(tmp_path):
    run = make(
        tmp_path / "run",
        samples.GENOMES[:1],
        (0.1,),
        {"max_latent": 4, "max_depth": 1},
        {"validation_loss": (0.2, 0.1)},
        genome=samples.GENOMES[0],
    )
    lines = [line for advice in what_next(run) for line in checked(advice)]
    assert lines == [f"evoae refit {run.path} --minutes 4"]
