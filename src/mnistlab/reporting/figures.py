"""The figures of one run: plain data in, PNG bytes out.

What a figure shows is computed first, as a small dataclass or array, by a public function that
tests can ask (`curve_panels`, `confusion_cells`, `mosaic`, ...); drawing it decides nothing. All
of one run's figures together draw in about a third of a second on one core; see `style` for how.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mnistlab.evaluation.scores import Mistake
from mnistlab.reporting import style
from mnistlab.reporting.style import (
    KEY,
    LABEL,
    SMALL,
    STRONG,
    TINY,
    TITLE,
    Letters,
    Picture,
    fit,
    text_width,
)

Array = npt.NDArray[Any]

NUMBERED_CLASSES = 20  # a confusion matrix of more classes has no room for numbers
UNITS_SHOWN = 64
PANEL_WIDTH = 340  # pixels of one panel of the learning curves
LINES = {"train": (style.BLUE, "o", "●"), "val": (style.VERMILION, "s", "■")}
BONE = colormaps["bone"].with_extremes(bad=style.NIGHT)
DIVERGING = style.DIVERGING.with_extremes(bad=style.PAPER)


@dataclass(frozen=True)
class Panel:
    """One panel of the learning curves; `lines` maps "train" and "val" to a value an epoch."""

    title: str
    epochs: tuple[int, ...]
    lines: Mapping[str, tuple[float, ...]]


@dataclass(frozen=True)
class Cells:
    """A confusion matrix as drawn, (C, C).

    `heat` is the square root of each count's share of its row, relative to the largest off the
    diagonal (`largest`, a share of a row), so in 0..1; NaN on the diagonal, which is not coloured
    by it. `text` is the counts, empty for zero off the diagonal, or None beyond NUMBERED_CLASSES.
    """

    heat: npt.NDArray[np.float64]
    largest: float
    text: tuple[tuple[str, ...], ...] | None


# --- learning curves ------------------------------------------------------------------------


def curve_panels(history: Mapping[str, Sequence[float]]) -> tuple[Panel, ...]:
    """Return the panels "loss" and "accuracy", as far as `history` has them; else no panels.

    `history` is that of `keras.callbacks.History`: a value an epoch for each of loss, accuracy,
    val_loss, val_accuracy. Values that are not finite become NaN, a gap in the line.
    """
    panels = []
    for title in ("loss", "accuracy"):
        names = {"train": title, "val": f"val_{title}"}
        lines = {who: _finite(history[key]) for who, key in names.items() if history.get(key)}
        if lines:
            epochs = max(len(values) for values in lines.values())
            panels.append(Panel(title, tuple(range(1, epochs + 1)), lines))
    return tuple(panels)


def learning_curves(history: Mapping[str, Sequence[float]]) -> bytes:
    """Draw loss at left and accuracy at right against the epoch, with each line's last value."""
    panels = curve_panels(history)
    width, height, left, above, below = PANEL_WIDTH + 88, 310, 62, 48, 54
    fig = style.figure(max(1, len(panels)) * width, height)
    for i, panel in enumerate(panels):
        ax = style.axes(fig, i * width + left, above, PANEL_WIDTH, height - above - below)
        _draw_lines(ax, panel)
    picture = style.rendered(fig)
    for i, panel in enumerate(panels):
        _write_key(picture, panel, i * width + left)
    return picture.png()


def _draw_lines(ax: Axes, panel: Panel) -> None:
    """Draw one panel's lines; with few epochs each is a point too."""
    marked = len(panel.epochs) <= 30
    for name, values in panel.lines.items():
        colour, marker, _ = LINES[name]
        x = panel.epochs[: len(values)]
        ax.plot(x, values, color=colour, marker=marker if marked else "", ms=4, lw=1.8)
    if not any(math.isfinite(v) for values in panel.lines.values() for v in values):
        ax.text(0.5, 0.5, "no finite values", transform=ax.transAxes, ha="center", color=style.INK)
    _epoch_axis(ax, len(panel.epochs))
    ax.yaxis.set_major_locator(MaxNLocator(5))
    if panel.title == "accuracy":
        ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{100 * y:.4g} %"))
    ax.grid(axis="y", color=style.LINE, lw=0.6)
    ax.set_axisbelow(True)


