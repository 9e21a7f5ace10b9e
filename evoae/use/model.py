"""From what a person typed to a trained autoencoder that is ready for use."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from evoae.config.objectives import CorruptedConfig
from evoae.data.dataset import AbstractKind
from evoae.data.kinds.registry import kind_of
from evoae.errors import RunError, UseError
from evoae.formatting import command
from evoae.models.batches import batches, items_at_once
from evoae.runs.files import refit_path, translate_os_errors
from evoae.runs.model_file import load_model
from evoae.runs.run import Run

if TYPE_CHECKING:
    import keras

    from evoae.models.objectives.corruption import Corruption

Floats = NDArray[np.float32]
Loss = Literal["mse", "mae", "bce"]
Kind = Literal["auto", "refit", "search"]


@dataclass(frozen=True, eq=False)
class Decoded:
    """Codes, and what a model decodes them to.

    Attributes:
        codes: (n, latent), or (rows, columns, latent) of a grid.
        values: (n, *input_shape), or (rows, columns, *input_shape), as the network sees items.
        source: of the codes, in words.
        clipped: how many numbers of each column were set to the end of the training rows' range;
            `values` have none beyond it.
    """

    codes: Floats
    values: Floats
    source: str
    clipped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Model:
    """A trained autoencoder.

    Attributes:
        name: for people, such as `runs/fmnist-3 9f3ac1` or the file's path.
        path: its file.
        autoencoder: (n, *input_shape) to the same shape, made of `encoder` and `decoder`.
        loss: what it was trained with; a lone file does not say, and counts as mse.
        kind: what it rebuilds, with what was fitted on its training data; of a lone file, the
            likeliest kind of its shape with nothing fitted.
        run: the run that it comes from; None for a lone file.
        id: of its candidate; None for a lone file.
    """

    name: str
    path: Path
    autoencoder: keras.Model
    kind: AbstractKind
    loss: Loss = "mse"
    run: Run | None = None
    id: str | None = None

    @property
    def encoder(self) -> keras.Model:
        """(n, *input_shape) to the code, or to a list of the posterior's parameters."""
        return self.autoencoder.get_layer("encoder")

    @property
    def decoder(self) -> keras.Model:
        """(n, *code_shape) to (n, *input_shape)."""
        return self.autoencoder.get_layer("decoder")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Of one item."""
        return tuple(self.autoencoder.input_shape[1:])

    @property
    def code_shape(self) -> tuple[int, ...]:
        """Of one code: (d,), or a feature map's (height, width, channels)."""
        return tuple(self.decoder.input_shape[1:])

    @property
    def latent(self) -> int:
        """How many numbers a code has."""
        return math.prod(self.code_shape)

    @property
    def variational(self) -> bool:
        """Whether the encoder gives a distribution over codes; its mean is then the code."""
        return len(self.encoder.outputs) > 1

    @property
    def bounded(self) -> bool:
        """Whether codes lie in 0..1, as those of a sigmoid layer do."""
        last = self.encoder.layers[-1]
        return getattr(getattr(last, "activation", None), "__name__", "") == "sigmoid"

    @property
    def batch(self) -> int:
        """How many items to pass through at once, so that no layer's output takes much memory."""
        return items_at_once(self.autoencoder)

    def encode(self, inputs: Floats) -> Floats:
        """Return the codes (n, *code_shape) of one batch (n, *input_shape)."""
        outputs = self.encoder(inputs, training=False)
        return np.asarray(outputs[0] if self.variational else outputs)

    def draw_codes(self, inputs: Floats, rng: np.random.Generator) -> Floats:
        """Return a code (n, *code_shape) of each item of a batch: one draw of its distribution.

        Of a model that is not variational it is the code.
        """
        if not self.variational:
            return self.encode(inputs)
        from evoae.models.objectives.variational import sample

        posterior = self.encoder(inputs, training=False)
        return np.asarray(sample(posterior, rng.standard_normal(posterior[0].shape, np.float32)))

    def decode(self, codes: Floats) -> Floats:
        """Return what one batch of codes (n, *code_shape) stands for, (n, *input_shape)."""
        return np.asarray(self.decoder(codes, training=False))

    def rebuild(self, inputs: Floats) -> Floats:
        """Return one batch (n, *input_shape) as it comes out again."""
        return self.decode(self.encode(inputs))

    @property
    def saw_validation(self) -> bool:
        """Whether its refit was trained on the run's validation split as well."""
        if self.run is None or self.id is None or self.path != refit_path(self.run.path, self.id):
            return False
        done = self.run.refitted(self.id)
        return done is not None and bool(done["settings"].get("with_validation"))

    @property
    def corruption(self) -> Corruption | None:
        """What the run's validation inputs are corrupted by; None if they are not."""
        from evoae.models.objectives.corruption import Corruption

        objective = None if self.run is None else self.run.config.objective
        if self.run is None or not isinstance(objective, CorruptedConfig):
            return None
        if objective.corruption == "none":
            return None
        return Corruption(objective, self.run.config.seed % 2**31, bounded=self.kind.bounded)

    def decode_all(self, codes: Floats) -> Floats:
        """Decode any number of codes, (n, *code_shape) or flat (n, latent), in batches."""
        shaped = codes.reshape(-1, *self.code_shape)
        return np.concatenate([self.decode(batch) for batch in batches(shaped, self.batch)])


