"""How much ink there is where: whatever the colour of paper and pen, in shade and in light.

colour     the direction in which the colours of a picture vary most, so that red on green of the
           same brightness is seen too
paper      what is left of it when all that is thin is closed, smoothed: J. Serra 1982, Image
           Analysis and Mathematical Morphology. Ink is what differs from it: as a share of the
           paper's brightness where ink is dark, as shade is
threshold  N. Otsu 1979, https://doi.org/10.1109/TSMC.1979.4310076, never within the noise
rules      straight runs far longer than a digit, taken out where no stroke crosses them
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

F32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

THUMB, COARSE = 128, 48
"""The longer side, in blocks, at which the paper is found, and whether ink is light."""
WIDEST_STROKE = 0.22
"""The widest stroke that is not taken for paper, as a share of the picture's longer side."""
FAINTEST = 0.10
"""Ink that differs less from the paper is none."""
NOISES = 6.0
"""Ink differs from the paper by so many standard deviations of the noise."""
CROWDED = 64 * 64
"""Pictures of fewer pixels may be all digit and no paper."""
SLOPES = np.linspace(-0.08, 0.08, 33)
"""Rules may be aslant by so much, rows a column."""
FRINGE = 2
"""A rule's edges are ragged by so many pixels."""
WEAK = 0.6
"""Ink that hangs together with a clear stroke needs no more than this share of the threshold."""
RULE = 0.6
"""A rule covers at least this share of the picture's side, gaps and all."""
UPRIGHT, ALONE = 1.5, 0.8
"""An upright rule has a part so much longer than digits are high, or than the picture's side where
there is nothing else: 1s stand below one another too."""
THIN = 0.6
"""A rule that is found within a piece is so thin, of the widths of its strokes."""
FRAME, SMALLEST_FRAME, CORNER = 0.85, 32, 0.1
"""The side of a box is straight for this share of its length; a box has so many pixels a side."""


@dataclass(frozen=True)
class Ink:
    """`amount` float32 (h, w): 0 paper, 1 a full stroke; `mask` bool (h, w): what is ink.

    `light` says whether it is lighter than the paper.
    """

    amount: F32
    mask: Mask
    light: bool = False

    @property
    def blank(self) -> bool:
        """Whether there is none."""
        return not self.mask.any()


