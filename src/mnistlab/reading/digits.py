"""Ink → pieces of ink, each a digit or what touches as one, in lines, in reading order.

pieces    connected ink; specks dropped; broken strokes of one digit joined
lines     pieces that overlap in height, from left to right, lines from top to bottom
cuts      where a piece that is too wide for one digit might be cut, for the network to judge
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from mnistlab.reading.ink import Ink, Mask, usual_length, without_rule

SPECK = 0.22
"""What is lower and narrower than this share of a usual digit's height is a speck."""
FEWEST = 12  # pixels of ink in a picture's largest piece, else there is nothing to read
SMALLEST = 4  # of any
LEAST = 8  # pixels a digit is high, or wide
MOST_PIECES = 2000
"""A picture with more pieces of ink, specks apart, is no page of digits."""
LOWEST_LINE = 0.4
"""Lines lower than this share of the usual digit are rests of rules, dirt, small print."""
FAINTEST_STROKE = 0.4
"""The strongest ink of a piece, as a share of the picture's."""
HAIR, FAINT_RULE = 3, 0.2
"""What is so thin, in pixels, is no 1 if there is more ink than this beyond both its ends."""
SMALL = 0.1
"""What a side cuts off and is so small, of the picture's side, is too little to be read."""
THUMBNAIL = 40
"""A picture of so few pixels a side is of one digit alone, without a table or a shadow."""
SLIVER = 0.03
"""What lies along a side of the picture and is so narrow, of the picture's side, is no 1."""
IN_CORNER = 0.4
"""What lies along two sides that meet, with such a share of each of its own, is in a corner."""
BROKEN, FEW = 0.12, 3
"""Parts of one digit are no further apart, one above the other, in heights of both together."""
OVERLAP = 0.5
"""Parts of one digit lie above one another for this share of the narrower one's width."""
TORN, TORN_OVERLAP = 0.05, 0.25
"""So near, in heights of both together, parts were one before a rule was taken out between them."""
FALLS = np.linspace(-0.36, 0.36, 73)
FEWEST_ASLANT, CLEARER = 6, 1.3
"""Lines fall by so many rows a column at most; of fewer pieces, or less clearly, they are level."""
BAR = 0.4
"""A level stroke is so much lower than it is wide, and than other pieces are high."""
LONG = 1.4
"""A piece that is so wide, in heights of a usual digit, may hang on a rule."""
WIDE = 1.15
"""Pieces that together are this many times as wide as high are not parts of one digit."""


@dataclass(frozen=True)
class Piece:
    """Ink of one digit: its box (top, left, bottom, right) and its mask within the box."""

    top: int
    left: int
    bottom: int
    right: int
    mask: Mask

    @property
    def height(self) -> int:
        """Rows of the box."""
        return self.bottom - self.top

    @property
    def width(self) -> int:
        """Columns of the box."""
        return self.right - self.left

    def joined(self, other: Piece) -> Piece:
        """Give both as one."""
        top, left = min(self.top, other.top), min(self.left, other.left)
        bottom, right = max(self.bottom, other.bottom), max(self.right, other.right)
        mask = np.zeros((bottom - top, right - left), bool)
        for each in (self, other):
            rows = slice(each.top - top, each.bottom - top)
            mask[rows, each.left - left : each.right - left] |= each.mask
        return Piece(top, left, bottom, right, mask)

    def part(self, left: int, right: int) -> Piece | None:
        """Give what lies in columns `left` to `right` of the box, None if that is nothing."""
        mask = self.mask[:, left:right]
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not len(rows):
            return None
        rows_, columns_ = (slice(int(at[0]), int(at[-1]) + 1) for at in (rows, columns))
        return Piece(
            self.top + rows_.start, self.left + left + columns_.start,
            self.top + rows_.stop, self.left + left + columns_.stop, mask[rows_, columns_],
        )  # fmt: skip


Line = list[Piece]


class TooManyPieces(Exception):
    """What the ink looks like is no page of digits."""


