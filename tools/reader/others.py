"""What is no digit: letters, signs, scribbles, shapes, parts of digits and digits run together.

All are ink (h, w) of 0..1. Letters that are digits in many a hand (y an open 4) are left out.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import ndimage

from tools.reader.strokes import F64, bent, draw, oval

U8 = npt.NDArray[np.uint8]
Maker = Callable[[np.random.Generator], F64]

TWINS = "OoIlSsZzbqgy"
LETTERS = "".join(letter for letter in string.ascii_letters if letter not in TWINS)
SCRIPTS, BRAILLE = ("Ll", "Lu", "Lo", "Sm", "Sc", "So"), range(0x2800, 0x2900)
"""Unicode's categories of letters and signs; dots in rows are none that anybody writes."""
ALIKE = 0.72
"""A letter of any script that is so much like a digit may be one: the cosine of both, printed."""
SIGNS = "+*=?&#@%$<>~^{}[]\"':;.,-_"
PRINTED = ("DejaVuSans", "DejaVuSerif", "DejaVuSansMono", "DejaVuSans-Bold", "DejaVuSans-Oblique")
"""Of matplotlib's own fonts; the others, and those of the system, are left for judging."""
NARROW = 0.45
"""What is narrower, as a share of its height, might be a 1."""
ENGRAVED = ("futural", "futuram", "scripts", "scriptc", "timesr", "timesi", "cursive", "rowmans")
"""Hershey's fonts, of strokes."""


def pen_width(rng: np.random.Generator) -> float:
    """Choose a pen, as a share of the height of what is written."""
    return float(np.exp(rng.uniform(np.log(0.025), np.log(0.16))))


def with_another_pen(
    ink: F64,
    reach: float,
    rng: np.random.Generator,
    sharp: tuple[float, float],
    levels: tuple[float, float],
) -> F64:
    """Draw strokes thinner or thicker, by `reach` pixels or so, at one of the grey `levels`."""
    soft = ndimage.gaussian_filter(ink, reach)
    return np.asarray(np.clip(0.5 + rng.uniform(*sharp) * (soft - rng.uniform(*levels)), 0, 1))


def letter_by_hand(rng: np.random.Generator) -> F64:
    """Draw a letter of an engraver's font, bent as handwriting is."""
    letter = LETTERS[rng.integers(len(LETTERS))]
    strokes = engraved(ENGRAVED[rng.integers(len(ENGRAVED))], letter)
    return draw(bent(strokes, rng, much=0.015), int(rng.integers(32, 110)), pen_width(rng))


@lru_cache(maxsize=1000)
def engraved(font: str, letter: str) -> list[F64]:
    """Give the strokes of a letter in one of Hershey's fonts, in a box of height 1, y down."""
    from HersheyFonts import HersheyFonts

    hershey = HersheyFonts()
    hershey.load_default_font(font)
    strokes = [np.asarray(stroke, float) for stroke in hershey.strokes_for_text(letter)]
    strokes = [_thinned(stroke) for stroke in strokes if len(stroke) > 1]
    points = np.concatenate(strokes)
    height = max(float(np.ptp(points[:, 1])), 0.5 * float(np.ptp(points[:, 0])), 1e-3)
    return [(stroke - points.min(axis=0)) / height for stroke in strokes]


def _thinned(stroke: F64) -> F64:
    """Leave no two points in the same place: those would be corners."""
    apart = np.r_[True, (np.diff(stroke, axis=0) != 0).any(axis=1)]
    return stroke[apart]


def printed(text: str, font: Path, height: int) -> F64:
    """Draw text in a font."""
    face = ImageFont.truetype(str(font), height)
    left, top, right, bottom = face.getbbox(text)
    picture = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(picture).text((2 - left, 2 - top), text, fill=255, font=face)
    return np.asarray(picture, float) / 255


def matplotlib_font(name: str) -> Path:
    """Find one of the fonts that come with matplotlib."""
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"


