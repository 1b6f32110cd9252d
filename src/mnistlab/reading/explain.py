"""Where the evidence for a digit lies: what the network would say if a patch of ink were missing.

Occlusion: Zeiler & Fergus 2014, https://arxiv.org/abs/1311.2901. Patches have soft edges, so that
no edge of a patch is taken for a stroke.
"""

from __future__ import annotations

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


def evidence(image: npt.NDArray[np.uint8], digit: int) -> npt.NDArray[np.float64]:
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


def _log_odds(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))
