"""What the reader takes for ink where nobody wrote: in photographs, and on empty paper.

The photographs are those that come with scikit-image; the ones that the benchmark judges by are
others. Each piece that the reader finds in one, through its own path, is no digit.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from mnistlab.errors import DataError
from mnistlab.reading.digits import TooManyPieces, find_lines
from mnistlab.reading.normalize import normalized
from mnistlab.reading.views import views
from tools.reader.others import U8

LEARN = ("astronaut", "brick", "camera", "cell", "chelsea", "coffee", "coins", "grass", "ihc",
         "moon", "motorcycle_left")  # fmt: skip
CHOOSE = ("gravel", "hubble_deep_field", "rocket", "retina")
BLANK = 0.15
"""The share of scenes that are smooth: light that falls on nothing."""


@lru_cache(maxsize=20)
def _photograph(name: str) -> Image.Image:
    import skimage

    folder = Path(skimage.__file__).parent / "data"
    path = next(folder.glob(f"{name}.*"))
    return Image.open(path).convert("RGB")


def scene_piece(learn: bool, rng: np.random.Generator) -> U8:
    """Give one piece of what the reader finds in a scene, as its network would see it (28, 28)."""
    while True:
        scene = _light(rng) if rng.random() < BLANK else _crop(learn, rng)
        found = list(islice(views(scene.astype(np.float32)), 1 if rng.random() < 0.6 else None))
        ink = found[-1].ink
        try:
            pieces = [piece for line in find_lines(ink) for piece in line]
            if pieces:
                return normalized(ink, pieces[int(rng.integers(len(pieces)))])
        except (TooManyPieces, DataError):
            continue


def _crop(learn: bool, rng: np.random.Generator) -> U8:
    names = LEARN if learn else CHOOSE
    whole = _photograph(names[int(rng.integers(len(names)))])
    side = int(np.exp(rng.uniform(np.log(40), np.log(min(whole.size)))))
    left, top = (int(rng.integers(0, length - side + 1)) for length in whole.size)
    shown = int(rng.integers(50, 220))
    part = whole.crop((left, top, left + side, top + side)).resize((shown, shown))
    if rng.random() < 0.5:
        part = part.transpose(Image.Transpose(int(rng.integers(7))))
    return np.asarray(part if rng.random() < 0.5 else part.convert("L"))


def _light(rng: np.random.Generator) -> U8:
    """Give edges of shadow upon squared paper."""
    height, width = (int(side) for side in rng.integers(100, 400, 2))
    down, across = np.mgrid[0:height, 0:width] / max(height, width)
    light = np.ones((height, width))
    for _ in range(int(rng.integers(1, 4))):
        turn = rng.uniform(0, 2 * np.pi)
        beyond = np.cos(turn) * (down - rng.random()) + np.sin(turn) * (across - rng.random())
        light *= 1 - rng.uniform(0.2, 0.6) / (1 + np.exp(-beyond * rng.uniform(8, 200)))
    apart, thick = rng.integers(12, 70), rng.integers(1, 3)
    for along in (0, 1):
        if rng.random() < 0.7:
            rows = (np.indices(light.shape)[along] + rng.integers(apart)) % apart < thick
            light[rows] *= rng.uniform(0.55, 0.9)
    page = 250 * rng.uniform(0.5, 1) * light + rng.normal(0, rng.uniform(0, 6), light.shape)
    return np.clip(page, 0, 255).astype(np.uint8)
