"""Ink on paper, and what the reader makes of it: the path of every picture that is learnt from."""

from __future__ import annotations

import io
from functools import reduce

import numpy as np
from PIL import Image
from scipy import ndimage

from mnistlab.errors import DataError
from mnistlab.reading.digits import Piece, TooManyPieces, find_lines
from mnistlab.reading.ink import Ink, Mask, find_ink
from mnistlab.reading.normalize import normalized
from tools.reader.others import U8, with_another_pen
from tools.reader.strokes import F64

Box = tuple[int, int, int, int]
LEAST, MOST = 0.6, 1.35
"""What is found of a digit on ruled paper is neither much less nor more than it."""


def enlarged(image: U8, height: int, rng: np.random.Generator) -> F64:
    """Draw a digit of MNIST large, its strokes a little thinner or thicker: ink cut out, 0..1."""
    size = round(28 * height / 20)
    large = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    return _penned(np.asarray(large, float) / 255, height, rng, (2, 8))


def from_blocks(ink: F64, height: int, rng: np.random.Generator) -> F64:
    """Draw what is known as ink in blocks (8, 8) of 0..1 large: ink cut out, 0..1."""
    blocks = Image.fromarray(np.rint(np.pad(ink, 1) * 255).astype(np.uint8))
    size = round(height * len(ink) / (len(ink) - 1))
    large = blocks.resize((size, size), Image.Resampling.BICUBIC)
    return _penned(np.asarray(large, float) / 255, height, rng, (1, 6))


def _penned(
    large: F64, height: int, rng: np.random.Generator, sharpest: tuple[float, float]
) -> F64:
    ink = with_another_pen(large, 0.03 * height, rng, sharpest, (0.25, 0.6))
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0.1) for axis in (1, 0))
    if not len(rows):
        return large
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def photograph(ink: F64, rng: np.random.Generator, ruled: bool = False) -> tuple[U8, Box]:
    """Put ink on paper of its own, in some light, and take a picture of it: gray (h, w).

    Gives where the ink is, too: top, left, bottom, right.
    """
    tall = max(ink.shape)
    least, most = (0.6, 1.5) if ruled else (0.2, 0.6)
    room = rng.integers(round(least * tall) + 4, round(most * tall) + 8, (2, 2))
    (top, _), (left, _) = room
    box = (int(top), int(left), int(top + ink.shape[0]), int(left + ink.shape[1]))
    ink = np.pad(ink, room)
    if rng.random() < 0.3:  # a pen that runs dry
        ink = ink * np.clip(1 + rng.normal(0, 0.6) * _cloud(ink.shape, rng, 0.15), 0.3, 1)
    paper = rng.uniform(120, 255) * (1 + 0.12 * rng.random() * _cloud(ink.shape, rng, 0.5))
    if ruled:
        paper = paper * _rules(ink.shape, tall, rng)
    page = paper * (1 - ink * rng.uniform(0.25, 0.95))
    page = ndimage.gaussian_filter(page, rng.uniform(0, 0.02 * tall))
    page = page + rng.normal(0, 6 * rng.random() ** 2, page.shape)
    picture = np.clip(page if rng.random() < 0.85 else 255 - page, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        stream = io.BytesIO()
        Image.fromarray(picture).save(stream, "JPEG", quality=int(rng.integers(25, 95)))
        picture = np.asarray(Image.open(stream))
    return picture, box


def _rules(shape: tuple[int, ...], tall: int, rng: np.random.Generator) -> F64:
    """Give the brightness of ruled or squared paper, of 1."""
    light = np.ones(shape)
    apart = max(8, round(tall * rng.uniform(0.4, 1.6)))
    thick = int(rng.integers(1, max(2, round(0.04 * tall)) + 1))
    dark, first = rng.uniform(0.55, 0.9), rng.integers(0, apart, 2)
    light[(np.arange(shape[0]) + first[0]) % apart < thick] *= dark
    if rng.random() < 0.35:
        light[:, (np.arange(shape[1]) + first[1]) % apart < thick] *= dark
    return light


def _cloud(shape: tuple[int, ...], rng: np.random.Generator, coarse: float) -> F64:
    few = rng.normal(0, 1, (max(2, round(1 / coarse)),) * 2)
    zoom = [length / len(few) for length in shape]
    return np.asarray(ndimage.zoom(few, zoom, order=1, mode="nearest", grid_mode=True))[
        : shape[0], : shape[1]
    ]


def seen(picture: U8, box: Box | None = None) -> U8 | None:
    """Give what the reader would show its network: (28, 28), None if nothing.

    That is all ink as one, or the pieces whose middle is in the box.
    """
    ink = find_ink(picture.astype(np.float32))
    whole = _all_of(ink.mask) if box is None else _within(ink, box)
    if whole is None:
        return None
    try:
        return normalized(ink, whole)
    except DataError:
        return None


def _all_of(mask: Mask) -> Piece | None:
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    top, left, bottom, right = (int(end) for end in (rows[0], columns[0], rows[-1] + 1,
                                                     columns[-1] + 1))  # fmt: skip
    return Piece(top, left, bottom, right, mask[top:bottom, left:right])


def _within(ink: Ink, box: Box) -> Piece | None:
    try:
        pieces = [piece for line in find_lines(ink) for piece in line]
    except TooManyPieces:
        return None
    inside = [
        piece
        for piece in pieces
        if box[0] <= (piece.top + piece.bottom) / 2 <= box[2]
        and box[1] <= (piece.left + piece.right) / 2 <= box[3]
    ]
    if not inside:
        return None
    whole = reduce(Piece.joined, inside)
    larger = (whole.height / (box[2] - box[0]), whole.width / (box[3] - box[1]))
    # Where more than the digit was found, rules were left, and nobody could tell.
    return whole if max(larger) < MOST and min(larger) > LEAST else None
