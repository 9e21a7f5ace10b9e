"""What the page says of the run as work done: failures, cost, and how to do it again."""

from __future__ import annotations

from collections import Counter
from statistics import fmean

from evoae.config.load import dump_config
from evoae.config.template import scalar
from evoae.evaluation import Evaluation
from evoae.formatting import command, count, duration, flops, plural, short, size
from evoae.report.blocks import Block, Commands, Facts, Listing, Section, Table, Text
from evoae.report.run_snapshot import Record
from evoae.runs.compatibility import differences
from evoae.runs.folder import CONFIG
from evoae.runs.metadata import RunMetadata

_QUOTED = 5  # candidates that a row names


def failures_section(record: Record) -> Section:
    """Count the failures by kind."""
    trainings = [*record.evaluations.values(), *record.repeats.values()]
    failed = [each for each in trainings if each.fitness is None]
    title = "Failures"
    if not failed:
        many = plural(len(trainings), "training")
        return Section("failures", title, (Text(f"None of {many} failed."),))
    by_kind: dict[str, list[Evaluation]] = {}
    for evaluation in failed:
        by_kind.setdefault(evaluation.outcome.value, []).append(evaluation)
    rows = tuple(
        (
            kind.replace("_", " "),
            str(len(found)),
            _most_common_message(found),
            ", ".join(short(each.id) for each in found[:_QUOTED])
            + (", …" if len(found) > _QUOTED else ""),
        )
        for kind, found in sorted(by_kind.items(), key=lambda pair: -len(pair[1]))
    )
    header = ("kind", "networks", "mostly because", "which")
    table = Table("Failures by kind", header, rows, frozenset({0, 2, 3}), folded=False)
    share = len(failed) / len(trainings)
    said = (
        f"{len(failed)} of {plural(len(trainings), 'training')} failed ({share:.0%}). "
        "A failed network has no loss and ranks nowhere."
    )
    details = Commands(((command("failures", record.run.path), "every one, with its reason"),))
    return Section("failures", title, (Text(said), table, details))


def _most_common_message(found: list[Evaluation]) -> str:
    messages = Counter(each.message or "" for each in found)
    return messages.most_common(1)[0][0]


def cost_section(record: Record) -> Section | None:
    """Say what the run cost and what was spared; None before the first training."""
    if not record.evaluations:
        return None
    status = record.status
    trainings = [*record.evaluations.values(), *record.repeats.values()]
    seconds = [each.seconds.total for each in trainings]
    wall = record.metadata.seconds or sum(row.seconds for row in record.generations)
    pairs = [("trainings", _trainings(record))]
    if wall:
        workers = plural(record.metadata.workers or 1, "worker")
        pairs.append(("wall time", f"{duration(wall)} with {workers}"))
    pairs.append(("training time", f"{duration(sum(seconds))}, {fmean(seconds):.1f} s each"))
    if status.cost:
        pairs.append(("cost", flops(status.cost)))
    saved = status.duplicates + status.reused
    pairs.append(("trainings saved", _saved(record, saved, fmean(seconds))))
    memory = max((each.peak_memory or 0 for each in record.evaluations.values()), default=0)
    if memory:
        pairs.append(("most memory of a worker", size(memory)))
    pairs.append(("run folder", size(status.disk_bytes)))
    if status.noise is not None:
        pairs.append(("noise of a loss", f"{status.noise:.1%} between seeds"))
    phases = _phases(record)
    blocks: list[Block] = [Facts(tuple(pairs)), *([] if phases is None else [phases])]
    return Section("cost", "What it cost", tuple(blocks))


def _trainings(record: Record) -> str:
    status = record.status
    parts = [f"{status.scored} with a score"]
    if status.raced:
        parts[0] += f", of which {status.raced} were stopped early"
    if status.failed:
        parts.append(f"{status.failed} failed")
    if status.repeated:
        parts.append(f"{status.repeated} further ones of known networks")
    return "; ".join(parts)


def _saved(record: Record, saved: int, mean: float) -> str:
    if not saved:
        return "none: no network was proposed twice"
    status = record.status
    parts = [f"{status.duplicates} proposals were duplicates"] if status.duplicates else []
    if status.reused:
        parts.append(f"{status.reused} were reused from other runs")
    return f"{saved}, about {duration(saved * mean)}: {'; '.join(parts)}"


def _phases(record: Record) -> Table | None:
    """Return what the trainings with a score spent their time on; None if there are none.

    Of those that failed, the parts are not known, and of further ones of a network neither.
    """
    found = [each.seconds for each in record.evaluations.values() if each.fitness is not None]
    total = sum(each.total for each in found)
    if not total:
        return None
    parts = {
        "building the network": sum(each.build for each in found),
        "tracing it, up to the first step": sum(each.compile for each in found),
        "its epochs, validation included": sum(each.epochs for each in found),
    }
    parts["loading data, saving the model"] = max(0.0, total - sum(parts.values()))
    rows = tuple(
        (name, duration(seconds), f"{seconds / total:.0%}") for name, seconds in parts.items()
    )
    caption = f"Time by part, over the {plural(len(found), 'training')} with a score"
    if record.repeats:
        caption += " (each network's first; of further ones only the whole is known)"
    return Table(caption, ("part", "time", "share"), rows)


def setting_section(record: Record) -> Section:
    """Say what it takes to do the run again."""
    metadata, config = record.metadata, record.run.in_force()
    pairs = [("data", _data(metadata)), ("seed", str(config.seed))]
    pairs.append(("digest of the data", metadata.data_digest))
    there = metadata.environment
    machine = {
        "processor": there.processor,
        "cores": there.cores,
        "system": there.system,
        "Python": there.python_version,
        "evoae": there.evoae_version,
        "TensorFlow": there.tensorflow_version,
        "Keras": there.keras_version,
        "NumPy": there.numpy_version,
        "DEAP": there.deap_version,
    }
    pairs += [(name, str(value)) for name, value in machine.items() if value is not None]
    if flags := [name for name, has in (there.cpu_flags or {}).items() if has]:
        pairs.append(("instructions", ", ".join(flags)))
    said = (
        "The same configuration, data and seed give the same result on the same kind of machine, "
        "whatever the number of workers."
    )
    once_more = Commands(((again(record), "the same once more, in a new run folder"),))
    listing = Listing("The configuration, every setting", dump_config(config))
    return Section(
        "setting", "To do it again", (Text(said), once_more, Facts(tuple(pairs)), listing)
    )


def again(record: Record) -> str:
    """Return the command that makes the same run anew, what its file does not say included."""
    wanted = record.run.in_force().model_dump(mode="json")
    words = ["search", "--config", record.run.path / CONFIG]
    if record.given is not None:
        words = ["train", "--config", record.run.path / CONFIG, "--genome", record.given]
        wanted["refit"] |= (record.refit or {}).get("settings", {})
    for path, _, value in differences(record.run.config.model_dump(mode="json"), wanted):
        words += ["--set", f"{path}={scalar(value)}"]
    return command(*words)


def _data(metadata: RunMetadata) -> str:
    train, validation = count(metadata.train_images), count(metadata.validation_images)
    return f"{metadata.data}: {train} for training, {validation} for validation"
