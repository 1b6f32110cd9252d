"""The newest records as Markdown tables: `python -m benchmarks.table [--write|--check README.md]`.

Each table stands between two markers, and nothing else of the file is touched.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmarks import markdown
from benchmarks.climb import table as climb
from benchmarks.markdown import Unusable, figure
from benchmarks.reading import table as reading
from benchmarks.record import all_of, commit_of, computed_on, newest
from benchmarks.sprint import table as sprint
from benchmarks.tutorial.contenders import CONTENDERS
from benchmarks.tutorial.summary import REFERENCE

MARKERS = BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"
HEAD = (
    "",
    "training, s",
    "× mnistlab",
    "with compiling, s",
    "peak, MiB",
    "test accuracy, %",
    "whole process, s",
    "its peak, MiB",
)


def render(record: Mapping[str, Any]) -> str:
    """Make the table and the line under it from a record's summary. Pure."""
    training = record["summary"]["training"]
    rows = [row(name, record["summary"]) for name in CONTENDERS if name in training]
    return f"{markdown.table(HEAD, rows)}\n\n{caption(record)}"


def row(name: str, summary: Mapping[str, Any]) -> list[str]:
    """Make one contender's cells: median (least–most)."""
    own, whole = summary["training"][name], summary["whole_process"].get(name)
    label = CONTENDERS[name].label
    cells = [
        f"**{label}**" if name == REFERENCE else label,
        figure(own["compile_apart"], ".2f"),
        "1" if name == REFERENCE else figure(own["compile_apart_ratio"], ".1f"),
        figure(own["whole_call"], ".2f"),
        figure(own["peak_mib"], ".0f", spread=False),
        figure(percent(own["test_accuracy"]), ".2f"),
    ]
    if whole is None:
        return [*cells, "—", "—"]
    return [*cells, figure(whole["seconds"], ".2f"), figure(whole["peak_mib"], ".0f", spread=False)]


def percent(shares: Mapping[str, float]) -> dict[str, float]:
    """Make shares percentages."""
    return {name: 100 * share for name, share in shares.items()}


def caption(record: Mapping[str, Any]) -> str:
    """Say how many rounds, on what, when, at which commit, and how far it is to the floor."""
    hardware, versions, job = record["hardware"], record["versions"], record["job"]
    named = ("keras", "jax", "tensorflow-cpu", "tensorflow", "torch", "scikit-learn")
    libraries = ", ".join(f"{name} {versions[name]}" for name in named if name in versions)
    commit = commit_of(record) + ("+" if record["git"]["dirty"] else "")
    rounds = "1 round" if record["rounds"] == 1 else f"{record['rounds']} rounds"
    lines = [
        f"Median (least–most) of {rounds} by turns; {job['epochs']} epochs of {job['images']:,} "
        f"images, batch 32. {computed_on(record)}, "
        f"{hardware['memory_gib']:.0f} GiB; Python {versions['python']}, {libraries}; "
        f"{record['date'][:10]}, commit {commit}. `{record['command']}`"
    ]
    floor = record["summary"]["floor"]["one_core"]
    ours = record["summary"]["training"].get(REFERENCE)
    if floor and ours:
        lines.append(
            f"The job's matrix products alone take {floor['seconds']:.2f} s on one core at the "
            f"{floor['gflops']:.0f} GFLOP/s that this machine reaches; mnistlab's training takes "
            f"{ours['ratio_to_floor']:.1f} times that."
        )
    return "\n\n".join(lines)


def presentable(record: Mapping[str, Any] | None) -> str:
    """Render a record that may be shown. Raises Unusable for none, or one of a reduced job."""
    if record is None:
        raise Unusable("there is no record yet: run python -m benchmarks.tutorial")
    if record["reduced"]:
        raise Unusable(f"the record of {record['date']} is of a reduced job: a trial, not a result")
    return render(record)


def sections() -> list[tuple[str, tuple[str, str]]]:
    """Give each table, with the markers between which it stands. Raises Unusable."""
    found = [
        (presentable(newest("tutorial")), MARKERS),
        (sprint.render(all_of("sprint")), sprint.MARKERS),
    ]
    for name, part in (("climb", climb), ("reading", reading)):
        record = newest(name)
        if record is not None:
            found.append((part.render(record), part.MARKERS))
    return found


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; give the exit status."""
    return markdown.command(sections, "python -m benchmarks.table", __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
