"""Scores against worked arithmetic, scikit-learn and scipy."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mnistlab.errors import InputError, OptionError
from mnistlab.evaluation.scores import (
    CalibrationBin,
    Scores,
    calibration_bins,
    expected_calibration_error,
    score,
    wilson_interval,
)

NAMES = ("zero", "one", "two")


def softmax(logits):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def random_case(n=500, classes=10, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes))
    logits[np.arange(n), labels] += 1.0
    return softmax(logits).astype(np.float32), labels


# Six images: right, right, wrong (0.8 for 2), wrong (0.6 for 0), wrong (0.6 for 1), right.
P = np.array(
    [
        [0.9, 0.05, 0.05],
        [0.1, 0.7, 0.2],
        [0.1, 0.1, 0.8],
        [0.6, 0.3, 0.1],
        [0.3, 0.6, 0.1],
        [0.1, 0.3, 0.6],
    ]
)
Y = np.array([0, 1, 0, 1, 2, 2], np.uint8)


def test_small_case_by_hand():
    s = score(P, Y, 0.5, NAMES)
    assert (s.n, s.accuracy, s.wrong, s.invalid, s.loss) == (6, 0.5, 3, 0, 0.5)
    assert s.confusion.dtype == np.int64
    assert s.confusion.tolist() == [[1, 0, 1], [1, 1, 0], [0, 1, 1]]
    assert [(c.name, c.n, c.precision, c.recall, c.f1) for c in s.per_class] == [
        (name, 2, 0.5, 0.5, 0.5) for name in NAMES
    ]


def test_mistakes_most_confident_first_ties_by_index():
    s = score(P, Y, 0.5, NAMES)
    assert [(m.index, m.true, m.predicted) for m in s.mistakes] == [(2, 0, 2), (3, 1, 0), (4, 2, 1)]
    assert s.mistakes[0].confidence == pytest.approx(0.8)
    assert s.mistakes[0].probability_of_true == pytest.approx(0.1)
    assert [m.index for m in score(P, Y, 0.5, NAMES, worst=2).mistakes] == [2, 3]
    assert score(P, Y, 0.5, NAMES, worst=0).mistakes == ()


def test_calibration_by_hand():
    confidence = np.array([0.55, 0.65, 0.95, 0.95, 1.0])
    correct = np.array([True, False, True, True, False])
    bins = calibration_bins(confidence, correct, bins=5)
    assert [(b.lo, b.hi, b.n) for b in bins] == [(0.4, 0.6, 1), (0.6, 0.8, 1), (0.8, 1.0, 3)]
    assert bins[2].confidence == pytest.approx(2.9 / 3)
    assert bins[2].accuracy == pytest.approx(2 / 3)
    # (1*|1 - .55| + 1*|0 - .65| + 3*|2/3 - 2.9/3|) / 5 = (0.45 + 0.65 + 0.9) / 5
    assert expected_calibration_error(bins) == pytest.approx(0.4)


def test_bins_are_closed_on_the_right():
    bins = calibration_bins(np.array([0.0, 0.5, 1.0 + 1e-7]), np.ones(3, bool), bins=2)
    assert [(b.lo, b.hi, b.n) for b in bins] == [(0.0, 0.5, 2), (0.5, 1.0, 1)]


def test_perfectly_calibrated_is_zero():
    assert expected_calibration_error([CalibrationBin(0.8, 1.0, 10, 0.9, 0.9)]) == 0.0


@pytest.mark.parametrize("seed", range(3))
def test_against_scikit_learn(seed):
    metrics = pytest.importorskip("sklearn.metrics")
    p, y = random_case(seed=seed)
    p[:, 7] = 0  # a class never predicted
    s = score(p, y, 1.0, [str(c) for c in range(10)])
    guess = p.argmax(axis=1)
    assert s.accuracy == metrics.accuracy_score(y, guess)
    np.testing.assert_array_equal(s.confusion, metrics.confusion_matrix(y, guess))
    precision, recall, f1, n = metrics.precision_recall_fscore_support(y, guess, zero_division=0)
    np.testing.assert_allclose([c.precision for c in s.per_class], precision, rtol=1e-15)
    np.testing.assert_allclose([c.recall for c in s.per_class], recall, rtol=1e-15)
    np.testing.assert_allclose([c.f1 for c in s.per_class], f1, rtol=1e-15)
    assert [c.n for c in s.per_class] == n.tolist()
    assert s.per_class[7].precision == s.per_class[7].f1 == 0.0


@pytest.mark.parametrize(("correct", "n"), [(0, 10), (10, 10), (1, 3), (9742, 10_000), (5, 10)])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_wilson_against_scipy(correct, n, confidence):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(correct, n).proportion_ci(confidence, method="wilson")
    assert wilson_interval(correct, n, confidence) == pytest.approx(
        (expected.low, expected.high), abs=1e-12
    )


def test_wilson_ends_are_exact():
    assert wilson_interval(0, 10)[0] == 0.0
    assert wilson_interval(10, 10)[1] == 1.0
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize("bad", [(-1, 5), (6, 5), (1, 5, 0.0), (1, 5, 1.0)])
def test_wilson_refuses(bad):
    with pytest.raises(OptionError):
        wilson_interval(*bad)


def test_counts_add_up():
    p, y = random_case(seed=4)
    s = score(p, y, 1.0, [str(c) for c in range(10)])
    assert s.confusion.sum() == s.n == sum(b.n for b in s.calibration) == 500
    assert s.confusion.sum(axis=1).tolist() == [c.n for c in s.per_class]
    assert s.accuracy == pytest.approx(sum(b.n * b.accuracy for b in s.calibration) / s.n)


def test_order_of_examples_changes_only_indices():
    p, y = random_case(seed=5)
    order = np.random.default_rng(1).permutation(len(y))
    a, b = score(p, y, 1.0, list("0123456789")), score(p[order], y[order], 1.0, list("0123456789"))
    np.testing.assert_array_equal(a.confusion, b.confusion)
    assert [m.index for m in a.mistakes] == [int(order[m.index]) for m in b.mistakes]


def test_invalid_rows_are_wrong_and_counted_apart():
    p = P.copy()
    p[0] = [np.nan, 0.1, 0.2]  # was right
    p[3, 2] = np.inf  # was wrong
    s = score(p, Y, float("nan"), NAMES)
    assert (s.n, s.invalid, s.wrong, s.accuracy) == (6, 2, 4, 2 / 6)
    assert s.confusion.tolist() == [[0, 0, 1], [0, 1, 0], [0, 1, 1]]
    assert [c.n for c in s.per_class] == [2, 2, 2]
    assert [c.recall for c in s.per_class] == [0.0, 0.5, 0.5]
    assert [m.index for m in s.mistakes] == [2, 4]
    assert sum(b.n for b in s.calibration) == 4


def test_a_wholly_diverged_model_has_scores():
    s = score(np.full((4, 3), np.nan, np.float32), np.array([0, 1, 2, 2]), float("inf"), NAMES)
    assert (s.accuracy, s.invalid, s.wrong) == (0.0, 4, 4)
    assert s.confusion.sum() == 0
    assert s.calibration == s.mistakes == ()
    assert math.isnan(s.expected_calibration_error)
    again = Scores.from_json(json.loads(json.dumps(s.to_json(), allow_nan=False)))
    assert math.isnan(again.loss)
    assert again.invalid == 4


def test_json_round_trip():
    p, y = random_case(seed=6)
    s = score(p, y, 0.25, list("0123456789"))
    again = Scores.from_json(json.loads(json.dumps(s.to_json(), allow_nan=False)))
    assert again.to_json() == s.to_json()
    assert again.confusion.dtype == np.int64
    assert again.per_class == s.per_class
    assert again.mistakes == s.mistakes
    assert again.calibration == s.calibration
    assert again.accuracy_interval == s.accuracy_interval


def test_from_json_says_what_is_amiss():
    with pytest.raises(InputError, match="accuracy_interval"):
        Scores.from_json({"loss": 1})


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        (P, Y[:5], r"\(5, 3\).*got \(6, 3\)"),
        (P[:, :2], Y, r"\(6, 3\).*got \(6, 2\)"),
        (P, Y + 1, r"0\.\.2, got 1\.\.3"),
        (P[:0], Y[:0], "n > 0"),
        (P, Y[:, None], "shape"),
    ],
)
def test_refuses_what_does_not_fit(p, y, message):
    with pytest.raises(InputError, match=message):
        score(p, y, 0.0, NAMES)
