"""`evoae zoo`: good networks that were found before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from evoae.cli import formatting, options

if TYPE_CHECKING:
    from evoae.engine.zoo import Known


@click.group("zoo", short_help="Good networks found before: list, show, train.")
def command() -> None:
    """Good networks that were found before, with the figures measured of them.

    To begin a search with those that fit its space: --set search.seed_genomes=zoo
    """


@command.command("list")
@click.option("--data", metavar="NAME", help="Only those found for this named set.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
def list_networks(data: str | None, as_json: bool) -> None:
    """Every network: its data, size and figures."""
    from evoae.cli.tables import print_json, print_table
    from evoae.engine.zoo import zoo

    networks = [each for each in zoo() if data in (None, each.data)]
    if as_json:
        print_json([each.summary() for each in networks])
        return
    if not networks:
        click.echo(f"The zoo has no network for {data}.", err=True)
        return
    rows = [
        (
            each.name,
            each.data,
            str(each.latent),
            f"{each.parameters:,}",
            formatting.loss(each.mse),
            formatting.loss(each.pca),
        )
        for each in networks
    ]
    headers = ["name", "data", "latent", "params", "test mse", "PCA"]
    print_table(headers, rows, right={"latent", "params", "test mse", "PCA"})


@command.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def show(name: str, as_json: bool) -> None:
    """One network: its genome, its figures and how they were measured."""
    from evoae.cli.tables import print_json
    from evoae.engine.zoo import known

    found = known(name)
    if as_json:
        print_json(found.summary())
        return
    click.echo(found.genome)
    validation = formatting.loss(found.validation) if found.validation else "trained on"
    click.echo(
        f"{found.data} · latent {found.latent} · {found.parameters:,} parameters · "
        f"validation {validation} · test {formatting.loss(found.test)} · "
        f"test mse {formatting.loss(found.mse)} (PCA {formatting.loss(found.pca)})"
    )
    click.echo(_trained(found))
    click.echo(f"Train it with:  {formatting.command('zoo', 'train', name)}", err=True)


@command.command()
@click.argument("name")
@options.one
def train(
    name: str,
    run: Path | None,
    epochs: int | None,
    seeds: int | None,
    overrides: tuple[str, ...],
    as_json: bool,
) -> None:
    """Train NAME on its data set, as it was when its figures were measured.

    The result is a run folder of one candidate, for `show`, `export`, `encode` and the others.
    """
    from evoae.cli.train import train_given
    from evoae.config.load import make_config
    from evoae.engine.zoo import known

    found = known(name)
    train_given(
        make_config(found.config, source=f"zoo, {name}", overrides=overrides),
        found.genome,
        run=run,
        name=name,
        settings=options.given(epochs=epochs, seeds=seeds),
        as_json=as_json,
    )


def _trained(found: Known) -> str:
    """Say where it comes from and what its configuration says."""
    import yaml

    told = yaml.safe_dump(dict(found.config), default_flow_style=True, sort_keys=False, width=1000)
    return f"{found.found} {told.strip()}"
