"""Ways to see a picture, the likeliest first: more than one only where there is doubt.

Whether ink is light or dark is hard to see where digits fill the picture, and paper that lies on a
table has edges that look like ink. What was read in each way tells which was right.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from mnistlab.reading.ink import F32, THUMB, Ink, Mask, blocks, find_ink

MOST_INK = 0.5
"""Light ink that takes more of the picture is none: it is the squares of squared paper."""
DOUBTFUL = 0.08
"""Ink that takes so much of the picture's border may be the paper."""
LARGEST = 1000
"""Larger pictures, pixels a side, are not those of which digits fill all."""
FILLED = 0.75
"""Digits whose ink spans more of the picture both ways may be seen wrongly."""
THRESHOLDS = 8
LEAST_PAPER, MOST_PAPER = 0.1, 0.93
"""Of the picture, if paper is seen to lie on a table."""
RECTANGULAR = 0.9
"""Paper fills this share of a rectangle."""
WRITTEN = 0.001
"""Something is on it, of this share of the picture."""
DARKER = 0.8
"""The table is so much darker than the paper."""
TURNS = np.deg2rad(np.arange(-20, 21, 2))
BORDER = 0.2
"""The table takes this share of the picture's border."""


class View(NamedTuple):
    """Ink as it may be seen, and what share of it must be digits for this to be right surely."""

    ink: Ink
    enough: float


def views(pixels: F32) -> Iterator[View]:
    """Give the ink of a picture, float32 (h, w) or (h, w, 3) of 0..255, as it may be seen."""
    first = find_ink(pixels)
    if first.light and first.mask.mean() > MOST_INK:
        first = find_ink(pixels, light=False)
    paper = None if first.blank else without_table(pixels)
    yield View(first, 0.5 if paper is None else 0.9)
    if paper is not None:
        yield View(find_ink(paper), 0.5)
    if not (_border(first.mask).mean() > DOUBTFUL or _fills(first.mask)):
        return
    if max(pixels.shape) > LARGEST:
        return
    yield View(find_ink(pixels, first.light, weak=1.0), 0.5)  # on mottled paper
    yield View(find_ink(pixels, light=not first.light), 0.5)
    for light in (first.light, not first.light):
        yield View(find_ink(pixels, light, even=True), 0.5)


def _border(mask: Mask) -> Mask:
    return np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])


def _fills(mask: Mask) -> bool:
    """Say whether ink reaches from side to side, up and down and across."""
    if not mask.any():
        return False
    spans = (int(np.ptp(np.flatnonzero(mask.any(axis=1 - axis)))) + 1 for axis in (0, 1))
    return all(span > FILLED * length for span, length in zip(spans, mask.shape, strict=True))


def without_table(pixels: F32) -> F32 | None:
    """Carry a sheet of bright paper on to the sides of the picture; None if there is none."""
    level = pixels if pixels.ndim == 2 else pixels.mean(axis=2)
    step = -(-max(level.shape) // THUMB)
    thumb = blocks(level, step)
    sheet = _sheet(thumb)
    if sheet is None:
        return None
    inner = ndimage.binary_erosion(sheet, iterations=2, border_value=1)
    if not inner.any():
        return None
    rows, columns = ndimage.distance_transform_edt(
        ~inner, return_distances=False, return_indices=True
    )
    paper = thumb[rows, columns]
    height, width = level.shape
    wide = np.ix_(np.arange(height) // step, np.arange(width) // step)
    return np.where(inner[wide], level, paper[wide]).astype(np.float32)


def _sheet(thumb: F32) -> Mask | None:
    """Find the most rectangular bright region that is neither all of the picture nor a stroke."""
    best, most = None, RECTANGULAR
    for level in np.linspace(thumb.min(), thumb.max(), THRESHOLDS + 2)[1:-1]:
        labels, _ = ndimage.label(thumb > level)
        sizes = np.bincount(labels.ravel())[1:]
        if not len(sizes):
            continue
        bright = labels == sizes.argmax() + 1
        region = ndimage.binary_fill_holes(bright)
        if not LEAST_PAPER < region.mean() < MOST_PAPER or _border(~region).mean() < BORDER:
            continue
        if (region & ~bright).mean() < WRITTEN:
            continue
        filled = _rectangular(region)
        if filled > most and _stands_out(region, thumb):
            best, most = region, filled
    return best


def _stands_out(region: Mask, thumb: F32) -> bool:
    """Say whether it is darker outside right beside the region: light that fades has no edge."""
    inner = region & ~ndimage.binary_erosion(region, iterations=3, border_value=1)
    outer = ~region & ndimage.binary_dilation(region, iterations=3)
    if not (inner.any() and outer.any()):
        return False
    return bool(np.median(thumb[outer]) < DARKER * np.median(thumb[inner]))


def _rectangular(region: Mask) -> float:
    """Say what share of the smallest rectangle about a region it fills."""
    places = np.argwhere(region).astype(float)
    turned = [places @ np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]]) for t in TURNS]
    smallest = min(float(np.prod(np.ptp(each, axis=0) + 1)) for each in turned)
    return len(places) / smallest
