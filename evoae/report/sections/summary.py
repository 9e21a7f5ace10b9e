"""The first section: what was found, how good it is, and what to do with it."""

from __future__ import annotations

from evoae.formatting import command, count, flops, loss, plural, short
from evoae.report.blocks import Block, Commands, Facts, Section, Steps, Table, Text
from evoae.report.drawing.chart import BASELINES
from evoae.report.model_views import ModelViews
from evoae.report.run_snapshot import RunSnapshot
from evoae.report.sections.reconstructions import for_answer
from evoae.runs.hall_of_fame import Entry
from evoae.runs.records import Baseline

_ORIGINS = {
    "pca": "the linear bound of this latent size",
    "plain": "a plain network of the same latent size, trained as the candidates were",
    "handmade": "the published hand-made network, trained as the candidates were",
}


def section(snapshot: RunSnapshot, models: ModelViews) -> Section:
    """Say which model is best, beside what it is compared with, and what to do next."""
    blocks: list[Block] = [Text(standing(snapshot))]
    if snapshot.best is None:
        blocks.append(Text(nothing(snapshot)))
    else:
        said = [Text(verdict(snapshot)), Text(tested(snapshot))]
        if snapshot.refit is not None:  # the refitted model is the answer
            best = f"The best model is {short(snapshot.best.id)}. {tested(snapshot)}"
            said = [Text(best), Text(verdict(snapshot))]
        blocks += [*said, *for_answer(models), _facts(snapshot), compared(snapshot)]
    if snapshot.advice:
        steps = tuple((advice.why, advice.commands) for advice in snapshot.advice)
        blocks.append(Steps("What to change next", steps))
    blocks.append(Commands(next_commands(snapshot)))
    return Section("answer", "The answer", tuple(blocks))


def standing(snapshot: RunSnapshot) -> str:
    """Say where the run stands."""
    status = snapshot.status
    if snapshot.given is not None and status.state == "finished":
        return "One given network was trained, without a search."
    generation = f"generation {status.generation}"
    if status.generations is not None:
        generation += f" of {status.generations}"
    trained = plural(status.scored + status.failed + status.repeated, "training")
    said = {
        "running": f"The search is running: {generation}, {trained} so far.",
        "finished": f"The search has finished after {trained}.",
        "interrupted": f"The search was interrupted in {generation}, after {trained}.",
        "failed": f"The search stopped in {generation}, after {trained}: {status.why}.",
    }[status.state]
    if status.state == "finished" and status.generations is not None:
        said = f"The search has finished {plural(status.generations, 'generation')}, {trained}."
    return said.replace("..", ".")


def nothing(snapshot: RunSnapshot) -> str:
    """Say why there is no best model."""
    failed = snapshot.status.failed
    if not failed:
        return "No network has a score yet, so there is nothing to compare, to rebuild or to draw."
    return (
        f"No network has a score: of {plural(failed, 'training')} every one failed. The front, "
        "the pictures, the map of codes and the winner's drawing need a trained model, and are "
        "left out."
    )


def verdict(snapshot: RunSnapshot) -> str:
    """Say in a sentence what was found and how it compares."""
    best = snapshot.hall[0]
    scored = [b for b in snapshot.status.baselines if b.val_loss is not None]
    word = "is the best to rebuild" if snapshot.given is None else "rebuilds"
    said = f"{short(best.id)} {word} {snapshot.metadata.data}: "
    if best.rank > 1 or snapshot.refit is not None:
        place = "the best" if best.rank == 1 else f"number {best.rank}"
        said = f"In the search {short(best.id)} was {place}: "
    said += f"validation loss {loss(best.val_loss)} ({snapshot.measured})."
    if snapshot.refit is None and (words := best.standing.in_words):
        said += f" It {words}."
    for baseline in scored:
        said += f" {_against(best.val_loss, baseline)}"
    behind = any((b.val_loss or 0.0) < best.val_loss for b in scored)
    if behind and snapshot.refit is None:
        said += " Candidates are trained briefly; a refit trains the winner in full."
    return said


def _against(value: float, baseline: Baseline) -> str:
    """Compare a loss with a baseline's."""
    other = baseline.val_loss
    assert other is not None
    name = BASELINES[baseline.name][2]
    article = "" if baseline.name in ("pca", "random") else "the "
    if other > 0 and value > 0 and value <= other:
        return f"It is {1 - value / other:.0%} below {article}{name} ({loss(other)})."
    if other > 0 and value > 0:
        return f"It does not reach {article}{name}, which has {loss(other)}."
    return f"{article}{name} has {loss(other)}.".capitalize()


def tested(snapshot: RunSnapshot) -> str:
    """Say what the refit came to."""
    refit, best = snapshot.refit, snapshot.best
    if refit is None:
        return "The test set has not been opened: that is for a refitted model, once."
    epochs, kept = refit["epochs"]
    trained, test = plural(epochs, "epoch"), loss(refit["test_loss"])
    if refit["val_loss"] is None:
        said = f"Refitted on all training and validation data for {trained}, it has "
    elif refit["handed_over"] == "search":
        said = (
            f"A refit on all training data for {trained} came to "
            f"{loss(refit['val_losses']['refit'])} in validation, so the search's model stays: "
            f"it has {loss(refit['val_loss'])} there and "
        )
    else:
        said = (
            f"Refitted on all training data for {trained} (kept: that of epoch {kept}), it has "
            f"{loss(refit['val_loss'])} in validation and "
        )
    said += f"{test} on the test set"
    if refit.get("pca") is not None:
        said += f", where PCA of the same size has {loss(refit['pca'])}"
    if best is not None and (words := best.standing.in_words):
        said += f"; the network {words}"
    others = {k: v for k, v in refit["test"].items() if v != refit["test_loss"]}
    further = ", ".join(f"{name} {loss(value)}" for name, value in others.items())
    return said + (f". Further test figures: {further}." if further else ".")