def find_lines(ink: Ink) -> list[Line]:
    """Find the pieces of ink that may be digits, line by line. Raises TooManyPieces."""
    pieces = [each for each in _pieces(ink.mask) if _is_written(each, ink)]
    if not pieces:
        return []
    usual = usual_height(pieces)
    pieces = [part for piece in pieces for part in _unruled(piece, usual)]
    kept = [each for each in pieces if max(each.height, each.width) >= SPECK * usual]
    if len(kept) > MOST_PIECES:
        raise TooManyPieces(f"more than {MOST_PIECES} pieces of ink: this is no page of digits")
    kept = _stacked(kept, usual)
    lines = [_mended(line, ink.mask.shape) for line in _in_lines(kept, usual)]
    return [line for line in lines if line and usual_height(line) >= LOWEST_LINE * usual]


def _unruled(piece: Piece, usual: float) -> list[Piece]:
    """Give the pieces that are left of one if a rule holds it together, or the piece."""
    if piece.width < LONG * usual or piece.height < LEAST:
        return [piece]
    strokes = without_rule(piece.mask)
    if strokes is None:
        return [piece]
    return [
        replace(
            part, top=part.top + piece.top, bottom=part.bottom + piece.top,
            left=part.left + piece.left, right=part.right + piece.left,
        )
        for part in _connected(strokes)
    ]  # fmt: skip


def _is_written(piece: Piece, ink: Ink) -> bool:
    """Say whether a piece is a stroke of the pen, and not the edge of a shadow or of the paper."""
    if max(piece.height, piece.width) < LEAST:
        return False
    rows, columns = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
    full = float(np.percentile(ink.amount[rows, columns][piece.mask], 80))
    if full < FAINTEST_STROKE or _is_edge(piece, ink.mask.shape):
        return False
    return not (min(piece.height, piece.width) <= HAIR and _goes_on(piece, ink))


def _goes_on(piece: Piece, ink: Ink) -> bool:
    """Say whether a thin piece goes on, fainter, beyond both its ends: it is of a rule."""
    amount, (begin, end), across = ink.amount, (piece.top, piece.bottom), (piece.left, piece.right)
    if piece.width > piece.height:
        amount, (begin, end), across = amount.T, across, (begin, end)
    strip = amount[:, slice(*across)].max(axis=1)
    length = end - begin
    beyond = [part for part in (strip[max(0, begin - length) : begin], strip[end : end + length])
              if len(part)]  # fmt: skip
    return bool(beyond) and all(float(np.median(part)) > FAINT_RULE for part in beyond)


