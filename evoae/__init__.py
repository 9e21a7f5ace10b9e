"""Evolve the autoencoder architecture that rebuilds your data best."""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# All of these are light: no TensorFlow, no NumPy.
from evoae.engine.progress import Interrupted
from evoae.engine.session import replay, resume, search
from evoae.evaluation import Outcome
from evoae.runs.run import Run

if TYPE_CHECKING:
    from evoae.integrations.deap_toolbox import deap_toolbox
    from evoae.integrations.sklearn import AutoencoderSearch

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
        from evoae.integrations.sklearn import AutoencoderSearch

        return AutoencoderSearch
    if name == "deap_toolbox":
        from evoae.integrations.deap_toolbox import deap_toolbox

        return deap_toolbox
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
