"""Read the digits in a picture: `read(path | bytes | array | PIL image)`.

What is read is what the network is sure of; what looks like a digit but is none, or not clearly
one, is `?`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import SIDE
from mnistlab.data.pictures import BOX, CENTRE, as_mnist, decode
from mnistlab.reading.digits import Piece, TooManyPieces, find_lines, is_cut_off, usual_height
from mnistlab.reading.ink import FAINTEST, Ink
from mnistlab.reading.network import Network, load_network
from mnistlab.reading.normalize import normalized
from mnistlab.reading.segment import segmented
from mnistlab.reading.views import views

LARGEST = 2000
"""Larger pictures are made smaller, by whole numbers, before they are read: pixels a side."""
PLAIN, PLAINER = 0.4, 0.2
"""A less likely way to see a picture must explain this share of its ink by digits, and so much
more than a likelier one."""
NO_ACCIDENT = 3
"""So many digits are no accident: no way to see a picture that has fewer of them is better."""
MANY = 30
"""A picture with more pieces than this is seen in no other way, if digits are most of its ink."""
LOW, HIGH = 0.45, 2.2
"""What is no digit is no writing either, if it is so much lower or higher than the digits are."""
FAINT = 0.35
"""Likewise what has so much less ink."""
FRAGMENT = 0.75
"""What a side of the picture cuts off, and is so much lower than the digits, is part of one."""
AMONG_OTHERS = 0.8
"""Where most of what is there is no digit, none is vouched for of which one is less sure."""
PALE = 150
"""A digit of MNIST's size whose strongest ink is less, of 255, is made as dark as MNIST's are."""
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

    Instead of bytes a file that is open to read them may be given. Arrays are numbers from 0 to
    255, or from 0 to 1. A path or bytes may be a PDF, if the extra `pdf` is there; of one with
    several pages, or of such a TIFF, `page`, from 1, says which. Raises DataError for what is no
    picture, MissingExtraError.
    """
    return read_pixels(*decode(source, LARGEST, page=page))


def read_pixels(pixels: npt.NDArray[np.float32], factor: int) -> Reading:
    """Read what `decode` gives: float32 (h, w) or (h, w, 3) of 0..255, made smaller by `factor`."""
    network = load_network()
    if pixels.shape == (SIDE, SIDE) and _is_mnist_like(pixels):
        strongest = float(pixels.max())
        if strongest < 255 * FAINTEST:
            return Reading(())
        image = np.rint(pixels * (255 / strongest if strongest < PALE else 1)).astype(np.uint8)
        whole = Piece(0, 0, SIDE, SIDE, image > 0)
        image = image if _is_as_mnist(image) else as_mnist(image)
        (shares,) = network.together(network.shares(image[None]))
        return Reading(((_digit(whole, shares, image, network, 1),),))
    best, explained = Reading(()), 0.0
    for number, (ink, enough) in enumerate(views(pixels)):
        reading, share = _read_ink(ink, network, factor)
        least = explained + (PLAINER if explained < enough else 0)
        if not number or (share > max(least, PLAIN) and not _is_less(reading, best)):
            best, explained = reading, share
        if explained > enough or (explained > PLAIN and len(best.digits) > MANY):
            break
    if len(best.digits) > NO_ACCIDENT and all(digit.digit is None for digit in best.digits):
        return Reading((), ("there is ink, but none of it is a digit",))
    return best


def _is_less(reading: Reading, than: Reading) -> bool:
    """Say whether digits are lost that are too many to be there by accident."""
    now, before = (sum(digit.digit is not None for digit in r.digits) for r in (reading, than))
    return NO_ACCIDENT <= before > now


def _read_ink(ink: Ink, network: Network, factor: int) -> tuple[Reading, float]:
    """Read what is written, and say what share of the ink are digits that one can be sure of."""
    try:
        lines = [segmented(line, ink, network) for line in find_lines(ink)]
    except TooManyPieces as error:
        return Reading((), (str(error),)), 0.0
    pieces = [piece for line in lines for piece in line]
    if not pieces:
        return Reading(()), 0.0
    images = np.stack([normalized(ink, piece) for piece in pieces])
    shares = network.together(network.shares(images))
    known = sum(piece.mask.sum() * share.max() for piece, share in zip(pieces, shares, strict=True))
    digits = [
        _digit(piece, share, image, network, factor)
        for piece, share, image in zip(pieces, shares, images, strict=True)
    ]
    if 2 * sum(digit.digit is None for digit in digits) > len(digits):
        digits = [_if_sure(digit) for digit in digits]
    kept = iter(zip(_written(pieces, digits, ink), digits, strict=True))
    found = [tuple(digit for there, digit in islice(kept, len(line)) if there) for line in lines]
    return Reading(tuple(filter(None, found))), float(known / ink.mask.sum())


def _if_sure(digit: Digit) -> Digit:
    return digit if digit.confidence >= AMONG_OTHERS else replace(digit, digit=None)


def _written(pieces: Sequence[Piece], digits: Sequence[Digit], ink: Ink) -> list[bool]:
    """Say which pieces someone wrote; of those that are no digits only what looks like writing.

    What the picture's side cuts off, and what is far larger, smaller or fainter than the digits,
    is the edge of a shadow, a crease, a stain. Of what was read, a speck that looks like a 1 and
    the rest of a digit that a side cuts off are none either.
    """
    known = [i for i, digit in enumerate(digits) if digit.digit is not None]
    usual = usual_height([pieces[i] for i in known]) if known else None
    dark = np.array([_darkness(piece, ink) for piece in pieces])
    least = FAINT * float(np.median(dark[known])) if known else 0.0
    found = []
    for piece, digit, darkness in zip(pieces, digits, dark, strict=True):
        share = piece.height / usual if usual else 1.0
        cut_off = is_cut_off(piece, ink.mask.shape)
        if digit.digit is None:
            found.append(not cut_off and LOW < share < HIGH and darkness >= least)
        else:
            speck = digit.digit == 1 and share < LOW
            found.append(not (speck or (cut_off and share < FRAGMENT)))
    return found


def _darkness(piece: Piece, ink: Ink) -> float:
    rows, columns = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
    return float(ink.amount[rows, columns][piece.mask].mean())


def _is_mnist_like(pixels: npt.NDArray[np.float32]) -> bool:
    """Say whether a picture of 28x28 has paper of 0 at its edges, as MNIST's have."""
    edges = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    return bool(np.median(edges) == 0)


def _is_as_mnist(image: npt.NDArray[np.uint8]) -> bool:
    """Say whether a digit (28, 28) has the size and the place that MNIST's makers gave."""
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    if abs(max(np.ptp(rows), np.ptp(columns)) + 1 - BOX) > 2:
        return False
    mass = image / image.sum(dtype=float)
    middles = (float(mass.sum(axis=1 - axis) @ np.arange(SIDE)) for axis in (0, 1))
    return all(abs(middle - CENTRE) <= 1 for middle in middles)


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
