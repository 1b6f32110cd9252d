"""Ink on paper, and what the reader makes of it: the path of every picture that is learnt from."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage

from mnistlab.errors import DataError
from mnistlab.reading.digits import Piece
from mnistlab.reading.ink import find_ink
from mnistlab.reading.normalize import normalized
from tools.reader.others import U8
from tools.reader.strokes import F64


def enlarged(image: U8, height: int, rng: np.random.Generator) -> F64:
    """Draw a digit of MNIST large, its strokes a little thinner or thicker: ink cut out, 0..1."""
    size = round(28 * height / 20)
    large = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    ink = np.asarray(large, float) / 255
    # Beyond the ink and within it, about as far as pixels of the picture.
    soft = ndimage.gaussian_filter(ink, 0.03 * height)
    sharp = rng.uniform(2, 8)
    ink = np.clip(0.5 + sharp * (soft - rng.uniform(0.25, 0.6)), 0, 1)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0.1) for axis in (1, 0))
    if not len(rows):
        return np.asarray(large, float) / 255
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def photograph(ink: F64, rng: np.random.Generator) -> U8:
    """Put ink on paper of its own, in some light, and take a picture of it: gray (h, w)."""
    tall = max(ink.shape)
    ink = np.pad(ink, rng.integers(round(0.2 * tall) + 4, round(0.6 * tall) + 8, (2, 2)))
    if rng.random() < 0.3:  # a pen that runs dry
        ink = ink * np.clip(1 + rng.normal(0, 0.6) * _cloud(ink.shape, rng, 0.15), 0.3, 1)
    paper = rng.uniform(120, 255) * (1 + 0.12 * rng.random() * _cloud(ink.shape, rng, 0.5))
    page = paper * (1 - ink * rng.uniform(0.25, 0.95))
    page = ndimage.gaussian_filter(page, rng.uniform(0, 0.02 * tall))
    page = page + rng.normal(0, 6 * rng.random() ** 2, page.shape)
    picture = np.clip(page if rng.random() < 0.85 else 255 - page, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=int(rng.integers(25, 95)))
        picture = np.asarray(Image.open(stream))
    return picture


def _cloud(shape: tuple[int, ...], rng: np.random.Generator, coarse: float) -> F64:
    few = rng.normal(0, 1, (max(2, round(1 / coarse)),) * 2)
    zoom = [length / len(few) for length in shape]
    return np.asarray(ndimage.zoom(few, zoom, order=1, mode="nearest", grid_mode=True))[
        : shape[0], : shape[1]
    ]


def seen(picture: U8) -> U8 | None:
    """Give what the reader would show its network, all ink as one: (28, 28), None if nothing."""
    ink = find_ink(picture.astype(np.float32))
    rows, columns = (np.flatnonzero(ink.mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    whole = Piece(int(top), int(left), int(bottom), int(right), ink.mask[top:bottom, left:right])
    try:
        return normalized(ink, whole)
    except DataError:
        return None
