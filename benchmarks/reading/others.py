"""Pictures of what is no digit, of other making than what the network learnt from."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage
from scipy.interpolate import make_interp_spline

from benchmarks.reading.pages import Array, Paper, blank

TWINS = "OoIlSsZzbqg"
"""Letters that are a digit in many a hand: asked apart from the others."""
LETTERS = "".join(letter for letter in string.ascii_letters if letter not in TWINS)
FONTS = (
    "STIXGeneral",
    "STIXGeneralItalic",
    "STIXGeneralBol",
    "cmr10",
    "cmmi10",
    "cmss10",
    "cmtt10",
)
"""Of matplotlib's own fonts, those that were not learnt from."""


def font(name: str) -> Path:
    """Find one of the fonts that come with matplotlib."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"


def on_paper(ink: Array, rng: np.random.Generator) -> Array:
    """Put ink of 0..1 on shaded paper, a little blurred and noisy: gray uint8."""
    ink = np.pad(ink, rng.integers(20, 80, (2, 2)))
    page = blank(ink.shape, Paper(rules=False), rng) * (1 - ink * rng.uniform(0.5, 0.9))
    page = ndimage.gaussian_filter(page, rng.uniform(0.3, 1)) + rng.normal(0, 3, page.shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def letter(rng: np.random.Generator, among: str = LETTERS) -> Array:
    """Print one letter in one of the fonts."""
    face = ImageFont.truetype(
        str(font(FONTS[rng.integers(len(FONTS))])), int(rng.integers(40, 140))
    )
    text = among[rng.integers(len(among))]
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=face)
    return on_paper(np.asarray(picture, float) / 255, rng)


def twin(rng: np.random.Generator) -> Array:
    """Print a letter that looks like a digit."""
    return letter(rng, TWINS)


def scribble(rng: np.random.Generator) -> Array:
    """Let a pen wander that turns slowly, crossing its own path."""
    count = int(rng.integers(40, 160))
    turns = np.cumsum(rng.normal(0, 0.5, count)) + rng.normal(0, 0.25) * np.arange(count)
    path = np.cumsum(np.stack([np.cos(turns), np.sin(turns)], axis=1), axis=0)
    along = make_interp_spline(np.arange(count), path, k=3)(np.linspace(0, count - 1, 6 * count))
    along -= along.min(axis=0)
    size = rng.uniform(60, 200)
    along *= size / along.max()
    pen = rng.uniform(0.02, 0.08) * size
    width, height = (int(end) for end in np.ceil(along.max(axis=0) + 2 * pen))
    picture = Image.new("L", (width, height))
    canvas = ImageDraw.Draw(picture)
    for x, y in along + pen:
        canvas.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return on_paper(np.asarray(picture, float) / 255, rng)


def clothes(images: Array) -> Callable[[np.random.Generator], Array]:
    """Give pictures of Fashion-MNIST (n, 28, 28), dark on light, enlarged."""

    def garment(rng: np.random.Generator) -> Array:
        image = Image.fromarray(255 - images[rng.integers(len(images))])
        side = int(rng.integers(60, 300))
        picture = image.resize((side, side), Image.Resampling.BICUBIC)
        return np.pad(np.asarray(picture), 20, constant_values=255)

    return garment


def photo(rng: np.random.Generator) -> Array:
    """Cut a piece out of a photograph: of scikit-learn's two and matplotlib's one."""
    whole = _photos()[rng.integers(3)]
    side = int(rng.integers(120, min(whole.shape[:2])))
    top, left = (int(rng.integers(0, length - side + 1)) for length in whole.shape[:2])
    return whole[top : top + side, left : left + side]


@lru_cache(maxsize=1)
def _photos() -> list[Any]:
    from matplotlib import cbook
    from sklearn.datasets import load_sample_images

    face = np.asarray(Image.open(cbook.get_sample_data("grace_hopper.jpg")).convert("RGB"))
    return [*load_sample_images().images, face]


def empty(rng: np.random.Generator) -> Array:
    """Give paper without ink: plain, shaded, ruled or squared, with noise."""
    shape = (int(rng.integers(100, 500)), int(rng.integers(100, 700)))
    paper = Paper(shade=rng.random() < 0.8, rules=rng.random() < 0.5)
    page = blank(shape, paper, rng) + rng.normal(0, rng.uniform(0, 7), shape)
    return np.clip(page, 0, 255).astype(np.uint8)


def makers(garments: Array) -> Iterator[tuple[str, Callable[[np.random.Generator], Array]]]:
    """Name each kind."""
    yield "letters", letter
    yield "letters like digits", twin
    yield "scribbles", scribble
    yield "Fashion-MNIST", clothes(garments)
    yield "photographs", photo
    yield "empty paper", empty
