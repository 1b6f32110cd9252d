"""Slant taken out: each row moved sideways until the digit's axis of inertia stands upright.

LeCun et al. 1998, https://doi.org/10.1109/5.726791 ("deskewed" data). Of Keras' own operations, so
that a saved model loads in plain Keras.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

STEEPEST = 1.0
"""Pixels across per pixel down that are taken out at most: a slant of 45 degrees."""
FARTHEST = 14
"""Pixels that a row is moved at most."""
STEPS = (16, 8, 4, 2, 1)


def with_deskewed(side: int = 28, name: str = "deskewed") -> keras.Model:
    """Make a model without weights: images (n, side, side) as they are, and deskewed, as channels.

    Gives (n, side, side, 2), float32. The paper is what an image has least, whatever that is.
    """
    images = keras.Input((side, side), name="images")
    paper = ops.min(images, axis=(1, 2), keepdims=True)
    ink = ops.subtract(images, paper)
    deskewed = ops.add(_moved(ink, _away(ink, side), side), paper)
    return keras.Model(images, ops.stack([images, deskewed], axis=-1), name=name)


def _away(ink: Any, side: int) -> Any:
    """Say from how many pixels across each row comes: (n, side), by the moments of the ink."""
    places = np.arange(side, dtype="float32")
    rows, columns = ops.sum(ink, axis=2), ops.sum(ink, axis=1)
    total = ops.maximum(ops.sum(rows, axis=1, keepdims=True), 1e-6)
    down = ops.subtract(places, ops.sum(rows * places, axis=1, keepdims=True) / total)
    across = ops.subtract(places, ops.sum(columns * places, axis=1, keepdims=True) / total)
    mixed = ops.sum(ink * ops.expand_dims(across, 1), axis=2)
    spread = ops.maximum(ops.sum(rows * down * down, axis=1, keepdims=True), 1e-6)
    slant = ops.sum(mixed * down, axis=1, keepdims=True) / spread
    return ops.clip(ops.clip(slant, -STEEPEST, STEEPEST) * down, -FARTHEST, FARTHEST)


def _moved(ink: Any, away: Any, side: int) -> Any:
    """Fetch each pixel of a row from `away` pixels across, between two weighted linearly.

    By steps of 16, 8, 4, 2 and 1 pixels, each taken or not: what would fetch pixels one by one is
    not exported by all exporters.
    """
    whole = ops.floor(away)
    steps = ops.expand_dims(whole, 2) + float(FARTHEST)  # 0 to twice as many, and one for the share
    moved = ops.pad(ink, ((0, 0), (0, 0), (FARTHEST, sum(STEPS) + 1 - FARTHEST)))
    for step in STEPS:
        left = int(moved.shape[2]) - step
        taken = ops.greater_equal(steps, float(step))
        moved = ops.where(taken, moved[:, :, step:], moved[:, :, :left])
        steps = steps - float(step) * ops.cast(taken, "float32")
    share = ops.expand_dims(away - whole, 2)
    return moved[:, :, :side] + share * (moved[:, :, 1:] - moved[:, :, :side])
