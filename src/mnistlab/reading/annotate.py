"""What was read, drawn on the picture that it was read in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.files import atomic_file
from mnistlab.reading.explain import percent
from mnistlab.reading.read import Digit, Reading

SURE, UNSURE = (0, 90, 181), (196, 78, 0)  # told apart by every eye, on paper and on black
NUMBER = (95, 102, 115)
ROOM = 1.6


def annotated(
    pixels: npt.NDArray[np.float32],
    factor: int,
    reading: Reading,
    target: Path,
    numbered: bool = False,
) -> None:
    """Save the picture, at the size it was read at, with boxes, digits and confidences, as PNG.

    `numbered` writes their numbers in reading order below the digits.
    """
    from PIL import Image, ImageDraw

    picture = Image.fromarray(np.rint(pixels).astype(np.uint8)).convert("RGB")
    scale = max(1, round(400 / max(picture.size)))
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BOX)
    draw = ImageDraw.Draw(picture)
    for number, digit in enumerate(reading.digits, start=1):
        room = _room(digit, reading.digits) * scale / factor
        _draw(draw, digit, str(number) if numbered else "", scale / factor, room)
    with atomic_file(target) as temporary:
        picture.save(temporary, format="PNG")


def _room(digit: Digit, digits: Sequence[Digit]) -> float:
    """Give the pixels from a digit's left side to that of the next one beside it."""
    left, top, _, height = digit.box
    beside = (
        other.box[0] - left
        for other in digits
        if other.box[0] > left and other.box[1] < top + height and top < other.box[1] + other.box[3]
    )
    return min(beside, default=math.inf)


def _draw(draw: Any, digit: Digit, number: str, scale: float, room: float) -> None:
    left, top, width, height = (side * scale for side in digit.box)
    colour = UNSURE if digit.digit is None else SURE
    draw.rectangle((left, top, left + width, top + height), outline=colour, width=2)
    size = min(max(10.0, height / 3), 60.0)
    label = f"{digit.character} {percent(digit.confidence)}"
    # Narrower where the next one's label would touch it; some ten pixels can be read.
    size = max(min(size, size * room / draw.textlength(label + " ", font=_font(size))), 8.0)
    above = top - ROOM * size if top >= ROOM * size else top + height
    _write(draw, (left, above), label, colour, size)
    if number:
        below = top + height + (ROOM * size if above > top else 0)
        _write(draw, (left, below), number, NUMBER, max(10.0, 0.7 * size))


def _write(
    draw: Any, at: tuple[float, float], text: str, colour: tuple[int, int, int], size: float
) -> None:
    font = _font(size)
    draw.rectangle(draw.textbbox(at, text, font=font), fill=(255, 255, 255))
    draw.text(at, text, fill=colour, font=font)


def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)
