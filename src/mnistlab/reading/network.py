"""The shipped network: images (n, 28, 28) uint8 → logits (n, 10), by ONNX Runtime."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.errors import RunError

FOLDER = Path(__file__).parent / "network"
BATCH = 512


@dataclass(frozen=True)
class Network:
    """A session, and how far its answers can be trusted: `temperature`, `least` confidence."""

    session: Any
    temperature: float
    least: float

    def shares(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """Give calibrated probabilities (n, 10) of images (n, 28, 28)."""
        parts = [
            self.session.run(["probabilities"], {"images": images[at : at + BATCH]})[0]
            for at in range(0, len(images), BATCH)
        ]
        logs = np.log(np.maximum(np.concatenate([np.empty((0, 10)), *parts]), 1e-12))
        raised = np.exp((logs - logs.max(axis=1, keepdims=True)) / self.temperature)
        shares: npt.NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
        return shares


@lru_cache(maxsize=1)
def load_network() -> Network:
    """Load the shipped network. Raises RunError unless its file is the one that was shipped."""
    about = json.loads((FOLDER / "about.json").read_text(encoding="utf-8"))
    content = (FOLDER / "digits.onnx").read_bytes()
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise RunError(f"{FOLDER / 'digits.onnx'} is not the file that was shipped")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
    return Network(session, about["temperature"], about["least"])
