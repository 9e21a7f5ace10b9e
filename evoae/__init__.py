"""Evolve the autoencoder architecture that rebuilds your data best."""

__version__ = "0.1.0"

# After the version, which the modules below may read. Both are light: no TensorFlow, no NumPy.
from evoae.runs.run import Run
from evoae.search import Interrupted, resume, search

__all__ = ["Interrupted", "Run", "__version__", "resume", "search"]
