"""Pages with real digits on them, drawn for the tests: paper, pens, shade, rules."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy import ndimage


def enlarged(image, height):
    """Draw one digit (28, 28) so large that its box of 20 has `height`: ink 0..1, cut out."""
    size = round(28 * height / 20)
    large = Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC)
    ink = np.asarray(large, float) / 255
    rows, columns = np.flatnonzero(ink.max(1) > 0.1), np.flatnonzero(ink.max(0) > 0.1)
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def placed(shape, pieces):
    """Put pieces of ink on an empty page: (top, left, ink) each."""
    page = np.zeros(shape)
    for top, left, ink in pieces:
        here = page[top : top + ink.shape[0], left : left + ink.shape[1]]
        np.maximum(here, ink, out=here)
    return page


def written(images, height=60, gap=24, margin=50):
    """Write digits side by side on a page of their own: ink 0..1."""
    pieces, left = [], margin
    for image in images:
        ink = enlarged(image, height)
        pieces.append((margin + height - ink.shape[0], left, ink))
        left += ink.shape[1] + gap
    return placed((height + 2 * margin, left + margin), pieces)


def coloured(ink, paper, pen):
    """Draw ink with a pen on paper, each one number or three of 0..255."""
    paper, pen = np.asarray(paper, float), np.asarray(pen, float)
    if paper.ndim:
        ink = ink[..., None]
    return np.rint(paper * (1 - ink) + pen * ink).astype(np.uint8)


def photographed(ink, seed, rules=True):
    """Draw dark ink on ruled paper in uneven light, blurred and noisy: gray uint8."""
    rng = np.random.default_rng(seed)
    down, across = (np.linspace(0, 1, length) for length in ink.shape)
    paper = 230 * (1 - 0.4 * (0.3 * down[:, None] + 0.7 * across[None, :]))
    if rules:
        paper[np.arange(len(ink)) % 45 < 2] *= 0.75
    page = ndimage.gaussian_filter(paper * (1 - 0.75 * ink), 0.7)
    return np.clip(page + rng.normal(0, 4, page.shape), 0, 255).astype(np.uint8)
