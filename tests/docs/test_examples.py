"""What README and docs show is run: every console block, every Python block, every config.

What a console block shows beneath a command is compared with what the command prints, see
`tests.docs.console`.

A page of the guide is read from top to bottom: its blocks share one folder, in which the README's
search has been done, and what its YAML blocks say is put into the configuration that `evoae init`
has written before them.

The README's search stands in several blocks. It is done once, and its run put where they expect
it.
"""

import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from PIL import Image

import evoae
from evoae.cli.main import SECTIONS, cli
from evoae.config.load import make_config
from tests.conftest import TINY, with_changes
from tests.covering import first, first_cells
from tests.docs.console import agree, commands

ROOT = Path(__file__).parents[2]
GUIDE = sorted((ROOT / "docs" / "guide").glob("*.md"))
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
OTHERS = [ROOT / "README.md", *(p for p in sorted(ROOT.glob("docs/**/*.md")) if p not in GUIDE)]
PAGES = [*OTHERS, *GUIDE]
TINIER = {  # than TINY: what the guide's own data are searched with
    "model": {"max_depth": 1, "filters": [4, 8], "units": [4, 8]},
    "search": {"population": 2, "generations": 1, "elitism": 0, "hof_size": 2},
    "training": {"epochs": 1, "batch_size": 32},
    "refit": {"epochs": 1, "seeds": 1},
    "execution": TINY["execution"],
}
README_SEARCH = "evoae search --config configs/quickstart.yaml"
README_RUN = Path("runs/quickstart-1")
MOST_BYTES = 150_000  # of a picture


TRAINS = r"(?m)^\$ evoae (search|refit|transfer|fidelity|compare|plan|resume|(zoo )?train) "
NOW = ("README.md", "table.md", "report.md", "heart_vae")  # the rest: `make docs`


