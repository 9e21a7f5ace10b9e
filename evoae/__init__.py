"""Evolve the autoencoder architecture that rebuilds your data best."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# All of these are light: no TensorFlow, no NumPy.
from evoae.evaluation import Outcome
from evoae.runs.run import Run
from evoae.search import replay, resume, search
from evoae.watching import Interrupted

if TYPE_CHECKING:
    from evoae.estimator import AutoencoderSearch
    from evoae.own_loop import deap_toolbox

__all__ = [
    "AutoencoderSearch",
    "Interrupted",
    "Outcome",
    "Run",
    "__version__",
    "deap_toolbox",
    "replay",
    "resume",
    "search",
]


def __getattr__(name: str) -> Any:
    """Load what needs scikit-learn or DEAP when it is asked for."""
    if name == "AutoencoderSearch":
        from evoae.estimator import AutoencoderSearch

        return AutoencoderSearch
    if name == "deap_toolbox":
        from evoae.own_loop import deap_toolbox

        return deap_toolbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
