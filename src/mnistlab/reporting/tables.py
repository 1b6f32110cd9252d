"""Results as rows of text: for a terminal, for the HTML page, for whoever wants to test them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from mnistlab.evaluation.scores import Scores

if TYPE_CHECKING:
    from rich.console import Console

# A terminal of 80 columns has room for a confusion matrix of this many classes.
WIDE = 12
WIDEST = 10_000
"""Columns in which any table has room, to ask how few it needs."""


@dataclass(frozen=True)
class Table:
    """A title, a header, and rows of as many cells as the header; the first cell names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def _repr_html_(self) -> str:
        from mnistlab.reporting.page import render

        return render("tables.html.j2", {"tables": [self], "notes": ()})


def percent(share: float, interval: tuple[float, float] | None = None, n: int | None = None) -> str:
    """Write a share with its interval and its number of examples, as far as given.

    >>> percent(0.9742, (0.97089, 0.97713), 10_000)
    '97.42 % [97.09, 97.71], n = 10,000'
    """
    text = f"{100 * share:.2f} %"
    if interval is not None:
        text += f" [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"
    return text if n is None else f"{text}, n = {n:,}"


def number(value: float) -> str:
    """Write a loss: four digits, or what else it is.

    >>> number(0.081249), number(float("nan"))
    ('0.0812', 'not finite')
    """
    return f"{value:.4f}" if math.isfinite(value) else "not finite"


def duration(seconds: float) -> str:
    """Write a time with the digits that matter.

    >>> duration(0.0123), duration(2.345), duration(83.4), duration(3725)
    ('12 ms', '2.35 s', '1 min 23 s', '1 h 2 min')
    """
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 59.995:
        return f"{seconds:.2f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def run_table(scores: Scores, seconds: Mapping[str, float]) -> Table:
    """Return a run in brief: its test and its times."""
    accuracy = percent(scores.accuracy, scores.accuracy_interval, scores.n)
    rows = [
        ("test accuracy", accuracy),
        ("test loss", number(scores.loss)),
        ("mistakes", f"{scores.wrong:,} of {scores.n:,}"),
    ]
    if scores.invalid:
        rows.append(("not finite", f"{scores.invalid:,} of the mistakes; the model diverged"))
    rows += [(f"seconds: {name}", duration(value)) for name, value in seconds.items()]
    return Table("run", ("what", "value"), tuple(rows))


def class_table(scores: Scores) -> Table:
    """Return precision, recall and F1 a class, in percent."""
    rows = tuple(
        (c.name, f"{c.n:,}", *(f"{100 * share:.2f}" for share in (c.precision, c.recall, c.f1)))
        for c in scores.per_class
    )
    header = ("class", "n", "precision %", "recall %", "F1 %")
    return Table(f"per class, test, n = {scores.n:,}", header, rows)


def confusion_table(scores: Scores) -> Table:
    """Return the confusion matrix; of more than WIDE classes `confused_pairs` instead.

    Columns of names longer than a digit would not fit: they get numbers, and so do the rows.
    """
    if len(scores.per_class) > WIDE:
        return confused_pairs(scores, 20)
    rows = [c.name for c in scores.per_class]
    columns = [str(i) for i in range(len(rows))]
    if max(map(len, rows)) > 2:
        rows = [f"{i} {name}" for i, name in enumerate(rows)]
    else:
        columns = rows
    counts = (map(str, row) for row in scores.confusion.tolist())
    cells = (
        (name, *(c if c != "0" else "·" for c in row))
        for name, row in zip(rows, counts, strict=True)
    )
    return Table("confusion: rows true, columns predicted", ("true", *columns), tuple(cells))


def confused_pairs(scores: Scores, most: int = 10) -> Table:
    """Return the `most` frequent confusions, with their share of the true class."""
    counts = scores.confusion.copy()
    np.fill_diagonal(counts, 0)
    names = [c.name for c in scores.per_class]
    rows = []
    for place in np.argsort(-counts, axis=None, kind="stable")[:most].tolist():
        true, predicted = divmod(place, len(names))
        if count := int(counts[true, predicted]):
            share = f"{100 * count / scores.per_class[true].n:.2f}"
            rows.append((names[true], names[predicted], f"{count:,}", share))
    return Table("most frequent mistakes", ("true", "taken for", "n", "% of class"), tuple(rows))


def print_table(table: Table, console: Console) -> None:
    """Print a table with rich, all but the first column to the right; its text is not markup.

    Where a word or a number has no room, lines are longer than the terminal is wide: nothing is
    cut off.
    """
    from rich import box
    from rich.measure import Measurement
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=Text(table.title), box=box.SIMPLE_HEAD, title_justify="left")
    for i, column in enumerate(zip(table.header, *table.rows, strict=True)):
        longest = max(len(word) for cell in column for word in cell.split() or [""])
        justify: Literal["left", "right"] = "right" if i else "left"
        drawn.add_column(Text(column[0]), justify=justify, min_width=longest)
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    least = Measurement.get(console, console.options.update(width=WIDEST), drawn).minimum
    width = console.width
    console.width = max(width, least)
    console.print(drawn)
    console.width = width
