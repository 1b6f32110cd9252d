"""A replay as a picture: the loss in every epoch of the story, the posts' points upon it.

What is shown is computed first (`lines`, `search_lines`); drawing decides nothing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from mnistlab.comparing.posts import CELLS, PART_ONE, PART_TWO, SCENARIOS, Replay
from mnistlab.reporting import style
from mnistlab.reporting.charts import Chart
from mnistlab.reporting.style import KEY, LABEL, SMALL, STRONG

SHOWN = sum(len(cell.loss) for cell in CELLS)
COLOURS = dict(zip((s.name for s in SCENARIOS), style.PALETTE, strict=False))
LEGENDS = {
    "then": "from part one, that Keras' defaults",
    "today": "from part one, today's defaults",
    "hidden": "after the hidden epochs, that Keras' defaults",
}


@dataclass(frozen=True)
class Line:
    """A mean over the seeds with least and most, against the epochs that the posts print, from 1.

    Losses that are not finite are NaN.
    """

    name: str
    epochs: tuple[int, ...]
    mean: tuple[float, ...]
    least: tuple[float, ...]
    most: tuple[float, ...]


def lines(replay: Replay) -> tuple[Line, ...]:
    """Return part one's line, then one for each scenario that was run."""
    first, count = len(PART_ONE.loss), SHOWN
    found = [_line(replay, "part one", "then", (0, first))]
    for scenario in SCENARIOS:
        if replay.cells(scenario.name, PART_TWO[0].name):
            # A story that goes on from part one is drawn from its last point on.
            begin = first if scenario.hidden else first - 1
            found.append(_line(replay, scenario.name, scenario.name, (begin, count)))
    return tuple(found)


def posts_points() -> tuple[tuple[int, float], ...]:
    """Return the posts' losses as (epoch from 1, loss)."""
    losses = (loss for cell in CELLS for loss in cell.loss)
    return tuple(enumerate(losses, start=1))


def replay_figure(replay: Replay) -> Chart:
    """Draw the story and, beside it, the search for the hidden epochs."""
    n = len(replay.seeds)
    many = f"lines: mean of {n} seeds, bands: least to most" if n > 1 else "lines: one seed"
    chart = Chart((1180, 500), "the posts, replayed", f"training loss; {many}")
    chart.write((70, 76), "the epochs that the posts print", STRONG)
    _draw_story(chart.axes(70, 106, 640, 340), replay)
    chart.write((800, 76), "part one's Adam, on to where part two begins", STRONG)
    _draw_search(chart.axes(800, 106, 350, 340), replay)
    return chart


def _line(replay: Replay, name: str, scenario: str, span: tuple[int, int]) -> Line:
    printed = [(cell, epoch) for cell in CELLS for epoch in range(len(cell.loss))]
    spreads = [
        replay.spread(scenario, cell.name, "loss", epoch)
        for cell, epoch in printed[span[0] : span[1]]
    ]
    return Line(
        name,
        tuple(range(span[0] + 1, span[1] + 1)),
        tuple(each.mean for each in spreads),
        tuple(each.least for each in spreads),
        tuple(each.most for each in spreads),
    )


def _draw_story(ax: Axes, replay: Replay) -> None:
    for line in lines(replay):
        colour = COLOURS.get(line.name, style.MUTED)
        ax.fill_between(line.epochs, line.least, line.most, color=colour, alpha=0.2, lw=0)
        label = LEGENDS.get(line.name)
        ax.plot(line.epochs, line.mean, color=colour, marker="o", ms=3.5, lw=1.6, label=label)
    epochs, losses = zip(*posts_points(), strict=True)
    ax.plot(epochs, losses, "x", color=style.INK, ms=7, mew=1.8, label="the posts", zorder=5)
    _log_axes(ax)
    ax.set_xlim(0.5, SHOWN + 0.5)
    ax.set_xticks(range(1, SHOWN + 1))
    _name_cells(ax)
    ax.legend(loc="lower left", frameon=False, fontsize=SMALL.points, labelcolor=style.INK)


def _name_cells(ax: Axes) -> None:
    """Part the cells by lines, and write their names above."""
    end = 0
    for cell in CELLS:
        begin, end = end, end + len(cell.loss)
        ax.text(
            (begin + end + 1) / 2, 1.02, cell.name, transform=ax.get_xaxis_transform(),
            ha="center", color=style.MUTED, fontsize=KEY.points, fontweight="bold",
        )  # fmt: skip
        if end < SHOWN:
            ax.axvline(end + 0.5, color=style.LINE, lw=1)


def _draw_search(ax: Axes, replay: Replay) -> None:
    for record in replay.seeds:
        losses = [loss if math.isfinite(loss) else math.nan for loss in record.search.loss]
        ax.plot(range(1, len(losses) + 1), losses, color=style.GREEN, lw=1.2, alpha=0.8)
        if record.search.first is not None:
            first = record.search.first
            ax.plot(first, losses[first - 1], "o", color=style.GREEN, ms=5)
    shown = PART_ONE.loss
    ax.plot(range(1, len(shown) + 1), shown, "x", color=style.INK, ms=7, mew=1.8, zorder=5)
    ax.axhline(replay.target, color=style.INK, lw=1, ls="--")
    ax.text(
        1, 0.96 * replay.target, f"part two begins at {replay.target:g}", va="top",
        color=style.INK, fontsize=SMALL.points,
    )  # fmt: skip
    _log_axes(ax)
    ax.set_ylim(bottom=0.85 * ax.get_ylim()[0])  # room for the words below the line
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_locator(MaxNLocator(8, integer=True, min_n_ticks=2))


def _log_axes(ax: Axes) -> None:
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.grid(visible=False, axis="x")
    ax.set_xlabel("epoch", fontsize=LABEL.points, color=style.MUTED)
