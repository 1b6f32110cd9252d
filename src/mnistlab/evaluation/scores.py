"""From probabilities and labels to accuracy, intervals, confusion, calibration and mistakes.

`score` takes softmax outputs (n, C) and labels (n,) and returns a `Scores`, plain data that
survives a round trip through JSON. Every number is a sum over examples; batches do not exist here.

A row that is not all finite numbers is a prediction of nothing: a diverged model is a result and
is scored, not refused. Such a row counts in `n` and as wrong, in the denominators of accuracy and
recall too; it is counted apart in `invalid`, and is in neither the confusion matrix, nor the
calibration, nor the mistakes, because it has no predicted class and no confidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.errors import InputError, OptionError

CALIBRATION_BINS = 15  # as in Guo et al. (2017)


@dataclass(frozen=True)
class ClassScore:
    """One class: `n` examples of it; a ratio with nothing below the line is 0.0."""

    name: str
    n: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class CalibrationBin:
    """The `n` predictions with confidence in (lo, hi]: their mean confidence and accuracy."""

    lo: float
    hi: float
    n: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Mistake:
    """One wrong prediction; `index` is its place in the split, `confidence` in `predicted`."""

    index: int
    true: int
    predicted: int
    confidence: float
    probability_of_true: float


@dataclass(frozen=True, eq=False)
class Scores:
    """What one model did on one split.

    `accuracy_interval` is Wilson's 95 % interval. `confusion` is int64 (C, C), rows true, columns
    predicted. `calibration` has no empty bins; `expected_calibration_error` is NaN if it has no
    bins at all. `mistakes` are the worst ones only, most confident first. `invalid` counts the
    predictions that were not finite (see the module's docstring).
    """

    loss: float
    accuracy: float
    n: int
    accuracy_interval: tuple[float, float]
    per_class: tuple[ClassScore, ...]
    confusion: npt.NDArray[np.int64]
    calibration: tuple[CalibrationBin, ...]
    expected_calibration_error: float
    mistakes: tuple[Mistake, ...]
    invalid: int = 0

    @property
    def wrong(self) -> int:
        """How many of the `n` predictions were wrong, the invalid ones among them."""
        return self.n - int(np.trace(self.confusion))

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, numbers and strings; a loss or error that is not finite as None."""
        document = asdict(self)
        document["confusion"] = self.confusion.tolist()
        for key in ("loss", "expected_calibration_error"):
            document[key] = document[key] if math.isfinite(document[key]) else None
        return document

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Scores:
        """Rebuild what `to_json` wrote; None becomes NaN. Raises InputError if fields are amiss."""
        try:
            lo, hi = document["accuracy_interval"]
            return cls(
                loss=_number(document["loss"]),
                accuracy=document["accuracy"],
                n=document["n"],
                accuracy_interval=(lo, hi),
                per_class=tuple(ClassScore(**c) for c in document["per_class"]),
                confusion=np.asarray(document["confusion"], np.int64),
                calibration=tuple(CalibrationBin(**b) for b in document["calibration"]),
                expected_calibration_error=_number(document["expected_calibration_error"]),
                mistakes=tuple(Mistake(**m) for m in document["mistakes"]),
                invalid=document.get("invalid", 0),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"these are not scores: {error!r}") from error


def wilson_interval(correct: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the score interval for a proportion of `correct` in `n` independent examples.

    E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference",
    JASA 22, 209-212; without continuity correction. It stays inside [0, 1] and is right where
    accuracies near 1 make the textbook interval wrong. Of no examples it says (0.0, 1.0).
    Raises OptionError if `correct` is not in 0..n or `confidence` not in (0, 1).

    >>> [round(end, 4) for end in wilson_interval(9742, 10_000)]
    [0.9709, 0.9771]
    """
    if not 0 <= correct <= n:
        raise OptionError(f"correct must be between 0 and n = {n}, got {correct}.")
    if not 0 < confidence < 1:
        raise OptionError(f"confidence must be between 0 and 1, got {confidence}.")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = correct / n, z * z / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    # At the ends the exact value is 0 or 1; rounding would leave it a hair inside.
    lo = 0.0 if correct == 0 else centre - half
    hi = 1.0 if correct == n else centre + half
    return lo, hi


def score(
    probabilities: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.integer[Any]],
    loss: float,
    class_names: Sequence[str],
    worst: int = 20,
) -> Scores:
    """Score softmax outputs `probabilities` (n, C) against `labels` (n,) in 0..C-1.

    `loss` is the split's mean loss, passed through. At most `worst` mistakes are kept, ordered by
    confidence in the wrong class, ties by index. The predicted class of a tie is the first.
    Raises InputError if shapes, labels and `class_names` do not fit together or n is 0.
    """
    _check(probabilities, labels, len(class_names))
    classes, n = len(class_names), len(labels)
    y = labels.astype(np.int64)
    valid = np.flatnonzero(np.isfinite(probabilities).all(axis=1))
    p = probabilities[valid].astype(np.float64)
    true, predicted = y[valid], p.argmax(axis=1).astype(np.int64)
    confusion = _confusion(true, predicted, classes)
    correct = int(np.trace(confusion))
    bins = calibration_bins(p.max(axis=1), predicted == true)
    return Scores(
        loss=float(loss),
        accuracy=correct / n,
        n=n,
        accuracy_interval=wilson_interval(correct, n),
        per_class=_per_class(confusion, np.bincount(y, minlength=classes), class_names),
        confusion=confusion,
        calibration=bins,
        expected_calibration_error=expected_calibration_error(bins),
        mistakes=_worst_mistakes(p, true, predicted, valid, worst),
        invalid=n - len(valid),
    )


def calibration_bins(
    confidence: npt.NDArray[np.floating[Any]],
    correct: npt.NDArray[np.bool_],
    bins: int = CALIBRATION_BINS,
) -> tuple[CalibrationBin, ...]:
    """Return the non-empty ones of `bins` equal bins (lo, hi] of `confidence` (n,), in order.

    `correct` (n,) says which predictions were right. The bins of C. Guo et al. (2017), "On
    calibration of modern neural networks", ICML, section 2.
    """
    # Softmax in float32 can exceed 1 by a rounding; 0 belongs to the first bin.
    place = np.clip(np.ceil(confidence * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    sure = np.bincount(place, weights=confidence, minlength=bins)
    right = np.bincount(place, weights=correct, minlength=bins)
    return tuple(
        CalibrationBin(
            lo=b / bins,
            hi=(b + 1) / bins,
            n=int(count[b]),
            confidence=float(sure[b] / count[b]),
            accuracy=float(right[b] / count[b]),
        )
        for b in np.flatnonzero(count).tolist()
    )


def expected_calibration_error(bins: Sequence[CalibrationBin]) -> float:
    """Return the mean over examples of |accuracy - confidence| of their bin; NaN without bins.

    Guo et al. (2017), equation 3.
    """
    n = sum(b.n for b in bins)
    return sum(b.n * abs(b.accuracy - b.confidence) for b in bins) / n if n else float("nan")


def _number(value: float | None) -> float:
    """Read a number that JSON may hold as null because it was not finite."""
    return float("nan") if value is None else float(value)


def _check(
    probabilities: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.integer[Any]],
    classes: int,
) -> None:
    """Raise InputError unless the arrays are (n, classes) and (n,) with labels in range, n > 0."""
    if labels.ndim != 1 or len(labels) == 0:
        raise InputError(f"labels must be (n,) with n > 0, got shape {labels.shape}.")
    if probabilities.shape != (len(labels), classes):
        raise InputError(
            f"probabilities must be {(len(labels), classes)}, one row a label and one column"
            f" a class name, got {probabilities.shape}."
        )
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(f"labels must be in 0..{classes - 1}, got {labels.min()}..{labels.max()}.")


def _confusion(
    true: npt.NDArray[np.int64], predicted: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Count pairs: int64 (classes, classes), rows true, columns predicted."""
    pairs = np.bincount(true * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


def _per_class(
    confusion: npt.NDArray[np.int64], examples: npt.NDArray[np.int64], names: Sequence[str]
) -> tuple[ClassScore, ...]:
    """Score each class; `examples` (C,) counts invalid predictions too, `confusion` does not."""
    hits, said = np.diag(confusion), confusion.sum(axis=0)

    def ratio(above: float, below: float) -> float:
        return float(above / below) if below else 0.0

    return tuple(
        ClassScore(
            name=name,
            n=int(examples[c]),
            precision=ratio(hits[c], said[c]),
            recall=ratio(hits[c], examples[c]),
            f1=ratio(2 * hits[c], said[c] + examples[c]),
        )
        for c, name in enumerate(names)
    )


def _worst_mistakes(
    p: npt.NDArray[np.float64],
    true: npt.NDArray[np.int64],
    predicted: npt.NDArray[np.int64],
    index: npt.NDArray[np.intp],
    worst: int,
) -> tuple[Mistake, ...]:
    """Return the `worst` mistakes; `index` (rows,) says where a row of `p` stood in the split."""
    wrong = np.flatnonzero(predicted != true)
    confidence = p[wrong, predicted[wrong]]
    order = wrong[np.argsort(-confidence, kind="stable")][: max(worst, 0)]  # stable: by index
    return tuple(
        Mistake(
            index=int(index[i]),
            true=int(true[i]),
            predicted=int(predicted[i]),
            confidence=float(p[i, predicted[i]]),
            probability_of_true=float(p[i, true[i]]),
        )
        for i in order.tolist()
    )
