"""`tensorboard/`: the run as TensorBoard shows it, written while it runs.

`search` holds the metrics of the generations, and a folder for each candidate its learning curves
and what the HParams dashboard compares. Every file of events appears whole, after the database has
what it tells; the next driver writes what a crash has lost.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evoae.genome.features import choices, totals, widths
from evoae.genome.genome import Genome
from evoae.genome.text import parse
from evoae.runs.database import Database, Numbers
from evoae.runs.files import replacing, translate_os_errors
from evoae.runs.trainings import Training, training, trainings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.proto.summary_pb2 import Summary

TENSORBOARD = "tensorboard"
_SEARCH = "search"
_METRIC = "val_loss"


class TensorBoard:
    """The TensorBoard folder of the run whose driver this process is.

    Args:
        folder: the run's.
        base: its database.
    """

    def __init__(self, folder: Path, base: Database) -> None:
        self.path, self._base = folder / TENSORBOARD, base

    def mend(self) -> None:
        """Write what the database has and the folder lacks.

        Raises:
            RunError: it cannot be written, or the database is damaged.
        """
        for ended in trainings(self._base):
            if ended.repeat == 1 and not _file(self.path / ended.id, "curves").exists():
                self._write_training(ended)
        for (number,) in self._base.rows("SELECT number FROM generation"):
            if not _file(self.path / _SEARCH, f"{number:06}").exists():
                self.add_generation(number)

    def add_training(self, id: str, repeat: int) -> None:
        """Write a candidate's first training, which the database has; others have no curve.

        Raises:
            RunError: it cannot be written.
        """
        if repeat == 1:
            self._write_training(training(self._base, id, repeat))

    def add_generation(self, number: int) -> None:
        """Write a generation that the database has.

        Raises:
            RunError: it cannot be written.
        """
        from tensorboardX.summary import scalar

        ((stats, finished),) = self._base.rows(
            "SELECT stats, finished FROM generation WHERE number = ?", (number,)
        )
        events = [
            _event(scalar(name, float(value)), number, finished)
            for name, value in self._base.parsed(stats, Numbers).items()
            if value is not None and name != "generation"
        ]
        with translate_os_errors(self.path):
            _write(_file(self.path / _SEARCH, f"{number:06}"), events)

    def _write_training(self, ended: Training) -> None:
        from tensorboardX.summary import hparams, scalar

        ((train, validation),) = self._base.rows(
            "SELECT train_loss, validation_loss FROM training WHERE id = ? AND repeat = 1",
            (ended.id,),
        )
        curves = {"loss/train": train, "loss/validation": validation}
        events = [
            _event(scalar(name, loss), epoch, ended.finished)
            for name, text in curves.items()
            for epoch, loss in enumerate(self._base.parsed(text, list[float]), start=1)
        ]
        if ended.val_loss is not None:
            compared = {"operator": ended.operator, "generation": ended.generation}
            compared |= _figures(parse(ended.genome)) | {
                "latent": ended.latent,
                "parameters": ended.parameters,
                "MFLOP": None if ended.flops is None else ended.flops / 1e6,
            }
            summaries = hparams(compared, {_METRIC: ended.val_loss})  # what is None is left out
            events += [_event(summary, 0, ended.finished) for summary in summaries]
            events.append(_event(scalar(_METRIC, ended.val_loss), 0, ended.finished))
        with translate_os_errors(self.path):
            _write(_file(self.path / ended.id, "curves"), events)


def write_pictures(folder: Path, title: str, pictures: NDArray[np.uint8]) -> None:
    """Write a picture for TensorBoard.

    Args:
        folder: of a candidate, see `candidate_folder`.
        title: its tag.
        pictures: (height, width, 1 or 3).

    Raises:
        OSError: it cannot be written.
    """
    from tensorboardX.summary import image

    event = _event(image(title, pictures, dataformats="HWC"), 0, None)
    _write(_file(folder, "pictures"), [event])


def candidate_folder(run: Path, candidate_id: str) -> Path:
    """Return where TensorBoard finds a candidate of the run in `run`."""
    return run / TENSORBOARD / candidate_id


def _figures(genome: Genome) -> dict[str, float | str]:
    """Return what the HParams dashboard compares of networks."""
    amounts = {kind.word: amount for kind, amount in totals(genome).items()}
    widest = max(widths(genome.encoder), default=0)
    return {"depth": genome.depth, "widest": widest, **amounts, **choices(genome)}


def _file(folder: Path, what: str) -> Path:
    """Return the name of a file of events: TensorBoard reads those of a folder in their order."""
    return folder / f"events.out.tfevents.{what}"


def _event(summary: Summary, step: int, finished: str | None) -> Event:
    """Return an event of a time; None for now."""
    from tensorboardX.proto.event_pb2 import Event

    time = datetime.now(UTC) if finished is None else datetime.fromisoformat(finished)
    return Event(summary=summary, step=step, wall_time=time.timestamp())


def _write(file: Path, events: Iterable[Event]) -> None:
    """Write a file of events, whole or not at all."""
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.record_writer import RecordWriter

    for folder in (file.parent.parent, file.parent):  # no more: a run that was removed stays so
        folder.mkdir(exist_ok=True)
    with replacing(file) as temporary:
        writer = RecordWriter(str(temporary))
        for event in (Event(file_version="brain.Event:2"), *events):
            writer.write(event.SerializeToString())
        writer.close()
