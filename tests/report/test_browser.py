"""The page as a browser shows it, wide and narrow, light and dark; skipped where there is none."""

from __future__ import annotations

import pytest

from evoae.report.page import write_report
from tests.report.browser import Browser, chromium

PROGRAM = chromium()

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed"),
]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    with Browser(PROGRAM, tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture(scope="module")
def pages(tiny_run, tmp_path_factory):
    """The page of a run, and that of two of its models side by side."""
    folder = tmp_path_factory.mktemp("pages")
    write_report(tiny_run.path, folder / "run.html", top=2)
    two = [entry.id for entry in tiny_run.hall_of_fame()[:2]]
    write_report(tiny_run.path, folder / "models.html", models=two)
    return folder


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", ["run", "models"])
def test_a_page_is_whole_on_every_screen_and_asks_nobody(name, width, scheme, browser, pages):
    browser.console.clear()
    browser.requests.clear()
    path = pages / f"{name}.html"
    browser.show(path, width, scheme)
    for closed in ("false", "true"):  # also what opens on a click
        browser.value(f"document.querySelectorAll('details').forEach(d => d.open = {closed})")
        across = browser.value("document.documentElement.scrollWidth")
        assert across <= browser.value("document.documentElement.clientWidth") == width
        assert browser.cut() == []
    assert browser.console == []
    asked = [address for address in browser.requests if not address.startswith("data:")]
    assert asked == [path.as_uri()]
    paper = browser.value("getComputedStyle(document.body).backgroundColor")
    assert paper == {"light": "rgb(255, 255, 255)", "dark": "rgb(21, 24, 28)"}[scheme]


def test_the_browser_sees_what_is_cut_what_is_logged_and_what_is_asked_for(browser, tmp_path):
    path = tmp_path / "bad.html"
    path.write_text(
        "<meta name='viewport' content='width=device-width'>"
        "<body><p style='width: 900px'>too wide</p><img src='http://127.0.0.1:9/a.png'>"
        "<script>console.log('a word')</script></body>"
    )
    browser.console.clear()
    browser.requests.clear()
    browser.show(path, 390, "light")
    assert any("too wide" in each for each in browser.cut())
    assert any("a word" in each for each in browser.console)
    assert "http://127.0.0.1:9/a.png" in browser.requests
