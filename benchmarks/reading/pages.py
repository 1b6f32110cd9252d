"""Pictures to be read, drawn of digits of MNIST's test split: alone, and in lines on paper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from scipy import ndimage

Array = np.ndarray[Any, Any]


def large(image: Array, height: float) -> Array:
    """Enlarge (28, 28) so that MNIST's box of 20 is `height` high: ink of 0..1."""
    side = max(28, round(28 * height / 20))
    picture = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(picture, float) / 255


def alone(image: Array, rng: np.random.Generator) -> Array:
    """Draw one digit at any size, in any colour on any other: (h, w, 3) uint8."""
    height = float(np.exp(rng.uniform(np.log(24), np.log(400))))
    ink = large(image, height)
    room = rng.integers(5, round(2 * height), (2, 2))
    ink = np.pad(ink, room)[..., None]
    paper, pen = rng.uniform(0, 255, (2, 3))
    while np.linalg.norm(paper - pen) < 110:
        paper, pen = rng.uniform(0, 255, (2, 3))
    return np.asarray(np.rint(paper * (1 - ink) + pen * ink), np.uint8)


@dataclass(frozen=True)
class Paper:
    """What a page has besides ink."""

    shade: bool = True
    rules: bool = True
    noise: bool = True


def line(images: Sequence[Array], paper: Paper, rng: np.random.Generator) -> Array:
    """Write digits in a line, each a little larger, turned and moved, on paper: gray uint8."""
    height = int(rng.integers(32, 90))
    parts = [_turned(large(image, height * rng.uniform(0.85, 1.15)), rng) for image in images]
    gaps = rng.uniform(0.12, 0.5, len(parts)) * height
    margin = rng.uniform(0.4, 1, 2) * height
    width = round(sum(part.shape[1] for part in parts) + gaps.sum() + margin.sum()) + 1
    ink = np.zeros((round(3.5 * height), width))
    left = margin[0]
    for part, gap in zip(parts, gaps, strict=True):
        top = round(len(ink) / 2 - len(part) / 2 + rng.uniform(-0.08, 0.08) * height)
        here = ink[top : top + len(part), round(left) : round(left) + part.shape[1]]
        np.maximum(here, part, out=here)
        left += part.shape[1] + gap
    page = blank(ink.shape, paper, rng) * (1 - ink * (1 - rng.uniform(0.1, 0.45)))
    if not paper.noise:
        return page.astype(np.uint8)
    page = ndimage.gaussian_filter(page, rng.uniform(0, 1))
    page += rng.normal(0, rng.uniform(1, 7), page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def _turned(ink: Array, rng: np.random.Generator) -> Array:
    turned = ndimage.rotate(ink, rng.uniform(-8, 8), reshape=False, order=1)
    columns = np.flatnonzero(turned.max(axis=0) > 0.15)
    return np.asarray(turned[:, columns[0] : columns[-1] + 1])


def blank(shape: tuple[int, int], paper: Paper, rng: np.random.Generator) -> Array:
    """Give paper in some light, ruled or squared: gray, 0..255."""
    height, width = shape
    down, across = np.linspace(0, 1, height)[:, None], np.linspace(0, 1, width)[None, :]
    light = np.ones(shape)
    if paper.shade:
        falls = rng.uniform(-1, 1, 2)
        light -= rng.uniform(0, 0.5) * (falls[0] * down + falls[1] * across + 1) / 2
        if rng.random() < 0.4:  # the soft edge of a shadow
            edge = across * rng.uniform(-1, 1) + down - rng.uniform(0.2, 0.8)
            light *= 1 - 0.35 / (1 + np.exp(-edge * rng.uniform(8, 60)))
    page = rng.uniform(170, 250) * light
    if paper.rules:
        apart, thick, dark = rng.integers(30, 90), rng.integers(1, 3), rng.uniform(0.6, 0.85)
        page[np.arange(height) % apart < thick] *= dark
        if rng.random() < 0.4:
            page[:, np.arange(width) % apart < thick] *= dark
    return page
