"""What a study's figures are drawn with: a figure as SVG and PNG, looks of arms, axes, keys.

All lengths are pixels from the upper left corner, as in `style`. Axes are linear for Matplotlib:
rates go in as logarithms and accuracies as `depth`, and the ticks are set here, which is quicker
than its log scales and lets a key say what is on them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mnistlab.reporting import style
from mnistlab.reporting.style import KEY, LABEL, SMALL, STRONG, TITLE, Letters, fit, text_width

ACROSS = 430  # pixels of the axis of a `row_chart`
NAME = 34  # characters of an arm's name that are shown
ROW = 20  # pixels of a line of a key
COLOURS = (*style.PALETTE[:5], style.PURPLE, style.BLACK)  # yellow is too pale for a line
LINES: tuple[Any, ...] = ("-", (0, (3.2, 1.8)), (0, (1, 1.3)), (0, (5, 1.5, 1, 1.5)))
MARKERS = "os^DvPXp"
ENOUGH = 5  # ticks
BEST = 1e-4  # an error below this is drawn as this
MANTISSAS = ((1,), (5, 2), (3, 4, 7), (1.5, 2.5, 3.5))  # of ticks, the roundest first

_SALT = Lock()


@dataclass(frozen=True)
class Look:
    """How an arm is drawn, the same in every figure."""

    colour: str
    line: Any
    marker: str


def look(place: int) -> Look:
    """Return the look of the arm at a place: 7 colours; 4 lines, one for each 7 arms; 8 markers."""
    colours, lines = len(COLOURS), len(LINES)
    return Look(
        COLOURS[place % colours], LINES[place // colours % lines], MARKERS[place % len(MARKERS)]
    )


class Chart:
    """A figure in the making, with a title, and a caption below it."""

    def __init__(self, size: tuple[float, float], title: str, caption: str) -> None:
        """Begin with an empty one of so many pixels, or wider if its words need that."""
        words = max(text_width(title, TITLE), text_width(caption, SMALL))
        self.width, self.height = round(max(size[0], words + 32)), round(size[1])
        self.figure = style.figure(self.width, self.height)
        self.write((16, 26), title, TITLE)
        self.write((16, 45), caption, SMALL, style.MUTED)

    def axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Add axes in a box, with a quiet grid."""
        ax = style.axes(self.figure, round(left), round(top), round(width), round(height))
        ax.grid(color=style.LINE, lw=0.6)
        ax.set_axisbelow(True)
        return ax

    def write(
        self,
        at: tuple[float, float],
        text: str,
        letters: Letters = LABEL,
        colour: str = style.INK,
        anchor: str = "left",
    ) -> None:
        """Write on a baseline, from the left, the center or to the right of a point."""
        self.figure.text(
            at[0] / self.width,
            1 - at[1] / self.height,
            fit(text, 400),
            ha=anchor,
            va="baseline",
            color=colour,
            fontsize=letters.points,
            fontweight="bold" if letters.bold else "normal",
            fontfamily="DejaVu Sans",
            parse_math=False,
        )

    def key(self, left: float, top: float, arms: Sequence[tuple[int, str]]) -> None:
        """Write which arm looks how, a line each."""
        for i, (place, name) in enumerate(arms):
            y = top + ROW * i
            x = [(left + across) / self.width for across in (0, 24, 48)]
            own = look(place)
            line = Line2D(x, [1 - (y - 4) / self.height] * 3, color=own.colour, ls=own.line, lw=1.6)
            line.set(marker=own.marker, ms=4.5, markevery=[1])
            self.figure.add_artist(line)
            self.write((left + 56, y), fit(name, NAME), SMALL)

    def png(self) -> bytes:
        """Return the figure as PNG; the same figure gives the same bytes."""
        return style.rendered(self.figure).png()

    _repr_png_ = png

    def svg(self) -> bytes:
        """Return the figure as SVG, its letters as paths; the same figure gives the same bytes.

        Matplotlib takes the salt of its names from its global settings alone; they are as before
        when this returns.
        """
        stream = io.BytesIO()
        before = self.figure.dpi
        mine: Any = {"svg.hashsalt": "mnistlab", "svg.fonttype": "path"}
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        canvas: Any = FigureCanvasSVG(self.figure)
        with _SALT, matplotlib.rc_context(mine):
            canvas.print_svg(stream, metadata=nothing)
        self.figure.dpi = before
        return stream.getvalue()


# --- layouts --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """A line of a `row_chart`: what stands to its left and to its right, and in which colour."""

    label: str
    said: str
    colour: str = style.INK


def row_chart(
    head: tuple[str, str], lines: Sequence[Line], below: str, step: int = 24
) -> tuple[Chart, Axes, list[float]]:
    """Lay out lines below each other with one axis; return also the height `y` of each line.

    `head` is title and caption; `below` says what is on the axis, whose limits are the caller's.
    """
    left = 30 + max(text_width(line.label) for line in lines)
    right = 40 + max(text_width(line.said, SMALL) for line in lines)
    height, top = step * len(lines) + 8, 62
    chart = Chart((left + ACROSS + right, top + height + 50), *head)
    ax = chart.axes(left, top, ACROSS, height)
    places = [step * (i + 0.5) + 4 for i in range(len(lines))]
    for line, y in zip(lines, places, strict=True):
        chart.write((left - 12, top + y + 5), line.label, LABEL, line.colour, "right")
        chart.write((left + ACROSS + 12, top + y + 5), line.said, SMALL, line.colour)
    ax.set_ylim(height, 0)
    ax.set_yticks([])
    chart.write((left + ACROSS / 2, chart.height - 10), below, LABEL, style.MUTED, "center")
    return chart, ax, places


