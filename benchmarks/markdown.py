"""Tables for Markdown files: cells, rows, and the place between two markers."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mnistlab.files import write_atomic


class Unusable(RuntimeError):
    """There is no record, or none to be shown, or no place to show it in."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table whose first column is text and whose others are figures.

    >>> print(table(["a", "b"], [["x", "1"]]))
    | a | b |
    | --- | --: |
    | x | 1 |
    """
    lines = [head, ["---", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def figure(values: Mapping[str, float] | None, form: str, *, spread: bool = True) -> str:
    """Write a median with its spread, which is left out where it would show no difference.

    >>> figure({"median": 2.345, "min": 2.1, "max": 2.5}, ".2f")
    '2.35 (2.10–2.50)'
    """
    if values is None:
        return "—"
    middle, low, high = (format(values[name], form) for name in ("median", "min", "max"))
    return f"{middle} ({low}–{high})" if spread and low != high else middle


def replaced(text: str, table: str, markers: tuple[str, str]) -> str:
    """Put `table` between the markers of `text`. Raises Unusable if they are not there once."""
    begin, end = markers
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise Unusable(f"there must be one {begin} and, after it, one {end}")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{table}\n{end}{rest.partition(end)[2]}"


def write(table: str, target: Path, markers: tuple[str, str]) -> None:
    """Bring what is between the markers in `target` up to date. Raises Unusable."""
    text = target.read_text(encoding="utf-8")
    write_atomic(target, replaced(text, table, markers))


def check(table: str, target: Path, markers: tuple[str, str]) -> None:
    """Raise Unusable unless `table` is what is between the markers in `target`."""
    text = target.read_text(encoding="utf-8")
    if text != replaced(text, table, markers):
        raise Unusable(f"{target} is stale: give --write {target} instead of --check")


def command(
    sections: Callable[[], Sequence[tuple[str, tuple[str, str]]]],
    prog: str,
    description: str | None,
    arguments: Sequence[str] | None,
) -> int:
    """Print, write or check texts, each with its markers; give the exit status."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--write", type=Path, metavar="FILE", help="replace the text in FILE")
    action.add_argument("--check", type=Path, metavar="FILE", help="exit 1 if FILE's is stale")
    options = parser.parse_args(arguments)
    try:
        for text, markers in sections():
            if options.write:
                write(text, options.write, markers)
            elif options.check:
                check(text, options.check, markers)
            else:
                print(text, end="\n\n")
    except (Unusable, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
