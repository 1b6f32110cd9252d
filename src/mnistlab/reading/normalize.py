"""A piece of ink → (28, 28) as MNIST made its own, with strokes as wide as MNIST's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mnistlab.data.pictures import BOX, as_mnist
from mnistlab.reading.digits import Piece
from mnistlab.reading.ink import F32, Ink

THINNEST, THICKEST = 1.8, 4.6
"""Strokes of MNIST's training digits, in pixels of the box of 20: the 5th and 95th percentile."""
FRINGE = 2
"""The gray edge of ink belongs to it: so many pixels beyond the mask."""


def normalized(ink: Ink, piece: Piece) -> npt.NDArray[np.uint8]:
    """Give one digit (28, 28) uint8, ink 255 on 0."""
    amount, mask = _cut_out(ink, piece)
    side = max(piece.height, piece.width, 10)
    if side < 2 * BOX:  # else blocks of pixels are seen
        times = -(-2 * BOX // side)
        amount, side = _enlarged(amount, times), side * times
        mask = _enlarged(mask.astype(np.float32), times) > 0.5
    inside = ndimage.distance_transform_edt(mask)
    # In a stroke the mean distance from the edge is a quarter of the width.
    width = 4 * float(inside[mask].mean()) - 1
    scale = BOX / side
    if width * scale < THINNEST:
        reach = (THINNEST / scale - width) / 2
        outside = ndimage.distance_transform_edt(~mask)
        amount = np.maximum(amount, np.clip(reach + 1 - outside, 0, 1))
    elif width * scale > THICKEST:
        reach = min((width - THICKEST / scale) / 2, 0.35 * width)
        amount = amount * np.clip(inside - reach, 0, 1)
    return as_mnist(amount if (amount > 0).any() else mask)


def _enlarged(amount: F32, times: int) -> F32:
    return np.asarray(ndimage.zoom(amount, times, order=1, mode="nearest", grid_mode=True))


def _cut_out(ink: Ink, piece: Piece) -> tuple[F32, npt.NDArray[np.bool_]]:
    """Give amount and mask of a piece alone, with room around it for what is added."""
    room = FRINGE + round(0.1 * max(piece.height, piece.width))
    mask = np.pad(piece.mask, room)
    near = ndimage.binary_dilation(mask, iterations=FRINGE)
    height, width = ink.mask.shape
    top, left = piece.top - room, piece.left - room
    rows = slice(max(top, 0), min(piece.bottom + room, height))
    columns = slice(max(left, 0), min(piece.right + room, width))
    amount = np.zeros(mask.shape, np.float32)
    amount[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = (
        ink.amount[rows, columns]
    )
    return np.where(near, amount, 0).astype(np.float32), mask
