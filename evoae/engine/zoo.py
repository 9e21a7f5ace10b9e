"""Lists the zoo: good networks that were found before, with the figures measured of them.

A reference to beat, and a start for searches of the same kind of data. `zoo.yaml` beside this
module is the list.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from evoae.errors import GenomeError


@dataclass(frozen=True, slots=True)
class Known:
    """A network of the zoo.

    Attributes:
        name: unique in the zoo.
        data: the named data set.
        input_shape: of an item: (height, width, channels) or (features,).
        genome: one-line text, with every gene of the whole network that it needs.
        latent: numbers in its code.
        parameters: all weights.
        validation, test: the objective's figure after the proper training, as in `refit`;
            validation is None where it was trained on as well.
        mse: mean squared error of the rebuilt test items; on the 0..1 scale of images.
        pca: the same of principal components of the same number; None where there are none.
        found: where the network and the figures come from.
        config: settings of search and refit that differ from the defaults, as in a YAML file.
    """

    name: str
    data: str
    input_shape: Sequence[int]
    genome: str
    latent: int
    parameters: int
    validation: float | None
    test: float
    mse: float
    pca: float | None
    found: str
    config: Mapping[str, Any]


@cache
def zoo() -> tuple[Known, ...]:
    """Return every network, by data and then by size of the code."""
    listed = yaml.safe_load(files("evoae.engine").joinpath("zoo.yaml").read_text(encoding="utf-8"))
    return tuple(sorted((Known(**each) for each in listed), key=lambda k: (k.data, k.latent)))


def known(name: str) -> Known:
    """Return the network of this name.

    Raises:
        GenomeError: there is none.
    """
    names = {each.name: each for each in zoo()}
    if name not in names:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise GenomeError("zoo", f"no network {name}", f"{hint}'evoae zoo list' names all")
    return names[name]
