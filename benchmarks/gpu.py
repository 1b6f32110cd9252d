"""The newest records of a GPU as text: `--write` or `--check docs/gpu.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks import markdown
from benchmarks.markdown import figure
from benchmarks.record import all_of, commit_of, computed_on

Record = Mapping[str, Any]

MARKERS = "<!-- gpu:begin -->", "<!-- gpu:end -->"
HEAD = ("", "s", "n", "on")


def render() -> str:
    """Make the table: what took how long, on what."""
    rows = [*_studies(_newest("comparing")), *_sprints(_newest("sprint"))]
    return markdown.table(HEAD, rows)


def _newest(benchmark: str) -> Record | None:
    records = all_of(benchmark)
    return next((each for each in records if each["hardware"].get("accelerators")), None)


def _studies(record: Record | None) -> Iterator[list[str]]:
    if record is None:
        return
    summary, study = record["summary"], record["studies"][0]
    whole, each = summary["whole_study_seconds"], summary["seconds_a_training"]["study"]
    command = "`mnistlab compare optimizer adam adagrad adadelta`"
    yield [
        f"{command}, {study['trials']} trainings, from the shell to the report",
        figure(whole, ".1f"), str(len(record["studies"])), _where(record),
    ]  # fmt: skip
    yield [
        "one of its trainings of 3 epochs, as one of 32 in a program, compiling apart",
        figure(each, ".3f"), str(record["summary"]["n"]), _where(record),
    ]  # fmt: skip


def _sprints(record: Record | None) -> Iterator[list[str]]:
    if record is None:
        return
    for target, summary in record["summary"]["sprints"].items():
        reached = summary["test_accuracy"]
        low, high = (f"{100 * end:.2f}" for end in reached["interval"])
        yield [
            f"`{' '.join(record['commands'][target])}`, training alone: test accuracy "
            f"{100 * reached['mean']:.2f} % ({low}–{high})",
            figure(summary["training_seconds"], ".2f"), str(reached["n"]), _where(record),
        ]  # fmt: skip


def _where(record: Record) -> str:
    return f"{computed_on(record)}, {record['date'][:10]}, {commit_of(record)}"


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; give the exit status."""
    prog = "python -m benchmarks.gpu"
    return markdown.command(lambda: [(render(), MARKERS)], prog, __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
