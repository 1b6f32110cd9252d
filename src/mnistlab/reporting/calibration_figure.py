"""The reliability diagram of one run: plain data in, PNG bytes out."""

from __future__ import annotations

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis

from mnistlab.evaluation.scores import CalibrationBin, wilson_interval
from mnistlab.reporting import style
from mnistlab.reporting.style import LABEL, SMALL, TITLE, text_width


def calibration(bins: Sequence[CalibrationBin], ece: float) -> bytes:
    """Draw accuracy against confidence with Wilson's intervals, above how many there are.

    A reliability diagram: Guo et al. (2017), figure 1. `ece` is a share; NaN if there is nothing.
    """
    left, width = 84, 350
    fig = style.figure(left + width + 24, 470)
    ax = style.axes(fig, left, 60, width, 270)
    ax.plot([0, 1], [0, 1], color=style.MUTED, lw=1, ls=(0, (4, 3)))
    x = [b.confidence for b in bins]
    ends = [wilson_interval(round(b.accuracy * b.n), b.n) for b in bins]
    ax.vlines(x, [lo for lo, _ in ends], [hi for _, hi in ends], color=style.BLUE, lw=1.4)
    ax.plot(x, [b.accuracy for b in bins], color=style.BLUE, marker="o", ms=4.5, lw=0)
    _share_axis(ax.xaxis, ())
    _share_axis(ax.yaxis, (0, 0.25, 0.5, 0.75, 1))
    ax.set_xlim(-0.02, 1.02)
    ax.set_ylim(-0.02, 1.03)
    _count_axes(style.axes(fig, left, 348, width, 70), bins)
    picture = style.rendered(fig)
    picture.write((left, 28), "calibration", TITLE)
    caption = f"{calibration_text(ece)}; bars are 95 % intervals"
    picture.write((left, 47), caption, SMALL, style.MUTED)
    picture.write((left + width / 2, 458), "confidence", LABEL, style.MUTED, "ms")
    for name, middle in (("accuracy", 195), ("how many", 383)):
        picture.write_turned((18, middle - text_width(name) / 2), name, 90, LABEL, style.MUTED)
    return picture.png()


def calibration_text(ece: float) -> str:
    """Say the expected calibration error, a share or NaN."""
    value = f"{100 * ece:.2f} %" if math.isfinite(ece) else "undefined"
    return f"expected calibration error {value}"


def _count_axes(ax: Axes, bins: Sequence[CalibrationBin]) -> None:
    """Draw how many predictions each bin has, on a log scale: most are in the last one."""
    most = max((b.n for b in bins), default=1)
    decades = max(1, math.ceil(math.log10(most)))
    # Bars of log10(n) + 1/2, so that a bin of one is seen; a log axis would cost 20 ms in ticks.
    height = [math.log10(b.n) + 0.5 for b in bins]
    width = [0.9 * (b.hi - b.lo) for b in bins]
    ax.bar([(b.lo + b.hi) / 2 for b in bins], height, width, color=style.SKY)
    at = range(0, decades + 1, 1 if decades < 4 else 2)
    ax.set_yticks([p + 0.5 for p in at], [f"{10**p:,}" for p in at])
    ax.set_ylim(0, decades + 0.7)
    ax.set_xlim(-0.02, 1.02)
    _share_axis(ax.xaxis, (0, 0.25, 0.5, 0.75, 1))


def _share_axis(axis: Axis, ticks: Sequence[float]) -> None:
    """Put ticks in percent on an axis of shares."""
    axis.set_ticks(ticks, [f"{100 * tick:.0f} %" for tick in ticks])