def _is_edge(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Say whether a piece is a shadow or the table that comes in from a side of the picture.

    Digits may touch the sides too, or fill a picture that is cut close to them.
    """
    height, width = shape
    touched = np.array([
        piece.mask[0].sum() * (piece.top == 0),
        piece.mask[-1].sum() * (piece.bottom == height),
        piece.mask[:, 0].sum() * (piece.left == 0),
        piece.mask[:, -1].sum() * (piece.right == width),
    ])  # fmt: skip
    if not touched.any() or max(shape) <= THUMBNAIL:
        return False
    if max(piece.height, piece.width) < SMALL * max(shape):
        return True
    shares = touched / np.array([width, width, height, height])
    fills = min(piece.height / height, piece.width / width) >= 0.9
    if (shares > 0.9).sum() > 1 or (shares.max() > 0.9 and (shares > 0.3).sum() > 1):
        # Else a 1 that fills the picture, with all of its corners or with two.
        corners = piece.mask[[0, 0, -1, -1], [0, -1, 0, -1]].sum()
        return bool(piece.mask.mean() < 0.5 or not fills or corners == 3)
    if fills:
        return False
    longer = max(piece.height, piece.width)
    if min(piece.height, piece.width) < SLIVER * max(shape) and touched.max() > 0.8 * longer:
        return True
    large = max(piece.height / height, piece.width / width) > 0.25
    own = touched / np.array([piece.width, piece.width, piece.height, piece.height])
    in_corner = own[:2].max() > IN_CORNER and own[2:].max() > IN_CORNER
    return bool(in_corner or (large and touched.max() > 0.5 * longer)) and _is_solid(piece)


def _is_solid(piece: Piece) -> bool:
    """Say whether a piece is too thick for its size to be a stroke."""
    thick = 2 * float(ndimage.distance_transform_edt(piece.mask).max())
    return thick > 0.35 * min(piece.height, piece.width)


def is_cut_off(piece: Piece, shape: tuple[int, ...]) -> bool:
    """Say whether a piece touches a side of the picture, which is `shape` large."""
    height, width = shape
    return not (piece.top and piece.left and piece.bottom < height and piece.right < width)


def _pieces(mask: Mask) -> list[Piece]:
    """Give connected ink, diagonals counted, the largest first."""
    pieces = _connected(mask)
    sizes = [int(each.mask.sum()) for each in pieces]
    largest = max(sizes, default=0)
    if largest < FEWEST:
        return []
    order = np.argsort([-size for size in sizes], kind="stable")
    return [pieces[i] for i in order if sizes[i] >= max(SMALLEST, largest / 400)]


def _connected(mask: Mask) -> list[Piece]:
    labels, _ = ndimage.label(mask, np.ones((3, 3), bool))
    sizes = np.bincount(labels.ravel())
    return [
        Piece(rows.start, columns.start, rows.stop, columns.stop, labels[rows, columns] == number)
        for number, (rows, columns) in enumerate(ndimage.find_objects(labels), start=1)
        if sizes[number] >= SMALLEST
    ]


def usual_height(pieces: Sequence[Piece]) -> float:
    """Give the height of a usual digit among pieces."""
    return usual_length([each.height for each in pieces])


def _stacked(pieces: Sequence[Piece], usual: float) -> list[Piece]:
    """Join what lies closely above one another: a digit that is broken across."""
    found: list[Piece] = []
    for piece in sorted(pieces, key=lambda each: each.top):
        for number, other in enumerate(found):
            if _are_stacked(other, piece, usual, len(pieces)):
                found[number] = other.joined(piece)
                break
        else:
            found.append(piece)
    return found


def _are_stacked(upper: Piece, lower: Piece, usual: float, among: int) -> bool:
    """Say whether two pieces are parts of one digit; of few pieces any may be one."""
    common = min(upper.right, lower.right) - max(upper.left, lower.left)
    whole = max(upper.bottom, lower.bottom) - upper.top
    gap = lower.top - upper.bottom
    lowest = min(upper.height, lower.height)
    if among <= FEW and is_bar(upper, lower.height) and common > -BROKEN * whole:
        return lower.left < upper.left and gap <= BROKEN * whole  # the bar of a 5, written last
    least = TORN_OVERLAP if abs(gap) <= TORN * whole else OVERLAP
    return (
        common >= least * min(upper.width, lower.width)
        and -0.2 * whole <= gap <= BROKEN * whole
        and (among <= FEW or (lowest < 0.75 * usual and whole < 1.4 * usual))
        and max(upper.width, lower.width) < 1.3 * whole
    )


def is_bar(piece: Piece, height: float) -> bool:
    """Say whether a piece is a level stroke, of a 5 say, beside what is `height` high."""
    return piece.height < BAR * min(piece.width, 1.5 * height)


def _in_lines(pieces: Sequence[Piece], usual: float) -> list[Line]:
    """Group pieces whose middles lie within one another's heights, along a drifting line."""
    fall = _fall(pieces, usual)

    def drop(piece: Piece) -> float:
        return fall * (piece.left + piece.right) / 2

    lines: list[Line] = []
    for piece in sorted(pieces, key=lambda each: each.left):
        middle = (piece.top + piece.bottom) / 2 - drop(piece)
        best, nearest = None, np.inf
        for line in lines:
            near = sorted(line, key=lambda each: -each.right)[:3]
            tall = [each for each in near if each.height >= 0.5 * usual] or near
            top = float(np.mean([each.top - drop(each) for each in tall]))
            bottom = float(np.mean([each.bottom - drop(each) for each in tall]))
            height = max(bottom - top, 0.6 * usual)
            distance = abs(middle - (top + bottom) / 2) / height
            if distance < min(0.6, nearest):
                best, nearest = line, distance
        if best is None:
            lines.append([piece])
        else:
            best.append(piece)
    return sorted(lines, key=lambda line: float(np.median([p.top - drop(p) for p in line])))


def _fall(pieces: Sequence[Piece], usual: float) -> float:
    """Say how lines fall, rows a column, on a page that lies aslant: 0 unless that is clear.

    At the right slope most pieces are at few heights.
    """
    tall = [each for each in pieces if each.height >= 0.5 * usual]
    if len(tall) < FEWEST_ASLANT:
        return 0.0
    middles = np.array([(each.top + each.bottom) / 2 for each in tall])
    centres = np.array([(each.left + each.right) / 2 for each in tall])

    def fullness(fall: float) -> float:
        places = (middles - fall * centres) / (usual / 4)
        counts = np.bincount((places - places.min()).astype(int)).astype(float)
        return float((np.convolve(counts, [0.5, 1, 0.5]) ** 2).sum())

    full = [fullness(fall) for fall in FALLS]
    best = int(np.argmax(full))
    return float(FALLS[best]) if full[best] > CLEARER * fullness(0.0) else 0.0


def _mended(line: Line, shape: tuple[int, ...]) -> Line:
    """Join the broken strokes of one digit: what lies above, below or within another.

    What a side of the picture cuts off is part of another digit than what is whole.
    """
    height = usual_height(line)
    pieces: Line = []
    for piece in sorted(line, key=lambda each: each.left):
        while (
            pieces
            and is_cut_off(pieces[-1], shape) == is_cut_off(piece, shape)
            and _are_one(pieces[-1], piece, height)
        ):
            piece = pieces.pop().joined(piece)
        pieces.append(piece)
    return [each for each in pieces if each.height >= 0.35 * height or each.width >= 0.6 * height]


def _are_one(first: Piece, second: Piece, height: float) -> bool:
    """Say whether two neighbours are parts of one digit."""
    together = max(first.right, second.right) - first.left
    common = min(first.right, second.right) - max(first.left, second.left)
    narrower = min(first.width, second.width)
    both_tall = min(first.height, second.height) > 0.7 * height
    whole = max(first.bottom, second.bottom) - min(first.top, second.top)
    if together > WIDE * max(height, whole) or (both_tall and common < 0.8 * narrower):
        return False
    gap = max(first.top, second.top) - min(first.bottom, second.bottom)
    over = common >= 0.4 * narrower and gap < 0.35 * height
    # The bar of a 5 or a 7 that ends before the stem: short, close, at the side.
    lower = min(first.height, second.height)
    beside = common > (-0.2 if lower < 0.25 * height else -0.12) * height and lower < 0.45 * height
    return over or (beside and gap < 0.1 * height)


def cuts(piece: Piece, height: float) -> list[int]:
    """Give columns at which a piece might be cut in two: where there is little ink to cut."""
    ink = piece.mask.sum(axis=0).astype(float)
    smooth = ndimage.gaussian_filter1d(ink, max(1.0, 0.03 * height))
    margin = max(2, round(0.2 * height))
    inner = smooth[margin:-margin] if len(smooth) > 2 * margin else smooth[:0]
    if not len(inner):
        return []
    lows = [
        i + margin
        for i in range(len(inner))
        if inner[i] == inner[max(0, i - margin // 2) : i + margin // 2 + 1].min()
    ]
    return _apart(lows, max(2, margin // 2))


def _apart(places: Sequence[int], least: int) -> list[int]:
    """Leave one of places that are nearer than `least` to each other."""
    kept: list[int] = []
    for place in places:
        if not kept or place - kept[-1] >= least:
            kept.append(place)
    return kept
