import re
from xml.etree import ElementTree as ET

from PIL import Image

from tests.docs.test_examples import PAGES
from tools.pictures import IMAGES, draw


def test_make_pictures_draws_what_the_pages_show(tiny_run, tmp_path):
    drawn = {path.name: path for path in draw(tiny_run.path, tmp_path)}
    for name in ("course.svg", "front.svg"):
        text = drawn[name].read_text()
        assert "var(" not in text
        assert "PCA" in "".join(ET.fromstring(text).itertext())
    with Image.open(drawn["copies.png"]) as picture:
        assert picture.width > 400
    shown = {name for page in PAGES for name in re.findall(r"images/([\w.]+)\)", page.read_text())}
    compared = {f"search_quality_{data}.png" for data in ("digits", "fashion_mnist")}
    assert shown == {*drawn, *compared, "manifold.png"}
    assert {path.name for path in IMAGES.iterdir()} == shown
