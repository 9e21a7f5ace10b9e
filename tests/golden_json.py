"""The golden files of what programs read of a run: `python -m tests.golden_json --write`.

`tests/golden/json/COMMAND.json` pins what `evoae COMMAND RUN --json` prints of a run of fixed
records, none of them trained: keys, types and values. What differs from one machine or moment to
the next stands there as an empty value of its own type. Rewriting shows a changed format as a diff
to review.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from evoae.cli.main import cli
from evoae.runs.files import REFIT
from evoae.runs.records import Baseline
from tests.runs.samples import candidate, identity, make_run, scored

FOLDER = Path(__file__).parent / "golden" / "json"
COMMANDS = ("hof", "status", "show")
RUN = "run"  # beside whoever asks, so that its path is the same everywhere
_VARYING = {"per_minute", "disk_bytes"}  # the clock's and the file system's


def make_golden_run() -> None:
    """Make a run with a failure, a repeat, a raced and a reused training, rivals and a refit."""
    with make_run(Path(RUN), generations=2) as store:
        store.add_repeat(scored(3, 0.06, repeat=2), 2)
        store.add_candidate(candidate(5, 3))
        store.add_evaluation(replace(scored(5, 0.03), raced=True))
        store.add_candidate(candidate(6, 3, 1))
        store.add_evaluation(scored(6, 0.08), Path("other"))
        refitted = {
            **{"id": identity(3), "genome": candidate(3).genome, "settings": {"epochs": 9}},
            **{"trained": 1, "message": None, "epochs": [9, 7], "val_loss": 0.011},
            **{"test_loss": 0.0125, "test": {"mse": 0.0125}, "deviation": {}},
            **{"handed_over": "refit", "val_losses": {"refit": 0.011, "search": 0.06}},
            **{"pca": 0.014, "pca_validation": 0.013, "seconds": 4.5},
            **{"variance": {"test": 0.1, "validation": 0.09}},
        }
        store.set_result(identity(3), REFIT, refitted)
        store.update(
            generations=2,
            workers=2,
            ended=True,
            pca={8: 0.04},
            variance=0.12,
            baselines={"dense": Baseline("dense", "scored", 0.09, 8)},
        )


def golden_text(command: str) -> str:
    """Return what the golden file of `command` holds, of the run in the current folder."""
    done = CliRunner().invoke(cli, [command, RUN, "--json"])
    assert done.exit_code == 0, done.output
    told = _masked(json.loads(done.stdout))
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _masked(told: Any) -> Any:
    if isinstance(told, list):
        return [_masked(value) for value in told]
    if isinstance(told, dict):
        return {
            key: type(value)() if key in _VARYING and value is not None else _masked(value)
            for key, value in told.items()
        }
    return told


def main() -> None:
    """Rewrite every golden file."""
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.golden_json --write")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        make_golden_run()
        for command in COMMANDS:
            (FOLDER / f"{command}.json").write_text(golden_text(command), encoding="utf-8")
        os.chdir(FOLDER)  # nobody removes the folder they stand in


if __name__ == "__main__":
    main()
