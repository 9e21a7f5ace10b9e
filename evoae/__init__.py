"""Evolve the autoencoder architecture that rebuilds your data best.

Nothing is loaded before it is asked for: `import evoae` and `evoae --help` start at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from evoae.engine.progress import Interrupted
    from evoae.engine.replay import replay
    from evoae.engine.session import resume, search
    from evoae.evaluation import Outcome
    from evoae.integrations.deap_toolbox import deap_toolbox
    from evoae.integrations.sklearn import AutoencoderSearch
    from evoae.runs.run import Run

_DEFINED_IN = {
    "AutoencoderSearch": "evoae.integrations.sklearn",
    "Interrupted": "evoae.engine.progress",
    "Outcome": "evoae.evaluation",
    "Run": "evoae.runs.run",
    "deap_toolbox": "evoae.integrations.deap_toolbox",
    "replay": "evoae.engine.replay",
    "resume": "evoae.engine.session",
    "search": "evoae.engine.session",
}

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
    if name not in _DEFINED_IN:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_DEFINED_IN[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
