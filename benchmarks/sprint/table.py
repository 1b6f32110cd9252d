"""All records of the sprints as Markdown: `python -m benchmarks.sprint.table [--write|--check F]`.

One row for each target and record, the newest first; then the examples of others, of the newest
record that has them. The tables stand between two markers.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.record import RECORDS
from benchmarks.sprint.contenders import CONTENDERS
from benchmarks.table import Unusable, figure, replaced
from mnistlab.files import write_atomic

MARKERS = "<!-- sprint:begin -->", "<!-- sprint:end -->"
Record = Mapping[str, Any]


def render(records: Sequence[Record]) -> str:
    """Make both tables of all records. Pure."""
    newest_first = sorted(records, key=lambda record: record["date"], reverse=True)
    rows = [
        row(target, summary, record)
        for record in newest_first
        for target, summary in sorted(record["summary"]["sprints"].items())
    ]
    head = ["target", "mean test accuracy, % (95 % interval)", "n", "training, s"]
    head += ["compiling, s", "command", "on"]
    with_others = [record for record in newest_first if record["summary"]["seconds_an_epoch"]]
    others = others_table(with_others[0]) if with_others else ""
    return "\n\n".join(filter(None, [markdown(head, rows), others]))


def row(target: str, summary: Mapping[str, Any], record: Record) -> list[str]:
    """Make one sprint's cells."""
    reached = summary["test_accuracy"]
    low, high = (f"{100 * end:.2f}" for end in reached["interval"])
    hardware = record["hardware"]
    commit = (record["git"]["commit"] or "unknown")[:7]
    return [
        f"{target} %",
        f"**{100 * reached['mean']:.2f}** ({low}–{high})",
        str(reached["n"]),
        figure(summary["training_seconds"], ".2f"),
        f"{summary['compile_seconds_cold']:.1f}",
        f"`{' '.join(record['commands'][target])}`",
        f"{hardware['processor']}, {hardware['cores']} cores, {record['date'][:10]}, {commit}",
    ]


def others_table(record: Record) -> str:
    """Make the table of the others' networks, seconds an epoch side by side in one record."""
    summary = record["summary"]
    rows = [
        [
            each.label,
            figure(summary["seconds_an_epoch"][name], ".1f"),
            figure(summary["times_mnistlab"][name], ".1f"),
        ]
        for name, each in CONTENDERS.items()
        if name in summary["seconds_an_epoch"]
    ]
    return markdown(["side by side, compiling apart", "an epoch, s", "× `mnistlab.fit`"], rows)


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first column is text.

    >>> print(markdown(["a", "b"], [["x", "1"]]))
    | a | b |
    | --- | --: |
    | x | 1 |
    """
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; give the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sprint.table", description=__doc__)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", type=Path, metavar="FILE", help="replace the tables in FILE")
    action.add_argument("--check", type=Path, metavar="FILE", help="exit 1 if FILE's are stale")
    options = parser.parse_args(arguments)
    tables = render([json.loads(path.read_text()) for path in RECORDS.glob("sprint-*.json")])
    target = options.write or options.check
    if target is None:
        print(tables)
        return 0
    text = target.read_text(encoding="utf-8")
    try:
        wanted = replaced(text, tables, MARKERS)
    except Unusable as error:
        print(error, file=sys.stderr)
        return 1
    if options.write:
        write_atomic(target, wanted)
    elif text != wanted:
        print(f"{target} is stale: run python -m benchmarks.sprint.table --write {target}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
