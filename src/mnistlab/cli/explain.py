"""A digit explained, for a terminal: what the network saw, where the evidence lies, alternatives.

Where there are colours, two rows of pixels are one of half blocks; elsewhere ink is characters,
the more ink the darker, and evidence + and # for the digit, - and = against it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mnistlab.cli.console import results

if TYPE_CHECKING:
    from rich.text import Text

    from mnistlab.reading.explain import Explained

DARKER = " .:-=+*#%@"
STRONG, CLEAR = 0.5, 0.1
"""Evidence, of 1, that is drawn as strong, and as some."""
BAR = 18
GAP = "  "


def show(name: str, found: Sequence[Explained]) -> None:
    """Draw digits, each as a block of 80 columns, or 60 where there are no more."""
    console = results()
    coloured = console.color_system not in (None, "standard", "windows")
    signs = "blue: for it, orange: against it" if coloured else "+ #: for it, - =: against it"
    if found:
        print(f"{name}: what the network saw, and the evidence for the digit ({signs})")
    for each in found:
        with console.capture() as captured:
            console.print(heading(name, each), style="bold", soft_wrap=True)
            for line in block(each, coloured, wide=console.width >= 80):
                line.rstrip()
                console.print(line, soft_wrap=True)
        print(captured.get(), flush=True)


def heading(name: str, each: Explained) -> str:
    """Say which digit of which picture it is, and how sure the network is."""
    from mnistlab.reading.explain import percent

    left, top, width, height = each.digit.box
    digit = each.digit
    return (
        f"{name}, {each.number}: {digit.character}, {percent(digit.confidence)}, "
        f"{width} x {height} at {left}, {top}"
    )


def block(each: Explained, coloured: bool, wide: bool) -> Iterator[Text]:
    """Give the lines: the image, the evidence, beside or below them the alternatives."""
    from rich.text import Text

    pictures: Iterable[tuple[Text, Text]]
    if coloured:
        pictures = zip(_half_blocks(each.seen), _half_blocks(each.tinted), strict=True)
    else:
        pictures = zip(_ink(each.digit.image), _evidence(each), strict=True)
    both = [Text.assemble(left, GAP, right) for left, right in pictures]
    if not wide:
        yield from both
        yield from (Text(" ").join(_bar(*share, coloured)) for share in each.shares)
        return
    none = Text()
    bars = [none, *(line for share in each.shares for line in (*_bar(*share, coloured), none))]
    for picture, bar in zip_longest(both, bars[: len(both)], fillvalue=none):
        yield Text.assemble(picture, GAP, bar)


def _bar(name: str, share: float, coloured: bool) -> tuple[Text, Text]:
    """Give an alternative with its probability, and the bar for it."""
    from rich.text import Text

    from mnistlab.reading.explain import FOR, percent

    full, least = ("█", "▏") if coloured else ("#", ".")
    bar = full * round(BAR * share) or least
    return Text(f"{name:<9}{percent(share):>6}"), Text(bar, style=_hex(FOR) if coloured else "")


def _half_blocks(rgb: npt.NDArray[np.uint8]) -> list[Text]:
    """Draw (h, w, 3) as h / 2 lines: the upper pixel is a half block, the lower its ground."""
    from rich.text import Text

    lines = []
    for upper, lower in zip(rgb[::2], rgb[1::2], strict=True):
        pairs = zip(map(_hex, upper.tolist()), map(_hex, lower.tolist()), strict=True)
        runs = ((pair, len(list(alike))) for pair, alike in groupby(pairs))
        lines.append(Text.assemble(*(("▀" * n, f"{a} on {b}") for (a, b), n in runs)))
    return lines


def _hex(colour: Any) -> str:
    return "#" + bytes(colour).hex()


def _ink(image: npt.NDArray[np.uint8]) -> list[Text]:
    """Draw (28, 28) as 14 lines of characters."""
    amounts = np.rint(_halved(image / 255) * (len(DARKER) - 1)).astype(int)
    return _lines([[DARKER[amount] for amount in row] for row in amounts])


def _evidence(each: Explained) -> list[Text]:
    strength, ink = _halved(each.strength), _halved(each.digit.image / 255)
    signs = np.where(ink > 0.2, ".", " ")
    for limit, signs_for, signs_against in ((CLEAR, "+", "-"), (STRONG, "#", "=")):
        signs = np.where(strength > limit, signs_for, signs)
        signs = np.where(strength < -limit, signs_against, signs)
    return _lines(signs.tolist())


def _halved(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(values.reshape(14, 2, 28).mean(axis=1))


def _lines(rows: list[list[str]]) -> list[Text]:
    from rich.text import Text

    return [Text("".join(row)) for row in rows]
