"""Varied images as a picture: each as it is, marked, and beside it copies as training varies it.

What is shown is a `Variations`, plain data that anyone can ask; drawing it decides nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mnistlab.reporting import style
from mnistlab.reporting.figures import BONE, NUMBERED_CLASSES, mosaic
from mnistlab.reporting.style import SMALL, STRONG, Picture, fit, text_width

EDGE, GAP, APART, FRAME = 18, 2, 16, 2  # pixels; GAP is of the images' own
HEAD = 26
ORIGINAL = "original"


@dataclass(frozen=True)
class Variations:
    """Images and what became of them.

    `images` uint8 (n, h, w) are called `names`; `copies` uint8 (n, rows, columns, h, w) has a
    block of varied ones for each, and `said` is by what they were varied, in words.
    """

    names: tuple[str, ...]
    images: npt.NDArray[np.uint8]
    copies: npt.NDArray[np.uint8]
    said: str


def variations(shown: Variations) -> bytes:
    """Draw each image in a frame, its name left of it and its block of copies right of it."""
    n, rows, columns, height, width = shown.copies.shape
    scale = 3 if n == 1 else 2 if n <= NUMBERED_CLASSES else 1
    copies = mosaic(shown.copies.reshape(-1, height, width), columns, GAP)
    pixels = style.colours(copies, BONE, (0, 255), scale)
    names = [fit(name, 16) for name in shown.names]
    left = EDGE + round(max(text_width(name, STRONG) for name in names)) + APART
    right = left + round(max(scale * width, text_width(ORIGINAL, SMALL))) + APART
    widest = max(pixels.shape[1], round(text_width(shown.said, SMALL)))
    top = EDGE + HEAD
    picture = style.blank(right + widest + EDGE, top + pixels.shape[0] + EDGE, style.NIGHT)
    picture.write((left, EDGE + 10), ORIGINAL, SMALL, style.NIGHT_ACCENT)
    picture.write((right, EDGE + 10), shown.said, SMALL, style.NIGHT_MUTED)
    picture.paint(pixels, right, top)
    for i, (name, image) in enumerate(zip(names, shown.images, strict=True)):
        y = top + round(scale * (height + GAP) * (i * rows + (rows - 1) / 2))
        tile = style.colours(image, BONE, (0, 255), scale)
        _framed(picture, tile, left, y)
        middle = y + scale * height / 2
        picture.write((left - APART, middle), name, STRONG, style.NIGHT_INK, "rm")
    return picture.png()


def _framed(picture: Picture, tile: npt.NDArray[np.uint8], left: int, top: int) -> None:
    """Put down `tile` with a frame around it, which lies in the gap."""
    height, width, _ = tile.shape
    box = (left - FRAME, top - FRAME, left + width + FRAME, top + height + FRAME)
    picture.image.paste(style.NIGHT_ACCENT, box)
    picture.paint(tile, left, top)
