"""The figures of a study: the rows of `study_rows`, drawn.

    test-accuracy  differences  learning-rates  expected-best  learning-curves  progress

`FIGURES` maps each name to the dataclass of its rows, what computes them, and what draws them. A
figure whose rows are none is left out: without tuning there is no sensitivity and no expected
best.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mnistlab.comparing.results import ArmResult, StudyResult
from mnistlab.comparing.statistics import ALPHA
from mnistlab.reporting import study_tables as tables
from mnistlab.reporting import style
from mnistlab.reporting.charts import (
    NAME,
    Chart,
    Line,
    Panels,
    accuracy_axis,
    depth,
    log_axis,
    look,
    panel_chart,
    row_chart,
)
from mnistlab.reporting.study_rows import (
    BAND,
    QUANTITIES,
    CurvePoint,
    Expected,
    Pair,
    Progress,
    Tested,
    Tried,
    curve_rows,
    expected_rows,
    forest_limit,
    forest_rows,
    mean_line,
    progress_rows,
    sensitivity_rows,
    tested_limits,
    tested_rows,
)
from mnistlab.reporting.style import fit

TEST, FOREST, SENSITIVITY = "test-accuracy", "differences", "learning-rates"
EXPECTED, CURVES, PROGRESS = "expected-best", "learning-curves", "progress"
TOGETHER = 5  # arms whose sensitivities are drawn in one panel; more get a panel each


@dataclass(frozen=True)
class Drawn:
    """A figure in all its forms, and its size in pixels; a notebook shows the PNG."""

    svg: bytes
    png: bytes
    csv: str
    width: int
    height: int

    def _repr_png_(self) -> bytes:
        return self.png


def draw_study(result: StudyResult) -> dict[str, Drawn]:
    """Return name → figure for all that a study has, in the order of the page."""
    drawn = {name: draw_figure(result, name) for name in FIGURES}
    return {name: figure for name, figure in drawn.items() if figure}


def draw_figure(result: StudyResult, name: str) -> Drawn | None:
    """Return one of FIGURES, or None if the study has nothing to show in it."""
    kind, compute, draw = FIGURES[name]
    rows = compute(result)
    if not rows:
        return None
    chart = draw(rows, result)
    png, svg = chart.png(), chart.svg()
    return Drawn(svg, png, tables.csv_text(kind, rows), chart.width, chart.height)


# --- test accuracy --------------------------------------------------------------------------


def _draw_tested(rows: Sequence[Tested], result: StudyResult) -> Chart:
    """Draw a line for each arm and rate: its seeds, and their mean with the interval."""
    low, high = tested_limits(rows)
    places = {arm.name: i for i, arm in enumerate(result.arms)}
    groups = list(dict.fromkeys((row.arm, row.at) for row in rows))
    lines = [_tested_line(result.arms[places[arm]], at, rows) for arm, at in groups]
    caption = "large: mean and 95 % interval, beside it n; small: each seed"
    if any(at == "default" for _, at in groups):
        caption = f"filled: at the tuned rate; hollow: at Keras' default rate; {caption}"
    if any(row.accuracy < low for row in rows):
        caption += "; ◂ off the scale"
    chart, ax, heights = row_chart(("test accuracy", caption), lines, "test accuracy")
    for (arm, at), y in zip(groups, heights, strict=True):
        own = [row for row in rows if (row.arm, row.at) == (arm, at)]
        _draw_seeds(ax, own, y, (low, look(places[arm]).colour))
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.6g} %"))
    return chart


def _tested_line(arm: ArmResult, at: str, rows: Sequence[Tested]) -> Line:
    """Name one line of the figure, and say its numbers."""
    states = [row.state for row in rows if (row.arm, row.at) == (arm.name, at)]
    lost = [f"{states.count(s)} {s}" for s in ("diverged", "failed") if s in states]
    tuned = at == "tuned"
    said = tables.accuracy(arm.test_accuracy if tuned else arm.at_default)
    label = fit(arm.name, NAME) if tuned else f"at default {tables.rate(arm.default_rate)}"
    return Line(label, "  ".join((said, *lost)), style.INK if tuned else style.MUTED)


def _draw_seeds(ax: Axes, rows: Sequence[Tested], y: float, scale: tuple[float, str]) -> None:
    """Draw one arm at one rate on the line `y`; `scale` is the axis' left end and the colour."""
    low, colour = scale
    face = colour if rows[0].at == "tuned" else style.PAPER
    seeds = [row.accuracy for row in rows if row.state == "complete" and row.accuracy >= low]
    ax.plot(seeds, [y + 5] * len(seeds), "o", color=colour, ms=3, alpha=0.5, mew=0)
    for row in rows:
        if row.state == "mean" and row.accuracy >= low:
            ax.plot([max(row.low, low), row.high], [y - 3] * 2, color=colour, lw=1.6)
            ax.plot([row.accuracy], [y - 3], "o", color=colour, mfc=face, ms=6.5, mew=1.4)
    if any(row.accuracy < low for row in rows):
        ax.plot([low], [y - 3], "<", color=colour, mfc=face, ms=7, clip_on=False)


