"""The reference is what the code says, and links in README and docs lead somewhere."""

import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from evoae.cli.main import cli
from evoae.config.load import sections_of
from evoae.config.schema import Config
from evoae.config.values import Section
from evoae.genome.genes import GENES

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs" / "reference"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return runpy.run_path(str(ROOT / "tools" / "write_reference.py"))["pages"]()


def test_the_reference_is_what_the_code_says(written: dict[str, str]) -> None:
    found = {page.name: page.read_text(encoding="utf-8") for page in FOLDER.glob("*.md")}
    stale = sorted(name for name in found.keys() | written if found.get(name) != written.get(name))
    assert not stale, f"docs/reference: {', '.join(stale)}: run: make reference"


def settings(section: type[Section], above: str) -> Iterator[tuple[str, str]]:
    inner = sections_of(section)
    for key in section.settings():
        for word in section.users(key) or [""]:
            shared = len(section.users(key)) == len(section.kinds())
            yield above if shared else f"{above}: {word}", key
        if key in inner:
            yield from settings(inner[key], f"{above}.{key}".lstrip("."))


def test_every_setting_stands_in_the_table_of_its_section(written: dict[str, str]) -> None:
    tables: dict[str, str] = {}
    for part in re.split(r"^#+ ", written["configuration.md"], flags=re.MULTILINE)[1:]:
        title, _, tables_of_it = part.partition("\n")
        tables["" if title == "Configuration" else title] = tables_of_it
    for section, key in settings(Config, ""):
        assert f"\n| `{key}` |" in tables[section], f"{section}.{key}"


def test_every_gene_and_every_number_of_it_stands_in_the_reference(
    written: dict[str, str],
) -> None:
    for kind in GENES:
        assert re.search(rf"^\| `{kind.word}[(`].*\| {kind.token} \|", written["genes.md"], re.M)
        for field in kind.fields:
            row = rf"^\| .*`{kind.word}`.* \| `{field.name}` \|"
            assert re.search(row, written["genes.md"], re.M), (kind.word, field.name)


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        yield from leaves(inner, f"{path} {name}")


def test_every_option_of_every_command_is_explained(written: dict[str, str]) -> None:
    parts = re.split(r"^#+ ", written["commands.md"], flags=re.MULTILINE)
    said = {title: text for title, _, text in (part.partition("\n") for part in parts)}
    for path, command in leaves(cli, "evoae"):
        assert command.help, path
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                assert option.help, f"{path} {option.opts[-1]}"
                assert option.help.replace("|", "\\|") in said[path]


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Yield each link of a page to another one or to a heading: as written, page, anchor."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith(("http://", "https://")):
            name, _, anchor = link.partition("#")
            yield link, (page.parent / name).resolve() if name else page, anchor


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_a_heading_that_exist(page: Path) -> None:
    for link, target, anchor in links(page):
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_page_can_be_reached_from_the_index_of_the_docs() -> None:
    reached: set[Path] = set()
    ahead = [ROOT / "docs" / "README.md"]
    while ahead:
        page = ahead.pop()
        if page.suffix == ".md" and page.exists() and page not in reached:
            reached.add(page)
            ahead += (target for _, target, _ in links(page))
    assert set(PAGES) <= reached
