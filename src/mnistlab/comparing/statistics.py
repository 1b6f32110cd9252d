"""From a study's trials to means, intervals, paired tests and verdicts in words.

`analyse` takes the `StudyRecords` and returns the `StudyResult`: pure, deterministic, and never
more than the trials say. Accuracies, and differences of them, are fractions of 1. A diverged trial
is counted wherever trials are counted; it has no accuracy, and none is made up for it but where
that is said (`expected_best`, the choice among rates that all diverged): there it has chance's.

Two arms are compared by the seeds that both completed. The interval is Student's and the test
permutes, so that on very few seeds they can disagree; a winner needs the test, after Holm. The
intervals are not adjusted for the number of pairs. The smallest p that n seeds can give is
2 / 2**n: 10 seeds can separate at most 7 arms (21 pairs), `fewest_seeds` says what more need.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from scipy import stats

from mnistlab.comparing.results import (
    ArmRecords,
    ArmResult,
    Curve,
    Difference,
    RatePoint,
    StudyRecords,
    StudyResult,
    Summary,
    TrialRecord,
)
from mnistlab.errors import InputError

CONFIDENCE = 0.95
ALPHA = 0.05
NEGLIGIBLE = 0.001
"""A difference of accuracy that nobody need care about: a tenth of a point."""
SEED_NOISE = 0.005
"""Two standard deviations, about, of the accuracy that a seed gives the tutorial's model."""
CHANCE = 0.1
"""The accuracy of guessing among ten classes."""
SLACK = 1e-7
"""Less than one example of any data set, more than float32's rounding of an accuracy."""
QUANTITIES = ("loss", "accuracy", "val_loss", "val_accuracy", "seconds")


@dataclass(frozen=True)
class Paired:
    """Two arms over `n` common seeds: the differences, their mean, its interval, and p."""

    mean: float
    interval: tuple[float, float]
    p: float
    n: int
    values: tuple[float, ...]


def analyse(records: StudyRecords) -> StudyResult:
    """Compute all that a study's tables, figures and sentences say."""
    target = target_accuracy(records.arms)
    arms = tuple(_arm_result(arm, target) for arm in records.arms)
    return StudyResult(records, arms, compare_pairs(records.arms), target)


def best_rate(tuning: Sequence[TrialRecord]) -> tuple[float, bool]:
    """Return the rate of the highest smoothed validation accuracy after the last epoch, and
    whether it is the least or the greatest of those tried.

    Near its top the curve of accuracy against rate is flatter than two seeds can see, so the
    highest mean alone picks the luckiest rate: see `smoothed`. A rate with a trial that diverged
    or failed is taken only if every rate has one, and is nobody's neighbour; such a trial then
    counts as chance. Ties go to the smaller rate; where every trial failed, that is the least, and
    on no edge, as no other rate would help. Raises InputError if there are no trials.
    """
    points = sensitivity(tuning)
    if not points:
        raise InputError("no tuning trials to choose a learning rate from; at least 1 is needed.")
    sound = [point for point in points if not point.diverged] or points
    # Rounded, because means of the same counts in another order differ in the last bit.
    values = [round(value, 9) for value in smoothed([_mean_or_chance(point) for point in sound])]
    best = sound[values.index(max(values))].learning_rate
    ran = any(trial.state != "failed" for trial in tuning)
    return best, ran and best in (points[0].learning_rate, points[-1].learning_rate)


def smoothed(values: Sequence[float]) -> list[float]:
    """Average each of `values` with its neighbours, weights 1, 2, 1; at the ends 2, 1.

    A neighbour that is more than SEED_NOISE lower counts as only that much lower: the cliff
    beside a good rate is no reason against it.

    >>> [round(value, 4) for value in smoothed([0.96, 0.97, 0.1])]
    [0.9633, 0.9675, 0.39]
    """
    result = []
    for place, value in enumerate(values):
        beside = [*values[max(place - 1, 0) : place], *values[place + 1 : place + 2]]
        beside = [max(each, value - SEED_NOISE) for each in beside]
        result.append((2 * value + math.fsum(beside)) / (2 + len(beside)))
    return result


