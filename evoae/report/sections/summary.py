"""The first section: what was found, how good it is, and what to do with it."""

from __future__ import annotations

from evoae.formatting import command, count, flops, loss, plural, short
from evoae.report.blocks import Block, Commands, Facts, Section, Table, Text
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.hall_of_fame import Entry
from evoae.runs.records import Baseline

NAMES = {
    "pca": "PCA",
    "plain": "plain network",
    "handmade": "hand-made",
    "random": "random search",
}
_ORIGINS = {
    "pca": "the linear bound of this latent size",
    "plain": "a plain network of the same latent size, trained as the candidates were",
    "handmade": "the published hand-made network, trained as the candidates were",
}


def section(snapshot: RunSnapshot) -> Section:
    """Say which model is best, beside what it is compared with, and which commands come next."""
    blocks: list[Block] = [Text(standing(snapshot))]
    best = snapshot.best
    if best is None:
        blocks.append(Text(nothing(snapshot)))
    else:
        blocks += [Text(verdict(snapshot)), Facts(_figures(snapshot)), compared(snapshot)]
        if snapshot.refit is None:
            blocks.append(
                Text("The test set has not been opened: that is for a refitted model, once.")
            )
        else:
            blocks.append(Text(tested(snapshot)))
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
    best, scored = snapshot.hall[0], [b for b in snapshot.baselines if b.val_loss is not None]
    word = "is the best to rebuild" if snapshot.given is None else "rebuilds"
    said = f"{short(best.id)} {word} {snapshot.data}: validation loss {loss(best.val_loss)}"
    said += f" ({snapshot.measured})."
    for baseline in scored:
        said += f" {_against(best.val_loss, baseline)}"
    behind = [b for b in scored if b.val_loss is not None and b.val_loss < best.val_loss]
    if behind and snapshot.refit is None:
        said += " Candidates are trained briefly; a refit trains the winner in full."
    return said


def _against(value: float, baseline: Baseline) -> str:
    """Compare a loss with a baseline's."""
    other = baseline.val_loss
    assert other is not None
    name = NAMES[baseline.name]
    article = "" if baseline.name in ("pca", "random") else "the "
    if baseline.name == "handmade":
        name += " network"
    if other > 0 and value > 0 and value <= other:
        return f"It is {1 - value / other:.0%} below {article}{name} ({loss(other)})."
    if other > 0 and value > 0:
        return f"It does not reach {article}{name}, which has {loss(other)}."
    return f"{article}{name} has {loss(other)}.".capitalize()


def tested(snapshot: RunSnapshot) -> str:
    """Say what the refit came to."""
    found = snapshot.refit or {}
    epochs, best = found["epochs"]
    trained, test = plural(epochs, "epoch"), loss(found["test_loss"])
    if found["val_loss"] is None:
        said = f"Refitted on all training and validation data for {trained}, it has "
    else:
        said = (
            f"Refitted on all training data for {trained} (kept: that of epoch {best}), it has "
            f"{loss(found['val_loss'])} in validation and "
        )
    said += f"{test} on the test set"
    if found.get("pca") is not None:
        said += f", where PCA of the same size has {loss(found['pca'])}"
    others = {k: v for k, v in found["test"].items() if v != found["test_loss"]}
    further = ", ".join(f"{name} {loss(value)}" for name, value in others.items())
    return said + (f". Further test figures: {further}." if further else ".")


