"""One look for all figures: colours, sizes, axes, text, and PNG bytes that are the same every time.

Curves are drawn by Matplotlib, without pyplot and without touching rcParams, both of which are
global state, so figures can be drawn in any thread. Pictures, cells and the text around them are
put down by Pillow: 1 to 2 ms a word in Matplotlib, 0.1 ms here, and a figure has a hundred.
Every length is in pixels from the upper left corner; DPI turns points into them. Layout is
computed, not solved: `tight_layout` and its kind draw everything twice.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

DPI = 110

# M. Okabe and K. Ito (2008), "Color universal design": told apart by the colour-blind.
BLUE, VERMILION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#000000"
PALETTE = (BLUE, VERMILION, GREEN, ORANGE, SKY, PURPLE, BLACK, YELLOW)

INK, MUTED, LINE, PAPER = "#1b1f27", "#5f6673", "#d9dce1", "#ffffff"
# Sheets of pictures are white on black as the pictures are, by day and by night.
NIGHT, NIGHT_INK, NIGHT_MUTED, NIGHT_ACCENT = "#10131a", "#eef0f4", "#a3abb9", "#ffb46b"

HEAT = LinearSegmentedColormap.from_list(
    "mnistlab-heat", ["#ffffff", "#fbd9be", "#f0a264", VERMILION, "#7c3400"]
)
DIVERGING = LinearSegmentedColormap.from_list(
    "mnistlab-diverging", ["#00395a", BLUE, "#9ccbe6", "#ffffff", "#f5b78d", VERMILION, "#6e2f00"]
)


@dataclass(frozen=True)
class Letters:
    """How text is set: a size in points, and bold or not."""

    points: float
    bold: bool = False


TITLE, STRONG, KEY = Letters(11, True), Letters(9, True), Letters(8, True)
LABEL, SMALL, TINY = Letters(9), Letters(8), Letters(7)


class Picture:
    """A picture in the making, RGB, to paint and write on; then its PNG."""

    def __init__(self, image: Image.Image) -> None:
        """Go on from `image`; `blank` and `rendered` make one."""
        self.image = image
        self._draw = ImageDraw.Draw(image)

    def paint(self, rgb: npt.NDArray[np.uint8], left: int, top: int) -> None:
        """Put down `rgb` uint8 (h, w, 3), pixel for pixel."""
        self.image.paste(Image.fromarray(rgb), (left, top))

    def write(
        self,
        at: tuple[float, float],
        text: str,
        letters: Letters = LABEL,
        colour: str = INK,
        anchor: str = "ls",
    ) -> None:
        """Write `text` at a point, which is the `anchor` of it.

        Anchors are Pillow's: l, m or r across; a (top), m or s (baseline) along.
        """
        self._draw.text(at, text, fill=colour, font=_font(letters), anchor=anchor)

    def write_turned(
        self,
        end: tuple[float, float],
        text: str,
        degrees: float,
        letters: Letters = LABEL,
        colour: str = INK,
    ) -> None:
        """Write `text` turned anticlockwise, so that it ends at `end`, halfway up the letters."""
        width, height = math.ceil(text_width(text, letters)) + 2, round(letters.points * 2.2)
        mask = Image.new("L", (width, height))
        ImageDraw.Draw(mask).text((1, height / 2), text, 255, _font(letters), anchor="lm")
        mask = mask.rotate(degrees, Image.Resampling.BICUBIC, expand=True)
        turn = math.radians(degrees)
        x = end[0] - width / 2 * math.cos(turn) - mask.width / 2
        y = end[1] + width / 2 * math.sin(turn) - mask.height / 2
        self.image.paste(colour, (round(x), round(y)), mask)

    def png(self) -> bytes:
        """Return the picture as PNG; the same picture gives the same bytes (no date, no version).

        Level 1 is four times as fast as the usual 6, for a fifth more bytes.
        """
        stream = io.BytesIO()
        self.image.save(stream, "PNG", compress_level=1)
        return stream.getvalue()


def blank(width: int, height: int, background: str = PAPER) -> Picture:
    """Return an empty picture."""
    return Picture(Image.new("RGB", (width, height), background))


def figure(width: int, height: int) -> Figure:
    """Return an empty Matplotlib figure of that many pixels, which belongs to no window."""
    return Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor=PAPER)


def axes(fig: Figure, left: int, top: int, width: int, height: int) -> Axes:
    """Add axes with quiet lines left and below and small labels."""
    across, up = fig.get_figwidth() * DPI, fig.get_figheight() * DPI
    box = (left / across, 1 - (top + height) / up, width / across, height / up)
    ax = fig.add_axes(box)
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(LINE)
    ax.tick_params(colors=MUTED, labelsize=SMALL.points, length=3, color=LINE)
    return ax


def rendered(fig: Figure) -> Picture:
    """Draw the figure and return it as a picture, to write on."""
    canvas: Any = FigureCanvasAgg(fig)
    canvas.draw()
    return Picture(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy()))


def colours(
    values: npt.NDArray[np.floating[Any]], cmap: Colormap, limits: tuple[float, float], scale: int
) -> npt.NDArray[np.uint8]:
    """Colour `values` (h, w) between `limits`, each as `scale` by `scale` pixels of RGB uint8.

    NaN gets the map's `bad` colour.
    """
    lo, hi = limits
    rgb = cmap(np.ma.masked_invalid((values - lo) / (hi - lo)), bytes=True)[..., :3]
    return np.repeat(np.repeat(rgb, scale, axis=0), scale, axis=1).astype(np.uint8, copy=False)


def text_width(text: str, letters: Letters = LABEL) -> float:
    """Return how many pixels wide `text` is."""
    return _font(letters).getlength(text)


def fit(text: str, most: int) -> str:
    """Return `text` in at most `most` characters, with '?' for those that the font lacks."""
    glyphs = _glyphs()
    text = "".join(c if ord(c) in glyphs else "?" for c in text)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _font_file(bold: bool) -> Path:
    """Return the font that comes with Matplotlib, so that every machine writes alike."""
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(matplotlib.get_data_path(), "fonts", "ttf", name)


@lru_cache(maxsize=16)
def _font(letters: Letters) -> ImageFont.FreeTypeFont:
    """Load the font at its size; the basic layout needs no library that may be missing."""
    size = letters.points * DPI / 72
    return ImageFont.truetype(_font_file(letters.bold), size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def _glyphs() -> frozenset[int]:
    """Return the code points that the font can draw."""
    return frozenset(FT2Font(str(_font_file(False))).get_charmap())