def find_ink(pixels: F32, light: bool | None = None, even: bool = False, weak: float = WEAK) -> Ink:
    """Find the ink in a picture, float32 (h, w) or (h, w, 3) of 0..255.

    Whether ink is lighter than the paper is seen, unless it is said; so is the paper's brightness,
    place by place, unless it is `even`. Of ink that hangs together with a clear stroke the share
    `weak` of the threshold is enough.
    """
    level = _level(pixels)
    step = -(-max(level.shape) // THUMB)
    thumb = blocks(level, step)
    light = _is_light(thumb) if light is None else light
    if light:
        level, thumb = 255 - level, 255 - thumb
        paper = _even(thumb) if even else _paper(thumb, level.shape, step)
        away = (paper - level) / 255
    else:
        paper = _even(thumb) if even else _paper(thumb, level.shape, step)
        away = 1 - level / np.maximum(paper, 1)
    difference = np.asarray(np.clip(away, 0, 1), np.float32)
    noise = _noise(difference)
    if min(level.shape) >= 64:
        difference = np.asarray(ndimage.gaussian_filter(difference, 0.7), np.float32)
    least = max(FAINTEST, NOISES * noise)
    threshold = max(_otsu(difference), 0.8 * least)
    mask = _connected(difference > max(weak * threshold, 0.8 * least), difference > threshold)
    if not mask.any() or float(np.median(difference[mask])) < least:
        return Ink(np.zeros_like(difference), np.zeros(level.shape, bool), light)
    mask = without_rules(without_frames(mask))
    full = float(np.percentile(difference[mask], 60)) if mask.any() else 1.0
    low = 0.4 * threshold
    amount = np.clip((difference - low) / max(full - low, 1e-3), 0, 1)
    return Ink(amount.astype(np.float32), mask, light)


def _level(pixels: F32) -> F32:
    """Project colours on the direction in which they vary most; brightness where they are gray."""
    if pixels.ndim == 2:
        return pixels
    down, across = (max(1, length // 200) for length in pixels.shape[:2])
    few = pixels[::down, ::across].reshape(-1, 3)
    away = few - np.median(few, axis=0)
    _, vectors = np.linalg.eigh(away.T @ away + 1e-3)
    axis = vectors[:, -1]
    axis = axis * np.sign(axis.sum() or 1)
    level = pixels @ axis.astype(np.float32)
    # In the units of brightness: black is 0 and white 255, if the direction is that of grays.
    lowest, highest = 255 * axis[axis < 0].sum(), 255 * axis[axis > 0].sum()
    return np.asarray((level - lowest) * (255 / (highest - lowest)), np.float32)


def blocks(level: F32, step: int) -> F32:
    """Average blocks of step by step pixels, those at the edges of what they have."""
    rows, columns = (np.arange(0, length, step) for length in level.shape)
    sums = np.add.reduceat(np.add.reduceat(level, rows, axis=0), columns, axis=1)
    height, width = level.shape
    counts = np.outer(np.diff([*rows, height]), np.diff([*columns, width]))
    return np.asarray(sums / counts, np.float32)


def _is_light(thumb: F32) -> bool:
    """Say whether ink is brighter than the paper: on which side of the paper far values lie."""
    step = -(-max(thumb.shape) // COARSE)
    coarse = blocks(thumb, step)
    paper = ndimage.median_filter(coarse, size=max(3, max(coarse.shape) // 4 | 1))
    away = coarse - paper
    return bool((away**3).sum() > 0)


def _even(thumb: F32) -> F32:
    """Give the brightness of even paper: that of the brighter of two kinds of pixels."""
    bright = thumb > 255 * _otsu(thumb / 255)
    return np.asarray(np.median(thumb[bright]) if bright.any() else thumb.max(), np.float32)


def _paper(thumb: F32, shape: tuple[int, ...], step: int) -> F32:
    """Give the brightness of the paper under the ink, which is dark: (h, w)."""
    size = max(3, round(WIDEST_STROKE * max(thumb.shape)) | 1)
    closed = ndimage.grey_closing(thumb, size=(size, size), mode="reflect")
    # Not above what was closed: in shadow, next to its edge, the paper is as dark as the shadow.
    smooth = np.minimum(ndimage.gaussian_filter(closed, 1.5, mode="nearest"), closed)
    places = [np.clip((np.arange(length) + 0.5) / step - 0.5, 0, None) for length in shape]
    rows = _between(smooth, places[0])
    return _between(rows.T, places[1]).T


def _between(values: F32, places: npt.NDArray[np.float64]) -> F32:
    """Interpolate linearly between rows."""
    first = np.minimum(places.astype(int), len(values) - 1)
    second = np.minimum(first + 1, len(values) - 1)
    share = (places - first)[:, None].astype(np.float32)
    return np.asarray(values[first] * (1 - share) + values[second] * share, np.float32)


def _noise(difference: F32) -> float:
    """Estimate the standard deviation of the paper's noise, from neighbours' differences."""
    steps = np.abs(np.diff(difference, axis=1))
    if difference.size < CROWDED:  # most steps are those of the ink
        down = np.abs(np.diff(difference, axis=0))
        least = [float(np.quantile(each, 0.25)) for each in (steps, down) if each.size]
        return min(least, default=0.0) / 0.451
    return float(np.median(steps)) / 0.954  # of the difference of two normal values


def _otsu(values: npt.NDArray[Any]) -> float:
    """Give the value that divides values of 0..1 into the two classes that lie farthest apart."""
    counts, edges = np.histogram(values, bins=256, range=(0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    with np.errstate(divide="ignore", invalid="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(middles[np.nanargmax(between)]) if np.isfinite(between).any() else 1.0


def _connected(weak: Mask, strong: Mask) -> Mask:
    """Keep of what is weak what hangs together with what is strong."""
    labels, count = ndimage.label(weak, np.ones((3, 3), bool))
    kept = np.zeros(count + 1, bool)
    kept[labels[strong]] = True
    kept[0] = False
    return np.asarray(kept[labels])


def without_rules(mask: Mask) -> Mask:
    """Take out ruled lines and the sides of boxes, but for where strokes cross them."""
    level, thick = _rules(mask, max(40, round(RULE * mask.shape[1])))
    upright, thick_upright = _rules(mask.T, max(40, round(RULE * len(mask))))
    upright = _longer_than_digits(upright.T, mask & ~level)
    return _apart(mask, level, upright, thick, thick_upright)


def _longer_than_digits(upright: Mask, mask: Mask) -> Mask:
    """Keep of upright rules those of which a part is longer than a 1 would be."""
    strips = [strip for _, strip in _boxes(np.atleast_2d(upright.any(axis=0)))]
    lengths = [_longest(upright[:, strip]) for strip in strips]

    def longer(least: float) -> Mask:
        kept = np.zeros_like(upright)
        for strip, length in zip(strips, lengths, strict=True):
            kept[:, strip] = upright[:, strip] & (length >= least)
        return kept

    others = _boxes(mask & ~longer(RULE * len(mask)))
    if not others:
        return longer(ALONE * len(mask))
    return longer(UPRIGHT * usual_length([rows.stop - rows.start for rows, _ in others]))


def _longest(rule: Mask) -> int:
    """Give the rows of a rule's longest part, small gaps closed."""
    closed = ndimage.binary_dilation(rule, np.ones((FRINGE + 1, FRINGE + 1), bool))
    return max(int(rows.stop - rows.start) for rows, _ in _boxes(closed))


def _boxes(mask: Mask) -> list[tuple[slice, slice]]:
    """Give rows and columns of each piece of connected ink, diagonals counted."""
    found: list[tuple[slice, slice]] = ndimage.find_objects(
        ndimage.label(mask, np.ones((3, 3), bool))[0]
    )
    return found


def usual_length(lengths: Sequence[int]) -> float:
    """Give the length that most of the ink has: the median, weighted by the square of lengths.

    Specks are many but low; without the weight they would pass for the digits.
    """
    ordered = np.sort(lengths).astype(float)
    weights = np.cumsum(ordered**2)
    return float(ordered[np.searchsorted(weights, weights[-1] / 2)])


def without_rule(mask: Mask) -> Mask | None:
    """Take a rule out of one piece of ink that runs along most of it; None where there is none.

    Where it is too short for the page's rules, in shade say, what tells it from a bar that digits
    share is that it is far thinner than their strokes.
    """
    level, thick = _rules(mask, round(RULE * mask.shape[1]), 0.12 * len(mask))
    strokes = mask & ~level
    if not (level.any() and strokes.any()):
        return None
    stroke = 2 * float(np.percentile(ndimage.distance_transform_edt(strokes)[strokes], 90))
    if thick > THIN * stroke:
        return None
    return _apart(mask, level, np.zeros_like(mask), thick, 0)


def without_frames(mask: Mask) -> Mask:
    """Put in the place of each box, of a form say, what is written in it and touches it."""
    labels, _ = ndimage.label(mask, np.ones((3, 3), bool))
    kept = mask
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        if min(end.stop - end.start for end in place) < SMALLEST_FRAME:
            continue
        here = labels[place] == number
        inside = without_frame(here)
        if inside is not None:
            kept = kept.copy() if kept is mask else kept
            kept[place] &= ~here | inside
    return kept


def without_frame(mask: Mask) -> Mask | None:
    """Take a box, or a row of boxes, off what is written in it; None where there is no box."""
    height, width = mask.shape
    if min(height, width) < SMALLEST_FRAME or mask.mean() > 0.6 or not _has_corners(mask):
        return None
    level, thick = _rules(mask, round(FRAME * width), 0.12 * height)
    if not (level[: height // 4].any() and level[-(height // 4) :].any()):
        return None
    upright, thick_upright = _rules(mask.T, round(FRAME * height), 0.12 * height)
    upright = upright.T
    if not (upright[:, : width // 4].any() and upright[:, -(width // 4) :].any()):
        return None
    inside = _apart(mask, level, upright, thick, thick_upright)
    # What lies along the box alone is the box's own ragged edge.
    far = ndimage.distance_transform_edt(~(level | upright)) > FRINGE + 1
    return _connected(inside, inside & far)


def _has_corners(mask: Mask) -> bool:
    """Say whether there is ink in all four corners: a 0 is round."""
    down, across = (max(2, round(CORNER * length)) for length in mask.shape)
    corners = [mask[rows, columns] for rows in (slice(down), slice(-down, None))
               for columns in (slice(across), slice(-across, None))]  # fmt: skip
    return all(corner.any() for corner in corners)


def _apart(mask: Mask, level: Mask, upright: Mask, thick: int, thick_upright: int) -> Mask:
    """Take rules out of the ink, but for where strokes cross them."""
    strokes = mask & ~level & ~upright
    crossed = level & _prolonged(strokes, thick)
    crossed |= upright & _prolonged(strokes.T, thick_upright).T
    return np.asarray(strokes | crossed)


def _prolonged(strokes: Mask, thick: int) -> Mask:
    """Carry strokes on up and down by the thickness of a rule; its own ragged edges are none."""
    whole = ndimage.binary_opening(strokes, np.ones((FRINGE + 1, 1), bool))
    reach = thick + FRINGE
    return np.asarray(ndimage.binary_dilation(whole, np.ones((2 * reach + 1, 1), bool)))


def _rules(mask: Mask, length: int, thickest_rule: float = 0.0) -> tuple[Mask, int]:
    """Say where rules are, `length` long, thin and about level, and how thick they are: rows."""
    none = np.zeros_like(mask)
    if mask.shape[1] < length:
        return none, 0
    falls = _falls(mask)
    level = _shifted(mask, -falls)
    # A rule may be a little bent or broken: look for it a pixel up and down and over gaps.
    pieces = _opened(ndimage.binary_dilation(level, np.ones((3, 7), bool)), max(12, length // 6))
    runs = pieces & (pieces.sum(axis=1) >= length)[:, None] & level
    if not runs.any():
        return none, 0
    labels, _ = ndimage.label(ndimage.binary_dilation(runs, np.ones((3, 5), bool)))
    # What is thicker is a bar of one large digit.
    most = max(min(3.0, 0.03 * min(mask.shape)), 0.015 * max(mask.shape), thickest_rule)
    taken, thickest = none, 0
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        rule = (labels[place] == number) & runs[place]
        thick = round(float(np.median(rule.sum(axis=0)[rule.any(axis=0)]))) if rule.any() else 0
        if thick <= most:
            taken[place] |= rule
            thickest = max(thickest, thick)
    return _shifted(taken, falls), thickest


def _falls(mask: Mask) -> npt.NDArray[np.int64]:
    """Say how many rows rules fall up to each column: by the slope that has the fullest rows."""
    columns = np.arange(mask.shape[1])
    few = columns[:: max(1, mask.shape[1] // 128)]
    rows, among = np.nonzero(mask[:, few])

    if not len(rows):
        return np.zeros(len(columns), np.int64)

    def fullness(slope: float) -> float:
        level = rows - np.rint(slope * few[among]).astype(int)
        return float((np.bincount(level - level.min()).astype(float) ** 2).sum())

    best = max(sorted(SLOPES, key=abs), key=fullness)
    return np.asarray(np.rint(best * columns), np.int64)


def _shifted(mask: Mask, falls: npt.NDArray[np.int64]) -> Mask:
    """Move each column down by its own number of rows; what leaves below comes in above."""
    rows = (np.arange(len(mask))[:, None] - falls[None, :]) % len(mask)
    moved: Mask = np.take_along_axis(mask, rows, axis=0)
    return moved


def _opened(mask: Mask, length: int) -> Mask:
    """Keep what lies in a level run of `length` at least."""
    padded = np.pad(mask, ((0, 0), (1, 1))).astype(np.int8)
    change = np.diff(padded, axis=1)
    rows, begins = np.nonzero(change == 1)
    _, ends = np.nonzero(change == -1)
    long = ends - begins >= length
    kept = np.zeros_like(mask)
    for row, begin, end in zip(rows[long], begins[long], ends[long], strict=True):
        kept[row, begin:end] = True
    return kept