def summarize(values: Sequence[float]) -> Summary:
    """Return mean, sd and Student's 95 % interval of the mean of independent `values`.

    Raises InputError if there are none; of one there is neither sd nor interval: NaN.

    >>> summary = summarize([0.96, 0.97, 0.98])
    >>> round(summary.mean, 4), round(summary.sd, 4), [round(end, 4) for end in summary.interval]
    (0.97, 0.01, [0.9452, 0.9948])
    """
    n = len(values)
    if n == 0:
        raise InputError("a summary needs at least 1 value, got none.")
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(mean, math.nan, n, (math.nan, math.nan))
    sd = float(np.std(np.asarray(values, np.float64), ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / math.sqrt(n)
    return Summary(mean, sd, n, (mean - half, mean + half))


def paired_difference(a: Sequence[float], b: Sequence[float], examples: int) -> Paired:
    """Compare accuracies `a` and `b`, paired by position, each a number of `examples` right.

    Differences are taken in whole examples, for ties must be ties. Fewer than two pairs have no
    interval and no p: NaN. Raises InputError if the lengths differ or `examples` is not positive.

    >>> paired_difference([0.97, 0.98, 0.99], [0.96, 0.96, 0.96], examples=100).p
    0.25
    """
    if len(a) != len(b) or examples < 1:
        raise InputError(
            f"pairs need as many values in a as in b and examples > 0,"
            f" got {len(a)}, {len(b)} and {examples}."
        )
    counts = np.rint(np.subtract(a, b) * examples).astype(np.int64)
    values = tuple((counts / examples).tolist())
    if len(values) < 2:
        return Paired(values[0] if values else math.nan, (math.nan,) * 2, math.nan, len(a), values)
    summary = summarize(counts.tolist())  # in examples: exact where the mean is
    low, high = (end / examples for end in summary.interval)
    return Paired(summary.mean / examples, (low, high), sign_flip_p(counts), len(a), values)


def sign_flip_p(differences: npt.NDArray[np.int64]) -> float:
    """Return the exact two-sided p of the paired permutation test of the mean: the share of the
    2**n choices of signs for integer `differences` (n,) whose |sum| is at least the observed.

    R. A. Fisher (1935), "The design of experiments", section 21; E. J. G. Pitman (1937),
    "Significance tests which may be applied to samples from any populations", JRSS Suppl. 4.
    The sums' distribution is built up difference by difference (M. Pagano and D. Tritchler,
    1983, "On obtaining permutation distributions in polynomial time", JASA 78, 435-440), so it
    is exact for any n, where `scipy.stats.permutation_test` must sample; the sampled p could not
    fall low enough for the 435 pairs of 30 arms.
    """
    sizes = np.abs(differences)
    top = int(sizes.sum())
    chance = np.zeros(top + 1)  # of the sum of those differences whose sign is plus
    chance[0] = 1.0
    for size in sizes.tolist():
        chance = (chance + np.roll(chance, size)) / 2  # what rolls round is still 0
    sums = 2 * np.arange(top + 1) - top
    return min(1.0, float(chance[np.abs(sums) >= abs(int(differences.sum()))].sum()))


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return Holm's adjusted p-values, in the given order; NaN stays NaN and is no test.

    S. Holm (1979), "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 65-70: family-wise error under any dependence.

    >>> holm([0.01, 0.04, 0.03])
    (0.03, 0.06, 0.06)
    """
    tested = sorted((p, i) for i, p in enumerate(p_values) if not math.isnan(p))
    adjusted = [math.nan] * len(p_values)
    floor = 0.0
    for rank, (p, i) in enumerate(tested):
        floor = adjusted[i] = min(1.0, max(floor, (len(tested) - rank) * p))
    return tuple(adjusted)


def fewest_seeds(pairs: int) -> int:
    """Return how many seeds it takes that any of `pairs` can have p < 0.05 after Holm.

    >>> [fewest_seeds(pairs) for pairs in (1, 3, 21, 28, 91)]
    [6, 7, 10, 11, 12]
    """
    n = 1
    while pairs * 2 / 2**n >= ALPHA:
        n += 1
    return n


def compare_pairs(arms: Sequence[ArmRecords]) -> tuple[Difference, ...]:
    """Compare every pair of arms by test accuracy at the tuned rates, over common seeds."""
    pairs = list(combinations(arms, 2))
    found = [_paired_arms(a, b) for a, b in pairs]
    adjusted = holm([paired.p for paired in found])
    tests = sum(not math.isnan(p) for p in adjusted)
    return tuple(
        Difference(
            a=a.name,
            b=b.name,
            mean=paired.mean,
            interval=paired.interval,
            p=paired.p,
            p_holm=p_holm,
            n=paired.n,
            values=paired.values,
            verdict=_verdict((a.name, b.name), paired, p_holm, tests) + _losses(a) + _losses(b),
        )
        for (a, b), paired, p_holm in zip(pairs, found, adjusted, strict=True)
    )


def sensitivity(tuning: Sequence[TrialRecord]) -> tuple[RatePoint, ...]:
    """Return a point a learning rate, by rising rate."""
    by_rate: dict[float, list[TrialRecord]] = {}
    for trial in tuning:
        by_rate.setdefault(trial.learning_rate, []).append(trial)
    found = [(rate, trials, _final_validation(trials)) for rate, trials in sorted(by_rate.items())]
    return tuple(RatePoint(rate, tuple(v), len(trials) - len(v)) for rate, trials, v in found)


def expected_best(points: Sequence[RatePoint]) -> tuple[float, ...]:
    """Return the expected best mean validation accuracy of k = 1, 2, ... of the rates, drawn
    without replacement; a trial that diverged counts as chance.

    J. Dodge et al. (2019), "Show your work: improved reporting of experimental results", EMNLP,
    section 3, there with replacement from a continuous space; the grid here is finite.
    """
    means = sorted(_mean_or_chance(point) for point in points)
    return tuple(
        math.fsum(mean * math.comb(below, k - 1) for below, mean in enumerate(means))
        / math.comb(len(means), k)
        for k in range(1, len(means) + 1)
    )


def target_accuracy(arms: Sequence[ArmRecords]) -> float:
    """Return the validation accuracy that `to_target` is about: the lowest of the arms' means
    after the last epoch at the tuned rate, rounded down to a tenth of a point.

    So every arm reaches it on average. Arms of which no trial completed have no say; NaN if that
    is all of them. An arm that learns nothing makes the target one that all reach at once.
    """
    finals = [values for arm in arms if (values := _final_validation(arm.tuned))]
    means = [math.fsum(values) / len(values) for values in finals]
    return math.floor((min(means) + SLACK) * 1000) / 1000 if means else math.nan


def _arm_result(arm: ArmRecords, target: float) -> ArmResult:
    """Describe one arm."""
    everything = {trial.key: trial for trial in (*arm.tuned, *arm.default, *arm.tuning)}
    points = sensitivity(arm.tuning)
    reached = [(t, e) for t in _complete(arm.tuned) if (e := _epochs_to(t, target)) is not None]
    return ArmResult(
        name=arm.name,
        learning_rate=arm.rate,
        default_rate=arm.default_rate,
        on_edge=arm.on_edge,
        test_accuracy=_summary(list(_tested(arm.tuned).values())),
        at_default=_summary(list(_tested(arm.default).values())),
        diverged=_count(arm.tuned, "diverged"),
        failed=_count(arm.tuned, "failed"),
        default_diverged=_count(arm.default, "diverged"),
        trials=len(everything),
        sensitivity=points,
        expected_best=expected_best(points),
        curves=_curves(_complete(arm.tuned)),
        steps_per_epoch=max((t.steps_per_epoch for t in everything.values()), default=0),
        to_target=_summary([float(epochs) for _, epochs in reached]),
        seconds_to_target=_summary([_curve_of(t, "seconds")[e - 1] for t, e in reached]),
        reached_target=len(reached),
    )


def _complete(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [trial for trial in trials if trial.state == "complete"]


def _count(trials: Sequence[TrialRecord], state: str) -> int:
    return sum(trial.state == state for trial in trials)


def _final_validation(trials: Sequence[TrialRecord]) -> list[float]:
    """Return the validation accuracies after the last epoch of those that completed."""
    curves = [_curve_of(trial, "val_accuracy") for trial in _complete(trials)]
    return [values[-1] for values in curves if values]


def _tested(trials: Sequence[TrialRecord]) -> dict[int, float]:
    """Map the seeds that completed, in order, to their test accuracies."""
    found = {t.seed: t.test_accuracy for t in _complete(trials) if t.test_accuracy is not None}
    return dict(sorted(found.items()))


def _summary(values: Sequence[float]) -> Summary | None:
    return summarize(values) if values else None


def _curve_of(trial: TrialRecord, quantity: str) -> list[float]:
    """Return a value an epoch, seconds since the start of training; empty if not recorded."""
    values = trial.history.get(quantity, [])
    return np.cumsum(values).tolist() if quantity == "seconds" else values


def _curves(trials: Sequence[TrialRecord]) -> dict[str, Curve]:
    """Return mean and interval an epoch of each quantity that all `trials` have."""
    curves = {}
    for quantity in QUANTITIES:
        if trials and all(_curve_of(trial, quantity) for trial in trials):
            epochs = zip(*(_curve_of(trial, quantity) for trial in trials), strict=True)
            summaries = [summarize(values) for values in epochs]
            curves[quantity] = Curve(
                mean=tuple(summary.mean for summary in summaries),
                low=tuple(summary.interval[0] for summary in summaries),
                high=tuple(summary.interval[1] for summary in summaries),
            )
    return curves


def _epochs_to(trial: TrialRecord, target: float) -> int | None:
    """Return the first epoch, from 1, whose validation accuracy is at least `target`."""
    values = _curve_of(trial, "val_accuracy")
    return next((i for i, value in enumerate(values, 1) if value >= target - SLACK), None)


def _mean_or_chance(point: RatePoint) -> float:
    """Return the mean validation accuracy of a rate, a trial that diverged counting as chance."""
    total = math.fsum(point.values) + CHANCE * point.diverged
    return total / (len(point.values) + point.diverged)


def _paired_arms(a: ArmRecords, b: ArmRecords) -> Paired:
    """Compare two arms at their tuned rates over the seeds that both completed."""
    first, second = _tested(a.tuned), _tested(b.tuned)
    seeds = [seed for seed in first if seed in second]
    examples = max((t.test_n for t in (*a.tuned, *b.tuned)), default=0)
    return paired_difference(
        [first[seed] for seed in seeds], [second[seed] for seed in seeds], max(examples, 1)
    )


def _verdict(names: tuple[str, str], paired: Paired, p_holm: float, tests: int) -> str:
    """Say in words what a paired difference among `tests` of them shows, and no more."""
    n = paired.n
    if n < 2:
        return f"can't tell: {n or 'no'} seed{'s' * (n != 1)} completed in both"
    if p_holm < ALPHA:
        better, worse = names if paired.mean > 0 else names[::-1]
        return f"{better} better than {worse}"
    low, high = paired.interval
    # With fewer seeds no difference could be found, however large; then finding none says nothing.
    if n >= fewest_seeds(1) and low >= -NEGLIGIBLE and high <= NEGLIGIBLE:
        return f"no difference above {NEGLIGIBLE * 100:g} points"
    needed = fewest_seeds(tests)
    pairs = "1 pair needs" if tests == 1 else f"{tests} pairs need"
    return f"can't tell with {n} seeds" + (f"; {pairs} at least {needed}" if n < needed else "")


def _losses(arm: ArmRecords) -> str:
    """Say how many of an arm's final trials have no accuracy; nothing if all have."""
    states = (("diverged", _count(arm.tuned, "diverged")), ("failed", _count(arm.tuned, "failed")))
    lost = " and ".join(f"{state} in {count}" for state, count in states if count)
    return f"; {arm.name} {lost} of {len(arm.tuned)}" if lost else ""
