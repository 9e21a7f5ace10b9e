"""What README and docs show is run: every console block, every Python block, every config."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from evoae.cli.main import SECTIONS, cli
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    pattern = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(page.name, found) for page in PAGES for found in pattern.findall(page.read_text())]


def tiny_for(config: Path) -> dict[str, object]:
    """Return a search of seconds with the documented configuration's own objective."""
    return TINY | {"objective": yaml.safe_load(config.read_text()).get("objective", {})}


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """A folder whose configs describe a search of seconds, under the documented names."""
    (tmp_path / "configs").mkdir()
    for config in (ROOT / "configs").glob("*.yaml"):
        (tmp_path / "configs" / config.name).write_text(yaml.safe_dump(tiny_for(config)))
    shutil.copytree(ROOT / "configs" / "baselines", tmp_path / "configs" / "baselines")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("page", "block"), blocks("console"))
def test_every_documented_command_succeeds(page, block, workplace):
    commands = [line[2:] for line in block.splitlines() if line.startswith("$ ")]
    assert commands
    for line in commands:
        program, *arguments = shlex.split(line)
        assert program == "evoae"
        done = CliRunner().invoke(cli, arguments)
        assert done.exit_code == 0, f"{page}: {line}\n{done.output}"


@pytest.mark.parametrize(("page", "block"), blocks("python"))
def test_every_documented_program_runs(page, block, workplace):
    script = workplace / "example.py"
    script.write_text(block)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{page}: {done.stderr}"


def test_the_readme_names_every_config():
    readme = (ROOT / "README.md").read_text()
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"configs/{config.name}" in readme


def test_the_readme_mentions_every_command():
    readme = (ROOT / "README.md").read_text()
    for name in (name for section in SECTIONS.values() for name in section):
        assert re.search(rf"`{name}`|evoae {name}", readme), name
