"""`evoae show`: shows one candidate: layers, sizes and losses."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, Any

import click

from evoae.cli import options
from evoae.cli.output import Output, print_dotted, print_folded
from evoae.evaluation import START
from evoae.formatting import explained, flops, loss, plural, shape, short
from evoae.terminal import width_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evoae.evaluation import Evaluation
    from evoae.models.layers import LayerRecord
    from evoae.models.plan import Plan
    from evoae.runs.hall_of_fame import CandidateResult
    from evoae.runs.records import Candidate
    from evoae.runs.run import Run

_OF_A_LAYER = ("name", "kind", "part", "shape", "parameters", "flops")


@click.command("show")
@options.opened
@options.id
@options.json()
def command(run: Run, id: str) -> Output:
    """Show one candidate of RUN: ID is any unambiguous prefix, or `best`."""
    from evoae.genome.text import parse
    from evoae.models.plan import plan

    result = run.find(id)
    candidate, evaluation = result.candidate, result.evaluation
    refitted = run.refitted(candidate.id)
    drawn = plan(parse(candidate.genome), run.defaults())
    layers = [{name: getattr(layer, name) for name in _OF_A_LAYER} for layer in drawn.layers]
    curves = (evaluation.train_loss, evaluation.validation_loss) if evaluation else ((), ())
    return Output(
        {
            **result.summary(),
            "refit": refitted,
            "tokens": candidate.tokens,
            "layers": layers,
            "history": dict(zip(("train", "validation"), curves, strict=True)),
        },
        lambda: _print(result, drawn, refitted, run),
    )


def _print(
    result: CandidateResult, drawn: Plan, refitted: Mapping[str, Any] | None, run: Run
) -> None:
    candidate, size, item = result.candidate, drawn.size, run.item()
    figures = [
        _verdict(result),
        *_explained(result, run),
        f"{size.parameters:,} parameters",
        f"latent {size.latent:,}",
        f"{flops(size.flops)} {'an' if item[0] in 'aeiou' else 'a'} {item}",
        _origin(candidate),
    ]
    print_folded(f"{short(candidate.id)}  {candidate.genome}", " " * 8)
    print_dotted(figures)
    click.echo(f"\n{draw(drawn, min(100, width_of(sys.stdout)))}\n")
    if result.evaluation is not None and result.evaluation.validation_loss:
        _print_curves(result.evaluation)
    if refitted is not None:
        print_folded(_of_refit(refitted))


def _verdict(result: CandidateResult) -> str:
    evaluation = result.evaluation
    if evaluation is None:
        return "not trained yet"
    if result.val_loss is None:
        return f"{evaluation.outcome}: {evaluation.message}"
    said = f"loss {loss(result.val_loss)}"
    if result.deviation is not None:
        said += f" ± {loss(result.deviation)} ({len(result.scores)} seeds)"
    epochs = len(evaluation.validation_loss)
    return said if not evaluation.raced else f"{said}, stopped early after epoch {epochs}"


def _explained(result: CandidateResult, run: Run) -> list[str]:
    """Say what a loss means, where the variance of the items is known."""
    from evoae.runs.hall_of_fame import share

    metadata = run.metadata()
    reached = share(result.val_loss, metadata.variance)
    latent = None if result.evaluation is None else result.evaluation.latent
    of_pca = share(metadata.pca.get(latent or 0), metadata.variance)
    return [] if reached is None else [explained(reached, of_pca)]


def _of_refit(result: Mapping[str, Any]) -> str:
    if not result["trained"]:
        return f"refit failed: {result['message']}"
    epochs, best = result["epochs"]
    reached = f"{plural(epochs, 'epoch')} with the validation items"
    if result["val_loss"] is not None:
        reached = f"validation {loss(result['val_loss'])} in epoch {best} of {epochs}"
    if result["handed_over"] == "search":
        refitted = loss(result["val_losses"]["refit"])
        reached = f"{refitted}, so the search's model stays: validation {loss(result['val_loss'])}"
    return f"refit: {reached}, test {loss(result['test_loss'])}"


def _origin(candidate: Candidate) -> str:
    origin = f"generation {candidate.generation}"
    if candidate.parents:
        parents = " and ".join(map(short, dict.fromkeys(candidate.parents)))
        origin += f", child of {parents} by {candidate.operator}"
    return origin


def _print_curves(evaluation: Evaluation) -> None:
    epochs = len(evaluation.validation_loss)
    before = [evaluation.metrics[START]] if START in evaluation.metrics else []
    lines = (
        ("epoch", [*map(str, range(1 - len(before), epochs + 1))]),
        ("train", [*("-" for _ in before), *map(loss, evaluation.train_loss)]),
        ("valid", [*map(loss, (*before, *evaluation.validation_loss))]),
    )
    at_once = (width_of(sys.stdout) - 6) // 9  # figures beside each other
    for start in range(0, len(before) + epochs, at_once):
        for title, values in lines:
            part = values[start : start + at_once]
            click.echo(f"{title:<6}" + "".join(f" {value:>8}" for value in part))


def draw(drawn: Plan, width: int = 100) -> str:
    """Draw a network as two chains of shapes, to the code and back, an arrow for each layer."""
    lines = []
    for entry, layers in (
        (drawn.input_shape, drawn.encoder),
        (drawn.latent_shape, drawn.decoder),
    ):
        chain = [shape(entry)]
        for layer in layers:
            if layer.beside:
                continue
            within = "_res_" in layer.name and layer.kind == "conv"
            if layer.kind in {"conv", "transposed", "dense", "add"} and not within:
                chain.append("")
                chain[-2] += f" ──{_label(layer)}──▶ "
            if layer.kind != "flatten":  # the map is what one wants to see before the code
                chain[-1] = shape(layer.shape)
        lines += textwrap.wrap(
            "".join(link.replace(" ", "\N{NO-BREAK SPACE}", 1) for link in chain),
            width=width,
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
