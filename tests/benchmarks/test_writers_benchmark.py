"""Slant and stroke width of drawn lines; likeness and design effects that can be worked out."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.writers import table
from benchmarks.writers.__main__ import APART, LENGTHS, PARTS
from benchmarks.writers.measures import design_effect, likeness, style


def line(lean: int, width: int) -> np.ndarray:
    """Draw a line of 16 rows that goes `lean` pixels aside for each 4 rows."""
    image = np.zeros((28, 28), np.uint8)
    for row in range(16):
        left = 12 + lean * (row // 4)
        image[6 + row, left : left + width] = 255
    return image


def test_slant_and_stroke_width_are_told_apart_within_a_class():
    images = np.stack([line(lean, width) for lean in (-2, 0, 2) for width in (1, 4)])
    slant, width = style(images, np.zeros(6, int)).T
    assert slant[:2].max() < slant[2:4].min() <= slant[2:4].max() < slant[4:].min()
    assert all(width[k + 1] > width[k] for k in (0, 2, 4))
    for values in (slant, width):
        assert values.mean() == pytest.approx(0, abs=1e-9)
        assert values.std() == pytest.approx(1)


def test_an_empty_image_and_a_class_of_one_are_finite():
    images = np.stack([line(0, 2), np.zeros((28, 28), np.uint8)])
    assert np.isfinite(style(images, np.array([0, 0]))).all()
    assert style(images, np.array([0, 1])).tolist() == [[0, 0], [0, 0]]


def test_likeness():
    turns = np.tile([1.0, -1.0], 50)
    steps = np.repeat([1.0, -1.0], 50)
    values = np.stack([turns, steps], axis=1)
    assert likeness(values, 1) == pytest.approx([-1, (98 - 1) / 99])
    assert likeness(values, 2) == pytest.approx([1, (96 - 2) / 98])


def test_design_effect():
    chance = np.random.default_rng(1)
    alone = chance.random((20, 10_000)) < 0.1
    assert design_effect(alone, 50) == pytest.approx(1, abs=0.1)
    together = np.repeat(chance.random((20, 1000)) < 0.1, 10, axis=1)
    assert design_effect(together, 10) == pytest.approx(10, abs=1)  # one draw counts ten times
    assert design_effect(together, 50) == pytest.approx(10, abs=1)


def test_the_tables():
    part = {"n": 30_000, **{str(apart): [0.614, -0.001] for apart in APART}}
    half = {"n": 3, "error": [0.02, 0.03, 0.04], "design_effect": {str(k): 2.5 for k in LENGTHS}}
    record = {
        "likeness": dict.fromkeys(PARTS, part),
        "errors": {"mlp": {"first half": half, "second half": half}},
        "hardware": {"processor": "abacus", "cores": 2}, "date": "2026-01-02T00:00:00+00:00",
        "git": {"commit": "0123456789"}, "command": "python -m benchmarks.writers",
    }  # fmt: skip
    rows = table.likeness(record).splitlines()
    assert rows[2].startswith("| training, even places, 30,000 | 0.61, 0.00 | 0.61, 0.00 |")
    assert len(rows) == 2 + len(PARTS)
    rows = table.errors(record).splitlines()
    assert rows[2] == "| the tutorial's network, first half | 3.00 % | 2.50 | 2.50 | 2.50 | 2.50 |"
    assert rows[-1].startswith("Means over 3 seeds, 3 epochs each. abacus, 2 cores; 2026-01-02")
