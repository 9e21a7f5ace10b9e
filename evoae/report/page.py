"""The page: its sections in order, set by the template, written whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from evoae.errors import UseError, disk_error
from evoae.formatting import plural
from evoae.report.blocks import Section
from evoae.report.model_views import ModelViews, open_models
from evoae.report.run_snapshot import RunSnapshot
from evoae.report.sections import (
    columns,
    cost,
    decoder,
    failures,
    front,
    history,
    hyperparameters,
    latent_map,
    learning_curves,
    network,
    reconstructions,
    reproduction,
    side_by_side,
    summary,
)
from evoae.runs.files import write_whole
from evoae.runs.run import Run

if TYPE_CHECKING:
    from jinja2 import Template

NAME = "report.html"  # in the run folder
TOP = 4  # models whose copies are shown
COMPARED = (2, 4)  # fewest and most models that are shown side by side
SUFFIXES = (".html", ".htm")


@dataclass(frozen=True, slots=True)
class Written:
    """A page that was written.

    Attributes:
        path: of the file.
        bytes: of the file.
        sections: that it has, in order.
        missing: sentences about what could not be shown.
    """

    path: str
    bytes: int
    sections: tuple[str, ...]
    missing: tuple[str, ...]


def write_report(
    run: str | Path, out: Path | None = None, *, top: int = TOP, models: Sequence[str] = ()
) -> Written:
    """Write a run as one HTML page, be it running, finished, interrupted or failed.

    The page needs nothing but itself. The test set is not opened for it.

    Args:
        run: a run's folder, or its name under `runs/`.
        out: the file; None for `report.html` in the run folder. What is there is replaced.
        top: models whose copies are shown.
        models: 2 to 4 others to see side by side instead: prefixes of their ids, or `best`.

    Raises:
        RunError: there is no run, or no such model, or its database is damaged.
        DiskFullError: there is no space left for the file.
        UseError: the file cannot be written, or the models cannot be shown side by side.
    """
    opened = Run.open(run)
    if models and not COMPARED[0] <= len(models) <= COMPARED[1]:
        said = f"{plural(len(models), 'model')} to see side by side"
        raise UseError(str(opened.path), said, "name {} to {}".format(*COMPARED))
    snapshot = RunSnapshot(opened, models)
    views = open_models(snapshot, top)
    shown = sections(snapshot, views)
    page = html(snapshot, shown).encode()
    path = snapshot.run.path / NAME if out is None else out
    try:
        write_whole(path, page)
    except OSError as why:
        said = (why.strerror or str(why)).lower()
        raise disk_error(why, UseError)(
            str(path), said, "write the page elsewhere with --out"
        ) from why
    return Written(str(path), len(page), tuple(section.id for section in shown), views.missing)


def sections(snapshot: RunSnapshot, models: ModelViews) -> tuple[Section, ...]:
    """Return the page's sections in order, without those that have nothing to say."""
    in_order: Sequence[Section | None] = (
        summary.section(snapshot, models),
        side_by_side.section(snapshot, models),
        history.section(snapshot),
        front.section(snapshot),
        reconstructions.section(models),
        latent_map.section(models),
        decoder.section(models),
        columns.section(models),
        network.section(snapshot),
        learning_curves.section(snapshot),
        hyperparameters.section(snapshot),
        failures.section(snapshot),
        cost.section(snapshot),
        reproduction.section(snapshot),
    )
    return tuple(section for section in in_order if section is not None)


def html(snapshot: RunSnapshot, shown: Sequence[Section]) -> str:
    """Return the page as HTML, which is also well-formed XML."""
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return _template().render(
        title=snapshot.run.path.resolve().name,
        data=snapshot.metadata.data,
        state=snapshot.status.state,
        written=written,
        sections=shown,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("evoae.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html")
