"""What failed: trainings without a score, by kind."""

from __future__ import annotations

from statistics import mode

from evoae.evaluation import Evaluation
from evoae.formatting import command, plural, short
from evoae.report.blocks import Commands, Section, Table, Text
from evoae.report.run_snapshot import RunSnapshot

_QUOTED = 5  # candidates that a row names


def section(snapshot: RunSnapshot) -> Section:
    """Count the failures by kind."""
    by_kind: dict[str, list[Evaluation]] = {}
    for evaluation in snapshot.trainings:
        if evaluation.fitness is None:
            by_kind.setdefault(evaluation.outcome.value, []).append(evaluation)
    many = plural(len(snapshot.trainings), "training")
    if not by_kind:
        return Section("failures", "Failures", (Text(f"None of {many} failed."),))
    rows = tuple(
        (kind.replace("_", " "), str(len(failed)), _most_common_message(failed), _named(failed))
        for kind, failed in sorted(by_kind.items(), key=lambda pair: -len(pair[1]))
    )
    header = ("kind", "networks", "mostly because", "which")
    table = Table("Failures by kind", header, rows, frozenset({0, 2, 3}), folded=False)
    number = sum(map(len, by_kind.values()))
    said = (
        f"{number} of {many} failed ({number / len(snapshot.trainings):.0%}). "
        "A failed network has no loss and ranks nowhere."
    )
    details = Commands(((command("failures", snapshot.run.path), "every one, with its reason"),))
    return Section("failures", "Failures", (Text(said), table, details))


def _most_common_message(failed: list[Evaluation]) -> str:
    return mode(evaluation.message or "" for evaluation in failed)


def _named(failed: list[Evaluation]) -> str:
    names = ", ".join(short(evaluation.id) for evaluation in failed[:_QUOTED])
    return names + ", …" * (len(failed) > _QUOTED)