def compared(snapshot: RunSnapshot) -> Table:
    """Return the best models and their baselines as a table."""
    best, bounds = snapshot.hall[0], snapshot.run.linear_bounds()
    rows = [
        (
            short(entry.id),
            loss(entry.val_loss) + _noise(entry),
            _gap(entry.val_loss, best.val_loss) if entry.rank > 1 else "",
            loss(bounds.get(entry.latent)),
            loss(entry.test_loss),
            count(entry.latent),
            count(entry.parameters),
            entry.genome,
        )
        for entry in snapshot.hall
    ] + [_row(baseline, best.val_loss) for baseline in snapshot.baselines]
    header = (
        "model",
        "loss",
        "against the best",
        "PCA",
        "test",
        "latent",
        "parameters",
        "network",
    )
    left_out = set()
    if (
        not bounds or len({entry.latent for entry in snapshot.hall}) < 2
    ):  # a row of its own says it
        left_out.add("PCA")
    if all(entry.test_loss is None for entry in snapshot.hall):
        left_out.add("test")
    kept = [place for place, name in enumerate(header) if name not in left_out]
    return Table(
        "The best models, and what they are compared with",
        tuple(header[place] for place in kept),
        tuple(tuple(row[place] for place in kept) for row in rows),
        frozenset({0, len(kept) - 1}),
        folded=False,
    )


def _made(operator: str) -> str:
    return "drawn at random" if operator == "sample" else f"by {operator}"


def _noise(entry: Entry) -> str:
    """Word the standard deviation between trainings, as a share; "" for one training."""
    if not entry.deviation or entry.val_loss <= 0:
        return ""
    return f" ± {entry.deviation / entry.val_loss:.1%}"


def _row(baseline: Baseline, best: float) -> tuple[str, ...]:
    value = baseline.val_loss
    origin = _ORIGINS.get(baseline.name, "")
    if baseline.name == "random":
        origin = f"the best of {plural(baseline.trainings, 'training')} at random, at equal cost"
    if value is None:
        origin = f"{baseline.outcome}: {baseline.message}"
    elif baseline.genome is not None:
        origin = f"{baseline.genome} ({origin})"
    return (
        NAMES[baseline.name],
        loss(value),
        "" if value is None else _gap(value, best),
        "-",
        "-",
        count(baseline.latent),
        count(baseline.parameters),
        origin,
    )


def _gap(value: float, best: float) -> str:
    """Word how far a loss lies from the best; "" where a ratio means nothing."""
    return f"{value / best - 1:+.1%}" if value > 0 and best > 0 else ""


def _figures(snapshot: RunSnapshot) -> tuple[tuple[str, str], ...]:
    best = snapshot.hall[0]
    evaluation = snapshot.evaluations[best.id]
    pairs = [
        ("network", best.genome),
        ("latent size", count(best.latent)),
        ("parameters", count(best.parameters)),
        (
            "found in",
            f"generation {best.generation}, {_made(snapshot.candidates[best.id].operator)}",
        ),
    ]
    if evaluation.flops is not None:
        pairs.insert(3, ("cost", f"{flops(evaluation.flops)} an item"))
    if best.trainings > 1 and best.deviation is not None:
        pairs.append(("trained", f"{best.trainings} times{_noise(best)}"))
    return tuple(pairs)


def next_commands(snapshot: RunSnapshot) -> tuple[tuple[str, str], ...]:
    """Return the commands that make sense now, each with what it does."""
    run, status = snapshot.run.path, snapshot.status
    ready = [
        (
            command("export", run, "--out", "best.keras"),
            "write the best model as a file of its own",
        ),
        (command("encode", run, "--out", "codes.csv"), "the codes of the validation items"),
    ]
    follow = {
        "running": [(command("status", run), "see how it goes")],
        "interrupted": [(command("resume", run), "go on where it stopped")],
        "failed": [(command("failures", run), "see what failed, and why")],
        "finished": [],
    }[status.state]
    if snapshot.best is None:
        if status.failed and status.state != "failed":
            follow.append((command("failures", run), "see what failed, and why"))
        return tuple(follow) or ((command("status", run), "see where it stands"),)
    if snapshot.refit is None and status.state != "running":  # whose driver holds the run
        refit = command("refit", run, "best")
        return (
            *follow,
            (refit, "train it properly on all data, and measure it once on the test set"),
            *ready,
        )
    if (
        status.state == "finished"
        and snapshot.given is None
        and (more := snapshot.run.search_on())
    ):
        follow.append((more, "search on"))
    return (*ready, *follow)
