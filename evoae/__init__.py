"""Evolve the autoencoder architecture that rebuilds your data best."""

__version__ = "0.1.0"

# All of these are light: no TensorFlow, no NumPy.
from evoae.evaluation import Outcome
from evoae.runs.run import Run
from evoae.search import Interrupted, replay, resume, search

__all__ = ["Interrupted", "Outcome", "Run", "__version__", "replay", "resume", "search"]