def printed_letter(rng: np.random.Generator) -> F64:
    """Print a letter or a sign, or two side by side."""
    font = matplotlib_font(PRINTED[rng.integers(len(PRINTED))])
    among = LETTERS if rng.random() < 0.75 else SIGNS
    text = "".join(rng.choice(list(among), 2 if rng.random() < 0.15 else 1))
    return printed(text, font, int(rng.integers(36, 120)))


@lru_cache(maxsize=1)
def scripts() -> tuple[str, ...]:
    """List the letters and signs of all scripts that one of matplotlib's fonts has, and no digit.

    Those that look like one, whatever they are elsewhere, are left out.
    """
    from fontTools.ttLib import TTFont

    faces = [matplotlib_font(name) for name in PRINTED]
    digits = np.stack([_print(digit, face) for face in faces for digit in string.digits])
    found = []
    for code in sorted(set(TTFont(faces[0]).getBestCmap()) - set(BRAILLE)):
        letter = chr(code)
        plain = unicodedata.normalize("NFKD", letter)[0]
        if unicodedata.category(letter) not in SCRIPTS or plain in TWINS:
            continue
        if 0 < float((digits @ _print(letter, faces[0])).max()) < ALIKE:
            found.append(letter)
    return tuple(found)


def _print(letter: str, face: Path) -> F64:
    """Print a letter as large as its square of 12x12: (144,) of length 1, or 0 for nothing."""
    ink = printed(letter, face, 48)
    rows, columns = (np.flatnonzero(ink.max(axis=axis) > 0.1) for axis in (1, 0))
    if not len(rows):
        return np.zeros(144)
    cut = Image.fromarray(np.rint(ink * 255).astype(np.uint8)).crop(
        (int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
    )
    side = max(cut.size)
    square = Image.new("L", (side, side))
    square.paste(cut, ((side - cut.width) // 2, (side - cut.height) // 2))
    small = np.asarray(square.resize((12, 12), Image.Resampling.BOX), float).ravel()
    return np.asarray(small / max(float(np.linalg.norm(small)), 1e-9))


def foreign_letter(rng: np.random.Generator) -> F64:
    """Print a letter or sign of any script, with another pen, slanted and stretched."""
    among = scripts()
    height = int(rng.integers(36, 110))
    ink = np.pad(printed(among[rng.integers(len(among))], matplotlib_font(PRINTED[0]), height), 8)
    ink = with_another_pen(ink, 0.025 * height, rng, sharp=(2, 8), levels=(0.2, 0.55))
    slant, wide = rng.normal(0, 0.15), np.exp(rng.normal(0, 0.15))
    middle = (np.array(ink.shape) - 1) / 2
    matrix = np.array([[1, 0], [slant, wide]])
    moved = ndimage.affine_transform(ink, matrix, middle - matrix @ middle, order=1)
    return moved if moved.max() > 0.5 else ink


def scribble(rng: np.random.Generator) -> F64:
    """Draw a pen that wanders, for a while or for long."""
    points = (_points, _walk, _loops, _glide, _gesture)[rng.integers(5)](rng)
    return draw([points], int(rng.integers(32, 110)), pen_width(rng))


def _points(rng: np.random.Generator) -> F64:
    points = rng.uniform(0, 1, (int(rng.integers(5, 30)), 2)) * rng.uniform(0.4, 1.4, 2)
    return np.repeat(points, 2, axis=0) if rng.random() < 0.3 else points  # without curves


def _walk(rng: np.random.Generator) -> F64:
    steps = np.cumsum(rng.normal(0, 1, (int(rng.integers(8, 40)), 2)), axis=0)
    return np.asarray(steps / np.ptp(steps, axis=0).max())


def _loops(rng: np.random.Generator) -> F64:
    """Add circles upon circles, and move on a little."""
    turns = np.linspace(0, 2 * np.pi * rng.uniform(0.8, 4), int(rng.integers(20, 60)))
    path = np.outer(turns, rng.normal(0, 0.08, 2))
    for often in (1, 2, 3, 5):
        large = rng.normal(0, 0.5 / often, 2)
        path += large * np.sin(often * turns[:, None] + rng.uniform(0, 2 * np.pi, 2))
    return np.asarray(path / np.ptp(path, axis=0).max())


def _glide(rng: np.random.Generator) -> F64:
    """Move a pen that has weight: it keeps a share of its speed, and is pushed at random."""
    kept, velocity = rng.uniform(0.5, 0.93), rng.normal(0, 1, 2)
    pushes = rng.normal(0, 1, (int(rng.integers(25, 120)), 2))
    steps = []
    for push in pushes:
        velocity = kept * velocity + np.sqrt(1 - kept**2) * push
        steps.append(velocity)
    path = np.cumsum(steps, axis=0)
    return np.asarray(path / max(float(np.ptp(path, axis=0).max()), 1e-6))


def _gesture(rng: np.random.Generator) -> F64:
    """Add swift movements, each an arc begun before the last has ended.

    The kinematic theory of rapid movements: Plamondon 1995, https://doi.org/10.1007/BF00202785.
    """
    count = int(rng.integers(6, 15))
    time = np.linspace(0, 0.25 * count + 1, 10 * count)
    velocity, angle = np.zeros((len(time), 2)), rng.uniform(0, 2 * np.pi)
    for number in range(count):
        since = np.maximum(time - 0.25 * number * rng.uniform(0.8, 1.2), 1e-6)
        spread = rng.uniform(0.2, 0.5)
        speed = np.exp(-((np.log(since) + 1.2) ** 2) / (2 * spread**2)) / since
        progress = np.clip(np.cumsum(speed) / max(float(speed.sum()), 1e-9), 0, 1)
        heading = angle + rng.normal(0, 1.2) * (progress - 0.5)
        velocity += rng.uniform(0.3, 1) * speed[:, None] * np.stack(
            [np.cos(heading), np.sin(heading)], axis=1
        )  # fmt: skip
        angle += rng.choice([-1, 1]) * rng.uniform(0.6, 2.6)
    path = np.cumsum(velocity, axis=0)
    return np.asarray(path / max(float(np.ptp(path, axis=0).max()), 1e-6))


def crossed_out(rng: np.random.Generator) -> F64:
    """Draw a pen that goes to and fro."""
    count = int(rng.integers(5, 16))
    along = np.linspace(0, rng.uniform(0.6, 1.8), count)
    points = np.stack([along + rng.normal(0, 0.05, count), np.arange(count) % 2 * 1.0], axis=1)
    points[:, 1] += rng.normal(0, 0.08, count)
    if rng.random() < 0.4:
        points = points[:, ::-1]
    points = np.repeat(points, 2, axis=0) if rng.random() < 0.5 else points
    return draw(bent([points], rng, 0), int(rng.integers(32, 110)), pen_width(rng))


def shape(rng: np.random.Generator) -> F64:
    """Draw a figure: polygon, star, spiral, arrow, cross, tick, heart, face, hash, bars."""
    figures = (
        _polygon, _star, _spiral, _arrow, _cross, _tick, _heart, _face, _bars, _wave,
    )  # fmt: skip
    form = figures[rng.integers(len(figures))](rng)
    return draw(bent(form, rng, 0.02), int(rng.integers(32, 110)), pen_width(rng))


def _corners(points: Sequence[tuple[float, float]] | F64) -> F64:
    return np.repeat(np.asarray(points, float), 2, axis=0)[1:-1]


def _polygon(rng: np.random.Generator) -> list[F64]:
    count = int(rng.integers(3, 7))
    turns = 2 * np.pi * (np.arange(count + 1) / count + rng.random())
    return [_corners(np.stack([np.cos(turns), np.sin(turns)], axis=1) * 0.5)]


def _star(rng: np.random.Generator) -> list[F64]:
    turns = 2 * np.pi * (np.arange(6) * 2 / 5)
    return [_corners(np.stack([np.sin(turns), -np.cos(turns)], axis=1) * 0.5)]


def _spiral(rng: np.random.Generator) -> list[F64]:
    turns = np.linspace(0, 2 * np.pi * rng.uniform(1.8, 4), 30)
    return [np.stack([turns * np.cos(turns), turns * np.sin(turns)], axis=1) / turns[-1] / 2]


def _arrow(rng: np.random.Generator) -> list[F64]:
    head = _corners([(0.75, -0.2), (1, 0), (0.75, 0.2)])
    turn = 2 * np.pi * rng.random()
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return [np.array([(0, 0), (1, 0)]) @ matrix, head @ matrix]


def _cross(rng: np.random.Generator) -> list[F64]:
    strokes = [np.array([(0, 0), (1.0, 1)]), np.array([(0, 1), (1.0, 0)])]
    return strokes if rng.random() < 0.6 else [*strokes, np.array([(-0.1, 0.5), (1.1, 0.5)])]


def _tick(rng: np.random.Generator) -> list[F64]:
    return [_corners([(0, 0.6), (0.3, 1), (0.9, 0)])]


def _heart(rng: np.random.Generator) -> list[F64]:
    half = [(0, 0.25), (-0.25, 0), (-0.5, 0.25), (-0.3, 0.65), (0, 1)]
    return [np.array(half), np.array([(-x, y) for x, y in half])]


def _face(rng: np.random.Generator) -> list[F64]:
    eyes = [np.array([(x, 0.35), (x, 0.42)]) for x in (0.35, 0.65)]
    mouth = np.array([(0.3, 0.65), (0.5, 0.78), (0.7, 0.65)])
    return [np.array(oval(0.5, 0.5, 1, 1)), *eyes, mouth]


def _bars(rng: np.random.Generator) -> list[F64]:
    count = int(rng.integers(2, 6))
    bars = [np.array([(0.3 * i, 0), (0.3 * i, 1.0)]) for i in range(count)]
    if rng.random() < 0.4:
        bars.append(np.array([(-0.1, 0.8), (0.3 * count, 0.2)]))
    if rng.random() < 0.3:
        bars += [np.array([(-0.1, y), (0.3 * count, y)]) for y in (0.3, 0.7)]
    return [bar[:, ::-1] for bar in bars] if rng.random() < 0.3 else bars


def _wave(rng: np.random.Generator) -> list[F64]:
    along = np.linspace(0, 1, 25)
    return [np.stack([1.6 * along, 0.3 * np.sin(2 * np.pi * along * rng.uniform(1, 5))], axis=1)]


def blot(rng: np.random.Generator) -> F64:
    """Give stains: smooth noise above a level, one spot of it or all."""
    height, width = rng.integers(24, 90, 2)
    noise = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), rng.uniform(1, 9))
    dark = noise > np.quantile(noise, rng.uniform(0.4, 0.9))
    labels, count = ndimage.label(dark)
    if count and rng.random() < 0.7:
        dark = labels == np.bincount(labels.ravel())[1:].argmax() + 1
    return np.asarray(dark, float)


def dash(rng: np.random.Generator) -> F64:
    """Give a short level stroke, or a dot."""
    if rng.random() < 0.5:
        return draw([np.array([(0, 0), (1.0, rng.normal(0, 0.1))])], 40, rng.uniform(0.08, 0.4))
    side = int(rng.integers(8, 40))
    across = np.linspace(-1, 1, side)
    return np.asarray(np.hypot(across[:, None], across) < 1, float)


def mirrored(rng: np.random.Generator) -> F64:
    """Fill a many-sided shape that is alike on both sides, lighter in places."""
    height = int(rng.integers(28, 110))
    corners = rng.uniform(0, 1, (int(rng.integers(4, 9)), 2)) * [rng.uniform(0.3, 0.8), 1]
    turns = np.arctan2(corners[:, 1] - 0.5, corners[:, 0])
    half = corners[np.argsort(turns)] * height
    middle = half[:, 0].max()
    picture = Image.new("L", (int(2 * middle) + 3, height + 2))
    canvas = ImageDraw.Draw(picture)
    for sign in (-1, 1):
        side = [(float(middle + sign * x + 1), float(y + 1)) for x, y in half]
        canvas.polygon([(middle + 1, side[0][1]), *side, (middle + 1, side[-1][1])], fill=255)
    ink = np.asarray(picture, float) / 255
    noise = ndimage.gaussian_filter(rng.normal(0, 1, ink.shape), rng.uniform(0.5, 9))
    ink = ink * np.clip(
        1 - rng.uniform(0, 0.5) * np.abs(noise) / max(float(noise.std()), 1e-6), 0, 1
    )
    turned = ndimage.rotate(ink, rng.normal(0, 12), order=1)
    return np.asarray(np.clip(turned, 0, 1) if turned.max() > 0.5 else ink)


def silhouette(rng: np.random.Generator) -> F64:
    """Draw a thing as high as wide or so, alike on both sides, with folds, seams or a pattern."""
    height = int(rng.integers(28, 110))
    knots = int(rng.integers(3, 9))
    wide = np.interp(
        np.linspace(0, 1, height), np.linspace(0, 1, knots), rng.uniform(0.1, 1, knots)
    )
    across = np.linspace(-1, 1, round(height * rng.uniform(0.4, 1.5)))
    ink = (np.abs(across + rng.normal(0, 0.02)) < wide[:, None]).astype(float)
    if rng.random() < 0.4:  # legs, or an opening
        begin, end = np.sort(rng.uniform(-0.2, 1.2, 2)) * height
        rows = np.arange(height)
        open_ = (rows > begin) & (rows < end)
        ink[open_[:, None] & (np.abs(across) < rng.uniform(0.05, 0.5) * wide[:, None])] = 0
    noise = ndimage.gaussian_filter(rng.normal(0, 1, ink.shape), rng.uniform(0.5, 5))
    ink *= np.clip(1 - rng.uniform(0, 0.6) * np.abs(noise) / max(float(noise.std()), 1e-6), 0.1, 1)
    if rng.random() < 0.3:  # stripes
        each = int(rng.integers(3, 16))
        pattern = np.arange(ink.shape[0])[:, None] if rng.random() < 0.6 else np.arange(len(across))
        ink = ink * np.where(pattern % each < each * 0.5, 1, rng.uniform(0, 0.8))
    turned = ndimage.rotate(ink, rng.normal(0, 20), order=1)
    return np.asarray(np.clip(turned, 0, 1) if turned.max() > 0.5 else ink)


def part(ink: F64, rng: np.random.Generator) -> F64 | None:
    """Cut a digit: what is left of it or right of it, above or below; None if it might be a 1."""
    turned = ink if rng.random() < 0.75 else ink.T
    at = round(turned.shape[1] * rng.uniform(0.3, 0.7))
    cut = turned[:, :at] if rng.random() < 0.5 else turned[:, at:]
    cut = cut if turned is ink else cut.T
    columns = np.flatnonzero(cut.max(axis=0) > 0.5)
    rows = np.flatnonzero(cut.max(axis=1) > 0.5)
    narrow = not len(rows) or np.ptp(columns) < NARROW * np.ptp(rows)
    return None if narrow else cut


def together(inks: Sequence[F64], rng: np.random.Generator) -> F64:
    """Put digits side by side so that they touch."""
    height = max(len(ink) for ink in inks)
    page, end = np.zeros((height, sum(ink.shape[1] for ink in inks))), 0
    for ink in inks:
        left = max(0, end - round(rng.uniform(0.02, 0.2) * ink.shape[1])) if end else 0
        top = int(rng.integers(0, height - len(ink) + 1))
        here = page[top : top + len(ink), left : left + ink.shape[1]]
        np.maximum(here, ink, out=here)
        end = left + ink.shape[1]
    return page[:, :end]


MAKERS: dict[Maker, int] = {
    letter_by_hand: 10, printed_letter: 6, foreign_letter: 8, scribble: 11, crossed_out: 2,
    shape: 4, blot: 3, dash: 1, silhouette: 4, mirrored: 2,
}  # fmt: skip
"""With the share that each has."""
