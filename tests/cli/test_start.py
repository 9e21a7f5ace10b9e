"""The command line starts fast and light, and its help tells the truth."""

import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from evoae.cli.main import SECTIONS, cli

HEAVY = ("tensorflow", "keras", "ray", "sklearn", "deap", "numpy")
COMMANDS = [(name, text) for section in SECTIONS.values() for name, text in section.items()]


def loaded_by(code: str) -> set[str]:
    probe = f"{code}\nimport sys\nprint(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True, env=os.environ
    )
    return set(done.stdout.splitlines()[-1].split())


def test_help_loads_no_numeric_library():
    code = "from evoae.cli.main import cli\ntry: cli(['--help'])\nexcept SystemExit: pass"
    assert loaded_by(code) == set()


@pytest.mark.parametrize("command", ["status", "hof", "show", "lineage", "evaluations"])
def test_a_reader_of_a_finished_run_loads_no_training_library(command, tiny_run):
    code = (
        "from evoae.cli.main import cli\n"
        f"try: cli(['{command}', {str(tiny_run.path)!r}])\n"
        "except SystemExit as end: assert not end.code"
    )
    assert loaded_by(code) & {"tensorflow", "keras", "ray", "sklearn"} == set()


@pytest.mark.parametrize(("name", "text"), COMMANDS)
def test_the_help_page_says_of_a_command_what_the_command_says(name, text):
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.get_short_help_str(100) == text


def test_the_bare_command_shows_every_section():
    shown = CliRunner().invoke(cli, []).output
    assert all(f"{section}:" in shown for section in SECTIONS)


def test_the_version_is_printed():
    assert CliRunner().invoke(cli, ["--version"]).output.startswith("evoae, version 0.")
