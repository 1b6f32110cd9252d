"""The newest record of reading as Markdown; `python -m benchmarks.table` puts it in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import table
from benchmarks.record import commit_of, computed_on

MARKERS = "<!-- reading:begin -->", "<!-- reading:end -->"
HEAD = ("", "%", "n")


def render(record: Mapping[str, Any]) -> str:
    """Make the table and the line under it. Pure."""
    alone, loaded, none = record["singles"], record["load_digits"], record["no_digits"]
    rows = [
        row("MNIST's test digits as they are in the file: read right", alone["originals"]),
        row("the same, of any size and colours, in a picture: **read right**", alone["drawn"]),
        row("the same, by the same network, the whole picture resized to 28 × 28", alone["naive"]),
        *(
            row(f"lines of six digits, {paper}: fully right", found["fully_right"])
            for paper, found in record["lines"].items()
        ),
        row("`load_digits` written large: answered", loaded["answered"]),
        row("of those: right", loaded["right_of_answered"]),
        *(row(f"{kind}: any read as a digit", found.get("read_as_a_digit", found))
          for kind, found in none.items()),
    ]  # fmt: skip
    return (
        f"{table(HEAD, rows)}\n\n95 % intervals; not answered is not right. "
        f"{likeliest(alone)} "
        "No picture here was trained on, and MNIST's were not looked at; `load_digits` are by 13 "
        "writers, of whose fellows, 30 others on the same forms, the network learnt. How earlier "
        "networks did on pictures like these without a digit was known, and two of the empty "
        "papers, read as a 1 before, were looked at."
        f"{spoken(record)} {computed_on(record)}; "
        f"{record['date'][:10]}, commit {commit_of(record)}. `{record['command']}`"
    )


def row(label: str, found: Mapping[str, Any]) -> list[str]:
    """Give one rate with its interval.

    >>> row("a", {"rate": 0.5, "n": 1000, "interval": [0.469, 0.531]})
    ['a', '50.0 (46.9–53.1)', '1,000']
    """
    low, high = (f"{100 * end:.1f}" for end in found["interval"])
    return [label, f"{100 * found['rate']:.1f} ({low}–{high})", f"{found['n']:,}"]


def likeliest(alone: Mapping[str, Any]) -> str:
    """Say how often the likeliest digit is right, answered or not."""
    kinds = ("originals_without_abstention", "drawn_without_abstention")
    shares = " and ".join(f"{100 * alone[kind]['rate']:.2f} %" for kind in kinds)
    return f"The likeliest digit, answered or not, is right in {shares} of the first two."


def spoken(record: Mapping[str, Any]) -> str:
    """Say how long it takes, if that was measured."""
    said = [
        f"{name} {each['seconds']['median']:.1f} s and {each['peak_mib']:.0f} MiB"
        for name, each in record.get("speed", {}).items()
    ]
    return f" From the shell: {', '.join(said)} (medians of 5, largest memory)." if said else ""
