"""Trainings as HTML tables, for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence


def history_html(history: Mapping[str, Sequence[float]]) -> str:
    """Return a row an epoch, a column for each name in `history`."""
    lines = zip(*history.values(), strict=False)
    rows = [[i, *(f"{value:.4g}" for value in line)] for i, line in enumerate(lines, start=1)]
    return table_html(["epoch", *history], rows)


def table_html(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; all text is escaped."""
    return f"<table>{_row('th', header)}{''.join(_row('td', row) for row in rows)}</table>"


def _row(tag: str, values: Iterable[object]) -> str:
    cells = "".join(f"<{tag}>{html.escape(str(value))}</{tag}>" for value in values)
    return f"<tr>{cells}</tr>"
