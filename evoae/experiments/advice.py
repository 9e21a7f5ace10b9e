"""What a finished search suggests to change next, from its recorded figures alone.

Every sentence follows from what the run recorded, and every command works as it is printed.
Nothing here trains or loads a model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from evoae.errors import ConfigError
from evoae.experiments.refit_records import is_late
from evoae.formatting import command, count, flops, loss, short
from evoae.runs.files import REFIT

if TYPE_CHECKING:
    from evoae.genome.genome import Genome
    from evoae.runs.hall_of_fame import Entry
    from evoae.runs.run import Run
    from evoae.runs.snapshot import Snapshot

_MOST_MINUTES = 60
_LOOKED_AT = 3  # of the best models of the search
_FULL = 0.95  # share of a limit from which on a network has reached it
_GAIN = 0.01  # share of a loss below which a fall says nothing

Command = tuple[str, str]  # as typed, and what it does


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing to change.

    Attributes:
        why: what the figures say, a sentence.
        commands: that act on it, what helps soonest first; each with what it does.
    """

    why: str
    commands: tuple[Command, ...]


def behind_pca(best: Entry | None) -> str:
    """Say that PCA is better than the best model; "" where it is not, or is not known."""
    if best is None or not best.standing.behind_pca:
        return ""
    standing = best.standing
    where = "on the test set" if standing.split == "test" else "in validation"
    return (
        f"PCA of the same size is better {where}: {loss(standing.pca)} against "
        f"{loss(standing.loss)}."
    )


def against_pca(run: Run, best: Entry | None) -> list[Command]:
    """Return the commands that help where PCA is better, what helps soonest first."""
    if best is None or not best.standing.behind_pca:
        return []
    steps = []
    if best.standing.split == "validation" and best.refit_loss is None:
        steps.append((_longer_refit(run), "train the best longer, since searches train briefly"))
    if run.metadata().genome is not None:
        return steps
    if "pca" not in run.config.model.linear and _may_be_linear(run):
        linear = command(*_search(run), "model.linear=[pca, none]")
        steps.append((linear, "let networks begin at PCA, so that none ends worse"))
    else:
        steps += _larger_code(run)
    return steps


def what_next(run: Run) -> tuple[Advice, ...]:
    """Return what to change after a search, what helps soonest first.

    Nothing before the first score, nor while a search is running: it may still find what is asked
    for.

    Raises:
        RunError: the database is damaged.
    """
    with run.at_one_moment() as now:
        if run.status().state == "running" or (best := run.best()) is None:
            return ()
        found = []
        if behind := behind_pca(best):
            found.append(Advice(behind, tuple(against_pca(run, best))))
        found += _still_falling(run, now, best)
        if run.metadata().genome is None:
            found += [*_still_improving(run, now), *_limits(run, now)]
    told: set[str] = set()
    different = []
    for advice in found:  # a command that was given for one reason is not given for a second one
        fresh = tuple(pair for pair in advice.commands if pair[0] not in told)
        told |= {typed for typed, _ in fresh}
        if fresh:
            different.append(Advice(advice.why, fresh))
    return tuple(different)


def _still_falling(run: Run, now: Snapshot, best: Entry) -> Iterator[Advice]:
    """Say that the best model's last training was still getting better when it ended."""
    refit = now.results.get((best.id, REFIT)) or {}
    if refit.get("epochs") is not None:
        epochs, kept = refit["epochs"]
        if refit.get("val_loss") is None or not kept or not is_late(kept, epochs):
            return
        why = f"The refit of {short(best.id)} was best at epoch {kept} of {epochs}, near its end."
        longer = command("refit", run.path, short(best.id), "--epochs", 2 * epochs)
        yield Advice(why, ((longer, "train it longer; validation says which model is kept"),))
        return
    if refit:
        return
    curve = now.evaluations[best.id].validation_loss
    if len(curve) < 2 or not 0 < curve[-1] < (1 - _GAIN) * min(curve[:-1]):
        return
    why = (
        f"The validation loss of {short(best.id)} still fell in its last epoch, number "
        f"{len(curve)}, by {1 - curve[-1] / curve[-2]:.1%} to {loss(curve[-1])}."
    )
    commands = [(_longer_refit(run), "train the best one longer")]
    if run.metadata().genome is None:
        twice = 2 * run.config.training.epochs
        commands += _changed(run, "training.epochs", twice, "search by longer trainings")
    yield Advice(why, tuple(commands))


def _still_improving(run: Run, now: Snapshot) -> Iterator[Advice]:
    """Say that the last generation lowered the best loss, by more than noise."""
    status, hall = run.status(), run.hall_of_fame()
    if status.state != "finished" or status.finished < 2 or hall[0].generation < status.finished:
        return
    before = [
        sum(scores) / len(scores)
        for id, scores in now.scores.items()
        if scores and now.candidates[id].generation < status.finished
    ]
    new, old = hall[0].val_loss, min(before, default=0.0)
    if not 0 < new < old or 1 - new / old <= max(_GAIN, status.noise or 0.0):
        return
    if (more := run.search_on()) is not None:
        why = (
            f"The search was still improving: its last generation, number {status.finished}, "
            f"lowered the best loss by {1 - new / old:.1%} to {loss(new)}."
        )
        yield Advice(why, ((more, "search on"),))