# --- differences ----------------------------------------------------------------------------


def _draw_forest(rows: Sequence[Pair], result: StudyResult) -> Chart:
    """Draw a forest plot: a line a pair, its difference and interval; coloured if told apart."""
    limit = forest_limit(rows)
    caption = (
        f"bars: 95 % intervals; grey: ±{BAND:g} points; blue: told apart (p < {ALPHA:g}, Holm)"
    )
    if any(row.size > limit for row in rows):
        caption += "; ◂ ▸ off the scale"
    head = ("differences in test accuracy, paired by seed", caption)
    below = "◂ second better      points, first minus second      first better ▸"
    step = 24 if len(rows) <= 15 else 17
    chart, ax, heights = row_chart(head, [_forest_line(row) for row in rows], below, step)
    ax.axvspan(-BAND, BAND, color="#e9ebef", zorder=0, lw=0)
    ax.axvline(0, color=style.MUTED, lw=1)
    for row, y in zip(rows, heights, strict=True):
        _draw_pair(ax, row, y, limit)
    ax.set_xlim(-limit, limit)
    ax.xaxis.set_major_locator(MaxNLocator(7))
    return chart


def _forest_line(row: Pair) -> Line:
    """Name a pair and say its numbers, with signs as wide as each other."""
    difference = tables.points(row.points / 100)
    interval = tables.span((row.low / 100, row.high / 100))
    said = f"{difference} [{interval}]  p {tables.probability(row.p_holm)}".replace("-", "−")
    label = f"{fit(row.a, NAME)} − {fit(row.b, NAME)}"
    return Line(label, said, style.INK if row.differ else style.MUTED)


def _draw_pair(ax: Axes, row: Pair, y: float, limit: float) -> None:
    """Draw one difference; an arrow at each end that it goes beyond."""
    colour = style.BLUE if row.differ else style.MUTED
    ends = [end for end in (row.low, row.points, row.high) if math.isfinite(end)]
    ax.plot([min(limit, max(-limit, e)) for e in ends], [y] * len(ends), color=colour, lw=1.8)
    if abs(row.points) <= limit:
        ax.plot([row.points], [y], "s", color=colour, ms=5.5)
    for mark, end in (("<", -limit), (">", limit)):
        if any(abs(e) > limit and e * end > 0 for e in ends):
            ax.plot([end], [y], mark, color=colour, ms=7, clip_on=False)


# --- learning rates -------------------------------------------------------------------------


def _draw_sensitivity(rows: Sequence[Tried], result: StudyResult) -> Chart:
    """Draw all arms in one panel, or, of many, a panel an arm with the others in grey."""
    names = _names(result)
    head = (
        "sensitivity to the learning rate: validation accuracy after the last epoch",
        "○ tuned rate   ◇ Keras' default rate   dots: each seed   × diverged; errors: log scale",
    )
    if len(names) <= TOGETHER:
        key = list(enumerate(names))
        chart, axes = panel_chart(head, Panels([("", "learning rate")], (520, 330), key=key))
        shown = [names]
    else:
        labels = [(fit(name, 30), "") for name in names]
        chart, axes = panel_chart(head, Panels(labels, (196, 140), columns=4))
        shown = [[name] for name in names]
    for ax, some in zip(axes, shown, strict=True):
        _draw_rates(ax, rows, some, result)
    return chart


