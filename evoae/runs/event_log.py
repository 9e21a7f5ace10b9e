"""`log.jsonl`: a line of JSON for each training and each generation of a run, as they end.

It is for people's own tools; nothing here reads it. The database is the record, and each line is
written after what it says is durable there. So what a crash tears off or loses is written again
from the database when the next driver begins.
"""

from __future__ import annotations

import json
from pathlib import Path

from evoae.runs.database import Database, Numbers
from evoae.runs.files import translate_os_errors, write_whole
from evoae.runs.trainings import Training, training, trainings

LOG = "log.jsonl"
_Event = dict[str, object]


class EventLog:
    """The log of the run whose driver this process is.

    Args:
        folder: the run's.
        base: its database.
    """

    def __init__(self, folder: Path, base: Database) -> None:
        self.path, self._base = folder / LOG, base

    def mend(self) -> None:
        """Make the file say what the database says, and no more.

        Raises:
            RunError: it cannot be written, or the database is damaged.
        """
        whole = "".join(map(_line, _events(self._base))).encode()
        with translate_os_errors(self.path):
            there = self.path.read_bytes() if self.path.exists() else b""
            if there != whole:
                write_whole(self.path, whole)

    def add_training(self, id: str, repeat: int) -> None:
        """Append a training that the database has.

        Raises:
            RunError: it cannot be written.
        """
        self._append(_of_training(training(self._base, id, repeat)))

    def add_generation(self, number: int) -> None:
        """Append a generation that the database has.

        Raises:
            RunError: it cannot be written.
        """
        ((_, event),) = _generations(self._base, "WHERE number = ?", (number,))
        self._append(event)

    def _append(self, event: _Event) -> None:
        with translate_os_errors(self.path), self.path.open("ab") as file:
            file.write(_line(event).encode())


def _line(event: _Event) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"


def _of_training(one: Training) -> _Event:
    return {"event": "training", **one.summary()}


def _events(base: Database) -> list[_Event]:
    """Return everything that ended, in its order; a generation after the last of its trainings."""
    ended = trainings(base)
    events = [((each.finished, 0), _of_training(each)) for each in ended]
    events += [((finished, 1), event) for finished, event in _generations(base)]
    return [event for _, event in sorted(events, key=lambda pair: pair[0])]


def _generations(
    base: Database, where: str = "", values: tuple[object, ...] = ()
) -> list[tuple[str, _Event]]:
    """Return when generations ended, and what is told of each."""
    found: list[tuple[str, _Event]] = []
    sql = f"SELECT number, stats, seconds, finished FROM generation {where} ORDER BY number"
    for number, stats, seconds, finished in base.rows(sql, values):
        hall = base.rows(
            "SELECT id FROM hall_of_fame WHERE generation = ? ORDER BY position", (number,)
        )
        metrics = base.parsed(stats, Numbers)
        event = {"event": "generation", "generation": number, **metrics, "seconds": seconds}
        event |= {"hall_of_fame": [id for (id,) in hall], "finished": finished}
        found.append((finished, event))
    return found
