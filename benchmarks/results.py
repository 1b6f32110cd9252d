"""All committed records as a page of the site: their tables, a figure, and how they changed.

`write_results(folder)` writes `results.md`, `training.png` and `history.png` there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.markdown import table
from benchmarks.record import RECORDS, all_of, computed_on, newest
from benchmarks.table import sections
from benchmarks.tutorial.contenders import CONTENDERS
from benchmarks.tutorial.summary import REFERENCE
from mnistlab.files import write_atomic
from mnistlab.reporting import style
from mnistlab.reporting.charts import Chart

TITLES = ("The tutorial's job", "The sprint", "The climb", "Reading")
PAGE = """# Benchmark results

Generated from the records in `benchmarks/records` when this site is built. What is measured, and
how, is [described apart](README.md).

{tables}

## The tutorial's job, drawn

![Seconds of training by contender]({figure})

## History

Every committed record, the newest first of its kind. Machines are shared and differ in speed from
day to day: within a record ratios can be trusted, between records only large changes.

![Seconds of training, record by record]({history})

{records}
"""

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Bar:
    """A contender's seconds of training: median, least and most of the rounds."""

    name: str
    median: float
    least: float
    most: float


def write_results(folder: Path) -> None:
    """Write the page and its figures."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = (f"## {name}\n\n{text}" for name, (text, _) in zip(TITLES, sections(), strict=False))
    page = PAGE.format(
        tables="\n\n".join(tables),
        figure="training.png",
        history="history.png",
        records=table(("benchmark", "date", "commit", "what", "value", "record"), list(history())),
    )
    write_atomic(folder / "results.md", page)
    write_atomic(folder / "training.png", draw_bars(bars(newest("tutorial") or {})).png())
    write_atomic(folder / "history.png", draw_history(all_of("tutorial")).png())


def bars(record: Record) -> list[Bar]:
    """Give the newest training seconds, compiling apart, the quickest first."""
    training = record["summary"]["training"]
    found = [
        Bar(CONTENDERS[name].label, *(own["compile_apart"][k] for k in ("median", "min", "max")))
        for name, own in training.items()
        if name in CONTENDERS
    ]
    return sorted(found, key=lambda bar: bar.median)


def draw_bars(found: list[Bar]) -> Chart:
    """Draw a bar each, with a line from least to most."""
    chart = Chart(
        (900, 90 + 34 * len(found)),
        "Training the tutorial's model, seconds",
        "3 epochs of 60,000 images, compiling apart; median, and least to most of the rounds",
    )
    ax = chart.axes(330, 60, 520, 34 * len(found) - 20)
    for place, bar in enumerate(found):
        colour = style.VERMILION if bar.name == CONTENDERS[REFERENCE].label else style.BLUE
        ax.barh(place, bar.median, color=colour, height=0.6)
        ax.plot([bar.least, bar.most], [place, place], color=style.INK, lw=1)
    ax.set(xlim=(0, None), yticks=range(len(found)), yticklabels=[bar.name for bar in found])
    ax.invert_yaxis()
    return chart


def draw_history(records: list[dict[str, Any]]) -> Chart:
    """Draw a line for each contender over the records of the tutorial's job, oldest first."""
    records = records[::-1]
    chart = Chart(
        (900, 400),
        "Training seconds, record by record",
        "The tutorial's job, medians, compiling apart; logarithmic",
    )
    ax = chart.axes(70, 70, 480, 270)
    shown = [name for name in CONTENDERS if name in records[-1]["summary"]["training"]]
    for place, name in enumerate(shown):
        values = [
            each["summary"]["training"].get(name, {}).get("compile_apart", {}).get("median")
            for each in records
        ]
        at = [i for i, value in enumerate(values) if value is not None]
        colour = style.PALETTE[place % len(style.PALETTE)]
        ax.plot(at, [values[i] for i in at], "o-", color=colour, lw=1.6, ms=5)
        chart.write((590, 90 + 26 * place), CONTENDERS[name].label, style.SMALL, colour)
    ax.set(yscale="log", xticks=range(len(records)))
    ax.set_xticklabels([each["date"][:10] for each in records])
    return chart


def history() -> Iterator[list[str]]:
    """Give a row for each record that has a figure of its own."""
    for benchmark, tell in HEADLINES.items():
        for record in all_of(benchmark):
            what, value = tell(record)
            commit = (record.get("git", {}).get("commit") or "–")[:7]
            if record["hardware"].get("accelerators"):
                what += f"; {computed_on(record)}"
            yield [benchmark, record["date"][:10], commit, what, value, _link(record)]


def _link(record: Record) -> str:
    for path in RECORDS.glob("*.json"):
        if f'"{record["date"]}"' in path.read_text(encoding="utf-8")[:20000]:
            return f"[{path.name}](records/{path.name})"
    return "–"


def _tutorial(record: Record) -> tuple[str, str]:
    own = record["summary"]["training"][REFERENCE]["compile_apart"]["median"]
    keras = record["summary"]["training"]["keras-jax"]["compile_apart_ratio"]["median"]
    return "training; × of Keras' `fit` on JAX", f"{own:.2f} s; {keras:.1f}"


def _comparing(record: Record) -> tuple[str, str]:
    return "whole study", f"{record['summary']['whole_study_seconds']['median']:.0f} s"


def _sprint(record: Record) -> tuple[str, str]:
    told = record["summary"]["sprints"]
    seconds = (f"{each['training_seconds']['median']:.2f} s" for each in told.values())
    return f"training to {', '.join(told)} %", ", ".join(seconds)


def _climb(record: Record) -> tuple[str, str]:
    return "mean test accuracy", f"{100 * record['summary']['test_accuracy']['mean']:.2f} %"


def _calibration(record: Record) -> tuple[str, str]:
    return "false winners, nominal 5 %", f"{100 * record['summary']['rate']:.2f} %"


HEADLINES: dict[str, Callable[[Record], tuple[str, str]]] = {
    "tutorial": _tutorial,
    "comparing": _comparing,
    "sprint": _sprint,
    "climb": _climb,
    "calibration": _calibration,
}