def _draw_rates(ax: Axes, rows: Sequence[Tried], shown: Sequence[str], result: StudyResult) -> None:
    """Draw one panel: the arms `shown` in colour, all others as grey lines."""
    log_axis(ax.xaxis, (row.learning_rate for row in rows), 0.12 if len(shown) > 1 else 0.3)
    low, high = accuracy_axis(ax.yaxis, [row.val_accuracy for row in rows])
    bottom = low
    for i, own in _by_arm(rows, _names(result)):
        rates, means = mean_line(own)
        x, y = np.log10(rates), np.array([depth(mean) for mean in means])
        if own[0].arm not in shown:
            ax.plot(x, y, color=style.LINE, lw=0.9, zorder=1)
            continue
        colour, line, marker = look(i).colour, look(i).line, look(i).marker
        ax.plot(x, y, color=colour, ls=line, lw=1.6)
        dots = [(math.log10(r.learning_rate), depth(r.val_accuracy)) for r in own]
        ax.plot(*zip(*dots, strict=True), marker, color=colour, ms=3.5, alpha=0.7, mew=0)
        _mark_rates(ax, result.arms[i], (x, y), colour)
        if lost := sorted({row.learning_rate for row in own if row.lost}):
            bottom -= 0.07 * (high - low)
            ax.plot(np.log10(lost), [bottom] * len(lost), "x", color=colour, ms=5.5, mew=1.5)
    ax.set_ylim(bottom - 0.05 * (high - low), high)


def _mark_rates(ax: Axes, arm: ArmResult, line: tuple[Any, Any], colour: str) -> None:
    """Ring the tuned rate and put a diamond at the default one, where the line has them."""
    x, y = line
    for rate, mark, size in ((arm.learning_rate, "o", 10), (arm.default_rate, "D", 7)):
        at = math.log10(rate)
        if x[0] <= at <= x[-1]:
            height = float(np.interp(at, x, y))
            ax.plot([at], [height], mark, color=colour, mfc="none", ms=size, mew=1.5, clip_on=False)


def _draw_expected(rows: Sequence[Expected], result: StudyResult) -> Chart:
    head = (
        "expected best validation accuracy for a tuning budget",
        "of rates drawn from the arm's grid; a diverged one counts as chance; errors: log scale",
    )
    labels = [("", "learning rates tried")]
    chart, (ax,) = panel_chart(head, Panels(labels, (520, 300), key=_key(rows, result)))
    for i, own in _by_arm(rows, _names(result)):
        _plot(ax, i, [row.rates for row in own], [depth(row.val_accuracy) for row in own])
    accuracy_axis(ax.yaxis, [row.val_accuracy for row in rows])
    ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
    return chart


# --- epochs, seconds, steps -----------------------------------------------------------------


def _draw_curves(rows: Sequence[CurvePoint], result: StudyResult) -> Chart:
    """Draw a panel a quantity with a line and a band an arm."""
    head = (
        f"learning curves at the {_rates(result)}",
        "means over the final seeds that completed; bands: 95 % intervals; errors: log scale",
    )
    shown = [quantity for quantity in QUANTITIES if any(r.quantity == quantity for r in rows)]
    labels = [(QUANTITIES[quantity], "epoch") for quantity in shown]
    chart, axes = panel_chart(head, Panels(labels, key=_key(progress_rows(result), result)))
    for ax, quantity in zip(axes, shown, strict=True):
        _draw_quantity(ax, [row for row in rows if row.quantity == quantity], _names(result))
    return chart