def compared(snapshot: RunSnapshot) -> Table:
    """Return the best models and their baselines as a table."""
    best, bounds = snapshot.hall[0], snapshot.run.linear_bounds()
    rows = [
        {
            "model": short(entry.id),
            "loss": loss(entry.val_loss) + _noise(entry),
            "against the best": "" if entry is best else _gap(entry.val_loss, best.val_loss),
            "PCA": loss(bounds.get(entry.latent)),
            "refit": loss(entry.refit_loss),
            "test": loss(entry.test_loss),
            "latent": count(entry.latent),
            "parameters": count(entry.parameters),
            "network": entry.genome,
        }
        for entry in snapshot.hall
    ]
    header = list(rows[0])
    if not bounds or len({entry.latent for entry in snapshot.hall}) < 2:  # it has a row of its own
        header.remove("PCA")
    if all(entry.test_loss is None for entry in snapshot.hall):
        header.remove("refit")
        header.remove("test")
    rows += [_row(baseline, best) for baseline in snapshot.status.baselines]
    return Table(
        "The best models, and what they are compared with",
        tuple(header),
        tuple(tuple(row.get(name, "-") for name in header) for row in rows),
        frozenset({0, len(header) - 1}),
        folded=False,
    )


def _noise(entry: Entry) -> str:
    """Word the standard deviation between trainings, as a share; "" for one training."""
    if not entry.deviation or entry.val_loss <= 0:
        return ""
    return f" ± {entry.deviation / entry.val_loss:.1%}"


def _row(baseline: Baseline, best: Entry) -> dict[str, str]:
    value, own = baseline.val_loss, (baseline.name, baseline.latent) == ("pca", best.latent)
    origin = _ORIGINS.get(baseline.name, "")
    if baseline.name == "random":
        origin = f"the best of {plural(baseline.trainings, 'training')} at random, at equal cost"
    if value is None:
        origin = f"{baseline.outcome}: {baseline.message}"
    elif baseline.genome is not None:
        origin = f"{baseline.genome} ({origin})"
    return {
        "model": BASELINES[baseline.name][2],
        "loss": loss(value),
        "against the best": "" if value is None else _gap(value, best.val_loss),
        "refit": loss(best.refit_pca if own else None),
        "test": loss(best.test_pca if own else None),
        "latent": count(baseline.latent),
        "parameters": count(baseline.parameters),
        "network": origin,
    }


def _gap(value: float, best: float) -> str:
    """Word how far a loss lies from the best; "" where a ratio means nothing."""
    return f"{value / best - 1:+.1%}" if value > 0 and best > 0 else ""


def _facts(snapshot: RunSnapshot) -> Facts:
    best = snapshot.hall[0]
    cost, operator = snapshot.evaluations[best.id].flops, snapshot.candidates[best.id].operator
    made = "drawn at random" if operator == "sample" else f"by {operator}"
    repeated = best.trainings > 1 and best.deviation is not None
    return Facts(
        {
            "network": best.genome,
            "latent size": count(best.latent),
            "parameters": count(best.parameters),
            "cost": "" if cost is None else f"{flops(cost)} an item",
            "found in": f"generation {best.generation}, {made}",
            "trained": f"{best.trainings} times{_noise(best)}" if repeated else "",
        }
    )


def next_commands(snapshot: RunSnapshot) -> tuple[tuple[str, str], ...]:
    """Return the commands that make sense now, each with what it does.

    Those that `RunSnapshot.advice` has given already are not among them.
    """
    lines = _next_commands(snapshot)
    given = {typed for advice in snapshot.advice for typed, _ in advice.commands}
    refits = any(typed.startswith("evoae refit ") for typed in given)
    best = command("refit", snapshot.run.path, "best")
    return tuple(
        line for line in lines if line[0] not in given and not (refits and line[0] == best)
    )


def _next_commands(snapshot: RunSnapshot) -> tuple[tuple[str, str], ...]:
    run, status = snapshot.run.path, snapshot.status
    failed = (command("failures", run), "see what failed, and why")
    follow = {
        "running": [(command("status", run), "see how it goes")],
        "interrupted": [(command("resume", run), "go on where it stopped")],
        "failed": [failed],
        "finished": [],
    }[status.state]
    if snapshot.best is None:
        follow += [failed] * (status.failed > 0 and status.state != "failed")
        return tuple(follow) or ((command("status", run), "see where it stands"),)
    export = command("export", run, "--out", "best.keras")
    ready = (
        (export, "write the best model as a file of its own"),
        (command("encode", run, "--out", "codes.csv"), "the codes of the validation items"),
    )
    if snapshot.refit is None and status.state != "running":  # whose driver holds the run
        said = "train it properly on all data, and measure it once on the test set"
        return (*follow, (command("refit", run, "best"), said), *ready)
    more = snapshot.run.search_on() if snapshot.given is None else None
    if status.state == "finished" and more is not None:
        follow.append((more, "search on"))
    return (*ready, *follow)
