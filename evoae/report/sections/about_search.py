"""What the page says of the search itself: its course, the front, curves, what it explored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evoae.experiments.refit import judged_by
from evoae.formatting import count, figure, flops, flops_unit, loss, plural, short
from evoae.report.blocks import Block, Figure, Figures, Form, Key, Section, Table, Text
from evoae.report.drawing import plots
from evoae.report.run_snapshot import RunSnapshot
from evoae.report.sections.history import Step, course, generation_rows, improvements
from evoae.report.sections.hyperparameters import Factor, choices, constant, factors
from evoae.runs.files import REFIT
from evoae.runs.hall_of_fame import Entry

_ELITES = 5  # whose learning curves are strong


def course_section(snapshot: RunSnapshot) -> Section | None:
    """Draw the best so far against evaluations, against cost, and the generations.

    None for the run of one given network, which searched nothing.
    """
    if snapshot.given is not None:
        return None
    steps = course(snapshot)
    title = "How the search went"
    if not any(step.best is not None for step in steps):
        said = "No candidate has been trained yet."
        if steps:
            said = f"Of {plural(len(steps), 'network')} none has a score: there is no curve."
        return Section("course", title, (Text(said),))
    found = tuple(improvements(steps))
    last = found[-1]
    said = (
        f"Of {plural(len(steps), 'network')}, in the order of proposal, {len(found)} did "
        f"better than all before; the best, {short(last.id)} with {loss(last.best)}, was number "
        f"{last.number}."
    )
    if snapshot.repeats:
        said += " Each network counts with the mean of its trainings."
    figures = [_by_number(snapshot, steps, found)]
    if steps[-1].cost:
        figures.append(_by_cost(snapshot, steps, found))
    if sum(row.stats.get("median") is not None for row in snapshot.generations) > 1:
        figures.append(_by_generation(snapshot))
    return Section("course", title, (Text(said), Figures(tuple(figures))))


def _by_number(snapshot: RunSnapshot, steps: Sequence[Step], found: Sequence[Step]) -> Figure:
    rows = tuple(
        (
            str(step.number),
            short(step.id),
            loss(step.best),
            "-" if step.cost is None else flops(step.cost),
        )
        for step in found
    )
    header = ("network", "id", "best loss", "cost so far")
    table = Table("Each improvement", header, rows, frozenset({1}))
    first, last = found[0], found[-1]
    alt = (
        f"Best validation loss so far against networks trained: from {loss(first.best)} at number "
        f"{first.number} to {loss(last.best)} at number {last.number} of {len(steps)}."
    )
    for key in plots.rival_keys(snapshot.rivals):
        alt += f" For comparison, {key.words}."
    places = [float(step.number) for step in steps]
    svg = plots.course("course", alt, steps, places, snapshot, "networks trained", whole=True)
    keys = plots.course_keys(steps, snapshot.rivals)
    return Figure("Best so far, by networks trained", svg, keys, table=table)


def _by_cost(snapshot: RunSnapshot, steps: Sequence[Step], found: Sequence[Step]) -> Figure:
    total, last = float(steps[-1].cost or 0), found[-1]
    unit, scale = flops_unit(total)
    alt = (
        f"Best validation loss so far against cost: {loss(last.best)} after "
        f"{flops(float(last.cost or 0))} of {flops(total)}."
    )
    places = [float(step.cost or 0) / scale for step in steps]
    svg = plots.course(
        "cost", alt, steps, places, snapshot, f"cost of all trainings so far, {unit}"
    )
    note = "Further trainings of a network are counted with its first." if snapshot.repeats else ""
    return Figure("Best so far, by cost", svg, plots.course_keys(steps, snapshot.rivals), note)


def _by_generation(snapshot: RunSnapshot) -> Figure:
    last = snapshot.generations[-1]
    alt = (
        f"Loss by generation, {len(snapshot.generations)} of them; in number {last.number} the "
        f"median is {loss(last.stats.get('median'))} and the least {loss(last.stats.get('min'))}."
    )
    svg = plots.generations("generations", alt, snapshot)
    header, rows = generation_rows(snapshot.generations)
    table = Table("Every generation", header, rows, frozenset())
    keys = plots.generation_keys(snapshot.rivals)
    return Figure("Each generation's own networks", svg, keys, table=table)


def front_section(snapshot: RunSnapshot) -> Section | None:
    """Draw loss against latent size and parameters, the front in it; None for fewer than two."""
    known = [e for e in snapshot.evaluations.values() if e.fitness is not None]
    if not snapshot.front or len(known) < 2:
        return None
    latents = {e.latent or 0 for e in known}
    bounds, bound = snapshot.run.linear_bounds(), snapshot.run.linear_bound()
    # As far as there are networks: at far smaller codes PCA would crowd them together.
    bounds = {k: bounds[k] for k in sorted(bounds) if min(latents) <= k <= max(latents)}
    said = (
        f"Of {plural(snapshot.status.scored, 'network')}, {len(snapshot.front)} "
        f"{'is' if len(snapshot.front) == 1 else 'are'} beaten by no other in loss, latent size "
        "and parameters at once."
    )
    figures = []
    if len(latents) > 1:
        ends = {size: bounds[size] for size in (*list(bounds)[:1], *list(bounds)[-1:])}
        curve = " to ".join(f"{loss(value)} at {size}" for size, value in ends.items())
        words = "PCA" if len(bounds) > 1 else f"PCA {curve}"
        form: Form = "dash" if len(bounds) > 1 else "triangle"
        keys = plots.front_keys(pca=words if bounds else None, form=form)
        alt = _front_alt(snapshot, "latent") + (f" PCA has {curve}." if bounds else "")
        svg = plots.front("front-latent", alt, snapshot, "latent", bounds)
        note = "The larger a point, the more parameters."
        figures.append(Figure("Loss and latent size", svg, keys, note))
    else:
        said += f" The latent size is {count(latents.pop())} in all of them."
    line = f"PCA of latent size {bound[0]}: {loss(bound[1])}" if bound else None
    keys = plots.front_keys(pca=line)
    alt = _front_alt(snapshot, "parameters") + (f" {line}." if line else "")
    svg = plots.front("front-parameters", alt, snapshot, "parameters", bounds)
    figures.append(Figure("Loss and parameters", svg, keys))
    figures[0] = replace(figures[0], table=_front_table(snapshot.front, bounds))
    return Section("front", "What size buys", (Text(said), Figures(tuple(figures))))


def _front_alt(snapshot: RunSnapshot, across: str) -> str:
    def size(entry: Entry) -> int:
        return entry.latent if across == "latent" else entry.parameters

    least, most = min(snapshot.front, key=size), max(snapshot.front, key=size)
    name = "latent size" if across == "latent" else "parameters"
    return (
        f"Validation loss against {name} of {plural(snapshot.status.scored, 'network')}; the "
        f"front goes from {loss(least.val_loss)} at {count(size(least))} to {loss(most.val_loss)} at "
        f"{count(size(most))}."
    )


def _front_table(front: Sequence[Entry], bounds: Mapping[int, float]) -> Table:
    rows = tuple(
        (
            short(entry.id),
            loss(entry.val_loss),
            count(entry.latent),
            loss(bounds.get(entry.latent)),
            count(entry.parameters),
            entry.genome,
        )
        for entry in front
    )
    header = ("model", "loss", "latent", "PCA", "parameters", "network")
    return Table("The front", header, rows, frozenset({0, 5}))


def curves_section(snapshot: RunSnapshot) -> Section | None:
    """Draw the learning curve of every candidate, the best ones strongly; None without any."""
    title = "Learning curves"
    lengths = {
        id: len(e.validation_loss)
        for id, e in snapshot.evaluations.items()
        if e.fitness is not None
    }
    refit = _refit_curve(snapshot)
    figures = [] if refit is None else [refit]
    if max(lengths.values(), default=0) > 1:
        figures.insert(0, _curves(snapshot, [id for id, epochs in lengths.items() if epochs]))
    elif lengths and not figures:
        return Section("curves", title, (Text("Every network was trained for one epoch."),))
    return Section("curves", title, (Figures(tuple(figures)),)) if figures else None


def _curves(snapshot: RunSnapshot, known: Sequence[str]) -> Figure:
    elites = [entry.id for entry in snapshot.hall[:_ELITES] if entry.id in known]
    others = [id for id in known if id not in elites]
    step = -(-len(others) // plots.MOST_LINES) if others else 1
    drawn = others[::step]
    best = snapshot.evaluations[elites[0]].validation_loss if elites else ()
    alt = f"Validation loss by epoch of {plural(len(known), 'network')}."
    if best:
        alt += f" The best one's goes from {loss(best[0])} to {loss(best[-1])}."
    note = "" if step == 1 else f"Of the others one in {step} is drawn."
    rows = tuple(
        (short(id), *(loss(value) for value in _thinned(snapshot.evaluations[id].validation_loss)))
        for id in elites
    )
    most = max((len(snapshot.evaluations[id].validation_loss) for id in elites), default=0)
    epochs = _thinned(range(1, most + 1))
    padded = tuple((*row, *["-"] * (1 + len(epochs) - len(row))) for row in rows)
    table = Table("The best ones", ("epoch", *(str(e) for e in epochs)), padded) if rows else None
    svg = plots.curves("curves", alt, snapshot, drawn, elites)
    keys = plots.curve_keys(elites, len(drawn))
    return Figure("In the search", svg, keys, note, table)


def _thinned(values: Sequence[float]) -> list[float]:
    """Return at most a dozen of a curve's values, the last one among them."""
    step = -(-len(values) // 12) or 1
    return list(values[::-1][::step][::-1])


def _refit_curve(snapshot: RunSnapshot) -> Figure | None:
    """Draw the refit of the best model; None before one."""
    if snapshot.refit is None or snapshot.best is None:
        return None
    trainings = [
        result
        for (id, kind), result in snapshot.results.items()
        if id == snapshot.best.id
        and kind.startswith(f"{REFIT} ")
        and result["settings"] == snapshot.refit["settings"]
        and result["outcome"] == "scored"
    ]
    if not trainings:
        return None
    kept = min(trainings, key=lambda training: judged_by(training)[-1])
    train, validation = kept["train_history"], kept["validation_history"]
    word, told = ("validation", validation) if validation else ("training", train)
    alt = (
        f"The refit's {word} loss over {plural(len(told), 'epoch')}: from "
        f"{loss(told[0])} to {loss(told[-1])}, the least {loss(min(told))}."
    )
    keys = [Key("blue", "line", "validation")] if validation else []
    keys.append(Key("orange", "dash", "training"))
    svg = plots.refit_curves("refit", alt, train, validation)
    return Figure(f"The refit of {short(snapshot.best.id)}", svg, tuple(keys))


def explored_section(snapshot: RunSnapshot) -> Section | None:
    """Draw what the search tried, and which loss came with it; None without two networks."""
    found, same, words = factors(snapshot), constant(snapshot), choices(snapshot)
    if not found and not same:
        return None
    blocks: list[Block] = []
    if same:
        held = "; ".join(f"{name} {figure(value, 4)}" for name, value in same.items())
        blocks.append(Text(f"The same in all networks: {held}."))
    if found:
        elites = {entry.id for entry in snapshot.hall}
        drawn = tuple(_factor(each, number, snapshot, elites) for number, each in enumerate(found))
        blocks.append(Figures(drawn))
    if words:
        rows = tuple(
            (each.name, each.value, str(each.tried), loss(each.best), loss(each.median))
            for each in words
        )
        header = ("choice", "", "networks", "best loss", "median loss")
        caption = "Choices, and the losses that came with them"
        blocks.append(Table(caption, header, rows, frozenset({0, 1}), folded=False))
    note = "A search looks longer where it is going well: none of this is an experiment."
    return Section("explored", "What the search explored", (*blocks, Text(note)))


def _factor(each: Factor, number: int, snapshot: RunSnapshot, elites: set[str]) -> Figure:
    low, high = min(each.values), max(each.values)
    alt = (
        f"Validation loss against {each.name}, from {figure(low, 4)} to {figure(high, 4)}, of "
        f"{plural(len(each.ids), 'network')}."
    )
    note = ""
    if each.rank_correlation is not None:
        note = f"Rank correlation with the loss: {each.rank_correlation:+.2f}."
    svg = plots.factor(f"factor{number}", f"{alt} {note}".strip(), each, snapshot, elites)
    rows = tuple((short(id), figure(value, 4), loss(it)) for id, value, it in each.points)
    table = Table(f"Every network's {each.name}", ("id", each.name, "loss"), rows)
    return Figure(each.name.capitalize(), svg, plots.factor_keys(), note, table)
