"""The search as an estimator and transformer of scikit-learn."""

from __future__ import annotations

import copy
import dataclasses
import math
import shutil
import tempfile
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from evoae.config.schema import Config
from evoae.data.kinds.images import as_images
from evoae.data.kinds.tables import Table
from evoae.engine.console import ConsoleCallback
from evoae.engine.progress import Callback, Interrupted
from evoae.engine.recommendation import with_recommended
from evoae.engine.session import search
from evoae.errors import DataError, RunError, SearchError
from evoae.experiments.refit import refit
from evoae.formatting import shape
from evoae.integrations.sklearn_settings import PLACE, SECTIONS, configuration, paths
from evoae.models.batches import batches
from evoae.runs.files import translate_os_errors
from evoae.runs.folder import check_free
from evoae.runs.run import Run
from evoae.training.base import scaled
from evoae.use.model import Floats, Model, open_model
from evoae.use.score import errors

if TYPE_CHECKING:
    import keras
    from sklearn.utils import Tags

_FEWEST = 3  # rows: one to train on, one to validate on, one for the test set


class AutoencoderSearch(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Search the autoencoder architecture that rebuilds X best; then encode, rebuild, score.

    `fit` runs `evoae.search` on X and trains the winner properly (`evoae refit`). X is either a
    table, an array or DataFrame (n, features) of finite numbers, whose columns are standardised on
    the training rows, or images (n, height, width) or (n, height, width, channels), uint8 or
    floats in 0..1. A DataFrame may also hold text, categories, dates and gaps: it is then treated
    like a CSV file, and what is rebuilt returns as a DataFrame. Validation rows are drawn from X
    (`data.validation`, a tenth); what is measured on rows that `fit` never saw is for the caller
    to do, so the test set is a single row (`data.test`).

    Every parameter but `random_state` and `run` is a section of evoae's configuration, or stands
    for one setting; each setting can be tuned by its path, as in
    `GridSearchCV(AutoencoderSearch(), {"latent": [2, 4, 8], "training__epochs": [3, 10]})`.
    They are checked by `fit`, which refuses a misspelt one and names the nearest.

    Args:
        config: what the sections below are merged over: an `evoae` configuration, a mapping of
            its sections, or a YAML file by its path or, if it comes with evoae, by its name.
            Where it says what data to read, X takes their place. Whatever neither it nor a
            parameter below sets is chosen for X, as `evoae init` does it.
        latent: size of the code, fixed; None to leave it to `model`, or to what suits X.
        data: mapping of `validation`, `test` and `reduce`, as in the configuration.
        model, objective, search, training, execution: mappings of settings, as in the
            configuration. With execution `{"kind": "local"}`, the default, trainings run in worker
            processes, so a script must guard its entry with `if __name__ == "__main__"`.
        refit: mapping of settings for the winner's own training; None for the configuration's;
            False to take the winner as the search trained it.
        random_state: of every random choice: an int, or a RandomState that gives one; None for the
            configuration's seed, so that equal fits give equal results.
        run: folder to keep the run in, which must not exist; X is then saved beside it, and every
            command of evoae works on it. None for a temporary one, which ends with the estimator.
        verbose: 0 for silence; 1 to say on stderr how `fit` goes, as `evoae search` does: by a
            progress line on a terminal, by a line for each generation elsewhere.

    Attributes:
        run_: the run (`evoae.Run`).
        best_genome_: the winner's genome, one-line text.
        best_loss_: its validation figure in the search, to minimise.
        hall_of_fame_: the best networks as `evoae hof --json` lists them, best first.
        history_: a dict of figures for each generation, in order.
        refit_: what the winner's own training reached, as `evoae refit --json` says it; None
            without one.
        encoder_: Keras model, (n, *input_shape_) to the code, or to a list of mean, log-variance
            and perhaps more for a variational one.
        decoder_: Keras model, (n, *code_shape_) to (n, *input_shape_).
        input_shape_, code_shape_: of one item and of one code, as the Keras models see them.
        n_features_in_: features of a table, values of an image.
        feature_names_in_: names of a DataFrame's columns; only there if all are text.

    Pickles and copies hold the trained model; a temporary run stays with the original. Codes and
    scores are float32 whatever X is. All of scikit-learn's own checks of estimators pass.
    """

    def __init__(
        self,
        config: Config | Mapping[str, Any] | str | Path | None = None,
        *,
        latent: int | None = None,
        data: Mapping[str, Any] | None = None,
        model: Mapping[str, Any] | None = None,
        objective: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | None = None,
        training: Mapping[str, Any] | None = None,
        refit: Mapping[str, Any] | bool | None = None,
        execution: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        run: str | Path | None = None,
        verbose: int = 0,
    ) -> None:
        self.config = config
        self.latent = latent
        self.data = data
        self.model = model
        self.objective = objective
        self.search = search
        self.training = training
        self.refit = refit
        self.execution = execution
        self.random_state = random_state
        self.run = run
        self.verbose = verbose

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters; with `deep` also each setting given, as `search__population`."""
        params: dict[str, Any] = super().get_params(deep=deep)
        if deep:
            for section in SECTIONS:
                if isinstance(params[section], Mapping):
                    params.update(paths(params[section], section))
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and single settings by their path, as `search__population=20`."""
        heads = tuple(f"{section}__" for section in SECTIONS)
        deep = {key: params.pop(key) for key in list(params) if key.startswith(heads)}
        super().set_params(**params)
        for key, value in deep.items():
            section, *path = key.split("__")
            given = getattr(self, section)
            changed = copy.deepcopy(dict(given)) if isinstance(given, Mapping) else {}
            setattr(self, section, changed)
            for name in path[:-1]:
                below = changed.get(name)
                changed[name] = dict(below) if isinstance(below, Mapping) else {}
                changed = changed[name]
            changed[path[-1]] = value
        return self

    def fit(self, X: ArrayLike, y: object = None) -> Self:  # noqa: N803 - scikit-learn's name
        """Search, and train the winner.

        Args:
            X: (n, features), (n, height, width) or (n, height, width, channels), n at least 3.
            y: not used.

        Raises:
            EvoaeError: a parameter or X cannot be used, or no training gave a score.
            ValueError: X is an array that scikit-learn refuses, such as one with NaN.
        """
        del y
        array = self._seen_first(X)
        if self.run is not None:
            return self._note(self._searched(array, Path(self.run).absolute()))
        place = Path(tempfile.mkdtemp(prefix="evoae-"))
        try:
            run = self._searched(array, place / "run")
        except BaseException as why:
            shutil.rmtree(place, ignore_errors=True)
            if isinstance(why, Interrupted):  # names a folder to resume, which is gone
                raise KeyboardInterrupt from None
            raise
        weakref.finalize(run, shutil.rmtree, place, ignore_errors=True)
        return self._note(run)

    def transform(self, X: ArrayLike) -> Floats:  # noqa: N803
        """Return the codes of X, (n, code size), float32.

        Of a variational autoencoder it is the mean; a code that is a feature map is flattened.
        """
        array, model = self._seen_again(X), self._model()
        return self._through(array, lambda inputs: model.encode(inputs).reshape(len(inputs), -1))

    def inverse_transform(self, X: ArrayLike) -> Any:  # noqa: N803
        """Return what codes stand for, in the units of the X that `fit` saw.

        Args:
            X: (n, code size).

        Returns:
            (n, features) in float64; a DataFrame, if that of `fit` held more than numbers; or
            images in float32, in 0..255 if those of `fit` were uint8.
        """
        check_is_fitted(self)
        codes = check_array(X, dtype=np.float32)
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} features, but the codes of this {PLACE} have "
                f"{self._n_features_out}"
            )
        rebuilt = self._model().decode_all(codes)
        if self._table is not None:
            return self._table.decode(rebuilt)
        if self._moments is not None:
            mean, scale = self._moments
            return np.asarray(rebuilt * scale + mean)
        if self._white == 255:
            rebuilt = rebuilt * np.float32(255)
        return rebuilt[..., 0] if self._flat else rebuilt

    def score_samples(self, X: ArrayLike) -> NDArray[np.float32]:  # noqa: N803
        """Return how normal each row is, (n,): its reconstruction error, negated.

        The error is `objective.loss`, a mean over the row's values as the network sees them:
        standardised columns, or pixels in 0..1. The lower the result, the stranger the row.
        """
        array, model = self._seen_again(X), self._model()
        return self._through(
            array, lambda inputs: -errors(inputs, model.rebuild(inputs), model.loss)
        ).astype(np.float32)

    def score(self, X: ArrayLike, y: object = None) -> float:  # noqa: N803
        """Return the mean of `score_samples`: minus the mean reconstruction error, at most 0.

        It ranks what was fitted on the same X or on parts of it, as a cross-validation does; the
        standardisation is part of the fit.
        """
        del y
        return float(np.mean(self.score_samples(X), dtype=np.float64))

    @property
    def encoder_(self) -> keras.Model:
        """The Keras encoder."""
        return self._model().encoder

    @property
    def decoder_(self) -> keras.Model:
        """The Keras decoder."""
        return self._model().decoder

    @property
    def _n_features_out(self) -> int:
        check_is_fitted(self)
        return math.prod(self.code_shape_)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        tags.input_tags.three_d_array = True
        return tags

    def _seen_first(self, X: ArrayLike) -> Any:  # noqa: N803
        """Check the X of a fit and note its form; return rows, or images with channels."""
        self._mixed = _is_mixed(X)
        if self._mixed:
            self._flat, self._white = False, 1
            return validate_data(self, X, skip_check_array=True)
        if (X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim) < 3:
            self._flat, self._white = False, 1
            array: NDArray[Any] = validate_data(
                self, X, dtype=[np.float64, np.float32], ensure_min_samples=_FEWEST
            )
            return array
        images = np.asarray(X)
        self._flat, self._white = images.ndim == 3, 255 if images.dtype == np.uint8 else 1
        array = as_images(images, "X")
        if hasattr(self, "feature_names_in_"):  # of an earlier fit
            del self.feature_names_in_
        self.n_features_in_ = math.prod(array.shape[1:])
        return array

    def _seen_again(self, X: ArrayLike) -> Any:  # noqa: N803
        """Check that X is of the form that `fit` saw; return rows, or images with channels."""
        check_is_fitted(self)
        if self._table is not None:
            if not hasattr(X, "iloc"):
                raise DataError("X", "no DataFrame", "give one with the columns that fit saw")
            return X
        if self._moments is not None:
            rows: NDArray[Any] = validate_data(
                self, X, reset=False, dtype=[np.float64, np.float32]
            )
            return rows
        images = np.asarray(X)
        if images.ndim == 3:
            images = images[..., np.newaxis]
        if images.shape[1:] != self.input_shape_ or not len(images):
            raise DataError(
                "X", f"shape {np.shape(X)}", f"expected images, each {shape(self.input_shape_)}"
            )
        return images if images.dtype == np.uint8 else as_images(images, "X")

    def _searched(self, array: Any, folder: Path) -> Run:
        """Search and refit in `folder`, with the data beside it."""
        check_free(folder)
        named = getattr(self, "feature_names_in_", None)
        suffix = "csv" if self._mixed else "npz" if array.ndim == 2 else "npy"
        data = folder.with_name(f"{folder.name}-data.{suffix}")
        config = configuration(self.get_params(deep=False), data)
        callback = ConsoleCallback() if self.verbose else Callback()
        if data.exists():
            raise RunError(str(data), "exists already", "move it away, or choose another run")
        try:
            with translate_os_errors(data):
                data.parent.mkdir(parents=True, exist_ok=True)
                if self._mixed:
                    array.to_csv(data, index=False)
                elif array.ndim == 2:
                    columns = {} if named is None else {"columns": named.astype(str)}
                    np.savez(data, x=array, **columns)
                else:
                    np.save(data, array)
            run = search(with_recommended(config), run=folder, callback=callback)
        finally:
            if isinstance(callback, ConsoleCallback):
                callback.close()
            if not folder.exists():
                data.unlink(missing_ok=True)
        if not run.hall_of_fame():
            said = run.failures()[0].message
            raise SearchError(PLACE, f"no training gave a score (the first: {said})")
        self.refit_ = None
        if self.refit is not False:
            (refitted,) = refit(folder, say=callback.said)
            if not refitted.trained:
                raise SearchError(PLACE, f"the winner's own training failed ({refitted.message})")
            self.refit_ = refitted.summary()
        return run

    def _note(self, run: Run) -> Self:
        """Set the fitted attributes."""
        hall = run.hall_of_fame()
        self.run_ = run
        self.best_genome_, self.best_loss_ = hall[0].genome, hall[0].val_loss
        self.hall_of_fame_ = [
            {key: value for key, value in entry.summary().items() if key != "model_path"}
            for entry in hall
        ]
        self.history_ = [dict(generation.stats) for generation in run.generations()]
        model = open_model(run.path, kind="search" if self.refit is False else "refit")
        self._moments = None
        self._table = model.kind if self._mixed and isinstance(model.kind, Table) else None
        if isinstance(model.kind, Table) and self._table is None:
            columns = [(column.mean, column.scale) for column in model.kind.columns]
            self._moments = tuple(np.array(columns, np.float64).T)
        self._trained = _Trained(model)
        self.input_shape_, self.code_shape_ = model.input_shape, model.code_shape
        return self

    def _model(self) -> Model:
        check_is_fitted(self)
        model: Model = self._trained.model
        return model

    def _inputs(self, array: Any) -> Floats:
        """Return checked rows or images as the network takes them."""
        if self._table is not None:
            return self._table.encode(array, "X")
        if self._moments is None:
            return scaled(array)
        mean, scale = self._moments
        with np.errstate(over="ignore"):
            inputs: Floats = ((array.astype(np.float64) - mean) / scale).astype(np.float32)
        if not np.isfinite(inputs).all():
            raise DataError("X", "values beyond the range of float32 once standardised", "mend X")
        return inputs

    def _through(self, array: Any, function: Callable[[Floats], NDArray[Any]]) -> NDArray[Any]:
        """Apply `function` to network inputs, in batches; join what it returns for each."""
        parts = batches(array, self._model().batch)
        return np.concatenate([function(self._inputs(part)) for part in parts])


def _is_mixed(X: object) -> bool:  # noqa: N803
    """Tell whether it is a DataFrame that holds more than numbers."""
    if not isinstance(X, pd.DataFrame):
        return False
    numeric = all(map(pd.api.types.is_numeric_dtype, X.dtypes))
    return not numeric or bool(X.isna().any(axis=None))


class _Trained:
    """A trained model that pickles: as the bytes of its file, loaded again when it is used."""

    def __init__(self, model: Model) -> None:
        self._file, self._loss = model.path.read_bytes(), model.loss
        self._model: Model | None = model

    @property
    def model(self) -> Model:
        """The model."""
        if self._model is None:
            with tempfile.TemporaryDirectory(prefix="evoae-") as folder:
                path = Path(folder) / "model.keras"
                path.write_bytes(self._file)
                self._model = dataclasses.replace(open_model(path), loss=self._loss)
        return self._model

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_model": None}
