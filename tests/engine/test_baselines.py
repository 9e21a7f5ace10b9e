"""The named networks are what their headers say."""

import re
from pathlib import Path

import pytest

from evoae.config.load import load_config
from evoae.experiments.train_genome import read_genome
from evoae.genome.network_defaults import NetworkDefaults
from evoae.models.plan import plan

ROOT = Path(__file__).parents[2]
BASELINES = sorted((ROOT / "configs" / "baselines").glob("*.txt"))
NAMED = {
    "conv_64_32_16",
    "conv_64_32_16_bn_dropout",
    "dense_784_256_64_32",
    "dense_784_32",
    "conv_16_8_8",
    "vae_conv_32_64_latent_2",
    "vae_dense_128_64_32_latent_10",
    "colour_16_32_64",
}


def header(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^# (input|settings|parameters): ?(.*)$", path.read_text(), re.M))


def test_the_networks_of_the_literature_are_all_there() -> None:
    assert {path.stem for path in BASELINES} >= NAMED


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_a_baseline_has_the_parameters_that_its_header_says(path: Path) -> None:
    said = header(path)
    config = load_config(ROOT / "configs" / "mnist.yaml", said["settings"].split())
    shape = tuple(map(int, said["input"].split("x")))
    defaults = NetworkDefaults.of(config.model, config.objective, shape, "sigmoid")
    layers = plan(read_genome(str(path)), defaults)
    assert f"{layers.size.parameters:,}" == said["parameters"]


@pytest.mark.parametrize("path", BASELINES, ids=lambda path: path.stem)
def test_a_baseline_says_where_it_is_from_and_how_it_differs(path: Path) -> None:
    assert re.search(r"Differs|Exactly its layers|strong plain network", path.read_text())