def _write_key(picture: Picture, panel: Panel, left: int) -> None:
    """Write the title and what the lines are above the axes, where no line can run."""
    picture.write((left, 30), panel.title, TITLE)
    right: float = left + PANEL_WIDTH
    for name in reversed(tuple(panel.lines)):
        colour, _, sign = LINES[name]
        key = f"{sign} {name} {last_value(panel.title, panel.lines[name][-1])}"
        picture.write((right, 30), key, KEY, colour, "rs")
        right -= text_width(key, KEY) + 14


def _epoch_axis(ax: Axes, epochs: int) -> None:
    """Whole epochs only; half an epoch of air, so that a single one stands in the middle."""
    air = max(0.5, epochs / 50)
    ax.set_xlim(1 - air, epochs + air)
    if epochs <= 12:
        ax.set_xticks(range(1, epochs + 1))
    else:
        ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=2))
    ax.set_xlabel("epoch", fontsize=LABEL.points, color=style.MUTED)


def last_value(title: str, value: float) -> str:
    """Write a value of the panel `title` as its axis does."""
    if not math.isfinite(value):
        return "not finite"
    return f"{100 * value:.2f} %" if title == "accuracy" else f"{value:.4g}"


def _finite(values: Sequence[float]) -> tuple[float, ...]:
    """Return the values with NaN for what is not finite (a null from JSON too)."""
    return tuple(v if v is not None and math.isfinite(v) else math.nan for v in values)


# --- confusion ------------------------------------------------------------------------------