def open_model(what: str | Path, id: str = "best", *, kind: Kind = "auto") -> Model:
    """Open a trained model of a run, or a lone file.

    Args:
        what: a run's folder, its name under `runs/`, or the path of a .keras file.
        id: an unambiguous prefix of a candidate's id, or `best`; only `best` with a file.
        kind: of a run, the model that `refit` handed over or the search's own; `auto` takes the
            first of the two that is there.

    Raises:
        RunError: no such run or candidate, or the file is damaged.
        UseError: the candidate has no model, or the file holds no whole autoencoder.
    """
    from evoae.training.setup import load_quietly

    with translate_os_errors(Path(what)):  # a name may be too long to be looked for
        lone = Path(what).suffix == ".keras" or Path(what).is_file()
        there = Path(what).exists()
    if lone:
        if id != "best":
            raise UseError(str(what), "a file holds one model", f"Leave '{id}' out.")
        if not there:
            raise RunError(str(what), "no such file", "name a .keras file or a run")
        load_quietly()
        autoencoder = _whole(Path(what))
        kind_of_items = kind_of(tuple(autoencoder.input_shape[1:]))
        return Model(str(what), Path(what), autoencoder, kind_of_items)
    run = Run.open(what)
    candidate_id = run.find(id).candidate.id
    name = f"{run.path} {candidate_id[:6]}"
    path = _model_path(run, candidate_id, kind)
    if path is None:
        raise UseError(
            name,
            "the refitted model is not there" if kind == "refit" else "its model was not kept",
            f"Make it with '{command('refit', run.path, candidate_id[:6])}'.",
        )
    load_quietly()
    loss = run.config.objective.loss
    return Model(name, path, _whole(path), run.data_kind(), loss, run, candidate_id)


def _model_path(run: Run, id: str, kind: Kind) -> Path | None:
    """Return where a candidate's model lies; None if there is none of that kind."""
    refitted = refit_path(run.path, id)
    if kind != "search" and refitted.is_file():
        return refitted
    if kind == "refit":
        return None
    return run.model_of(id)


def _whole(path: Path) -> keras.Model:
    """Load a file and check that it holds an autoencoder with both its parts."""
    model: Any = load_model(path)
    # A layer may be called so and be no network; one that has layers is.
    names = {layer.name for layer in model.layers if hasattr(layer, "layers")}
    if not {"encoder", "decoder"} <= names:
        raise UseError(
            str(path),
            f"holds '{model.name}', no autoencoder with an encoder and a decoder in it",
            "Name a whole one, as 'evoae export --part autoencoder' writes it.",
        )
    return cast("keras.Model", model)
