"""The wheel that `python -m build` makes works where nothing else of the repository is."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TINY = (
    "data.reduce.train=64",
    "data.reduce.validation=32",
    "search.population=2",
    "search.generations=1",
    "training.epochs=1",
    "report.baselines=[]",
)


@pytest.mark.slow
def test_a_wheel_in_a_bare_environment_searches_and_shows_its_hall_of_fame(tmp_path):
    def run(*command: str | Path) -> str:
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout

    run(sys.executable, "-m", "build", "-q", "--wheel", "--outdir", tmp_path / "dist", ROOT)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    run("sh", ROOT / "tools" / "make-venv.sh", sys.executable, tmp_path / "bare")
    bare = tmp_path / "bare" / "bin"
    run(bare / "pip", "install", "-q", "--disable-pip-version-check", wheel)
    assert "evoae, version 0." in run(bare / "evoae", "--version")
    sets = [word for change in TINY for word in ("--set", change)]
    run(bare / "evoae", "search", "--config", "digits.yaml", "--run", "found", *sets)
    hall = json.loads(run(bare / "evoae", "hof", "found", "--json"))
    assert hall
    assert (tmp_path / "found" / "models").is_dir()
