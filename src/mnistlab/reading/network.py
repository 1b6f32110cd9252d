"""The shipped network: images (n, 28, 28) uint8 → probabilities (n, 12), by ONNX Runtime.

Ten digits, what is none, and several that run together. How many of the pictures on a page are no
digits differs from page to page, and from what the network learnt from: it is estimated with the
answers.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.errors import RunError

FOLDER = Path(__file__).parent / "network"
BATCH = 512
DIGITS, SEVERAL, CLASSES = 10, 11, 12
STEPS = 50
PICTURES = 3.0
"""What is known before of how many are no digits weighs as much as so many pictures."""


@dataclass(frozen=True)
class Network:
    """A session, and how far its answers can be trusted.

    `temperature` calibrates its probabilities (Guo et al. 2017, https://arxiv.org/abs/1706.04599);
    `none` is the share of what is no digit where that was done, `usual` that on a page; of less
    than `least` confidence it does not vouch for a digit.
    """

    session: Any
    temperature: float
    none: float
    usual: float
    least: float

    def outputs(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Give calibrated probabilities (n, 12) of images (n, 28, 28)."""
        parts = [
            self.session.run(["probabilities"], {"images": images[at : at + BATCH]})[0]
            for at in range(0, len(images), BATCH)
        ]
        logs = np.log(np.maximum(np.concatenate([np.empty((0, CLASSES)), *parts]), 1e-12))
        raised = np.exp((logs - logs.max(axis=1, keepdims=True)) / self.temperature)
        return np.asarray(raised / raised.sum(axis=1, keepdims=True))

    def shares(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Give those of the digits alone (n, 10); what lacks to 1 is no digit."""
        return self.outputs(images)[:, :DIGITS]

    def together(self, shares: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Correct probabilities (n, 10) of one page's pictures for how many of them are no digits.

        By expectation and maximisation: Saerens, Latinne & Decaestecker 2002,
        https://doi.org/10.1162/089976602753284446, with what is known before.
        """
        digit = shares.sum(axis=1)
        none, posterior = self.usual, 1 - digit
        for _ in range(STEPS):
            odds = none / self.none * (1 - digit), (1 - none) / (1 - self.none) * digit
            posterior = odds[0] / np.maximum(odds[0] + odds[1], 1e-300)
            none = float(posterior.sum() + PICTURES * self.usual) / (len(shares) + PICTURES)
        scale = (1 - posterior) / np.maximum(digit, 1e-300)
        return np.asarray(shares * scale[:, None])


@lru_cache(maxsize=1)
def load_network() -> Network:
    """Load the shipped network. Raises RunError unless its file is the one that was shipped."""
    about = json.loads((FOLDER / "about.json").read_text(encoding="utf-8"))
    content = (FOLDER / "digits.onnx").read_bytes()
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise RunError(f"{FOLDER / 'digits.onnx'} is not the file that was shipped")
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it would report to its makers
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # a third of the time
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    return Network(session, about["temperature"], about["none"], about["usual"], about["least"])