def confusion_cells(confusion: npt.NDArray[np.integer[Any]]) -> Cells:
    """Compute what a confusion matrix (C, C), rows true, looks like; see `Cells`."""
    counts = np.asarray(confusion, np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    np.fill_diagonal(share, 0)
    largest = float(share.max(initial=0))
    heat = np.sqrt(share / largest) if largest else share
    np.fill_diagonal(heat, np.nan)
    if len(counts) > NUMBERED_CLASSES:
        return Cells(heat, largest, None)
    text = tuple(
        tuple(str(int(v)) if v or i == j else "" for j, v in enumerate(row))
        for i, row in enumerate(counts.tolist())
    )
    return Cells(heat, largest, text)


def confusion_matrix(confusion: npt.NDArray[np.integer[Any]], class_names: Sequence[str]) -> bytes:
    """Draw the confusion matrix (C, C) so that its mistakes are seen, not its diagonal."""
    cells = confusion_cells(confusion)
    names = [fit(name, 16) for name in class_names]
    count = len(names)
    cell = 50 if count <= 12 else 40 if count <= NUMBERED_CLASSES else 16
    letters = LABEL if count <= NUMBERED_CLASSES else TINY
    reach = max(text_width(name, letters) for name in names)
    # Names lie flat below the matrix where they fit in their columns.
    slant = 0 if reach < cell - 4 else 90 if cell < 30 else 40
    drop = 16 if slant == 0 else reach * math.sin(math.radians(slant)) + 12
    left, top, side = round(reach) + 48, 62, cell * count
    picture = style.blank(max(left + side + 24, 420), top + side + round(drop) + 38)
    picture.paint(_cell_pixels(cells, cell), left, top)
    _write_counts(picture, cells, cell, (left, top))
    for c, name in enumerate(names):
        middle = (c + 0.5) * cell
        picture.write((left - 8, top + middle), name, letters, anchor="rm")
        below = (left + middle, top + side + 8)
        if slant:
            picture.write_turned(below, name, slant, letters)
        else:
            picture.write(below, name, letters, anchor="ma")
    _write_axes(picture, cells, (left, top, side))
    return picture.png()


def _write_axes(picture: Picture, cells: Cells, square: tuple[int, int, int]) -> None:
    """Write the title, what the colour means, and what rows and columns are."""
    left, top, side = square
    picture.write((left, top - 34), "confusion matrix", TITLE)
    scale = "none off the diagonal"
    if cells.largest:
        scale = f"the strongest colour is {100 * cells.largest:.2g} % of its row"
    picture.write((left, top - 14), f"mistakes: {scale}", SMALL, style.MUTED)
    below = (left + side / 2, picture.image.height - 12)
    picture.write(below, "predicted", LABEL, style.MUTED, "ms")
    end = top + side / 2 - text_width("true") / 2
    picture.write_turned((20, end), "true", 90, LABEL, style.MUTED)


def _cell_pixels(cells: Cells, cell: int) -> npt.NDArray[np.uint8]:
    """Return the coloured cells, uint8 (side, side, 3), with a thin line between them."""
    cmap = style.HEAT.with_extremes(bad="#e3e6ea")
    pixels = style.colours(cells.heat, cmap, (0, 1), cell)
    line = np.array([217, 220, 225], np.uint8)
    for first in (0, cell - 1) if cell > 20 else (0,):
        pixels[first::cell] = line
        pixels[:, first::cell] = line
    return pixels


def _write_counts(picture: Picture, cells: Cells, cell: int, corner: tuple[int, int]) -> None:
    """Write the counts, light on dark, if there is room."""
    if cells.text is None:
        return
    widest = max(text_width(text) for row in cells.text for text in row)
    letters = Letters(LABEL.points * min(1.0, (cell - 4) / widest))
    for (i, j), heat in np.ndenumerate(cells.heat):
        if text := cells.text[i][j]:
            at = (corner[0] + (j + 0.5) * cell, corner[1] + (i + 0.5) * cell)
            colour = style.PAPER if heat > 0.6 else style.INK
            picture.write(at, text, letters, colour, "mm")


# --- sheets of pictures ---------------------------------------------------------------------


def mosaic(tiles: Array, columns: int, gap: int = 2) -> npt.NDArray[np.float64]:
    """Lay `tiles` (n, h, w) in rows of `columns`, `gap` pixels apart; what is empty is NaN.

    >>> mosaic(np.ones((3, 1, 1)), columns=2, gap=1)
    array([[ 1., nan,  1.],
           [nan, nan, nan],
           [ 1., nan, nan]])
    """
    n, height, width = tiles.shape
    rows = -(-n // columns)
    grid = np.full((rows * columns, height + gap, width + gap), np.nan)
    grid[:n, :height, :width] = tiles
    grid = grid.reshape(rows, columns, height + gap, width + gap).swapaxes(1, 2)
    sheet = grid.reshape(rows * (height + gap), columns * (width + gap))
    return sheet[: rows * (height + gap) - gap, : columns * (width + gap) - gap]


def sample_sheet(images: Array, class_names: Sequence[str], counts: Sequence[int]) -> bytes:
    """Draw `images` uint8 (C, k, 28, 28), a row a class, with its name and its `counts` (C,)."""
    classes, k, height, width = images.shape
    scale = 2 if classes <= NUMBERED_CLASSES else 1
    sheet = mosaic(images.reshape(classes * k, height, width), k)
    names = [fit(name, 16) for name in class_names]
    numbers = [f"{count:,}" for count in counts]
    name_width = round(max(text_width(name, STRONG) for name in names))
    left = 18 + name_width + 16 + round(max(text_width(n, SMALL) for n in numbers)) + 14
    pixels = style.colours(sheet, BONE, (0, 255), scale)
    picture = style.blank(left + pixels.shape[1] + 18, pixels.shape[0] + 36, style.NIGHT)
    picture.paint(pixels, left, 18)
    for c, (name, number) in enumerate(zip(names, numbers, strict=True)):
        y = 18 + scale * (c * (height + 2) + height / 2)
        picture.write((18, y), name, STRONG, style.NIGHT_INK, "lm")
        picture.write((left - 14, y), number, SMALL, style.NIGHT_MUTED, "rm")
    return picture.png()


def captions(mistake: Mistake, class_names: Sequence[str]) -> tuple[str, str]:
    """Return the two lines below a mistake.

    >>> captions(Mistake(7, true=4, predicted=9, confidence=0.987, probability_of_true=0.01),
    ...          "0123456789")
    ('says 9 (99 %)', 'is 4')
    """
    says, true = (fit(class_names[c], 13) for c in (mistake.predicted, mistake.true))
    sure = ">99 %" if mistake.confidence >= 0.995 else f"{100 * mistake.confidence:.0f} %"
    return f"says {says} ({sure})", f"is {true}"


def mistakes(images: Array, worst: Sequence[Mistake], class_names: Sequence[str]) -> bytes:
    """Draw `images` (m, 28, 28), each with what the model says below it and what it is."""
    if len(images) == 0:
        picture = style.blank(420, 90, style.NIGHT)
        picture.write((210, 45), "No mistakes to show.", LABEL, style.NIGHT_INK, "mm")
        return picture.png()
    lines = [captions(mistake, class_names) for mistake in worst[: len(images)]]
    scale, edge, below = 3, 18, 54
    tile_height, tile_width = images.shape[1] * scale, images.shape[2] * scale
    widest = max(text_width(line, SMALL) for pair in lines for line in pair)
    cell = round(max(tile_width, widest)) + 18
    rows = -(-len(images) // max(3, 760 // cell))
    columns = -(-len(images) // rows)  # rows of like length
    height = rows * (tile_height + below) + 2 * edge - 12
    picture = style.blank(columns * cell + 2 * edge, height, style.NIGHT)
    for i, (image, (says, true)) in enumerate(zip(images, lines, strict=True)):
        left, top = edge + (i % columns) * cell, edge + (i // columns) * (tile_height + below)
        middle, bottom = left + cell / 2, top + tile_height
        pixels = style.colours(image, BONE, (0, 255), scale)
        picture.paint(pixels, round(middle - tile_width / 2), top)
        picture.write((middle, bottom + 16), says, SMALL, style.NIGHT_ACCENT, "ms")
        picture.write((middle, bottom + 31), true, SMALL, style.NIGHT_INK, "ms")
    return picture.png()


def weight_limit(weights: npt.NDArray[np.floating[Any]]) -> float:
    """Return the 99.5th percentile of |weight| over the finite ones; 1.0 if that is no scale.

    One stray weight would else turn all the rest white.
    """
    finite = np.abs(weights[np.isfinite(weights)])
    limit = float(np.quantile(finite, 0.995)) if finite.size else 0.0
    return limit or 1.0


def first_layer(weights: npt.NDArray[np.floating[Any]]) -> bytes:
    """Draw the first UNITS_SHOWN of `weights` float32 (units, 28, 28) on one symmetric scale."""
    units = len(weights)
    shown = weights[:UNITS_SHOWN]
    limit = weight_limit(shown)
    edge, top = 16, 60
    pixels = style.colours(mosaic(shown, min(units, 16)), DIVERGING, (-limit, limit), 2)
    height, width, _ = pixels.shape
    picture = style.blank(max(width + 2 * edge, 560), height + edge + top)
    picture.paint(pixels, edge, top)
    which = (
        f"{units} units" if units <= UNITS_SHOWN else f"the first {UNITS_SHOWN} of {units} units"
    )
    picture.write((edge, 28), f"weights of the first layer: {which}", TITLE)
    key = f"ink on red raises the unit, ink on blue lowers it; full colour at ±{limit:.2g}"
    if not np.isfinite(shown).any():
        key = "none of the weights is a finite number"
    picture.write((edge, 47), key, SMALL, style.MUTED)
    return picture.png()


def digit(image: Array, label: str | int) -> bytes:
    """Draw one picture (28, 28), of any range, as `plt.imshow(x, cmap='bone')` does."""
    fig = style.figure(440, 460)
    ax = style.axes(fig, 40, 46, 384, 384)
    ax.imshow(image, cmap="bone", interpolation="nearest")
    ax.spines[:].set_visible(False)
    picture = style.rendered(fig)
    picture.write((40, 30), fit(f"y value: {label}", 48), TITLE)
    return picture.png()
