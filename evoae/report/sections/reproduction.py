"""What it takes to do the run again: data, environment, configuration, and the command."""

from __future__ import annotations

from collections.abc import Mapping

from evoae.config.load import dump_config
from evoae.config.template import scalar
from evoae.formatting import command, count
from evoae.report.blocks import Commands, Facts, Listing, Section, Text
from evoae.report.run_snapshot import RunSnapshot
from evoae.runs.compatibility import differences
from evoae.runs.folder import CONFIG

_ENVIRONMENT = {
    "processor": "processor",
    "cores": "cores",
    "system": "system",
    "python_version": "Python",
    "evoae_version": "evoae",
    "tensorflow_version": "TensorFlow",
    "keras_version": "Keras",
    "numpy_version": "NumPy",
    "deap_version": "DEAP",
}


def section(snapshot: RunSnapshot) -> Section:
    """Say what it takes to do the run again."""
    metadata, config = snapshot.metadata, snapshot.run.in_force()
    pairs = [("data", _data(metadata)), ("seed", str(config.seed))]
    if metadata.get("data_digest"):
        pairs.append(("digest of the data", str(metadata["data_digest"])))
    for key, name in _ENVIRONMENT.items():
        if metadata.get(key) is not None:
            pairs.append((name, str(metadata[key])))
    if flags := [name for name, there in (metadata.get("cpu_flags") or {}).items() if there]:
        pairs.append(("instructions", ", ".join(flags)))
    said = (
        "The same configuration, data and seed give the same result on the same kind of machine, "
        "whatever the number of workers."
    )
    once_more = Commands(((again(snapshot), "the same once more, in a new run folder"),))
    listing = Listing("The configuration, every setting", dump_config(config))
    return Section(
        "setting", "To do it again", (Text(said), once_more, Facts(tuple(pairs)), listing)
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


def _data(metadata: Mapping[str, object]) -> str:
    said = str(metadata.get("data", "unknown"))
    train, validation = metadata.get("train_images"), metadata.get("validation_images")
    if isinstance(train, int) and isinstance(validation, int):
        said += f": {count(train)} for training, {count(validation)} for validation"
    return said
