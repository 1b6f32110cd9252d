"""The pictures that the reading network learns from, and those it is chosen on: twelve classes.

Everything goes through the reader's own path, from a page to (28, 28). Each picture depends on its
kind and number alone, so the work can be divided. MNIST's test split is not used.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt

import mnistlab
from tools.reader.handwriting import load_forms, load_pens, proportioned
from tools.reader.others import (
    ENGRAVED,
    MAKERS,
    PRINTED,
    U8,
    engraved,
    matplotlib_font,
    part,
    pen_width,
    printed,
    together,
)
from tools.reader.photographed import enlarged, from_blocks, photograph, seen
from tools.reader.scenes import scene_piece
from tools.reader.strokes import DIGITS, F64, bent, draw

NONE, SEVERAL = 10, 11
"""The labels of what is no digit, and of digits that run together."""
HELD_OUT = 5000
"""The last images of MNIST's training split are for choosing."""
KEPT = 800
"""Likewise of the digits in blocks."""
RULED = ("mnist", "forms", "pens", "writers")
"""Half of these are on ruled paper."""
CHUNK = 500
UPRIGHT, THIN = 0.6, 0.22
"""A 1 stands so upright, the cosine, and is so thin for its length."""

Drawn = tuple[F64 | U8, int]


@dataclass(frozen=True)
class Source:
    """A kind of picture: how many to learn from and to choose on, and how one is drawn.

    `draw` gives ink (h, w) of 0..1, or what the reader saw already, uint8 (28, 28).
    """

    train: int
    choose: int
    draw: Callable[[int, bool, np.random.Generator], Drawn]


@lru_cache(maxsize=1)
def _mnist() -> tuple[U8, U8]:
    return mnistlab.load_data("mnist")[0]


@lru_cache(maxsize=1)
def _pens() -> tuple[F64, npt.NDArray[np.int64]]:
    return load_pens()


@lru_cache(maxsize=1)
def _blocks() -> tuple[F64, npt.NDArray[np.int64]]:
    return load_forms()


def height(rng: np.random.Generator) -> int:
    """Choose how high a digit is, in pixels: as many of 12 to 36 as of 36 to 110."""
    return int(np.exp(rng.uniform(np.log(12), np.log(110))))


def _one(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    images, labels = _mnist()
    count = len(images) - HELD_OUT
    at = number % count if learn else count + number % HELD_OUT
    return enlarged(images[at], height(rng), rng), int(labels[at])


def _some(learn: bool, rng: np.random.Generator, count: int) -> list[F64]:
    return [_one(int(rng.integers(10**9)), learn, rng)[0] for _ in range(count)]


def _form(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    digit = number % 10
    form = DIGITS[digit][rng.integers(len(DIGITS[digit]))]
    ink = draw(bent(form, rng), height(rng), pen_width(rng))
    return ink, digit


def _pen(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    points, labels = _pens()
    at = (2 * number + (not learn)) % (len(points) // 2 * 2)
    digit = int(labels[at])
    form = [proportioned(points[at], digit, rng)]
    return draw(bent(form, rng, 0.01), height(rng), pen_width(rng)), digit


def _writer(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    inks, labels = _blocks()
    count = len(inks) - KEPT
    at = number % count if learn else count + number % KEPT
    return from_blocks(inks[at], height(rng), rng), int(labels[at])


def _print(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    digit = number % 10
    height = int(rng.integers(32, 120))
    if rng.random() < 0.5:
        font = matplotlib_font(PRINTED[rng.integers(len(PRINTED))])
        return printed(str(digit), font, height), digit
    strokes = engraved(ENGRAVED[rng.integers(len(ENGRAVED))], str(digit))
    return draw(bent(strokes, rng, 0.015), height, pen_width(rng)), digit


def _other(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    shares = np.array(list(MAKERS.values()), float)
    maker = list(MAKERS)[rng.choice(len(MAKERS), p=shares / shares.sum())]
    return maker(rng), NONE


def _part(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    ink = _one(number, learn, rng)[0]
    cut = part(ink, rng)
    return (together([ink, ink], rng), SEVERAL) if cut is None else (cut, NONE)


def _together(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    return together(_some(learn, rng, int(rng.integers(2, 4))), rng), SEVERAL


def _scene(number: int, learn: bool, rng: np.random.Generator) -> Drawn:
    return scene_piece(learn, rng), NONE


SOURCES: dict[str, Source] = {
    "mnist": Source(44_000, 3_000, _one),
    "forms": Source(14_000, 1_500, _form),
    "pens": Source(6_000, 1_000, _pen),
    "print": Source(3_000, 500, _print),
    "others": Source(36_000, 2_000, _other),
    "parts": Source(3_500, 500, _part),
    "together": Source(6_000, 500, _together),
    "scenes": Source(8_000, 1_000, _scene),
    "writers": Source(9_000, 800, _writer),
}


def pictures(name: str, learn: bool, workers: int = 2) -> tuple[U8, U8]:
    """Give the pictures (n, 28, 28) of one source and their labels (n,), to learn from or not."""
    source = SOURCES[name]
    count = source.train if learn else source.choose
    starts = range(0, count, CHUNK)
    with ProcessPoolExecutor(workers) as pool:
        chunks = list(pool.map(partial(_chunk, name, learn), starts))
    images, labels = (np.concatenate(each)[:count] for each in zip(*chunks, strict=True))
    return images, labels


def _chunk(name: str, learn: bool, start: int) -> tuple[U8, U8]:
    made = [_picture(name, learn, number) for number in range(start, start + CHUNK)]
    images, labels = zip(*made, strict=True)
    return np.stack(images), np.array(labels, np.uint8)


def _picture(name: str, learn: bool, number: int) -> tuple[U8, int]:
    """Draw one, again where the reader sees nothing at all."""
    for attempt in range(100):
        rng = np.random.default_rng([list(SOURCES).index(name), learn, number, attempt])
        ink, label = SOURCES[name].draw(number, learn, rng)
        image = ink if ink.dtype == np.uint8 else _seen(name, ink, rng)
        if image is not None and not (label == NONE and might_be_one(image)):
            return image, label
    raise RuntimeError(f"nothing is seen of {name} {number}")


def _seen(name: str, ink: F64, rng: np.random.Generator) -> U8 | None:
    ruled = name in RULED and rng.random() < 0.5
    picture, box = photograph(ink, rng, ruled)
    return seen(picture, box if ruled else None)


def might_be_one(image: U8) -> bool:
    """Say whether a picture (28, 28) is of a thin stroke that is upright or slanted."""
    rows, columns = np.nonzero(image > 127)
    if len(rows) < 3:
        return True
    values, vectors = np.linalg.eigh(np.cov(np.stack([rows, columns])))
    upright = abs(vectors[0, 1]) > UPRIGHT
    return bool(upright and values[0] < THIN**2 * values[1])


def data_set(workers: int = 2) -> tuple[tuple[U8, U8], dict[str, tuple[U8, U8]]]:
    """Give the pictures to learn from, shuffled, and those to choose on by their source."""
    images, labels = _mnist()
    learnt = [(images[:-HELD_OUT], labels[:-HELD_OUT])]
    learnt += [pictures(name, True, workers) for name in SOURCES]
    x, y = (np.concatenate(each) for each in zip(*learnt, strict=True))
    order = np.random.default_rng(0).permutation(len(x))
    chosen = {"as they are": (images[-HELD_OUT:], labels[-HELD_OUT:])}
    chosen |= {name: pictures(name, False, workers) for name in SOURCES}
    return (x[order], y[order]), chosen
