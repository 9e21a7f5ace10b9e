"""Corrupted inputs, of which a network must rebuild the clean ones.

Vincent, Larochelle, Bengio and Manzagol, "Extracting and composing robust features with denoising
autoencoders", ICML 2008; Vincent et al., "Stacked denoising autoencoders", JMLR 11, 2010.
"""

from __future__ import annotations

from typing import Any, final

import keras

from evoae.config.objectives import CorruptedConfig
from evoae.models.objectives.noise import AbstractNoise, FreshNoise, NumberedNoise

_EXTREMES = (-3.0, 3.0)  # of standardised inputs: nearly all lie between


@final
class Corruption:
    """Gaussian noise, masking or salt and pepper on every input number by itself; or nothing.

    - gaussian: adds normal noise of standard deviation `level`.
    - masking: sets a share `level` to 0, which is the mean of a standardised column.
    - salt_pepper: sets a share `level` to the smallest or the largest value, each as often.

    Args:
        config: `corruption` is the kind, `none` leaves images alone; `corrupt` says whether a
            training image is corrupted afresh each time (`layer`) or once for all (`data`).
        seed: of the noise, `Task.noise_seed`.
        bounded: whether inputs lie in 0..1; then corrupted ones do as well. Standardised inputs
            are not clipped, and their salt and pepper lie 3 deviations from the mean.
    """

    def __init__(self, config: CorruptedConfig, seed: int, *, bounded: bool) -> None:
        self._kind, self._level, self._bounded = config.corruption, config.level, bounded
        noise = NumberedNoise if config.corrupt == "data" else FreshNoise
        self._training: AbstractNoise = noise(seed, "corruption in training")
        self._validation: AbstractNoise = NumberedNoise(seed, "corruption in validation")

    def in_training(self, images: Any, numbers: Any) -> Any:
        """Return training images corrupted as configured; `images` itself for `none`."""
        return self._corrupted(images, numbers, self._training)

    def in_validation(self, images: Any, numbers: Any) -> Any:
        """Return validation images, each always corrupted alike; `images` itself for `none`."""
        return self._corrupted(images, numbers, self._validation)

    def _corrupted(self, images: Any, numbers: Any, noise: AbstractNoise) -> Any:
        match self._kind:
            case "none":
                return images
            case "gaussian":
                noisy = images + self._level * noise.normal(images, numbers)
                return keras.ops.clip(noisy, 0.0, 1.0) if self._bounded else noisy
            case "masking":
                kept = noise.uniform(images, numbers) >= self._level
                return keras.ops.where(kept, images, 0.0)
            case "salt_pepper":
                low, high = (0.0, 1.0) if self._bounded else _EXTREMES
                drawn = noise.uniform(images, numbers)
                salted = keras.ops.where(drawn >= 1 - self._level / 2, high, images)
                return keras.ops.where(drawn < self._level / 2, low, salted)
