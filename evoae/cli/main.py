"""The entry point: which commands there are, each loaded only when asked for."""

from __future__ import annotations

import click

from evoae import __version__
from evoae.cli.edge import Edge
from evoae.training.setup import claim_process

# Section -> command -> its one-line help, which must not cost an import.
SECTIONS: dict[str, dict[str, str]] = {
    "Start": {
        "init": "Write a commented config for your data.",
        "plan": "Say what a search would do and cost, before it does it.",
        "search": "Run a search.",
        "train": "Train one given network, without a search.",
        "zoo": "Good networks found before: list, show, train.",
    },
    "Follow": {
        "status": "Where a run stands.",
        "resume": "Go on after an interruption, or for more generations.",
        "hof": "The best models found.",
        "show": "One model: genome, layers, curves.",
        "report": "The whole run as one HTML page.",
    },
    "Use": {
        "refit": "Train a winner properly, and measure it on the test set.",
        "evaluate": "The figures of a trained model, on any data.",
        "export": "Keras, ONNX or SavedModel; whole, encoder or decoder.",
        "encode": "Codes of items, as .npz or CSV.",
        "reconstruct": "Items beside what comes out for them.",
        "sample": "New items from random codes.",
        "interpolate": "What lies between items.",
        "manifold": "A two-dimensional code as a map.",
        "score": "Each item's reconstruction error, to find anomalies.",
        "transfer": "What the code is worth to a classifier.",
    },
    "Look closer": {
        "lineage": "The family tree of a model: what changed, and what it did.",
        "compare": "Best-so-far of several runs, and whether they differ.",
        "evaluations": "Every training of a run, as a table, CSV or JSON.",
        "space": "Draw networks from a search space, or check it.",
        "data": "The data sets at hand: list, get, describe.",
        "failures": "The candidates that failed, and why.",
        "fidelity": "How well the search's short trainings rank.",
        "replay": "Train one candidate again, to see why it failed.",
        "doctor": "What was found on this machine, and what is missing.",
    },
}


@click.group(cls=Edge, sections=SECTIONS)
@click.version_option(__version__, prog_name="evoae")
@click.option("--debug", is_flag=True, expose_value=False, help="Show an error's traceback.")
def cli() -> None:
    """Evolve autoencoder architectures for your data."""


def main() -> None:
    """Run the command line; the console script `evoae`."""
    claim_process()
    cli(prog_name="evoae")


if __name__ == "__main__":
    main()