def blocks(*languages: str, pages=PAGES) -> list[tuple[str, str, str]]:
    """Return the page, the language and the text of each block, in order."""
    pattern = re.compile(rf"^```({'|'.join(languages)})\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(page.name, *found) for page in pages for found in pattern.findall(page.read_text())]


def tiny_for(config: Path) -> dict[str, object]:
    """Return a search of seconds with the documented configuration's own objective."""
    return TINY | {"objective": yaml.safe_load(config.read_text()).get("objective", {})}


def put_pictures(folder: Path, count: int, rng: np.random.Generator) -> None:
    """Make a folder of small colour pictures: discs on a ground, labelled by sub-folder."""
    down, across = np.mgrid[:40, :40]
    for number in range(count):
        label = ("cups", "plates")[number % 2]
        (folder / label).mkdir(parents=True, exist_ok=True)
        disc = np.hypot(down - 20, across - 20) < rng.uniform(5, 18)
        pixels = np.where(disc[..., None], rng.integers(128, 256, 3), rng.integers(0, 128, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / label / f"{number:03}.jpg")


def put_table(file: Path, count: int, rng: np.random.Generator) -> None:
    """Make a table of numbers and words, some of them missing, with a column of labels."""
    lines = ["speed,load,temperature,site,state"]
    for _ in range(count):
        speed, load = rng.uniform(600, 3000), rng.uniform(0.1, 1.0)
        temperature = "" if rng.random() < 0.05 else f"{20 + 40 * load + rng.normal():.1f}"
        site, state = rng.choice(["north", "south", "?"]), rng.choice(["ok", "ok", "ok", "worn"])
        lines.append(f"{speed:.0f},{load:.2f},{temperature},{site},{state}")
    file.write_text("\n".join(lines) + "\n")


def furnish(folder: Path) -> None:
    """Put in configs that describe a search of seconds, under the documented names.

    The guide's own pictures and table are put there as well, few and small.
    """
    (folder / "configs").mkdir()
    for config in (ROOT / "configs").glob("*.yaml"):
        (folder / "configs" / config.name).write_text(yaml.safe_dump(tiny_for(config)))
    shutil.copytree(ROOT / "configs" / "baselines", folder / "configs" / "baselines")
    rng = np.random.default_rng(0)
    put_pictures(folder / "my-images", 40, rng)
    put_pictures(folder / "new-images", 6, rng)
    put_table(folder / "machines.csv", 120, rng)
    put_table(folder / "new-machines.csv", 12, rng)


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The folder in which a reader follows the pages."""
    furnish(tmp_path)
    monkeypatch.setenv("EVOAE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """The run of the README's search, made by its command; never write to it."""
    folder = tmp_path_factory.mktemp("searched")
    furnish(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVOAE_CACHE", str(folder / "cache"))
        patch.chdir(folder)
        succeed("README.md", README_SEARCH)
    return folder / README_RUN


def succeed(page: str, line: str) -> str:
    """Run a command; return what it printed."""
    program, *arguments = shlex.split(line)
    assert program == "evoae"
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 0, f"{page}: {line}\n{done.output}"
    return done.output


def run_commands(page: str, block: str, searched: Path) -> None:
    """Run the commands of a block; each succeeds, and prints what the block shows beneath it."""
    assert block.startswith("$ ")
    for line, shown in commands(block):
        if line == README_SEARCH:
            assert not shown
            shutil.copytree(searched, README_RUN)
            continue
        printed = succeed(page, line)
        if shown:
            assert agree(shown, printed), f"{page}: {line}\n{shown}\nprinted:\n{printed}"
        if line.startswith("evoae init "):
            change(Path(shlex.split(line)[2]), {})


def change(config: Path, settings: dict) -> None:
    """Put settings into a configuration that `init` wrote, as a reader does; keep it tiny."""
    raw = with_changes(yaml.safe_load(config.read_text()), **settings)
    raw = with_changes(raw, **TINIER)
    config.write_text(yaml.safe_dump(raw))


def run_program(page: str, block: str, folder: Path) -> None:
    """Run a program, in a process of its own if it starts workers, which import its file."""
    script = folder / "example.py"
    script.write_text(block)
    if "AutoencoderSearch" in block:
        done = subprocess.run(
            [sys.executable, script], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{page}: {done.stderr}"
    else:
        runpy.run_path(str(script), run_name="__main__")


@pytest.mark.parametrize(
    ("page", "_", "block"),
    first_cells(
        blocks("console", pages=OTHERS),
        lambda block: block[0] in NOW or not re.search(TRAINS, block[2]),
    ),
)
def test_every_documented_command_succeeds(page, _, block, workplace, searched):
    run_commands(page, block, searched)


@pytest.mark.parametrize(
    ("page", "_", "block"),
    first_cells(
        blocks("python", pages=OTHERS),
        lambda block: "evoae.search(" not in block[2] and "AutoencoderSearch" not in block[2],
    ),
)
def test_every_documented_program_runs(page, _, block, workplace):
    run_program(page, block, workplace)


@pytest.mark.parametrize(
    "page", first(GUIDE, lambda page: page.name in NOW), ids=lambda page: page.name
)
def test_a_page_of_the_guide_works_from_top_to_bottom(page, workplace, searched):
    shutil.copytree(searched, README_RUN)
    for _, language, block in blocks("console", "python", "yaml", pages=[page]):
        if language == "console":
            run_commands(page.name, block, searched)
        elif language == "python":
            run_program(page.name, block, workplace)
        else:
            for config in workplace.glob("*.yaml"):
                change(config, yaml.safe_load(block))


@pytest.mark.parametrize(("page", "_", "block"), blocks("yaml"))
def test_every_documented_setting_exists(page, _, block):
    raw = yaml.safe_load(block)
    make_config({**raw, "data": {"name": "digits", **raw.get("data", {})}}, source=page)


def test_every_picture_is_small_and_described():
    for page in PAGES:
        for words, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            assert len(words) > 20, f"{page.name}: {target} lacks its alternative text"
            assert (page.parent / target).stat().st_size < MOST_BYTES, target


@pytest.mark.parametrize(
    "config", first(CONFIGS, lambda config: config.stem in NOW), ids=lambda config: config.stem
)
def test_every_config_searches(config, workplace):
    """Its own space, objective and training, on fewer and smaller items than it names."""
    raw = yaml.safe_load(config.read_text())
    table = raw["data"].get("name") == "heart"
    raw["data"] = (
        {"path": "machines.csv", "missing": "impute"}
        if table
        else {"name": "digits", "reduce": {"train": 64, "validation": 32}}
    )
    shortest = {"population": 2, "elitism": 0, "generations": 1, "budget": {}}
    raw = with_changes(raw, search=shortest, training={"epochs": 1}, execution=TINY["execution"])
    run = evoae.search(raw, run=workplace / "run")
    assert run.hall_of_fame()


def test_the_readme_names_every_config():
    readme = (ROOT / "README.md").read_text()
    for config in (ROOT / "configs").glob("*.yaml"):
        assert f"configs/{config.name}" in readme


def test_the_readme_mentions_every_command():
    readme = (ROOT / "README.md").read_text()
    for name in (name for section in SECTIONS.values() for name in section):
        assert re.search(rf"`{name}`|evoae {name}", readme), name
