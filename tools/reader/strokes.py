"""Digits and what is none, as strokes of a pen: skeletons that are bent, slanted and drawn.

A stroke is a list of points in a box of height 1, y down; a smooth curve goes through them, and a
point that is given twice is a corner. MNIST was written in the United States: the forms that it has
few of, the 1 with a flag and a foot, the 7 with a bar, are drawn here.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.interpolate import make_interp_spline

Point = tuple[float, float]
Stroke = Sequence[Point]
Form = Sequence[Stroke]
F64 = npt.NDArray[np.float64]


def oval(x: float, y: float, width: float, height: float, start: float = 0.0) -> list[Point]:
    """Give a closed curve about (x, y), begun at `start` turns from its top, to the left."""
    turns = 2 * np.pi * (start + np.linspace(0, 1.04, 11))
    return [(x - width / 2 * np.sin(t), y - height / 2 * np.cos(t)) for t in turns]


DIGITS: dict[int, list[Form]] = {
    0: [
        [oval(0.3, 0.5, 0.6, 1)],
        [oval(0.3, 0.5, 0.6, 1, 0.9)],
        [oval(0.3, 0.5, 0.75, 1, 0.05)],
        [oval(0.3, 0.5, 0.6, 1), [(0.52, 0.12), (0.08, 0.88)]],
    ],
    1: [
        [[(0.1, 0), (0.1, 1)]],
        [[(0, 0.2), (0.2, 0), (0.2, 0), (0.2, 1)]],
        [[(0, 0.4), (0.3, 0), (0.3, 0), (0.3, 1)]],
        [[(0, 0.55), (0.2, 0.3), (0.4, 0), (0.4, 0), (0.36, 1)]],
        [[(0, 0.3), (0.25, 0), (0.25, 0), (0.25, 1)], [(0, 1), (0.5, 1)]],
        [[(0.05, 0.18), (0.25, 0), (0.25, 0), (0.25, 1), (0.25, 1), (0, 1), (0, 1), (0.5, 1)]],
        [[(0.2, 0), (0.2, 1)], [(0, 1), (0.4, 1)]],
        [[(0, 0.12), (0.2, 0.04), (0.26, 0), (0.26, 0), (0.26, 1)]],
    ],
    2: [
        [[(0.02, 0.25), (0.25, 0), (0.52, 0.2), (0.4, 0.55), (0, 1), (0, 1), (0.6, 1)]],
        [[(0.02, 0.2), (0.3, 0), (0.5, 0.25), (0.1, 0.95), (0.05, 0.85), (0.2, 0.85), (0.6, 1)]],
        [[(0, 0.05), (0.4, 0.03), (0.5, 0.3), (0, 0.98), (0, 0.98), (0.55, 0.95)]],
    ],
    3: [
        [[(0.03, 0.15), (0.3, 0), (0.5, 0.2), (0.2, 0.46), (0.2, 0.46), (0.52, 0.7), (0.3, 1),
          (0, 0.85)]],
        [[(0, 0), (0.5, 0), (0.5, 0), (0.2, 0.4), (0.2, 0.4), (0.52, 0.65), (0.3, 1), (0, 0.9)]],
        [[(0.03, 0.1), (0.45, 0.05), (0.45, 0.3), (0.15, 0.48), (0.5, 0.6), (0.4, 0.95), (0, 1)]],
    ],
    4: [
        [[(0.1, 0), (0, 0.6), (0, 0.6), (0.6, 0.6)], [(0.45, 0.2), (0.45, 1)]],
        [[(0.05, 0), (0.05, 0.5), (0.05, 0.5), (0.5, 0.48)], [(0.5, 0), (0.5, 1)]],
        [[(0.5, 1), (0.5, 0), (0.5, 0), (0, 0.65), (0, 0.65), (0.68, 0.65)]],
        [[(0.4, 0), (0, 0.65), (0, 0.65), (0.65, 0.62)], [(0.42, 0.35), (0.4, 1)]],
        [[(0.1, 0), (0.05, 0.45), (0.3, 0.5), (0.55, 0.4)], [(0.58, 0), (0.5, 1)]],
        [[(0.45, 0), (0, 0.6), (0, 0.6), (0.65, 0.6)], [(0.45, 0), (0.45, 1)]],
    ],
    5: [
        [[(0.08, 0), (0.03, 0.42), (0.03, 0.42), (0.4, 0.42), (0.5, 0.75), (0.25, 1), (0, 0.9)],
         [(0.08, 0), (0.52, 0)]],
        [[(0.55, 0), (0.12, 0), (0.12, 0), (0.06, 0.42), (0.4, 0.4), (0.52, 0.75), (0.2, 1),
          (0, 0.92)]],
        [[(0.5, 0), (0.1, 0.1), (0.1, 0.4), (0.45, 0.55), (0.45, 0.9), (0, 1)]],
        [[(0.05, 0.08), (0.02, 0.45), (0.02, 0.45), (0.42, 0.5), (0.3, 1), (0, 0.95)],
         [(0.12, 0.02), (0.6, -0.02)]],
    ],
    6: [
        [[(0.45, 0), (0.1, 0.4), (0.05, 0.8), (0.3, 1), (0.5, 0.75), (0.3, 0.55), (0.05, 0.75)]],
        [[(0.3, 0), (0.05, 0.5), (0.1, 0.95), (0.4, 0.95), (0.45, 0.65), (0.2, 0.6), (0.08, 0.8)]],
        [[(0.15, 0), (0.02, 0.6), (0.15, 1), (0.45, 0.9), (0.4, 0.6), (0.05, 0.72)]],
    ],
    7: [
        [[(0, 0), (0.5, 0), (0.5, 0), (0.2, 1)]],
        [[(0, 0), (0.55, 0), (0.55, 0), (0.2, 1)], [(0.1, 0.5), (0.58, 0.46)]],
        [[(0, 0), (0.55, 0), (0.55, 0), (0.3, 0.5), (0.22, 1)], [(0.05, 0.55), (0.6, 0.5)]],
        [[(0, 0.15), (0, 0), (0, 0), (0.5, 0), (0.5, 0), (0.2, 1)]],
        [[(0, 0.18), (0.02, 0.02), (0.02, 0.02), (0.55, 0.05), (0.55, 0.05), (0.3, 0.5), (0.2, 1)],
         [(0.08, 0.52), (0.55, 0.48)]],
        [[(0, 0.1), (0.2, 0), (0.5, 0.06), (0.5, 0.06), (0.3, 0.5), (0.25, 1)]],
        [[(0, 0.08), (0.15, 0.0), (0.4, 0.08), (0.55, 0), (0.55, 0), (0.25, 1)],
         [(0.15, 0.5), (0.55, 0.5)]],
    ],
    8: [
        [[(0.45, 0.12), (0.25, 0), (0.08, 0.2), (0.28, 0.46), (0.5, 0.75), (0.26, 1), (0.02, 0.76),
          (0.25, 0.46), (0.45, 0.2), (0.4, 0.08)]],
        [oval(0.25, 0.24, 0.4, 0.48), oval(0.25, 0.73, 0.5, 0.54)],
        [[(0.5, 0.05), (0.2, 0.05), (0.1, 0.25), (0.45, 0.7), (0.25, 1), (0.05, 0.8), (0.3, 0.4),
          (0.55, 0)]],
    ],
    9: [
        [[(0.5, 0.15), (0.25, 0), (0.03, 0.25), (0.22, 0.48), (0.48, 0.2), (0.48, 0.2), (0.45, 1)]],
        [[(0.5, 0.1), (0.2, 0), (0.03, 0.3), (0.3, 0.5), (0.5, 0.1), (0.5, 0.1), (0.5, 0.7),
          (0.3, 1), (0, 0.9)]],
        [oval(0.25, 0.25, 0.45, 0.5, 0.85), [(0.48, 0.1), (0.4, 0.6), (0.2, 1)]],
        [[(0.45, 0.05), (0.1, 0.05), (0.1, 0.4), (0.45, 0.35), (0.5, 0.05), (0.48, 0.5),
          (0.1, 1)]],
    ],
}  # fmt: skip
"""The ways to write each digit, in Europe and in America."""


def curve(stroke: Stroke | F64) -> F64:
    """Give points (n, 2) along the smooth curve through a stroke's points, with its corners."""
    points = np.asarray(stroke, float)
    doubled = np.flatnonzero((np.diff(points, axis=0) == 0).all(axis=1))
    parts = np.split(points, doubled + 1)
    return np.concatenate([_smooth(part) for part in parts])