def _draw_quantity(ax: Axes, rows: Sequence[CurvePoint], names: Sequence[str]) -> None:
    """Draw one quantity against the epoch; logarithmic, but for a loss that can be negative."""
    values = [v for r in rows for v in (r.mean, r.low, r.high) if math.isfinite(v)]
    least = min(row.mean for row in rows)
    place: Callable[[float], float] = depth
    if rows[0].quantity.endswith("loss"):
        # Of few seeds an interval can reach below what a loss, or an accuracy, can be.
        place = float if least <= 0 else lambda loss: math.log10(max(loss, least / 2))
    for i, own in _by_arm(rows, names):
        _plot(ax, i, [row.epoch for row in own], [place(row.mean) for row in own])
        band = [(r.epoch, place(r.low), place(r.high)) for r in own if math.isfinite(r.low)]
        if len(band) == 1:
            ax.vlines(*band[0], color=look(i).colour, lw=1)
        elif band:
            epochs, low, high = zip(*band, strict=True)
            ax.fill_between(epochs, low, high, color=look(i).colour, alpha=0.15, lw=0)
    if place is depth:
        accuracy_axis(ax.yaxis, [max(value, 0.0) for value in values])
    elif place is not float:
        log_axis(ax.yaxis, [max(value, least / 2) for value in values])
    last = max(row.epoch for row in rows)
    air = max(0.15, last / 40)
    ax.set_xlim(1 - air, last + air)
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=1))


def _draw_progress(rows: Sequence[Progress], result: StudyResult) -> Chart:
    """Draw validation accuracy against seconds at left, against steps at right."""
    targets = [result.target] if math.isfinite(result.target) else []
    dashed = f"; dashed: the target, {100 * result.target:.1f} %" if targets else ""
    head = (
        "validation accuracy against seconds and against steps",
        f"after each epoch, at the {_rates(result)}{dashed}; errors: log scale",
    )
    labels = [("", "seconds, compiling apart"), ("", "steps")]
    chart, axes = panel_chart(head, Panels(labels, key=_key(rows, result)))
    for ax, quantity in zip(axes, ("seconds", "steps"), strict=True):
        for i, own in _by_arm(rows, _names(result)):
            x = [getattr(row, quantity) for row in own]
            _plot(ax, i, x, [depth(row.val_accuracy) for row in own])
        for target in targets:
            ax.axhline(depth(target), color=style.MUTED, lw=1, ls=(0, (4, 3)))
        accuracy_axis(ax.yaxis, [*(row.val_accuracy for row in rows), *targets])
        ax.set_xlim(left=0)
        ax.xaxis.set_major_locator(MaxNLocator(5))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.6g}"))
    return chart


def _rates(result: StudyResult) -> str:
    return "tuned rates" if tables.is_tuned(result) else "given rates"


def _names(result: StudyResult) -> list[str]:
    return [arm.name for arm in result.arms]


def _key(rows: Sequence[Any], result: StudyResult) -> list[tuple[int, str]]:
    """Order the arms, place and name, as their lines end on validation: the highest first."""
    last = {row.arm: row.val_accuracy for row in rows}
    return sorted(enumerate(_names(result)), key=lambda arm: -last.get(arm[1], -1.0))


def _by_arm(rows: Sequence[Any], names: Sequence[str]) -> Iterator[tuple[int, list[Any]]]:
    """Give each arm that has rows: its place among `names`, and its rows."""
    for place, name in enumerate(names):
        if own := [row for row in rows if row.arm == name]:
            yield place, own


def _plot(ax: Axes, place: int, x: Sequence[float], y: Sequence[float]) -> None:
    """Plot the line of the arm at a place; with few points each is marked."""
    own = look(place)
    marker = own.marker if len(x) <= 30 else ""
    ax.plot(x, y, color=own.colour, ls=own.line, marker=marker, ms=4, lw=1.5)


Compute = Callable[[StudyResult], tuple[Any, ...]]
Draw = Callable[[Any, StudyResult], Chart]

FIGURES: dict[str, tuple[type, Compute, Draw]] = {
    TEST: (Tested, tested_rows, _draw_tested),
    FOREST: (Pair, forest_rows, _draw_forest),
    SENSITIVITY: (Tried, sensitivity_rows, _draw_sensitivity),
    EXPECTED: (Expected, expected_rows, _draw_expected),
    CURVES: (CurvePoint, curve_rows, _draw_curves),
    PROGRESS: (Progress, progress_rows, _draw_progress),
}
