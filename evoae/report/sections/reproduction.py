"""What it takes to do the run again: data, environment, configuration, and the command."""

from __future__ import annotations

from evoae.config.load import dump_config
from evoae.config.template import scalar
from evoae.formatting import command, count
from evoae.report.blocks import Commands, Facts, Listing, Section, Text
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.compatibility import differences
from evoae.runs.folder import CONFIG
from evoae.runs.metadata import RunMetadata


def section(snapshot: RunSnapshot) -> Section:
    """Say what it takes to do the run again."""
    metadata, config = snapshot.metadata, snapshot.run.in_force()
    environment = metadata.environment
    flags = [name for name, has in (environment.cpu_flags or {}).items() if has]
    facts = {
        "data": _data(metadata),
        "seed": config.seed,
        "digest of the data": metadata.data_digest,
        "processor": environment.processor,
        "cores": environment.cores,
        "system": environment.system,
        "Python": environment.python_version,
        "evoae": environment.evoae_version,
        "TensorFlow": environment.tensorflow_version,
        "Keras": environment.keras_version,
        "NumPy": environment.numpy_version,
        "DEAP": environment.deap_version,
        "instructions": ", ".join(flags),
    }
    known = [(name, str(value)) for name, value in facts.items() if value not in (None, "")]
    said = (
        "The same configuration, data and seed give the same result on the same kind of machine, "
        "whatever the number of workers."
    )
    once_more = Commands(((again(snapshot), "the same once more, in a new run folder"),))
    listing = Listing("The configuration, every setting", dump_config(config))
    return Section(
        "setting", "To do it again", (Text(said), once_more, Facts(tuple(known)), listing)
    )


def again(snapshot: RunSnapshot) -> str:
    """Return the command that makes the same run anew, what its file does not say included."""
    wanted = snapshot.run.in_force().model_dump(mode="json")
    words = ["search", "--config", snapshot.run.path / CONFIG]
    if snapshot.given is not None:
        words = ["train", "--config", snapshot.run.path / CONFIG, "--genome", snapshot.given]
        wanted["refit"] |= (snapshot.refit or {}).get("settings", {})
    for path, _, value in differences(snapshot.run.config.model_dump(mode="json"), wanted):
        words += ["--set", f"{path}={scalar(value)}"]
    return command(*words)


def _data(metadata: RunMetadata) -> str:
    train, validation = count(metadata.train_images), count(metadata.validation_images)
    return f"{metadata.data}: {train} for training, {validation} for validation"
