"""A run's report made of small, known things."""

from __future__ import annotations

import numpy as np
import pytest

from mnistlab.evaluation.scores import score
from mnistlab.reporting.report import RunReport

NAMES = ("T-shirt/top", "<b>Bag</b> & $5", "Ankle boot")


@pytest.fixture(scope="session")
def scores():
    """Ten images: 7 right; Bag taken for Ankle boot twice, T-shirt for Bag once."""
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 2, 2, 2])
    predicted = np.array([0, 0, 1, 1, 1, 2, 2, 2, 2, 2])
    p = np.full((10, 3), 0.1)
    p[np.arange(10), predicted] = 0.8
    return score(p, labels, 0.6931, NAMES)


@pytest.fixture
def report(scores):
    rng = np.random.default_rng(0)
    return RunReport(
        title="MNIST <script>alert(1)</script>",
        command="mnistlab train --note 'a < b'",
        settings={"optimizer": "adam", "http": "https://example.org/x"},
        versions={"mnistlab": "0.1.0"},
        seconds={"compile": 0.92, "train": 2.1},
        history={"loss": [0.5, 0.25], "accuracy": [0.9, 0.95]},
        scores=scores,
        class_names=NAMES,
        class_counts={"train": [6000, 5000, 4000], "test": [3, 4, 3]},
        samples=rng.integers(0, 256, (3, 4, 28, 28), np.uint8),
        mistake_images=rng.integers(0, 256, (3, 28, 28), np.uint8),
        weights=rng.normal(size=(5, 28, 28)).astype(np.float32),
    )