@dataclass(frozen=True, slots=True)
class _Limit:
    """A setting that networks can run against.

    Attributes:
        key: of the setting.
        what: has the limit: "The latent size".
        bound: as it is said.
        reached: whether a model has reached it.
        raised: the value to try.
        purpose: of raising it.
    """

    key: str
    what: str
    bound: str
    reached: Callable[[Entry], bool]
    raised: str
    purpose: str


def _limits(run: Run, now: Snapshot) -> Iterator[Advice]:
    """Say which limits the best models of the search have reached: the best one, and most."""
    top = run.hall_of_fame()[:_LOOKED_AT]
    for limit in _limits_of(run, now):
        reached = [entry for entry in top if limit.reached(entry)]
        if top[0] not in reached or 2 * len(reached) <= len(top):
            continue
        commands = _changed(run, limit.key, limit.raised, limit.purpose)
        yield Advice(f"{limit.what} of {_which(top, reached)} {limit.bound}", tuple(commands))


def _which(top: Sequence[Entry], reached: Sequence[Entry]) -> str:
    if len(top) == 1:
        return f"the best model, {short(top[0].id)},"
    many = f"all {len(top)}" if len(reached) == len(top) else f"{len(reached)} of the {len(top)}"
    return f"{many} best models"


def _limits_of(run: Run, now: Snapshot) -> Iterator[_Limit]:
    model = run.config.model
    if _may_grow(run):
        most = model.max_latent or 0
        yield _Limit(
            "model.max_latent",
            "The latent size",
            f"is the largest allowed, model.max_latent {count(most)}.",
            lambda entry: entry.latent == most,
            str(2 * most),
            "allow a larger code, if its size is yours to choose",
        )
    yield _Limit(
        "model.max_depth",
        "The depth",
        f"is the largest allowed, model.max_depth {model.max_depth} encoder layers.",
        lambda entry: _genome(now, entry).depth == model.max_depth,
        str(model.max_depth + 2),
        "allow deeper networks",
    )
    step = model.filter_step
    for name, (least, most), maps in (
        ("filters", (model.filters[0], model.filters[1] // step * step), True),
        ("units", model.units, False),
    ):
        yield _Limit(
            f"model.{name}",
            "The widest layer",
            f"has the most {name} allowed, model.{name} {most}.",
            partial(_is_as_wide, now, maps, most),
            f"[{least}, {2 * most}]",
            "allow wider layers",
        )
    if (parameters := model.max_parameters) is not None:
        yield _Limit(
            "model.max_parameters",
            "The number of parameters",
            f"is within 5% of the limit, model.max_parameters {count(parameters)}.",
            lambda entry: entry.parameters >= _FULL * parameters,
            str(2 * parameters),
            "allow larger networks",
        )
    if (operations := model.max_flops) is not None:
        yield _Limit(
            "model.max_flops",
            "The cost of an item",
            f"is within 5% of the limit, model.max_flops {flops(operations)}.",
            lambda entry: (now.evaluations[entry.id].flops or 0) >= _FULL * operations,
            str(2 * operations),
            "allow networks that cost more",
        )


def _is_as_wide(now: Snapshot, maps: bool, most: int, entry: Entry) -> bool:
    return _widest(_genome(now, entry), maps) == most


def _genome(now: Snapshot, entry: Entry) -> Genome:
    from evoae.genome.codec import decode

    return decode(now.candidates[entry.id].tokens)


def _widest(genome: Genome, maps: bool) -> float:
    """Return the filters of a genome's widest layer of maps, or the units of its widest other."""
    from evoae.genome.features import widths

    blocks = (*genome.encoder, *genome.decoder)
    return max(widths(block for block in blocks if block.needs_map is maps), default=0)


def _may_grow(run: Run) -> bool:
    """Whether the search chose the latent size, and twice the largest still compresses."""
    model = run.config.model
    if model.latent != "vector" or not model.max_latent or model.min_latent == model.max_latent:
        return False
    return 2 * model.max_latent < math.prod(run.metadata().input_shape)


def _larger_code(run: Run) -> list[Command]:
    model = run.config.model
    if model.latent != "vector" or not model.max_latent:
        return []
    twice = 2 * model.max_latent
    if twice >= math.prod(run.metadata().input_shape):
        return []
    return [(command(*_search(run), f"model.max_latent={twice}"), "allow a larger code")]


def _search(run: Run) -> tuple[object, ...]:
    """Return the words of a search like that of a run, but for a setting."""
    return "search", "--config", run.path / "config.yaml", "--set"


def _changed(run: Run, key: str, value: object, purpose: str) -> list[Command]:
    """Return the search with another value of a setting; nothing if that cannot be."""
    from evoae.config.load import load_config

    try:
        load_config(run.path / "config.yaml", [f"{key}={value}"])
    except ConfigError:  # a setting's own upper bound, or another setting that forbids it
        return []
    return [(command(*_search(run), f"{key}={value}"), purpose)]


def _longer_refit(run: Run) -> str:
    """Return the refit of the best model for as long as the search took."""
    minutes = min(_MOST_MINUTES, max(1, math.ceil(run.metadata().seconds / 60)))
    return command("refit", run.path, "--minutes", minutes)


def _may_be_linear(run: Run) -> bool:
    """Whether networks of the run could have a linear path, see `why_no_linear_path`."""
    objective, metadata = run.config.objective, run.metadata()
    usual = objective.code_posterior is None and objective.code_activation == "linear"
    return (
        run.config.model.latent == "vector"
        and usual
        and objective.loss == "mse"
        and bool(metadata.pca)
    )
