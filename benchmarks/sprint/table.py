"""The records of the sprints as Markdown; `python -m benchmarks.table` puts it in its place.

One row for each target and machine, of its newest record, the newest first; then the examples of
others, of the newest record that has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.markdown import figure, table
from benchmarks.record import commit_of, computed_on
from benchmarks.sprint.contenders import CONTENDERS

MARKERS = "<!-- sprint:begin -->", "<!-- sprint:end -->"
HEAD = (
    "target",
    "mean test accuracy, % (95 % interval)",
    "n",
    "training, s",
    "compiling, s",
    "command",
    "on",
)
OTHERS = ("side by side, compiling apart", "an epoch, s", "× `mnistlab.fit`")
Record = Mapping[str, Any]


def render(records: Sequence[Record]) -> str:
    """Make both tables of all records, the newest first. Pure."""
    rows: dict[tuple[str, str], list[str]] = {}
    for record in records:
        for target, summary in sorted(record["summary"]["sprints"].items()):
            rows.setdefault((target, computed_on(record)), row(target, summary, record))
    side_by_side = next((r["summary"] for r in records if r["summary"]["times_mnistlab"]), None)
    tables = [table(HEAD, list(rows.values()))]
    if side_by_side:
        named = [name for name in CONTENDERS if name in side_by_side["times_mnistlab"]]
        tables.append(table(OTHERS, [other(name, side_by_side) for name in named]))
    return "\n\n".join(tables)


def row(target: str, summary: Mapping[str, Any], record: Record) -> list[str]:
    """Make one sprint's cells."""
    reached = summary["test_accuracy"]
    low, high = (f"{100 * end:.2f}" for end in reached["interval"])
    return [
        f"{target} %",
        f"**{100 * reached['mean']:.2f}** ({low}–{high})",
        str(reached["n"]),
        figure(summary["training_seconds"], ".2f"),
        f"{summary['compile_seconds_cold']:.1f}",
        f"`{' '.join(record['commands'][target])}`",
        f"{computed_on(record)}, {record['date'][:10]}, {commit_of(record)}",
    ]


def other(name: str, summary: Mapping[str, Any]) -> list[str]:
    """Make the cells of another's network: seconds an epoch, and how many times mnistlab's."""
    seconds = figure(summary["seconds_an_epoch"][name], ".1f")
    return [CONTENDERS[name].label, seconds, figure(summary["times_mnistlab"][name], ".1f")]
