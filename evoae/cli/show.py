"""`evoae show`: one model."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evoae.evaluation import Evaluation
    from evoae.models.layers import LayerRecord
    from evoae.models.plan import Plan
    from evoae.runs.hall_of_fame import CandidateResult
    from evoae.runs.records import Candidate


@click.command("show", short_help="One model: genome, layers, curves.")
@click.argument("run")
@click.argument("id", metavar="[ID]", default="best")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(run: str, id: str, as_json: bool) -> None:
    """Show one candidate of RUN: ID is any unambiguous prefix, or `best`."""
    from evoae.cli import formatting
    from evoae.cli.tables import print_json
    from evoae.genome.text import parse
    from evoae.models.plan import plan
    from evoae.runs.run import Run

    opened = Run.open(run)
    found = opened.find(id)
    candidate, evaluation = found.candidate, found.evaluation
    drawn, item = plan(parse(candidate.genome), opened.defaults()), opened.item()
    if as_json:
        print_json(
            {
                **found.summary(),
                "refit": opened.refitted(candidate.id),
                "tokens": list(candidate.tokens),
                "layers": [_layer(layer) for layer in drawn.layers],
                "history": {
                    "train": list(evaluation.train_loss) if evaluation else [],
                    "validation": list(evaluation.validation_loss) if evaluation else [],
                },
            }
        )
        return
    size = drawn.size
    figures = [
        _verdict(found),
        f"{size.parameters:,} parameters",
        f"latent {size.latent:,}",
        f"{formatting.flops(size.flops)} {'an' if item[0] in 'aeiou' else 'a'} {item}",
        _origin(candidate),
    ]
    click.echo(f"{formatting.short(candidate.id)}  {candidate.genome}")
    click.echo(" · ".join(figures))
    click.echo(f"\n{draw(drawn)}\n")
    if evaluation is not None and evaluation.validation_loss:
        _print_curves(evaluation)
    refitted = opened.refitted(candidate.id)
    if refitted is not None:
        click.echo(_of_refit(refitted))


def _verdict(found: CandidateResult) -> str:
    from evoae.cli import formatting

    evaluation = found.evaluation
    if evaluation is None:
        return "not trained yet"
    if found.val_loss is None:
        return f"{evaluation.outcome}: {evaluation.message}"
    loss = f"loss {formatting.loss(found.val_loss)}"
    if found.deviation is not None:
        loss += f" ± {formatting.loss(found.deviation)} ({len(found.scores)} seeds)"
    epochs = len(evaluation.validation_loss)
    return loss if not evaluation.raced else f"{loss}, stopped early after epoch {epochs}"


def _of_refit(result: Mapping[str, Any]) -> str:
    from evoae.cli import formatting

    if not result["trained"]:
        return f"refit failed: {result['message']}"
    validation, test = formatting.loss(result["val_loss"]), formatting.loss(result["test_loss"])
    best, epochs = result["epochs"][1], result["epochs"][0]
    if result["val_loss"] is None:
        return (
            f"refit: {formatting.plural(epochs, 'epoch')} with the validation items, test {test}"
        )
    return f"refit: validation {validation} in epoch {best} of {epochs}, test {test}"


def _origin(candidate: Candidate) -> str:
    from evoae.cli import formatting

    origin = f"generation {candidate.generation}"
    if candidate.parents:
        parents = " and ".join(map(formatting.short, dict.fromkeys(candidate.parents)))
        origin += f", child of {parents} by {candidate.operator}"
    return origin


def _print_curves(evaluation: Evaluation) -> None:
    from evoae.cli import formatting

    epochs = range(1, len(evaluation.validation_loss) + 1)
    for title, values in (
        ("epoch", [str(epoch) for epoch in epochs]),
        ("train", [formatting.loss(value) for value in evaluation.train_loss]),
        ("valid", [formatting.loss(value) for value in evaluation.validation_loss]),
    ):
        click.echo(f"{title:<6}" + "".join(f"{value:>8}" for value in values))


def _layer(layer: LayerRecord) -> dict[str, object]:
    return {
        "name": layer.name,
        "kind": layer.kind,
        "part": layer.part,
        "shape": list(layer.shape),
        "parameters": layer.parameters,
        "flops": layer.flops,
    }


def draw(drawn: Plan) -> str:
    """Draw a network as two chains of shapes, to the code and back, an arrow for each layer."""
    from evoae.cli.formatting import shape

    lines = []
    for entry, layers in (
        (drawn.input_shape, drawn.encoder),
        (drawn.latent_shape, drawn.decoder),
    ):
        chain = [shape(entry)]
        for layer in layers:
            within = "_res_" in layer.name and layer.kind == "conv"
            if layer.kind in {"conv", "transposed", "dense", "add"} and not within:
                chain.append("")
                chain[-2] += f" ──{_label(layer)}──▶ "
            if layer.kind != "flatten":  # the map is what one wants to see before the code
                chain[-1] = shape(layer.shape)
        lines += textwrap.wrap(
            "".join(link.replace(" ", "\N{NO-BREAK SPACE}", 1) for link in chain),
            width=100,
            initial_indent="  ",
            subsequent_indent="      ",
            break_long_words=False,
            break_on_hyphens=False,
        )
    return "\n".join(lines).replace("\N{NO-BREAK SPACE}", " ")


def _label(layer: LayerRecord) -> str:
    if layer.kind == "dense" or layer.name == "head":
        return ""
    if layer.kind == "add":
        return "res"
    word = "conv" if layer.part == "encoder" else "upconv"
    kernel = f"{layer.kernel[0]}x{layer.kernel[1]}"
    return f"{word} {layer.shape[-1]},{kernel}"
