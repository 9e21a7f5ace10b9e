"""`evoae zoo`: lists good networks that were found before."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import options
from evoae.cli.output import Output, print_dotted, print_folded, print_table, say
from evoae.formatting import command as typed
from evoae.formatting import loss

if TYPE_CHECKING:
    from evoae.engine.zoo import Known


@click.group("zoo")
def command() -> None:
    """Good networks that were found before, with the figures measured of them.

    To begin a search with those that fit its space: --set search.seed_genomes=zoo
    """


@command.command("list")
@click.option("--data", metavar="NAME", help="Only those found for this named set.")
@options.json("Print a JSON list of objects.")
def list_networks(data: str | None) -> Output:
    """Every network: its data, size and figures."""
    from evoae.engine.zoo import zoo

    networks = [network for network in zoo() if data in (None, network.data)]

    def text() -> None:
        if not networks:
            say(f"The zoo has no network for {data}.")
            return
        headers = ["name", "data", "latent", "params", "test mse", "PCA"]
        rows = [(n.name, n.data, n.latent, n.parameters, n.mse, n.pca) for n in networks]
        print_table(headers, rows, right=set(headers[2:]))

    return Output(networks, text)


@command.command()
@click.argument("name")
@options.json("Print a JSON object.")
def show(name: str) -> Output:
    """One network: its genome, its figures and how they were measured."""
    from evoae.engine.zoo import known

    network = known(name)
    return Output(network, lambda: _print(network))


@command.command()
@click.argument("name")
@options.training
def train(
    name: str, run: Path | None, settings: Mapping[str, object], overrides: tuple[str, ...]
) -> Output:
    """Train NAME on its data set, as it was when its figures were measured.

    The result is a run folder of one candidate, for `show`, `export`, `encode` and the others.
    """
    from evoae.cli.train import train_given
    from evoae.config.load import make_config
    from evoae.engine.zoo import known

    network = known(name)
    config = make_config(network.config, source=f"zoo, {name}", overrides=overrides)
    return train_given(config, network.genome, run, name, settings)


def _print(network: Known) -> None:
    """Print a network, where it comes from, and what its configuration says."""
    import yaml

    validation = loss(network.validation) if network.validation else "trained on"
    settings = yaml.safe_dump(
        dict(network.config), default_flow_style=True, sort_keys=False, width=1000
    )
    print_folded(network.genome)
    figures = [
        *(network.data, f"latent {network.latent}", f"{network.parameters:,} parameters"),
        *(f"validation {validation}", f"test {loss(network.test)}"),
        f"test mse {loss(network.mse)} (PCA {loss(network.pca)})",
    ]
    print_dotted(figures)
    print_folded(f"{network.found} {settings.strip()}")
    say(f"Train it with:  {typed('zoo', 'train', network.name)}")
