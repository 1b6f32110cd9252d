"""What a study's figures show, as rows of plain data: they are also the CSV files beside them.

Accuracies in rows are fractions, differences are points; NaN is what there is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mnistlab.comparing.results import ArmRecords, ArmResult, StudyResult, TrialRecord
from mnistlab.comparing.statistics import ALPHA, NEGLIGIBLE
from mnistlab.reporting.charts import reach

BAND = 100 * NEGLIGIBLE  # points; the band of differences that nobody need care about
QUANTITIES = {
    "loss": "training loss",
    "val_loss": "validation loss",
    "accuracy": "training accuracy",
    "val_accuracy": "validation accuracy",
}


@dataclass(frozen=True)
class Tested:
    """Test accuracy of one final trial, or the mean over an arm's with its interval.

    `at` is "tuned" or "default"; `state` is the trial's or "mean", which has no seed.
    """

    arm: str
    at: str
    learning_rate: float
    state: str
    seed: int | None
    accuracy: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class Pair:
    """Arm `a` minus arm `b` in points of test accuracy, with the 95 % interval."""

    a: str
    b: str
    points: float
    low: float
    high: float
    n: int
    p: float
    p_holm: float
    verdict: str

    @property
    def differ(self) -> bool:
        """Whether the test, after Holm, tells the two apart."""
        return self.p_holm < ALPHA

    @property
    def size(self) -> float:
        """How far from zero it is drawn."""
        ends = [abs(end) for end in (self.low, self.high, self.points) if math.isfinite(end)]
        return max(ends, default=math.nan)


@dataclass(frozen=True)
class Tried:
    """Validation accuracy, after the last epoch, of one tuning trial; NaN if it is `lost`."""

    arm: str
    learning_rate: float
    val_accuracy: float
    lost: bool
    tuned: bool
    default: bool


@dataclass(frozen=True)
class Expected:
    """Expected best validation accuracy of so many learning rates, drawn at random."""

    arm: str
    rates: int
    val_accuracy: float


@dataclass(frozen=True)
class CurvePoint:
    """Mean and 95 % interval of a quantity after an epoch, at the tuned rate."""

    arm: str
    quantity: str
    epoch: int
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Progress:
    """Where an arm stands after an epoch, at the tuned rate: means over its final trials."""

    arm: str
    epoch: int
    steps: int
    seconds: float
    val_accuracy: float


def tested_rows(result: StudyResult) -> tuple[Tested, ...]:
    """Return every final trial of every arm, and the means, at the tuned and default rates."""
    rows: list[Tested] = []
    for arm, records in zip(result.arms, result.records.arms, strict=True):
        rows += _tested(arm, records, "tuned")
        rows += _tested(arm, records, "default")
    return tuple(rows)


def _tested(arm: ArmResult, records: ArmRecords, at: str) -> list[Tested]:
    tuned = at == "tuned"
    rate = arm.learning_rate if tuned else arm.default_rate
    rows = [
        Tested(arm.name, at, rate, t.state, t.seed, _accuracy(t))
        for t in (records.tuned if tuned else records.default)
    ]
    if mean := arm.test_accuracy if tuned else arm.at_default:
        rows.append(Tested(arm.name, at, rate, "mean", None, mean.mean, *mean.interval))
    return rows


def _accuracy(trial: TrialRecord) -> float:
    found = trial.test_accuracy if trial.state == "complete" else None
    return math.nan if found is None else found


def tested_limits(rows: Sequence[Tested]) -> tuple[float, float]:
    """Return the accuracies between which `rows` are drawn; what is below is off the scale.

    They are those at the tuned rates, the mean of some arm with its interval at the least; the
    default rates' have a say as far as that leaves room.
    """
    best = max((v for r in rows for v in (r.accuracy, r.high) if math.isfinite(v)), default=1.0)

    def below(at: str) -> list[float]:
        own = [v for r in rows if r.at == at for v in (r.accuracy, r.low)]
        return [best - v for v in own if math.isfinite(v)]

    means = [best - r.low for r in rows if (r.at, r.state) == ("tuned", "mean")]
    far = reach(below("tuned"), max(0.002, min(filter(math.isfinite, means), default=0)))
    far = max([far, *(size for size in below("default") if size < 2 * far)])
    return best - 1.06 * far, best + 0.06 * far


def forest_rows(result: StudyResult) -> tuple[Pair, ...]:
    """Return every pair of arms, in points."""
    return tuple(
        Pair(
            d.a, d.b, 100 * d.mean, 100 * d.interval[0], 100 * d.interval[1],
            d.n, d.p, d.p_holm, d.verdict,
        )
        for d in result.differences
    )  # fmt: skip


def forest_limit(rows: Sequence[Pair]) -> float:
    """Return how many points the axis has to each side of zero."""
    return 1.06 * reach((row.size for row in rows), 3 * BAND)


def sensitivity_rows(result: StudyResult) -> tuple[Tried, ...]:
    """Return every tuning trial; one that diverged or failed has no accuracy and is `lost`."""
    rows = []
    for arm in result.arms:
        for point in arm.sensitivity:
            rate = point.learning_rate
            chosen = (rate == arm.learning_rate, rate == arm.default_rate)
            rows += [Tried(arm.name, rate, value, False, *chosen) for value in point.values]
            rows += [Tried(arm.name, rate, math.nan, True, *chosen)] * point.diverged
    return tuple(rows)


def mean_line(rows: Sequence[Tried]) -> tuple[list[float], list[float]]:
    """Return the rates of one arm's `rows`, rising, and the mean accuracy of each.

    A rate of which a trial was lost has no mean: NaN, a gap in the line.
    """
    rates = sorted({row.learning_rate for row in rows})
    return rates, [
        float(np.mean([row.val_accuracy for row in rows if row.learning_rate == rate]))
        for rate in rates
    ]


def expected_rows(result: StudyResult) -> tuple[Expected, ...]:
    """Return the best to be expected of 1, 2, ... learning rates."""
    return tuple(
        Expected(arm.name, k, value)
        for arm in result.arms
        for k, value in enumerate(arm.expected_best, 1)
    )


def curve_rows(result: StudyResult) -> tuple[CurvePoint, ...]:
    """Return mean and interval of each quantity after each epoch."""
    return tuple(
        CurvePoint(arm.name, quantity, epoch, *values)
        for arm in result.arms
        for quantity in QUANTITIES
        if (curve := arm.curves.get(quantity))
        for epoch, values in enumerate(zip(curve.mean, curve.low, curve.high, strict=True), 1)
    )


def progress_rows(result: StudyResult) -> tuple[Progress, ...]:
    """Return where each arm stands after each epoch."""
    rows = []
    for arm in result.arms:
        seconds, reached = arm.curves.get("seconds"), arm.curves.get("val_accuracy")
        if seconds and reached:
            pairs = zip(seconds.mean, reached.mean, strict=True)
            rows += [
                Progress(arm.name, epoch, epoch * arm.steps_per_epoch, *values)
                for epoch, values in enumerate(pairs, 1)
            ]
    return tuple(rows)