@dataclass(frozen=True)
class Panels:
    """How panels are laid out: what stands above and below each, their size, how many in a row;
    and the arms of the key at their right, place and name."""

    labels: Sequence[tuple[str, str]]
    size: tuple[int, int] = (350, 240)
    columns: int = 2
    key: Sequence[tuple[int, str]] = ()


def panel_chart(head: tuple[str, str], panels: Panels) -> tuple[Chart, list[Axes]]:
    """Lay out panels in a grid, with the key at their right; `head` is title and caption."""
    width, height = panels.size
    columns = min(panels.columns, len(panels.labels))
    across, down = width + 72, height + 46 + 22 * any(above for above, _ in panels.labels)
    lines = -(-len(panels.labels) // columns)
    key = 16 + columns * across + 20
    over = max(text_width(above, KEY) for above, _ in panels.labels) - width
    names = max((72 + text_width(fit(name, NAME), SMALL) for _, name in panels.key), default=over)
    tall = 66 + max(lines * down, ROW * len(panels.key) + 20)
    chart = Chart((key + names + 8, tall), *head)
    axes = []
    for i, (above, below) in enumerate(panels.labels):
        row, column = divmod(i, columns)
        left, bottom = 16 + column * across + 60, 58 + (row + 1) * down - 46
        axes.append(chart.axes(left, bottom - height, width, height))
        letters = STRONG if text_width(above, STRONG) < width + 30 else KEY
        chart.write((left, bottom - height - 8), above, letters)
        chart.write((left + width / 2, bottom + 36), below, LABEL, style.MUTED, "center")
    chart.key(key, 80, panels.key)
    return chart, axes


# --- axes -----------------------------------------------------------------------------------


def depth(accuracy: float) -> float:
    """Return where an accuracy is drawn: minus the decimal logarithm of its error.

    So 90, 99 and 99.9 % stand at equal distances, and one arm at chance hides nothing.

    >>> [round(depth(a), 3) for a in (0.0, 0.9, 0.99, 1.0)]
    [0.0, 1.0, 2.0, 4.0]
    """
    return -math.log10(max(1 - accuracy, BEST)) + 0.0 if math.isfinite(accuracy) else math.nan


def accuracy_axis(axis: Axis, accuracies: Iterable[float]) -> tuple[float, float]:
    """Set the limits and ticks of an axis of `depth`; return the limits. NaN is left aside."""
    shown = [a for a in accuracies if math.isfinite(a)] or [0.0, 0.99]
    low, high = depth(min(shown)), depth(max(shown))
    air = max(0.01, 0.06 * (high - low))
    limits = (low - air, high + air)
    levels = [[1 - m * 10.0**-d for d in range(5) for m in level] for level in MANTISSAS]
    ends = (1 - 10.0**-limit for limit in limits)  # no single value, of which no tick is round
    nice = MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(*ends)
    ticks = spaced([*levels, [float(tick) for tick in nice]], depth, limits)
    axis.set_ticks([depth(t) for t in ticks], [f"{100 * t:.6g} %" for t in ticks])
    _set_limits(axis, limits)
    return limits


def log_axis(axis: Axis, values: Iterable[float], gap: float = 0.12) -> None:
    """Set the limits and ticks of an axis of decimal logarithms of `values`, which are > 0."""
    shown = [math.log10(v) for v in values]
    low, high = min(shown), max(shown)
    air = max(0.03, 0.05 * (high - low))
    limits = (low - air, high + air)
    decades = range(math.floor(low) - 1, math.ceil(high) + 1)
    levels = [[float(f"{m}e{d}") for d in decades for m in level] for level in MANTISSAS]
    ticks = spaced(levels, math.log10, limits, gap)
    axis.set_ticks([math.log10(t) for t in ticks], [f"{t:g}" for t in ticks])
    _set_limits(axis, limits)


def spaced(
    levels: Iterable[Iterable[float]],
    place: Callable[[float], float],
    limits: tuple[float, float],
    gap: float = 0.12,
) -> list[float]:
    """Choose ticks, the roundest level first, a share `gap` of the axis or more apart.

    Where ENOUGH are found, less round ones are not looked for.

    >>> spaced([[0, 10], [5], [4, 6]], float, (0, 10), gap=0.2)
    [0, 5, 10]
    """
    kept: list[float] = []
    for level in levels:
        for tick in level:
            at = place(tick)
            nearest = min((abs(at - place(other)) for other in kept), default=math.inf)
            inside = limits[0] <= at <= limits[1]
            if inside and nearest >= gap * (limits[1] - limits[0]):
                kept.append(tick)
        if len(kept) >= ENOUGH:
            break
    return sorted(kept)


def _set_limits(axis: Axis, limits: tuple[float, float]) -> None:
    ax: Any = axis.axes
    (ax.set_xlim if axis is ax.xaxis else ax.set_ylim)(*limits)


def reach(sizes: Iterable[float], floor: float) -> float:
    """Return how far a linear axis must reach: to the last size before a gap.

    A gap is where the next is more than four times as far, and than `floor`: what lies beyond it
    would make all the rest a point, and is drawn as off the scale.

    >>> reach([0.1, 0.3, 1.0, 40.0], floor=0.2), reach([40.0, 42.0], floor=0.2)
    (1.0, 42.0)
    """
    ordered = sorted(size for size in sizes if math.isfinite(size))
    far = max(floor, ordered[0]) if ordered else floor
    for size in ordered:
        if size > 4 * far:
            break
        far = max(far, size)
    return far
