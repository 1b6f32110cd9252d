"""Digits explained, drawn: a card for each with what the network saw, the evidence, alternatives.

It stands on `reporting.style`, and so loads Matplotlib, for its font.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import SIDE
from mnistlab.files import write_atomic
from mnistlab.reading.explain import AGAINST, FOR, Explained, percent
from mnistlab.reporting import style
from mnistlab.reporting.style import KEY, LABEL, SMALL, TITLE, Picture

ACROSS = 4
SCALE = 5
SQUARE = SCALE * SIDE
GAP, EDGE = 8, 28
HEAD, TOP, ROW = 78, 26, 20  # of the sheet, of a card, of an alternative
NAMES, NUMBERS = 74, 52  # room beside the bars
WIDTH = 2 * SQUARE + GAP
FAINT = "#2a2f3a"


@dataclass(frozen=True)
class Layout:
    """Where cards go, in pixels."""

    columns: int
    rows: int
    height: int  # of a card

    def corner(self, index: int) -> tuple[int, int]:
        """Give left and top of a card."""
        row, column = divmod(index, self.columns)
        return EDGE + column * (WIDTH + EDGE), HEAD + row * (self.height + EDGE)

    @property
    def size(self) -> tuple[int, int]:
        """The whole sheet's width and height."""
        left, top = self.corner(self.columns * self.rows - 1)
        return left + WIDTH + EDGE, top + self.height + EDGE


def layout(count: int, alternatives: int) -> Layout:
    """Lay out cards with so many alternatives each; two beside each other at least."""
    columns = min(max(count, 2), ACROSS)
    return Layout(columns, -(-count // columns), TOP + SQUARE + GAP + alternatives * ROW)


def save_sheet(title: str, found: Sequence[Explained], total: int, target: Path) -> None:
    """Draw the explained ones of `total` digits as PNG."""
    plan = layout(len(found), len(found[0].shares))
    picture = style.blank(*plan.size, style.NIGHT)
    said = title if total == len(found) else f"{title}: the first {len(found)} of {total} digits"
    picture.write((EDGE, 34), style.fit(said, 60), TITLE, style.NIGHT_INK)
    left = float(EDGE)
    for text, colour in (
        ("What the network saw, and what of it speaks", style.NIGHT_MUTED),
        ("for the digit", _hex(FOR)),
        ("or", style.NIGHT_MUTED),
        ("against it", _hex(AGAINST)),
    ):
        picture.write((left, 56), text, SMALL, colour)
        left += style.text_width(text + " ", SMALL)
    for index, each in enumerate(found):
        _card(picture, each, *plan.corner(index))
    write_atomic(target, picture.png())


def _card(picture: Picture, each: Explained, left: int, top: int) -> None:
    digit = each.digit
    picture.write((left, top + 14), str(each.number), SMALL, style.NIGHT_MUTED)
    sure = style.NIGHT_ACCENT if digit.digit is None else style.NIGHT_INK
    picture.write((left + SQUARE, top + 14), digit.character, TITLE, sure, "rs")
    picture.write((left + WIDTH, top + 14), percent(digit.confidence), LABEL, sure, "rs")
    picture.paint(_enlarged(each.seen), left, top + TOP)
    picture.paint(_enlarged(each.tinted), left + SQUARE + GAP, top + TOP)
    for index, (name, share) in enumerate(each.shares):
        line = top + TOP + SQUARE + GAP + index * ROW + ROW // 2
        letters, colour = (KEY, style.NIGHT_INK) if index == 0 else (SMALL, style.NIGHT_MUTED)
        picture.write((left, line), name, letters, colour, "lm")
        picture.write((left + WIDTH, line), percent(share), letters, colour, "rm")
        _bar(picture, share, left + NAMES, line, WIDTH - NAMES - NUMBERS)


def _bar(picture: Picture, share: float, left: int, middle: int, width: int) -> None:
    bar = np.empty((8, width, 3), np.uint8)
    bar[:] = tuple(bytes.fromhex(FAINT[1:]))
    bar[:, : round(width * share)] = FOR
    picture.paint(bar, left, middle - 4)


def _enlarged(rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    return np.repeat(np.repeat(rgb, SCALE, axis=0), SCALE, axis=1)


def _hex(colour: tuple[int, int, int]) -> str:
    return f"#{bytes(colour).hex()}"
