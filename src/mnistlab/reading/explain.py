"""Where the evidence for a digit lies: what the network would say if a patch of ink were missing.

Occlusion: Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901. Patches have soft edges, so that
no edge of a patch is taken for a stroke.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import SIDE
from mnistlab.reading.network import load_network
from mnistlab.reading.read import Digit

STEP = 2
"""Patches stand this many pixels apart."""
RADIUS = 2.0
"""Their standard deviation in pixels: the width of a stroke."""
FLOOR = 1e-4
FOR, AGAINST = (86, 180, 233), (230, 159, 0)
"""Colours of evidence, told apart by every eye on black: `reporting.style`'s SKY and ORANGE."""
LEAST = 0.5
"""Evidence has its full colour from so many log-odds on, or where it is a digit's strongest."""

U8 = npt.NDArray[np.uint8]
F64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Explained:
    """What there is to show of one digit, number `number` of its picture, from 1.

    `evidence` (28, 28), see `evidence`; `shares` are the likeliest digits by name and "no digit",
    with their probabilities.
    """

    number: int
    digit: Digit
    evidence: F64
    shares: tuple[tuple[str, float], ...]

    @property
    def strength(self) -> F64:
        """The evidence (28, 28) from -1, against, to 1, for."""
        return np.asarray(self.evidence / max(LEAST, np.abs(self.evidence).max()))

    @property
    def seen(self) -> U8:
        """What the network saw, in gray (28, 28, 3)."""
        return np.repeat(self.digit.image[..., None], 3, axis=2)

    @property
    def tinted(self) -> U8:
        """The ink in dark gray, coloured where it speaks for the digit or against it (28, 28, 3).

        The square root lets weak evidence be seen.
        """
        strength = self.strength[..., None]
        ink = 0.3 * self.seen
        colour = np.where(strength > 0, FOR, AGAINST)
        tint = np.rint(ink + (colour - ink) * np.sqrt(np.abs(strength)))
        return np.asarray(tint, np.uint8)


def explained(digits: Sequence[Digit]) -> list[Explained]:
    """Explain digits, the first of a picture among them first: 0.02 s each."""
    return [
        Explained(number, digit, evidence(digit.image, digit.alternatives[0][0]), shares(digit))
        for number, digit in enumerate(digits, start=1)
    ]


def shares(digit: Digit) -> tuple[tuple[str, float], ...]:
    """Give the likeliest digits by name, the likeliest first, and "no digit": what is left."""
    named = [(f"digit {each}", p) for each, p in digit.alternatives]
    return (*named, ("no digit", max(0.0, round(1 - sum(digit.probabilities), 6))))


def percent(share: float) -> str:
    """Give a share in whole percents, which is never quite none and never quite all."""
    rounded = round(100 * share)
    if rounded == 0 and share > 0:
        return "<1 %"
    return ">99 %" if rounded == 100 and share < 1 else f"{rounded} %"


def evidence(image: U8, digit: int) -> F64:
    """Say of each pixel (28, 28) how much the ink about it speaks for `digit`.

    Positive where the log-odds of the digit fall if that ink is taken away, negative where they
    rise, 0 where there is no ink.
    """
    places = np.arange(STEP / 2, SIDE, STEP)
    near = np.exp(-(((np.arange(SIDE) + 0.5 - places[:, None]) / RADIUS) ** 2) / 2)
    patches = np.einsum("iy,jx->ijyx", near, near).reshape(-1, SIDE, SIDE)
    without = np.rint(image * (1 - patches)).astype(np.uint8)
    odds = _log_odds(load_network().shares(np.concatenate([image[None], without]))[:, digit])
    ink = image / 255
    missing = (patches * ink).sum(axis=(1, 2))
    # A patch says something of where it took ink away, as much as it took.
    said = np.where(missing > 0, odds[0] - odds[1:], 0)
    weights = patches.sum(axis=0)
    shares = np.tensordot(said, patches, 1) / weights
    return np.asarray(shares * ink)


def explanation(digit: Digit) -> dict[str, Any]:
    """Give for JSON what the network saw, what it says of each digit, and where the evidence lies.

    `image` 28 rows of 0..255, `probabilities` of the ten digits (they add up to 1 with that of "no
    digit"), `evidence` 28 rows: log-odds of the likeliest digit, see `evidence`.
    """
    likeliest = digit.alternatives[0][0]
    return {
        "image": digit.image.tolist(),
        "probabilities": [round(p, 6) for p in digit.probabilities],
        "evidence": np.round(evidence(digit.image, likeliest), 3).tolist(),
    }


def _log_odds(p: F64) -> F64:
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))
