"""What every page must be, whatever its run."""

from __future__ import annotations

import re
from itertools import pairwise
from xml.etree import ElementTree as ET


def parsed(page: str) -> ET.Element:
    """The page as a tree; as XML, so that no tag may be left open and no `<` unescaped."""
    return ET.fromstring(page)


def check(page: str) -> ET.Element:
    """Whatever is shown is said as well, nothing is fetched, and links lead somewhere."""
    root = parsed(page)
    elements = list(root.iter())
    assert not {element.tag for element in elements} & {"script", "iframe", "object", "embed"}
    for element in elements:
        for name in ("src", "href"):
            address = element.get(name, "data:")
            assert address.startswith(("data:", "#")), address
        assert not [name for name in element.attrib if name.startswith("on")]
        if element.tag == "img":
            assert element.get("alt")
        if element.tag == "svg":
            assert (element.get("role"), bool(element.get("aria-label"))) == ("img", True)
        if element.tag == "th":
            assert text(element)
    assert not re.search(r"https?://|@import|#0101", page)
    assert re.findall(r"url\(([^)#]*)", page) == [""] * page.count("url(")
    assert root.get("lang") == "en"
    levels = [int(element.tag[1]) for element in elements if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for element in elements:  # what scrolls can be scrolled with keys
        if element.tag == "pre" or element.get("class") == "scroll":
            assert element.get("tabindex") == "0"
    ids = [element.get("id") for element in elements if element.get("id")]
    assert len(ids) == len(set(ids))
    used = {element.get("href") for element in elements if element.get("href", "").startswith("#")}
    used |= {f"#{name}" for name in re.findall(r"url\(#([^)]*)\)", page)}
    assert {name[1:] for name in used} <= set(ids)
    return root


def headings(root: ET.Element) -> list[str]:
    return [element.get("id", "") for element in root.iter("section")]


def text(element: ET.Element) -> str:
    return " ".join("".join(element.itertext()).split())


def section(root: ET.Element, id: str) -> ET.Element:
    (found,) = (element for element in root.iter("section") if element.get("id") == id)
    return found
