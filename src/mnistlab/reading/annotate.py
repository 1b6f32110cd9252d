"""What was read, drawn on the picture that it was read in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.files import atomic_file
from mnistlab.reading.read import Digit, Reading

SURE, UNSURE = (0, 90, 181), (196, 78, 0)  # told apart by every eye, on paper and on black
ROOM = 1.6


def annotated(pixels: npt.NDArray[np.float32], factor: int, reading: Reading, target: Path) -> None:
    """Save the picture, at the size it was read at, with boxes, digits and confidences, as PNG."""
    from PIL import Image, ImageDraw

    picture = Image.fromarray(np.rint(pixels).astype(np.uint8)).convert("RGB")
    scale = max(1, round(400 / max(picture.size)))
    picture = picture.resize((picture.width * scale, picture.height * scale), Image.Resampling.BOX)
    draw = ImageDraw.Draw(picture)
    for digit in reading.digits:
        _draw(draw, digit, scale / factor)
    with atomic_file(target) as temporary:
        picture.save(temporary, format="PNG")


def _draw(draw: Any, digit: Digit, scale: float) -> None:
    from PIL import ImageFont

    left, top, width, height = (side * scale for side in digit.box)
    colour = UNSURE if digit.digit is None else SURE
    draw.rectangle((left, top, left + width, top + height), outline=colour, width=2)
    size = min(max(10.0, height / 3), 60.0)
    font = ImageFont.load_default(size)
    label = f"{digit.character} {100 * digit.confidence:.0f}"
    above = top - ROOM * size if top >= ROOM * size else top + height
    box = draw.textbbox((left, above), label, font=font)
    draw.rectangle(box, fill=(255, 255, 255))
    draw.text((left, above), label, fill=colour, font=font)
