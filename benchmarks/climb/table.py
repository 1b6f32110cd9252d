"""The newest record of the climb as Markdown; `python -m benchmarks.table` puts it in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import table
from benchmarks.record import commit_of, computed_on

MARKERS = "<!-- climb:begin -->", "<!-- climb:end -->"
HEAD = ("", "test accuracy, %", "n", "training, minutes a network")


def render(record: Mapping[str, Any]) -> str:
    """Make the table and the line under it. Pure."""
    single, together = record["summary"], record["ensembles"]
    reached, minutes = single["test_accuracy"], single["training_seconds"]["mean"] / 60
    low, high = (f"{100 * end:.2f}" for end in reached["interval"])
    every, networks = together["all"], together["all"]["members"]
    least, most = (f"{100 * end:.2f}" for end in every["interval"])
    rows = [
        [
            "one network, mean (95 % interval over seeds)",
            f"**{100 * reached['mean']:.2f}** ({low}–{high})",
            str(reached["n"]),
            f"{minutes:.1f}",
        ],
        [
            f"{together['members']} averaged, mean of all choices (least–most)",
            f"**{100 * together['mean']:.2f}** "
            f"({100 * together['least']:.2f}–{100 * together['most']:.2f})",
            f"{together['choices']} of {networks} networks",
            "",
        ],
        [
            f"all {networks} averaged (95 % interval over {every['n']:,} images)",
            f"{100 * every['test_accuracy']:.2f} ({least}–{most})",
            "1",
            "",
        ],
    ]
    each = ", each network on one of them" if record["runs"][0]["config"]["devices"] == 1 else ""
    return (
        f"{table(HEAD, rows)}\n\n{computed_on(record)}{each}; "
        f"{record['date'][:10]}, commit {commit_of(record)}. `{record['command']}`"
    )
