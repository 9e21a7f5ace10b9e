"""The package as it is installed and imported, and what `runs/` says of a run's folder."""

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import evoae
from evoae.errors import RunError
from evoae.execution.inline import InlineExecutor
from evoae.runs.folder import locate, next_folder
from tests import faulty
from tests.conftest import TINY

ROOT = Path(__file__).parents[1]


def test_what_is_installed_holds_every_module_configuration_and_template(tmp_path):
    subprocess.run(
        [
            *(sys.executable, "setup.py", "-q", "egg_info", "--egg-base", tmp_path),
            *("build", "--build-base", tmp_path / "build", "--build-lib", tmp_path / "lib"),
        ],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    built = {path.relative_to(tmp_path / "lib") for path in (tmp_path / "lib").rglob("*.*")}
    wanted = {
        (Path("evoae") / path.relative_to(ROOT)) if folder == "configs" else path.relative_to(ROOT)
        for folder in ("evoae", "configs")
        for path in (ROOT / folder).rglob("*.*")
        if "__pycache__" not in path.parts
    }
    assert built == wanted
    assert {Path("evoae/py.typed"), Path("evoae/configs/baselines/dense_784_32.txt")} <= built


def test_the_page_in_runs_names_whatever_a_run_folder_holds(tiny_run):
    page = (ROOT / "runs" / "README.md").read_text()
    named = set(re.findall(r"^\| `([\w.]+)/?` \|", page, re.MULTILINE))
    held = {path.name for path in tiny_run.path.iterdir() if "-" not in path.name}
    assert held <= named
    assert {"refit", "report.html", "lock", "random"} <= named


def test_the_page_in_runs_is_no_run_and_takes_no_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "README.md").write_text("")
    assert next_folder("README.md") == Path("runs/README.md-1")
    assert next_folder("a") == Path("runs/a-1")
    for name in ("README.md", "runs/README.md"):
        with pytest.raises(RunError, match="not a run folder"):
            locate(name)


def test_dir_shows_all_that_is_public_and_nothing_else():
    assert set(dir(evoae)) == set(evoae.__all__)
    assert all(getattr(evoae, name) is not None for name in dir(evoae))
    with pytest.raises(AttributeError, match="no attribute 'serach'"):
        _ = evoae.serach


def test_importing_evoae_loads_the_standard_library_alone():
    probe = (
        "import sys; before = set(sys.modules); import evoae; dir(evoae)\n"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}\n"
        "print(*sorted(new - sys.stdlib_module_names), *(m for m in sys.modules if 'evoae.' in m))"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=True
    )
    assert done.stdout == "evoae\n"


def test_search_can_be_called_again_after_modules_of_the_engine_were_imported(
    tmp_path, monkeypatch
):
    session = importlib.import_module("evoae.engine.session")
    monkeypatch.setattr(session, "executor_for", lambda *_: InlineExecutor(faulty.scored))
    halls = []
    for name in ("once", "again"):
        run = evoae.search(TINY, run=tmp_path / name)
        halls.append([(entry.id, entry.val_loss) for entry in run.hall_of_fame()])
        for module in ("session", "loop", "budget", "zoo"):
            importlib.import_module(f"evoae.engine.{module}")
    assert halls[0] == halls[1] != []


MODULES = {"PyYAML": "yaml", "scikit-learn": "sklearn", "pillow": "PIL", "Jinja2": "jinja2"}


def imported(*folders):
    """Return the packages of others that the code in these folders imports."""
    found = set()
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add(str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - {"evoae", *folders}


def declared(*requirements):
    """Return the modules of these requirements."""
    names = [re.match(r"[\w-]+", requirement)[0] for requirement in requirements]
    return {MODULES.get(name, name.replace("-", "_")) for name in names}


def test_every_dependency_is_imported_and_every_import_is_a_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    always = declared(*project["dependencies"])
    named = ("onnx", "tensorboard", "cuda", "heif", "tables")
    sometimes = declared(*(each for extra in named for each in extras[extra]))
    ours = imported("evoae") - {"pydantic_core", "typing_extensions"}  # pydantic's own
    assert ours <= always | sometimes
    assert always <= ours
    # A command, what Keras imports, and what pandas does.
    assert sometimes - ours == {"tensorboard", "tf2onnx", "openpyxl", "pyarrow"}
    assert declared(*extras["bench"]) <= imported("benchmarks")
