"""What a study holds and what is computed from it, as plain data: nothing here computes or draws.

`TrialRecord`s come from the study's file; `statistics.analyse` makes a `StudyResult` of them;
tables, figures and reports show that. Accuracies are fractions of 1 (0.97), differences of
accuracy too (0.001 is a tenth of a point); rates are learning rates; seconds are wall-clock.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["complete", "diverged", "failed"]


@dataclass(frozen=True)
class TrialRecord:
    """One finished trial. `history` has a list with a value an epoch for each of loss, accuracy,
    val_loss, val_accuracy and seconds; a diverged trial's ends with the epoch that diverged, and
    a tuning trial is validated after its last epoch alone.

    `test_accuracy`, `test_loss` are None where the trial was not tested (tuning) or failed.
    """

    key: str
    arm: str
    seed: int
    learning_rate: float
    state: State
    history: dict[str, list[float]]
    test_accuracy: float | None
    test_loss: float | None
    test_n: int
    steps_per_epoch: int
    seconds: float
    """Training, validating and testing; compiling apart."""
    compile_seconds: float
    """Compiling, or waiting for another trial that compiled the same."""
    error: str = ""


@dataclass(frozen=True)
class ArmRecords:
    """One arm's trials by their role. A trial can be in `tuned` and in `default`, if the best
    rate is the default one. Final trials of all arms have the same seeds: pairs."""

    name: str
    default_rate: float
    rate: float
    """The tuned rate; the default one where nothing was tuned."""
    on_edge: bool
    """Whether the tuned rate is still at the end of the grid after all extensions."""
    tuning: tuple[TrialRecord, ...]
    tuned: tuple[TrialRecord, ...]
    default: tuple[TrialRecord, ...]


@dataclass(frozen=True)
class StudyRecords:
    """All that statistics and reports need to know of a study."""

    axis: str
    """optimizer, loss, activation, model, learning-rate, batch-size or normalize."""
    arms: tuple[ArmRecords, ...]
    settings: dict[str, Any]
    """What all arms share, as in `TrainSettings.to_json()`."""
    plan: dict[str, Any]
    """rates, tuning_seeds, final_seeds (lists), extensions, quick, budget, gave_up (words)."""
    versions: dict[str, str]
    command: str
    path: str
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Summary:
    """A mean over `n` seeds with the 95 % t-interval of the mean; sd with n - 1.

    With n = 1 there is no sd and no interval: NaN.
    """

    mean: float
    sd: float
    n: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class RatePoint:
    """One learning rate of the grid: validation accuracy after the last epoch, a value a seed
    that completed; how many diverged or failed."""

    learning_rate: float
    values: tuple[float, ...]
    diverged: int


@dataclass(frozen=True)
class Curve:
    """One quantity over the epochs of an arm's final trials at the tuned rate (complete ones):
    mean and 95 % t-interval of the mean, a value an epoch (NaN interval with one trial)."""

    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class ArmResult:
    """What an arm did."""

    name: str
    learning_rate: float
    default_rate: float
    on_edge: bool
    test_accuracy: Summary | None
    """At the tuned rate over the final seeds that completed; None if none did."""
    at_default: Summary | None
    """The same at the default rate; None if none completed or none was run."""
    diverged: int
    """Of the final trials at the tuned rate."""
    failed: int
    default_diverged: int
    trials: int
    """All trials of the arm, tuning ones too."""
    sensitivity: tuple[RatePoint, ...]
    """By rising rate; empty if nothing was tuned."""
    expected_best: tuple[float, ...]
    """Expected best validation accuracy after trying k = 1, 2, ... rates drawn at random from
    the grid (Dodge et al. 2019); a diverged rate counts as chance."""
    curves: dict[str, Curve]
    """loss, accuracy, val_loss, val_accuracy; seconds is cumulative."""
    steps_per_epoch: int
    to_target: Summary | None
    """Epochs to the study's target accuracy on validation, over the trials that reach it."""
    seconds_to_target: Summary | None
    reached_target: int


@dataclass(frozen=True)
class Difference:
    """Arm `a` minus arm `b` in test accuracy at the tuned rates, over seeds both completed."""

    a: str
    b: str
    mean: float
    interval: tuple[float, float]
    p: float
    """Two-sided paired permutation test of the mean, exact."""
    p_holm: float
    n: int
    values: tuple[float, ...]
    verdict: str


@dataclass(frozen=True)
class StudyResult:
    """The whole of it."""

    records: StudyRecords
    arms: tuple[ArmResult, ...]
    differences: tuple[Difference, ...]
    """Every pair of arms, in the arms' order."""
    target: float
    """The validation accuracy that `to_target` is about."""

    def to_json(self) -> dict[str, Any]:
        """Give the document of `compare --json`: plain values, NaN as it is."""
        arms = [
            {
                "name": arm.name,
                "learning_rate": arm.learning_rate,
                "test_accuracy": arm.test_accuracy and asdict(arm.test_accuracy),
                "at_default": arm.at_default
                and {"learning_rate": arm.default_rate, **asdict(arm.at_default)},
                "diverged": arm.diverged,
                "trials": arm.trials,
            }
            for arm in self.arms
        ]
        keys = ("a", "b", "mean", "interval", "p", "p_holm", "verdict")
        return {
            "study": self.records.path,
            "axis": self.records.axis,
            "arms": arms,
            "differences": [{k: getattr(d, k) for k in keys} for d in self.differences],
            "seconds": self.records.seconds,
        }
