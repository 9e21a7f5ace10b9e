"""The parameters of the estimator as a configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.utils.validation import check_random_state

from evoae.config.data import DataConfig
from evoae.config.load import load_config, make_config
from evoae.config.schema import Config
from evoae.config.shipped import find_config
from evoae.errors import ConfigError

SECTIONS = ("data", "model", "objective", "search", "training", "refit", "execution")
PLACE = "AutoencoderSearch"  # what a sentence calls the parameters
_OF_X = ("validation", "test", "reduce")  # settings of `data` that mean something for X
# How the estimator writes X: every column of it is a feature.
_WRITTEN: Mapping[str, Mapping[str, Any]] = {
    ".npy": {},
    ".npz": {"keys": [], "label_column": None},
    ".csv": {
        **{
            "keys": [],
            "label_column": None,
            "header": True,
            "separator": "comma",
            "skip_lines": 0,
        },
        **{"decimal": "point", "thousands": "none", "encoding": "utf-8"},
    },
}


def configuration(parameters: Mapping[str, Any], data: Path) -> Config:
    """Return the whole configuration, with X at `data`.

    Args:
        parameters: of the estimator, by name.
        data: file that holds X.

    Raises:
        ConfigError: what is wrong, where, and what was expected.
    """
    raw = _base(parameters["config"])
    chosen = raw.get("data") or {}
    if isinstance(chosen, Mapping):  # what data a configuration names is X's affair here
        raw["data"] = {
            key: value
            for key, value in chosen.items()
            if key in _OF_X or key not in DataConfig.model_fields
        }
    for section in SECTIONS:
        given = parameters[section]
        if given is not None and not (section == "refit" and isinstance(given, bool)):
            raw[section] = _merged(raw.get(section), _plain(given))
    if parameters["latent"] is not None:
        size = _plain(parameters["latent"])
        raw["model"] = _merged(raw.get("model"), {"min_latent": size, "max_latent": size})
    if parameters["random_state"] is not None:
        raw["seed"] = _seed(parameters["random_state"])
    if isinstance(raw["data"], Mapping):
        for key in DataConfig.model_fields.keys() - set(_OF_X):
            if key in raw["data"]:
                raise ConfigError(
                    f"{PLACE}: data.{key}", raw["data"][key], "the data are X, so remove it"
                )
        raw["data"] = {"test": 1, **raw["data"], **_WRITTEN[data.suffix], "path": str(data)}
    return make_config(raw, source=PLACE)


def _base(config: object) -> dict[str, Any]:
    if config is None:
        return {}
    if isinstance(config, (str, Path)):
        return load_config(find_config(config)).model_dump(mode="json")
    if isinstance(config, Config):
        return config.model_dump(mode="json")
    if not isinstance(config, Mapping):
        raise ConfigError(
            f"{PLACE}: config", repr(config), "expected sections, or the path of a file"
        )
    return dict(_plain(config))


def paths(settings: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    """Yield each setting by its path, such as `search__mutation__filters`."""
    for key, value in settings.items():
        yield f"{above}__{key}", value
        if isinstance(value, Mapping):
            yield from paths(value, f"{above}__{key}")


def _merged(under: Any, over: Any) -> Any:
    """Return `under` with the settings of `over` in place of its own."""
    if not isinstance(under, Mapping) or not isinstance(over, Mapping):
        return over
    return {**under, **{key: _merged(under.get(key), value) for key, value in over.items()}}


def _plain(value: Any) -> Any:
    """Turn NumPy's numbers, as parameter grids hold them, into Python's."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value.tolist() if isinstance(value, (np.generic, np.ndarray)) else value


def _seed(random_state: int | np.random.RandomState) -> int:
    if isinstance(random_state, (int, np.integer)):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))
