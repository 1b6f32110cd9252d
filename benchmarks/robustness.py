"""The newest records of kills and of fuzzing as text: `--write` or `--check docs/faults.md`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from benchmarks import markdown
from benchmarks.record import computed_on, newest

Record = Mapping[str, Any]

KILLS = "<!-- kills:begin -->", "<!-- kills:end -->"
FUZZING = "<!-- fuzzing:begin -->", "<!-- fuzzing:end -->"


def kills(record: Record | None) -> str:
    """Say how many kills there were, at which moments, and what they cost."""
    if record is None:
        return "There is no record yet: `python -m benchmarks.faults --kills 200` makes one."
    took = record["undisturbed_seconds"]
    rows = [
        [name, str(count), f"{took[name]:.1f}", str(record["ended_as_undisturbed"].get(name, 0))]
        for name, count in record["by_job"].items()
    ]
    how = record["by_how"]
    head = ("", "killed", "undisturbed, s", "ended as undisturbed")
    return (
        f"{markdown.table(head, rows)}\n\n"
        f"{record['kills']} kills, {how.get('write', 0)} of them within 20 ms after a file of the "
        f"job changed, the others at any moment: {len(record['losses'])} losses. {_where(record)}"
    )


def fuzzing(record: Record | None) -> str:
    """Count what each parser was given, and what became of it."""
    if record is None:
        return "There is no record yet: `python -m benchmarks.fuzzing --inputs 100000` makes one."
    head = ("", "inputs", "accepted", "refused", "wrong", "slowest, s", "most memory, MiB")
    rows = [_row(name, found) for name, found in record["parsers"].items()]
    rows.append(_row("**all**", record["summary"]))
    return f"{markdown.table(head, rows)}\n\n{_where(record)}"


def _row(name: str, found: Mapping[str, Any]) -> list[str]:
    counts = [f"{found[k]:,}" for k in ("inputs", "accepted", "refused", "failed")]
    most = [found.get("slowest_seconds"), found.get("most_mib")]
    return [name, *counts, *("" if value is None else f"{value:.4g}" for value in most)]


def _where(record: Record) -> str:
    return f"{computed_on(record)}; {record['date'][:10]}. `{record['command']}`"


def sections() -> list[tuple[str, tuple[str, str]]]:
    """Give both texts, each with its markers."""
    return [(kills(newest("faults")), KILLS), (fuzzing(newest("fuzzing")), FUZZING)]


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; give the exit status."""
    return markdown.command(sections, "python -m benchmarks.robustness", __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