def _smooth(points: F64) -> F64:
    if len(points) < 2:
        return points
    at = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T) + 1e-3)])
    spline = make_interp_spline(at, points, k=min(3, len(points) - 1))
    along: F64 = spline(np.linspace(0, at[-1], 8 * len(points)))
    return along


def bent(form: Form | Sequence[F64], rng: np.random.Generator, much: float = 0.035) -> list[F64]:
    """Move, slant, turn and stretch the points of a form as another hand might."""
    slant, turn = rng.normal(0.1, 0.16), rng.normal(0, 0.08)
    wide, (cos, sin) = np.exp(rng.normal(0, 0.2)), (np.cos(turn), np.sin(turn))
    matrix = np.array([[cos, -sin], [sin, cos]]) @ np.array([[wide, -slant], [0, 1]])
    moved: dict[tuple[float, ...], F64] = {}  # a corner stays one point
    strokes = []
    for stroke in form:
        points = [
            moved.setdefault(tuple(point), np.asarray(point) + rng.normal(0, much, 2))
            for point in np.asarray(stroke, float)
        ]
        strokes.append(np.stack(points) @ matrix.T)
    return strokes


def draw(strokes: Sequence[F64], height: int, width: float) -> F64:
    """Draw strokes with a pen of `width` (a share of the height): ink (h, w) of 0..1."""
    lines = [curve(stroke) for stroke in strokes]
    everything = np.concatenate(lines)
    low, high = everything.min(axis=0), everything.max(axis=0)
    scale = 2 * height * (1 - width) / max(high[1] - low[1], 0.6 * (high[0] - low[0]), 1e-3)
    pen = max(2.0, 2 * height * width)
    size = np.ceil((high - low) * scale + 2 * pen).astype(int) + 2
    picture = Image.new("L", (int(size[0]), int(size[1])))
    canvas = ImageDraw.Draw(picture)
    for line in lines:
        points = [tuple(point) for point in (line - low) * scale + pen]
        canvas.line(points, fill=255, width=round(pen))
        for x, y in points:
            canvas.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    ink = np.asarray(picture, float) / 255
    ink = np.pad(ink, ((0, len(ink) % 2), (0, ink.shape[1] % 2)))
    return (ink[::2, ::2] + ink[1::2, ::2] + ink[::2, 1::2] + ink[1::2, 1::2]) / 4
