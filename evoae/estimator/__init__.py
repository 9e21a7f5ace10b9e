"""The search as an estimator and transformer of scikit-learn."""

from evoae.estimator.estimator import AutoencoderSearch

__all__ = ["AutoencoderSearch"]
