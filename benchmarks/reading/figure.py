"""How far the reader's confidence can be trusted: `docs/images/reading.png`, from the record.

Risk and coverage: what share of the answers is wrong, if only the surest are given (El-Yaniv &
Wiener 2010, https://jmlr.org/papers/v11/el-yaniv10a.html). Calibration: how many are right of those
that are about as sure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.record import ROOT, newest
from mnistlab.files import write_atomic
from mnistlab.reporting import style

TARGET = ROOT / "docs" / "images" / "reading.png"
BINS = 12


@dataclass(frozen=True)
class Curves:
    """`coverage` and `risk` by sinking confidence; `sure` and `right` of bins of equal counts."""

    coverage: tuple[float, ...]
    risk: tuple[float, ...]
    sure: tuple[float, ...]
    right: tuple[float, ...]


def curves(answers: Sequence[tuple[float, bool]]) -> Curves:
    """Work out what is drawn from (confidence, right) of each picture.

    >>> found = curves([(0.9, True), (0.6, False), (0.8, True), (0.7, True)])
    >>> found.coverage, found.risk
    ((0.25, 0.5, 0.75, 1.0), (0.0, 0.0, 0.0, 0.25))
    """
    ordered = sorted(answers, key=lambda each: -each[0])
    sure, right = (np.array(column, float) for column in zip(*ordered, strict=True))
    given = np.arange(1, len(right) + 1)
    bins = np.array_split(np.arange(len(right)), min(BINS, len(right)))
    return Curves(
        tuple(map(float, given / len(right))),
        tuple(map(float, np.cumsum(1 - right) / given)),
        tuple(float(sure[part].mean()) for part in bins),
        tuple(float(right[part].mean()) for part in bins),
    )


def unpacked(answers: Mapping[str, str]) -> list[tuple[float, bool]]:
    """Give (confidence, right) of each answer out of a record's two lines.

    >>> unpacked({"confidence": "0.9877 1.0000", "right": "10"})
    [(0.9877, True), (1.0, False)]
    """
    sure = map(float, answers["confidence"].split())
    return [(p, each == "1") for p, each in zip(sure, answers["right"], strict=True)]


def draw(record: Mapping[str, Any]) -> bytes:
    """Draw both panels: PNG."""
    found = curves(unpacked(record["singles"]["answers"]))
    fig = style.figure(900, 380)
    risk, calibration = style.axes(fig, 90, 60, 330, 250), style.axes(fig, 540, 60, 330, 250)
    risk.plot([100 * c for c in found.coverage], [100 * r for r in found.risk], color=style.BLUE)
    risk.set(xlim=(90, 100), ylim=(0, None), xlabel="answered, % (the surest first)",
             ylabel="wrong, % of answers")  # fmt: skip
    doubt = [max(100 * (1 - p), 1e-3) for p in found.sure]
    errors = [max(100 * (1 - p), 1e-3) for p in found.right]
    ends = [1e-3, 100]
    calibration.plot(ends, ends, color=style.LINE, zorder=0)
    calibration.plot(doubt, errors, "o", color=style.BLUE)
    calibration.set(xscale="log", yscale="log", xlim=ends, ylim=ends,
                    xlabel="doubt, 100 % − confidence", ylabel="wrong, %")  # fmt: skip
    for ax in (risk, calibration):
        ax.xaxis.label.set(color=style.MUTED, size=style.SMALL.points)
        ax.yaxis.label.set(color=style.MUTED, size=style.SMALL.points)
    picture = style.rendered(fig)
    n = f"{record['singles']['drawn']['n']:,}"
    picture.write((90, 40), f"Risk and coverage, {n} digits", style.STRONG)
    picture.write(
        (540, 40),
        "Calibration (on the axis: none wrong)",
        style.STRONG,
    )
    return picture.png()


def main(target: Path = TARGET) -> None:
    """Draw the newest record."""
    record = newest("reading")
    if record is None:
        raise SystemExit("there is no record yet: run python -m benchmarks.reading")
    write_atomic(target, draw(record))
    print(target)


if __name__ == "__main__":
    main()
