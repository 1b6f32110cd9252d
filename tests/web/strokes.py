"""Digits as a hand draws them: points in a box of width 1 and height 1.6, y down."""

from __future__ import annotations

import math


def arc(cx, cy, rx, ry, begin, end, steps=24):
    """Give points of an ellipse between two angles in degrees; 0 is right, 90 down."""
    angles = (math.radians(begin + (end - begin) * i / steps) for i in range(steps + 1))
    return [(cx + rx * math.cos(a), cy + ry * math.sin(a)) for a in angles]


STROKES = {
    "0": [arc(0.5, 0.8, 0.5, 0.8, -90, 270)],
    "1": [[(0.5, 0.0), (0.48, 0.8), (0.46, 1.6)]],
    "2": [[*arc(0.5, 0.45, 0.45, 0.45, -170, 30), (0.1, 1.55), (1.0, 1.55)]],
    "3": [[*arc(0.45, 0.4, 0.42, 0.4, -150, 90), *arc(0.45, 1.2, 0.5, 0.4, -90, 150)]],
    "4": [[(0.35, 0.0), (0.0, 0.9), (1.0, 0.9)], [(0.75, 0.3), (0.72, 1.6)]],
    "6": [[(0.75, 0.0), (0.25, 0.6), *arc(0.5, 1.15, 0.42, 0.42, -170, 190)]],
    "7": [[(0.0, 0.05), (1.0, 0.05), (0.35, 1.6)]],
    "8": [[*arc(0.5, 0.4, 0.38, 0.38, 60, -240), *arc(0.5, 1.18, 0.45, 0.42, -120, 260)]],
}


def placed(digit, left, top, width):
    """Give the strokes of a digit whose box begins at (left, top)."""
    return [[(left + x * width, top + y * width) for x, y in each] for each in STROKES[digit]]


def written(text, left, top, width, gap=0.6):
    """Give the strokes of digits side by side."""
    step = width * (1 + gap)
    return [s for i, digit in enumerate(text) for s in placed(digit, left + i * step, top, width)]
