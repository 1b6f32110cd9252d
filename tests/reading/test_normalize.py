"""MNIST's own digits, drawn large, come back as they were."""

from __future__ import annotations

import numpy as np
import pytest
from pages import coloured, enlarged, placed

from mnistlab.reading.digits import find_lines
from mnistlab.reading.ink import find_ink
from mnistlab.reading.normalize import normalized


def again(image, height, paper, pen):
    """Draw a digit large, find it, and bring it back to (28, 28)."""
    ink = enlarged(image, height)
    page = coloured(placed((height * 2, height * 2), [(height // 2, height // 3, ink)]), paper, pen)
    found = find_ink(page.astype(np.float32))
    (line,) = find_lines(found)
    (piece,) = line
    return normalized(found, piece)


@pytest.mark.parametrize(
    ("height", "paper", "pen"),
    [(60, 255, 0), (200, 30, 220), (400, (240, 230, 200), (20, 20, 140))],
)
def test_digits_come_back_nearly_pixel_by_pixel(chosen, height, paper, pen):
    images = chosen[0][:40]
    back = np.stack([again(image, height, paper, pen) for image in images])
    error = np.abs(back.astype(int) - images).mean(axis=(1, 2))
    correlation = [
        np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(back, images, strict=True)
    ]
    assert np.median(error) < 6
    assert np.median(correlation) > 0.97
    assert min(correlation) > 0.6


def test_a_thin_pen_is_brought_to_mnists_width():
    page = np.full((400, 400), 255.0, np.float32)
    page[100:300, 199:201] = 0
    page[299:301, 150:250] = 0
    found = find_ink(page)
    ((piece,),) = find_lines(found)
    image = normalized(found, piece)
    assert 1.5 < (image > 127).sum(axis=1).min(where=image.any(axis=1), initial=99) < 4
