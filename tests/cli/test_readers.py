"""What the reading commands print, for people and for programs."""

import json

import pytest
from click.testing import CliRunner

from evoae import formatting
from evoae.cli.main import cli

HOF = {"rank", "id", "val_loss", "parameters", "latent", "genome", "generation", "seconds"}
STATUS = {
    "run",
    "state",
    "generation",
    "generations",
    "scored",
    "failed",
    "duplicates",
    "best",
    "eta_seconds",
}


def run(*arguments):
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output
    return done


def test_hof_json_has_the_promised_keys(tiny_run):
    entries = json.loads(run("hof", tiny_run.path, "--json").stdout)
    assert len(entries) == len(tiny_run.hall_of_fame())
    assert all(entry.keys() >= HOF for entry in entries)


def test_hof_lists_every_model_and_the_linear_bound_under_them(tiny_run):
    lines = run("hof", tiny_run.path).stdout.splitlines()
    entries = tiny_run.hall_of_fame()
    assert lines[0].split() == ["rank", "id", "loss", "latent", "params", "genome"]
    assert [line.split()[1] for line in lines[1:-1]] == [entry.id[:6] for entry in entries]
    assert all(line.endswith(e.genome) for line, e in zip(lines[1:-1], entries, strict=True))
    assert lines[-1].split()[0] == "PCA"


def test_a_front_has_pca_of_each_latent_size_beside_it(tiny_run):
    header, first, *_ = run("hof", tiny_run.path, "--front").stdout.splitlines()
    assert header.split() == ["rank", "id", "loss", "PCA", "latent", "params", "genome"]
    bound = tiny_run.linear_bounds()[tiny_run.front()[0].latent]
    assert first.split()[3] == formatting.loss(bound)


def test_status_json_has_the_promised_keys(tiny_run):
    status = json.loads(run("status", tiny_run.path, "--json").stdout)
    assert status.keys() >= STATUS
    assert (status["state"], status["eta_seconds"]) == ("finished", 0)
    assert status["scored"] + status["failed"] == len(tiny_run.first_evaluations())


def test_show_json_adds_tokens_layers_and_history(tiny_run):
    shown = json.loads(run("show", tiny_run.path, "--json").stdout)
    best = tiny_run.hall_of_fame()[0]
    assert shown["id"] == best.id
    assert shown["tokens"][0] == -1
    assert sum(layer["parameters"] for layer in shown["layers"]) == best.parameters
    assert shown["history"]["validation"][-1] == best.val_loss


def test_show_takes_any_unambiguous_prefix(tiny_run):
    last = tiny_run.hall_of_fame()[-1]
    assert run("show", tiny_run.path, last.id[:8]).stdout.startswith(last.id[:6])


def test_show_draws_the_network_from_input_to_output(tiny_run):
    drawing = run("show", tiny_run.path).stdout.split("\n\n")[1]
    code = str(tiny_run.hall_of_fame()[0].latent)
    encoder, decoder = (line.split() for line in drawing.splitlines())
    assert (encoder[0], encoder[-1]) == ("8×8×1", code)
    assert (decoder[0], decoder[-1]) == (code, "8×8×1")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "-"),
        (0.01763, ".01763"),
        (0.0000123, ".0000123"),
        (12.3456, "12.35"),
        (0.5, ".50000"),
    ],
)
def test_a_loss_is_worded_briefly(value, said):
    assert formatting.loss(value) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(41, "41 s"), (401, "6 min 41 s"), (11_220, "3 h 7 min")]
)
def test_a_duration_is_worded_in_two_units_at_most(seconds, said):
    assert formatting.duration(seconds) == said


def test_a_drawing_has_one_arrow_for_a_residual_block_and_ends_in_a_mirrored_head():
    from evoae.cli.show import draw
    from evoae.genome.network_defaults import NetworkDefaults
    from evoae.genome.text import parse
    from evoae.models.plan import plan

    text = "head(mirror) up(transposed) conv(8,3x3) res(1) | latent(2) | upconv(8,4x4) res(2)"
    drawing = draw(plan(parse(text), NetworkDefaults((28, 28, 1)))).replace("\n      ", "")
    assert " ".join(drawing.split()) == (
        "28×28×1 ──conv 8,3x3──▶ 14×14×8 ──res──▶ 14×14×8 ────▶ 2 "
        "2 ────▶ 14×14×8 ──res──▶ 14×14×8 ──res──▶ 14×14×8 ────▶ 28×28×1"
    )


def test_a_space_of_mirrored_heads_and_residual_blocks_is_sampled(tmp_path):
    (tmp_path / "c.yaml").write_text("data: {name: fashion_mnist}")
    options = "--set model.head=mirror --set model.sampling.residual=1 --shape 9x8x1 -n 3 --json"
    drawn = json.loads(
        run("space", "sample", "--config", tmp_path / "c.yaml", *options.split()).stdout
    )
    assert all(each["genome"].startswith("head(mirror) conv(") for each in drawn)
    assert all(each["genome"].count(" res(") == each["genome"].count("conv(") for each in drawn)
    assert all(each["tokens"][:2] == [-12, 1] for each in drawn)
