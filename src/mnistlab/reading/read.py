"""Read the digits in a picture: `read(path | bytes | array | PIL image)`.

What is read is what the network is sure of; what looks like a digit but is none, or not clearly
one, is `?`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import SIDE
from mnistlab.data.pictures import decode
from mnistlab.reading.digits import (
    WIDE,
    Line,
    Piece,
    TooManyPieces,
    cuts,
    find_lines,
    usual_height,
)
from mnistlab.reading.ink import Ink, find_ink
from mnistlab.reading.network import Network, load_network
from mnistlab.reading.normalize import normalized

LARGEST = 2000
"""Larger pictures are made smaller, by whole numbers, before they are read: pixels a side."""
NARROWEST, WIDEST = 0.12, 1.5  # of a part that is cut off, in heights of the line
A_REST = 4.0  # what it costs to leave a part unread, likewise
A_CUT = 0.7  # what a cut costs, in units of -log(probability)
UNKNOWN = "?"
ALTERNATIVES = 3


@dataclass(frozen=True)
class Digit:
    """One digit, None for what is none or not surely one.

    `box` is x, y, width, height in pixels of the picture as it is seen; `probabilities` are those
    of the ten digits: they add up to 1 with that of "no digit"; `image` is what the network saw.
    """

    digit: int | None
    confidence: float
    box: tuple[int, int, int, int]
    probabilities: tuple[float, ...]
    image: npt.NDArray[np.uint8] = field(repr=False, compare=False)

    @property
    def character(self) -> str:
        """The digit, or `?`."""
        return UNKNOWN if self.digit is None else str(self.digit)

    @property
    def alternatives(self) -> tuple[tuple[int, float], ...]:
        """The likeliest digits and their probabilities, the likeliest first."""
        order = sorted(range(len(self.probabilities)), key=lambda i: -self.probabilities[i])
        return tuple((i, self.probabilities[i]) for i in order[:ALTERNATIVES])


@dataclass(frozen=True)
class Reading:
    """What was read in one picture, line by line."""

    lines: tuple[tuple[Digit, ...], ...]
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The digits, a line of text for each line of them."""
        return "\n".join("".join(digit.character for digit in line) for line in self.lines)

    @property
    def digits(self) -> tuple[Digit, ...]:
        """All digits in reading order."""
        return tuple(digit for line in self.lines for digit in line)

    def to_json(self) -> dict[str, Any]:
        """Give what `mnistlab read --json` prints, without the file."""
        return {
            "text": self.text,
            "lines": self.text.splitlines(),
            "digits": [
                {
                    "digit": each.digit,
                    "confidence": round(each.confidence, 6),
                    "box": list(each.box),
                    "alternatives": [[digit, round(p, 6)] for digit, p in each.alternatives],
                }
                for each in self.digits
            ],
            "warnings": list(self.warnings),
        }


def read(source: Any, *, page: int | None = None) -> Reading:
    """Read the digits in a picture: a path, bytes, an array (h, w[, 3 or 4]), or a PIL image.

    Arrays are uint8, or numbers from 0 to 1 or to 255. A path or bytes may be a PDF, if the extra
    `pdf` is there; of one with several pages `page`, from 1, says which. Raises DataError for what
    is no picture, MissingExtraError.
    """
    return read_pixels(*decode(source, LARGEST, page))


def read_pixels(pixels: npt.NDArray[np.float32], factor: int) -> Reading:
    """Read what `decode` gives: float32 (h, w) or (h, w, 3) of 0..255, made smaller by `factor`."""
    network = load_network()
    if pixels.shape == (SIDE, SIDE) and _is_mnist_like(pixels):
        image = np.rint(pixels).astype(np.uint8)
        if not image.any():
            return Reading(())
        ink = Piece(0, 0, SIDE, SIDE, image > 0)
        return Reading(((_digit(ink, network.shares(image[None])[0], image, network, 1),),))
    found = find_ink(pixels)
    try:
        lines = [_read_line(line, found, network, factor) for line in find_lines(found)]
    except TooManyPieces as error:
        return Reading((), (str(error),))
    return Reading(tuple(lines))


def _is_mnist_like(pixels: npt.NDArray[np.float32]) -> bool:
    """Say whether a picture of 28x28 has paper of 0 at its edges, as MNIST's have."""
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return bool(np.median(edges) == 0)


def _read_line(line: Line, ink: Ink, network: Network, factor: int) -> tuple[Digit, ...]:
    height = usual_height(line)
    pieces = [part for piece in line for part in _divided(piece, height, ink, network)]
    images = np.stack([normalized(ink, piece) for piece in pieces])
    shares = network.shares(images)
    return tuple(
        _digit(piece, each, image, network, factor)
        for piece, each, image in zip(pieces, shares, images, strict=True)
    )


def _digit(
    piece: Piece,
    shares: npt.NDArray[np.float64],
    image: npt.NDArray[np.uint8],
    network: Network,
    factor: int,
) -> Digit:
    likeliest = int(np.argmax(shares))
    confidence = float(shares[likeliest])
    left, top, width, height = (
        side * factor for side in (piece.left, piece.top, piece.width, piece.height)
    )
    return Digit(
        likeliest if confidence >= network.least else None,
        confidence,
        (left, top, width, height),
        tuple(map(float, shares)),
        image,
    )


def _divided(piece: Piece, height: float, ink: Ink, network: Network) -> Sequence[Piece]:
    """Cut a piece that is too wide for one digit where the network agrees most with the parts."""
    if piece.width <= WIDE * max(height, piece.height):
        return [piece]
    places = [0, *cuts(piece, height), piece.width]
    parts: dict[tuple[int, int], Piece] = {}
    for i, left in enumerate(places):
        for j in range(i + 1, len(places)):
            width = (places[j] - left) / height
            part = piece.part(left, places[j]) if NARROWEST <= width <= WIDEST else None
            if part is not None and part.height >= 0.4 * height:
                parts[i, j] = part
    if not parts:
        return [piece]
    shares = network.shares(np.stack([normalized(ink, each) for each in parts.values()]))
    costs = dict(zip(parts, A_CUT - np.log(shares.max(axis=1)), strict=True))
    chosen = _cheapest(len(places), costs)
    return [parts[each] for each in chosen] if chosen else [piece]


def _cheapest(count: int, costs: dict[tuple[int, int], float]) -> list[tuple[int, int]]:
    """Give the steps from 0 to count - 1 whose costs add up to the least; none if there is no way.

    What is not covered, specks at the sides, is stepped over at a price.
    """
    best: list[tuple[float, list[tuple[int, int]]]] = [(0.0, [])]
    for j in range(1, count):
        ways = [
            (best[i][0] + costs[i, j], [*best[i][1], (i, j)]) for i in range(j) if (i, j) in costs
        ]
        ways.append((best[j - 1][0] + A_REST, best[j - 1][1]))
        best.append(min(ways, key=lambda way: way[0]))
    return best[-1][1]
