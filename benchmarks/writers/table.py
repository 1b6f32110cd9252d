"""The newest record of writers as text: `--write` or `--check docs/mnist.md`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from statistics import mean
from typing import Any

from benchmarks import markdown
from benchmarks.record import commit_of, computed_on, newest
from benchmarks.writers.__main__ import APART, LENGTHS

Record = Mapping[str, Any]

LIKENESS = "<!-- likeness:begin -->", "<!-- likeness:end -->"
ERRORS = "<!-- errors:begin -->", "<!-- errors:end -->"
NAMES = {"linear": "softmax regression", "mlp": "the tutorial's network"}


def likeness(record: Record) -> str:
    """Correlations of slant and of stroke width, a row for each part of the images."""
    rows = [
        [f"{name}, {part['n']:,}", *(_both(part[str(apart)]) for apart in APART)]
        for name, part in record["likeness"].items()
    ]
    stretches = [f"{APART[0]} place on", *(str(apart) for apart in APART[1:])]
    return markdown.table(["correlations of slant, of stroke width", *stretches], rows)


def errors(record: Record) -> str:
    """Error rates and design effects, a row for each network and half of the test split."""
    rows = [
        [f"{NAMES[model]}, {half}", f"{100 * mean(found['error']):.2f} %",
         *(f"{found['design_effect'][str(length)]:.2f}" for length in LENGTHS)]
        for model, halves in record["errors"].items()
        for half, found in halves.items()
    ]  # fmt: skip
    stretches = [f"{LENGTHS[0]} images", *(str(length) for length in LENGTHS[1:])]
    n = record["errors"]["mlp"]["first half"]["n"]
    return (
        f"{markdown.table(['', 'wrong', *stretches], rows)}\n\n"
        f"Means over {n} seeds, 3 epochs each. {computed_on(record)}; {record['date'][:10]}, "
        f"commit {commit_of(record)}. `{record['command']}`"
    )


def _both(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}".replace("-0.00", "0.00") for value in values)


def sections() -> list[tuple[str, tuple[str, str]]]:
    """Give both texts, each with its markers. Raises Unusable without a record."""
    record = newest("writers")
    if record is None:
        raise markdown.Unusable("no record: `python -m benchmarks.writers` makes one")
    return [(likeness(record), LIKENESS), (errors(record), ERRORS)]


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; give the exit status."""
    return markdown.command(sections, "python -m benchmarks.writers.table", __doc__, arguments)


if __name__ == "__main__":
    sys.exit(main())
