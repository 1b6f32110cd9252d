"""Statistics against scipy, statsmodels, Fisher's own example, enumeration and arithmetic."""

from __future__ import annotations

import json
import math
import random
from dataclasses import asdict, replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from mnistlab.comparing.results import ArmRecords, RatePoint, StudyRecords, TrialRecord
from mnistlab.comparing.statistics import (
    analyse,
    best_rate,
    compare_pairs,
    expected_best,
    fewest_seeds,
    holm,
    paired_difference,
    sensitivity,
    sign_flip_p,
    smoothed,
    summarize,
    target_accuracy,
)
from mnistlab.errors import InputError

EXAMPLES = 10_000

DARWIN = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
"""Crossed minus self-fertilised maize, eighths of an inch: Fisher (1935), section 17."""


def make_trial(arm="a", seed=0, rate=0.001, **fields):
    """A complete trial of three epochs, 2 s each, unless `fields` say otherwise."""
    history = {
        "loss": [0.3, 0.2, 0.1],
        "accuracy": [0.91, 0.95, 0.97],
        "val_loss": [0.25, 0.2, 0.15],
        "val_accuracy": [0.93, 0.95, 0.96],
        "seconds": [2.0, 2.0, 2.0],
    }
    given = {
        "key": f"{arm}/{seed}/{rate}", "arm": arm, "seed": seed, "learning_rate": rate,
        "state": "complete", "history": history, "test_accuracy": 0.96, "test_loss": 0.1,
        "test_n": EXAMPLES, "steps_per_epoch": 1563, "seconds": 7.0, "compile_seconds": 1.0,
    }  # fmt: skip
    return TrialRecord(**{**given, **fields})


def lost(state="diverged", **fields):
    """A trial that ended in its first epoch."""
    history = {"loss": [math.nan], "accuracy": [0.1], "val_loss": [math.nan], "val_accuracy": [0.1]}
    fields = {"history": {**history, "seconds": [2.0]}, **fields}
    return make_trial(**fields, state=state, test_accuracy=None, test_loss=None)


def validated(value, **fields):
    """A tuning trial whose validation accuracy ends with `value`."""
    trial = make_trial(**fields, test_accuracy=None, test_loss=None)
    return replace(trial, history={**trial.history, "val_accuracy": [0.5, value]})


def make_arm(name, correct, **fields):
    """An arm whose final trials have `correct` right answers of 10,000; None for a diverged one."""
    tuned = tuple(
        lost(arm=name, seed=100 + i)
        if count is None
        else make_trial(name, 100 + i, test_accuracy=count / EXAMPLES)
        for i, count in enumerate(correct)
    )
    given = {"default_rate": 0.01, "rate": 0.001, "on_edge": False, "tuning": (), "default": ()}
    return ArmRecords(name, **{**given, "tuned": tuned, **fields})


def make_study(*arms):
    return StudyRecords("optimizer", arms, {}, {}, {}, "mnistlab compare", "studies/1")


def verdicts(*arms):
    return [difference.verdict for difference in compare_pairs(arms)]


# One arm


def test_summary_is_scipys():
    values = [0.9712, 0.9745, 0.9688, 0.9731, 0.9709]
    summary = summarize(values)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert summary.mean == pytest.approx(np.mean(values), abs=1e-15)
    assert summary.sd == pytest.approx(stats.tstd(values), abs=1e-15)
    assert summary.interval == pytest.approx(tuple(expected), abs=1e-12)
    assert summary.n == 5


def test_summary_of_few():
    one = summarize([0.97])
    assert (one.mean, one.n) == (0.97, 1)
    assert math.isnan(one.sd)
    assert all(math.isnan(end) for end in one.interval)
    same = summarize([0.5, 0.5, 0.5])
    assert (same.sd, same.interval) == (0.0, (0.5, 0.5))
    with pytest.raises(InputError, match="at least 1 value"):
        summarize([])


# One pair


def test_fishers_own_example():
    # "in 863 cases out of 32,768" the sum is as great, and in as many as small.
    assert sign_flip_p(np.array(DARWIN)) == 2 * 863 / 2**15
    paired = paired_difference([d / 1000 for d in DARWIN], [0.0] * 15, examples=1000)
    assert paired.p == 2 * 863 / 2**15
    assert paired.mean == pytest.approx(20.9333e-3, abs=1e-7)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 2, 3], 2 / 8),  # |sum| >= 6: all plus or all minus
        ([3, 1, -1], 6 / 8),  # |sum| >= 3: all but 3 - 1 - 1 and its negative
        ([1, -1], 1.0),
        ([4, 0], 1.0),  # the zero's sign changes nothing: 4, 4, -4, -4
        ([0, 0, 0], 1.0),
        ([5, 5, 5, 5, 5], 2 / 32),
        ([-7] * 10, 2 / 1024),
    ],
)
def test_permutation_p_by_hand(differences, p):
    assert sign_flip_p(np.array(differences)) == p


@pytest.mark.parametrize("n", [2, 5, 8, 10])
def test_permutation_p_is_scipys(n):
    rng = np.random.default_rng(n)
    for _ in range(5):
        a, b = rng.integers(9600, 9610, (2, n))  # many ties; whole numbers keep them so
        expected = stats.permutation_test(
            (a, b),
            lambda a, b, axis: np.sum(a - b, axis=axis),
            permutation_type="samples",
            n_resamples=2**14,
            vectorized=True,
        )
        paired = paired_difference(a / EXAMPLES, b / EXAMPLES, EXAMPLES)
        assert paired.p == pytest.approx(expected.pvalue, abs=1e-12)


def test_ties_in_accuracies_are_ties():
    # All three differ by 4 in 10,000, but as floats in the last bits: then p would be 0.75.
    a, b = [0.9644, 0.9650, 0.9602], [0.9640, 0.9646, 0.9606]
    x, y, z = (one - other for one, other in zip(a, b, strict=True))
    sums = [abs(i * x + j * y + k * z) for i, j, k in product((-1, 1), repeat=3)]
    assert sum(total >= abs(x + y + z) for total in sums) / 8 == 0.75
    assert paired_difference(a, b, EXAMPLES).p == 1.0
    assert paired_difference(a, b, EXAMPLES).values == (0.0004, 0.0004, -0.0004)


def test_interval_is_scipys_ttest_rel():
    rng = np.random.default_rng(3)
    a, b = rng.integers(9650, 9750, (2, 10)) / EXAMPLES
    paired = paired_difference(a, b, EXAMPLES)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert paired.interval == pytest.approx(tuple(expected), abs=1e-12)
    assert paired.mean == pytest.approx(np.mean(a - b), abs=1e-12)
    assert paired.values == pytest.approx(tuple(a - b), abs=1e-12)


def test_an_arm_against_itself_is_zero():
    values = [0.9712, 0.9745, 0.9688]
    paired = paired_difference(values, values, EXAMPLES)
    assert (paired.mean, paired.interval, paired.p) == (0.0, (0.0, 0.0), 1.0)
    with pytest.raises(InputError, match="got 2, 1 and 10"):
        paired_difference([0.5, 0.6], [0.5], 10)
    with pytest.raises(InputError, match="got 1, 1 and 0"):
        paired_difference([0.5], [0.5], 0)


COUNTS = st.lists(
    st.tuples(st.integers(0, EXAMPLES), st.integers(0, EXAMPLES)), min_size=2, max_size=20
)


@given(COUNTS)
def test_swapping_the_arms_negates(pairs):
    a, b = (np.array(side) / EXAMPLES for side in zip(*pairs, strict=True))
    there, back = paired_difference(a, b, EXAMPLES), paired_difference(b, a, EXAMPLES)
    assert back.mean == -there.mean
    assert back.interval == pytest.approx((-there.interval[1], -there.interval[0]), abs=1e-15)
    assert back.p == there.p
    assert back.values == tuple(-value for value in there.values)
    assert 2 / 2 ** len(pairs) <= there.p <= 1


@given(COUNTS, st.randoms(use_true_random=False))
def test_the_order_of_seeds_changes_nothing(pairs, shuffler: random.Random):
    other = shuffler.sample(pairs, len(pairs))
    results = []
    for order in (pairs, other):
        a, b = (np.array(side) / EXAMPLES for side in zip(*order, strict=True))
        results.append(paired_difference(a, b, EXAMPLES))
    assert results[0].p == results[1].p
    assert results[0].mean == results[1].mean
    assert results[0].interval == pytest.approx(results[1].interval, abs=1e-12)


@given(COUNTS, st.integers(-EXAMPLES, EXAMPLES))
def test_what_both_arms_gain_changes_nothing(pairs, gain):
    a, b = (np.array(side) for side in zip(*pairs, strict=True))
    plain = paired_difference(a / EXAMPLES, b / EXAMPLES, EXAMPLES)
    assert paired_difference((a + gain) / EXAMPLES, (b + gain) / EXAMPLES, EXAMPLES) == plain


@given(st.lists(st.integers(-40, 40), min_size=1, max_size=9))
def test_permutation_p_by_enumeration(differences):
    sums = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=len(differences))]
    share = np.mean(np.array(sums) >= abs(sum(differences)))
    assert sign_flip_p(np.array(differences)) == share


def test_many_seeds_are_still_exact():
    # 60 differences of 1, 40 pluses: twice the binomial tail.
    p = sign_flip_p(np.array([1] * 40 + [-1] * 20))
    assert p == pytest.approx(2 * stats.binom.sf(39, 60, 0.5), rel=1e-12)


# Many pairs


@pytest.mark.parametrize(
    ("p_values", "adjusted"),
    [
        # R: p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm"), by cummax((n + 1 - i) * p)
        ([0.01, 0.02, 0.03, 0.04, 0.05], [0.05, 0.08, 0.09, 0.09, 0.09]),
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.03], [0.03]),
        ([], []),
    ],
)
def test_holm_worked_out(p_values, adjusted):
    assert holm(p_values) == pytest.approx(adjusted, abs=1e-15)


def test_holm_is_statsmodels():
    # statsmodels 0.15.0: multipletests(p, method="holm")[1]
    p = [0.0195, 0.0371, 0.0020, 0.0488, 0.4414, 0.0039, 0.0137, 0.9219, 0.0020, 0.1055]
    theirs = [0.117, 0.1855, 0.02, 0.1952, 0.8828, 0.0312, 0.0959, 0.9219, 0.02, 0.3165]
    assert holm(p) == pytest.approx(theirs, abs=1e-12)


def test_holm_leaves_what_was_not_tested_out():
    adjusted = holm([math.nan, 0.04, 0.01])
    assert math.isnan(adjusted[0])
    assert adjusted[1:] == pytest.approx([0.04, 0.02])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_helps_and_keeps_the_order(p_values):
    adjusted = holm(p_values)
    for p, q in zip(p_values, adjusted, strict=True):
        assert p <= q <= 1
    by_p = [adjusted[i] for i in np.argsort(p_values, kind="stable")]
    assert by_p == sorted(by_p)


@pytest.mark.parametrize("pairs", [1, 2, 3, 10, 21, 28, 91, 435])
def test_fewest_seeds_is_the_first_that_can(pairs):
    n = fewest_seeds(pairs)
    assert pairs * 2 / 2**n < 0.05 <= pairs * 2 / 2 ** (n - 1)


# Verdicts


@pytest.mark.parametrize(
    ("n", "verdict"),
    [
        (2, "can't tell with 2 seeds; 1 pair needs at least 6"),
        (5, "can't tell with 5 seeds; 1 pair needs at least 6"),
        (6, "a better than b"),  # 2 / 64 = 0.031
    ],
)
def test_winning_every_seed_takes_six(n, verdict):
    rng = np.random.default_rng(0)
    b = rng.integers(9600, 9700, n)
    assert verdicts(make_arm("a", (b + 150).tolist()), make_arm("b", b.tolist())) == [verdict]


def test_the_worse_arm_may_come_first():
    better, worse = make_arm("sgd", [9700] * 8), make_arm("adam", [9600, 9610] * 4)
    assert verdicts(worse, better) == ["sgd better than adam"]
    assert verdicts(better, worse) == ["sgd better than adam"]


def test_three_arms_need_seven_seeds():
    def arms(n):
        return [make_arm(name, [9500 + 100 * i] * n) for i, name in enumerate("abc")]

    assert verdicts(*arms(6)) == ["can't tell with 6 seeds; 3 pairs need at least 7"] * 3
    assert verdicts(*arms(7)) == ["b better than a", "c better than a", "c better than b"]
    assert {d.p for d in compare_pairs(arms(7))} == {2 / 128}
    assert {d.p_holm for d in compare_pairs(arms(7))} == {6 / 128}


def test_eight_arms_need_more_than_ten_seeds():
    arms = [make_arm(name, [9000 + 100 * i] * 10) for i, name in enumerate("abcdefgh")]
    assert set(verdicts(*arms)) == {"can't tell with 10 seeds; 28 pairs need at least 11"}
    assert verdicts(*arms[:7])[0] == "b better than a"


def test_no_difference_means_the_whole_interval():
    # Half the width is 2.262 sd / sqrt(10): 9.8 examples of 10,000, then 10.6.
    b = np.full(10, 9600)
    signs = np.array([1, -1] * 5)
    narrow = make_arm("a", (b + 13 * signs).tolist())
    wide = make_arm("a", (b + 14 * signs).tolist())
    other = make_arm("b", b.tolist())
    assert verdicts(narrow, other) == ["no difference above 0.1 points"]
    assert verdicts(wide, other) == ["can't tell with 10 seeds"]


def test_a_small_but_sure_difference_is_one():
    b = [9600 + i for i in range(10)]
    assert verdicts(make_arm("a", [c + 2 for c in b]), make_arm("b", b)) == ["a better than b"]


def test_equal_arms_on_few_seeds_show_nothing():
    counts = [9600, 9650, 9630, 9620, 9610]
    few = verdicts(make_arm("a", counts), make_arm("b", counts))
    assert few == ["can't tell with 5 seeds; 1 pair needs at least 6"]
    more = verdicts(make_arm("a", [*counts, 9600]), make_arm("b", [*counts, 9600]))
    assert more == ["no difference above 0.1 points"]


def test_p_at_the_edge_is_no_win():
    # 52 of 1,024 is 0.0508, 50 is 0.0488: between them lies 0.05.
    b = np.full(10, 9000)
    found = set()
    rng = np.random.default_rng(1)
    for _ in range(400):
        a = b + rng.integers(-20, 60, 10)
        (difference,) = compare_pairs([make_arm("a", a.tolist()), make_arm("b", b.tolist())])
        won = difference.verdict == "a better than b"
        assert won == (difference.p < 0.05)
        found.add(round(difference.p * 1024))
    assert found & {48, 50}
    assert found & {52, 54}


# Diverged and failed


def test_pairs_that_both_completed_are_used():
    a = [9700, 9710, 9720, 9730, 9740, 9750, 9760, 9770, 9780, 9790]
    b = [None, None, 9600, 9620, None, 9650, 9640, 9610, 9655, 9660]
    (difference,) = compare_pairs([make_arm("a", a), make_arm("b", b)])
    assert difference.n == 7
    assert difference.values == pytest.approx([0.012, 0.011, 0.01, 0.012, 0.016, 0.0125, 0.013])
    assert difference.p == 2 / 128
    assert difference.verdict == "a better than b; b diverged in 3 of 10"


def test_pairs_go_by_seed_not_by_place():
    a = make_arm("a", [9700, 9600, 9500])
    b = make_arm("b", [9710, 9610, 9510])
    mixed = replace(b, tuned=b.tuned[::-1])
    (difference,) = compare_pairs([a, mixed])
    assert difference.values == (-0.001, -0.001, -0.001)
    (common,) = compare_pairs([a, replace(b, tuned=b.tuned[1:])])
    assert common.n == 2


def test_too_few_common_seeds_have_no_p():
    full = make_arm("a", [9700, 9710, 9720])
    (none,) = compare_pairs([full, make_arm("b", [None] * 3)])
    assert none.verdict == "can't tell: no seeds completed in both; b diverged in 3 of 3"
    assert (none.n, none.values) == (0, ())
    assert all(math.isnan(x) for x in (none.mean, none.p, none.p_holm, *none.interval))
    (one,) = compare_pairs([full, make_arm("b", [9600, None, None])])
    assert one.verdict == "can't tell: 1 seed completed in both; b diverged in 2 of 3"
    assert one.mean == 0.01
    assert math.isnan(one.p)
    (empty,) = compare_pairs([make_arm("a", []), make_arm("b", [])])
    assert empty.verdict == "can't tell: no seeds completed in both"


def test_an_arm_without_results_costs_the_others_nothing():
    a, b = make_arm("a", [9700] * 6), make_arm("b", [9600] * 6)
    differences = compare_pairs([a, make_arm("gone", [None] * 6), b])
    assert [d.verdict.split(";")[0] for d in differences] == [
        "can't tell: no seeds completed in both",
        "a better than b",
        "can't tell: no seeds completed in both",
    ]
    assert differences[1].p_holm == differences[1].p == 2 / 64


def test_failed_and_diverged_are_told_apart():
    b = make_arm("b", [None, 9600, 9600, 9600])
    b = replace(b, tuned=(*b.tuned[:3], lost("failed", arm="b", seed=103)))
    (difference,) = compare_pairs([make_arm("a", [9600] * 4), b])
    assert difference.verdict.endswith("; b diverged in 1 and failed in 1 of 4")
    (arm,) = analyse(make_study(b)).arms
    assert (arm.diverged, arm.failed) == (1, 1)
    assert arm.test_accuracy.n == 2


def test_both_arms_losses_are_said():
    arms = make_arm("a", [None, *[9600] * 7]), make_arm("b", [*[9500] * 7, None])
    assert verdicts(*arms) == ["a better than b; a diverged in 1 of 8; b diverged in 1 of 8"]


# Tuning


def tuning(values):
    """Trials from {rate: validation accuracies, None for a diverged trial}."""
    return [
        lost(seed=seed, rate=rate) if value is None else validated(value, seed=seed, rate=rate)
        for rate, found in values.items()
        for seed, value in enumerate(found)
    ]


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ({0.1: [0.9, 0.9], 0.01: [0.97, 0.96], 0.001: [0.95, 0.96]}, (0.01, False)),
        ({0.1: [0.99, 0.97], 0.01: [0.97, 0.96], 0.001: [0.95, 0.96]}, (0.1, True)),
        ({0.1: [0.9, 0.9], 0.01: [0.94, 0.9], 0.001: [0.95, 0.96]}, (0.001, True)),
        # Best of all, but diverged once.
        ({0.1: [0.99, None], 0.01: [0.97, 0.96], 0.001: [0.95, 0.96]}, (0.01, False)),
        # The same mean: (0.96 + 0.98) / 2 and 0.97 are not the same float.
        ({0.1: [0.1, 0.1], 0.01: [0.97, 0.97], 0.001: [0.96, 0.98], 1e-4: [0, 0]}, (0.001, False)),
        # Every rate lost one: those count as chance.
        ({0.1: [0.99, None, None], 0.01: [0.5, 0.5, None], 0.001: [None] * 3}, (0.1, True)),
        ({0.1: [None], 0.01: [None], 0.001: [None]}, (0.001, True)),
        ({0.01: [0.97]}, (0.01, True)),
    ],
)
def test_best_rate(values, best):
    assert best_rate(tuning(values)) == best
    assert best_rate(tuning(values)[::-1]) == best


def test_the_luckiest_of_a_flat_top_is_not_chosen():
    means = [0.9557, 0.9662, 0.9678, 0.9669, 0.969, 0.9615, 0.9556]
    rates = [0.000238, 0.000475, 0.000949, 0.00189, 0.00378, 0.00754, 0.015]
    smooth = smoothed(means)
    assert smooth[3] == pytest.approx((0.9678 + 2 * 0.9669 + 0.969) / 4)
    assert smooth[4] == pytest.approx((0.9669 + 2 * 0.969 + 0.964) / 4)  # 0.9615 is a cliff
    assert smooth[0] == pytest.approx((2 * 0.9557 + 0.9662) / 3)
    found = {rate: [mean] for rate, mean in zip(rates, means, strict=True)}
    assert best_rate(tuning(found)) == (0.00189, False)


def test_best_rate_of_nothing():
    with pytest.raises(InputError, match="no tuning trials"):
        best_rate([])


def test_a_failed_trial_disqualifies_its_rate():
    trials = [*tuning({0.1: [0.99], 0.01: [0.9], 0.001: [0.8]}), lost("failed", rate=0.1, seed=1)]
    assert best_rate(trials) == (0.01, False)


def test_where_every_trial_failed_no_rate_is_on_an_edge():
    trials = [lost("failed", rate=rate, seed=1) for rate in (0.001, 0.01, 0.1)]
    assert best_rate(trials) == (0.001, False)
    assert best_rate([lost("diverged", rate=r, seed=1) for r in (0.001, 0.01)]) == (0.001, True)


def test_sensitivity_keeps_what_diverged():
    points = sensitivity(tuning({0.1: [None, None], 0.001: [0.95, 0.96], 0.01: [0.97, None]}))
    assert points == (
        RatePoint(0.001, (0.95, 0.96), 0),
        RatePoint(0.01, (0.97,), 1),
        RatePoint(0.1, (), 2),
    )


def test_expected_best_by_hand():
    points = sensitivity(tuning({0.1: [None], 0.01: [0.9, 0.8], 0.001: [0.97]}))
    # Means 0.1 (chance), 0.85, 0.97; of two: (0.85 + 0.97 + 0.97) / 3.
    assert expected_best(points) == pytest.approx((0.64, 0.93, 0.97), abs=1e-15)
    assert expected_best(()) == ()


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=7))
def test_expected_best_by_enumeration(thousandths):
    values = [v / 1000 for v in thousandths]
    points = [RatePoint(float(i), (v,), 0) for i, v in enumerate(values)]
    expected = [
        np.mean([max(draw) for draw in combinations(values, k)]) for k in range(1, len(values) + 1)
    ]
    assert expected_best(points) == pytest.approx(expected, abs=1e-12)


# Curves and targets


def with_curve(values, seed, **fields):
    trial = make_trial(seed=seed, **fields)
    seconds = [2.0 + seed] * len(values)
    return replace(trial, history={"val_accuracy": values, "seconds": seconds})


def test_curves_have_a_value_an_epoch():
    arm = make_arm("a", [9600, None, 9700])
    (result,) = analyse(make_study(arm)).arms
    assert set(result.curves) == {"loss", "accuracy", "val_loss", "val_accuracy", "seconds"}
    assert result.curves["seconds"].mean == (2.0, 4.0, 6.0)
    assert result.curves["val_accuracy"].mean == (0.93, 0.95, 0.96)
    assert result.curves["val_accuracy"].low == (0.93, 0.95, 0.96)


def test_curves_have_students_band():
    arm = make_arm("a", [], tuned=tuple(with_curve([v, 0.95], s) for s, v in enumerate((0.9, 0.8))))
    (result,) = analyse(make_study(arm)).arms
    curve = result.curves["val_accuracy"]
    half = 12.7062 * math.sqrt(0.005) / math.sqrt(2)  # t of 0.975 with 1 degree of freedom
    assert curve.mean == pytest.approx((0.85, 0.95))
    assert curve.low == pytest.approx((0.85 - half, 0.95), abs=1e-5)
    assert curve.high == pytest.approx((0.85 + half, 0.95), abs=1e-5)
    assert "loss" not in result.curves


def test_the_target_is_the_worst_arms_mean_rounded_down():
    good = make_arm("a", [], tuned=(with_curve([0.9, 0.98], 0), with_curve([0.97, 0.99], 1)))
    fair = make_arm("b", [], tuned=(with_curve([0.9, 0.9712], 0), with_curve([0.9, 0.9726], 1)))
    assert target_accuracy([good, fair, make_arm("c", [None])]) == 0.971
    exact = make_arm("b", [], tuned=(with_curve([0.971], 0),))
    assert target_accuracy([exact]) == 0.971
    assert math.isnan(target_accuracy([make_arm("c", [None])]))
    assert math.isnan(target_accuracy([]))


def test_epochs_and_seconds_to_the_target():
    slow = make_arm("b", [], tuned=(with_curve([0.9, 0.97, 0.97], 0),))
    curves = ([0.9, 0.96, 0.99], [0.9, 0.97, 0.96], [0.9, 0.95, 0.96], [0.98, 0.98, 0.98])
    fast = make_arm("a", [], tuned=tuple(with_curve(c, i) for i, c in enumerate(curves)))
    result = analyse(make_study(fast, slow))
    assert result.target == 0.97
    arm = result.arms[0]
    assert arm.reached_target == 3
    assert arm.to_target.mean == pytest.approx(2.0)  # epochs 3, 2 and 1
    # At 2, 3 and 5 s an epoch: 6, 6 and 5 s.
    assert arm.seconds_to_target.mean == pytest.approx(17 / 3)


def test_an_arm_that_never_completes():
    (arm,) = analyse(make_study(make_arm("a", [None, None]))).arms
    assert (arm.test_accuracy, arm.at_default, arm.to_target, arm.curves) == (None, None, None, {})
    assert (arm.diverged, arm.reached_target, arm.trials) == (2, 0, 2)


def test_the_whole_study():
    shared = make_trial("a", 100, test_accuracy=0.97)  # its tuned rate is the default one
    a = make_arm("a", [], tuned=(shared,), default=(shared,), tuning=(validated(0.9, arm="a"),))
    b = make_arm("b", [9600], default=(lost(arm="b", seed=100, rate=0.01),))
    records = make_study(a, b)
    result = analyse(records)
    assert [arm.trials for arm in result.arms] == [2, 2]
    first = result.arms[0]
    np.testing.assert_equal(asdict(first.at_default), asdict(first.test_accuracy))  # an sd of nan
    assert (result.arms[1].default_diverged, result.arms[1].at_default) == (1, None)
    assert result.arms[0].expected_best == (0.9,)
    assert result.arms[0].steps_per_epoch == 1563
    assert result.records is records
    assert repr(analyse(records)) == repr(result)
    document = json.loads(json.dumps(result.to_json()))
    assert document["differences"][0]["verdict"] == "can't tell: 1 seed completed in both"
    assert document["arms"][0]["test_accuracy"]["mean"] == 0.97


# Calibration: arms that do not differ


def accuracies(studies, arms, seeds, rng):
    """Accuracies (studies, arms, seeds) of arms without a difference, in whole examples: a seed's
    part that all arms share and a part of each trial's own, 0.15 points each."""
    shared = rng.normal(0, 15, (studies, 1, seeds))
    own = rng.normal(0, 15, (studies, arms, seeds))
    return np.rint(9750 + shared + own) / EXAMPLES


def test_false_positives_are_at_the_level_that_ten_seeds_allow():
    # The p of 10 pairs is a multiple of 2 / 1,024: "p < 0.05" has level 50 / 1,024 = 0.0488.
    pairs = accuracies(2000, 2, 10, np.random.default_rng(11))
    p = np.array([paired_difference(a, b, EXAMPLES).p for a, b in pairs])
    signs = np.array(list(product((-1, 1), repeat=10)))
    differences = np.rint((pairs[:, 0] - pairs[:, 1]) * EXAMPLES)
    sums = np.abs(differences @ signs.T)
    assert np.array_equal(p, (sums >= np.abs(differences.sum(axis=1))[:, None]).mean(axis=1))
    low, high = stats.binom.interval(0.99, 2000, 50 / 1024)
    assert low <= (p < 0.05).sum() <= high
    assert stats.binom.interval(0.99, 2000, 0.2)[0] <= (p < 0.2).sum()


def test_the_intervals_cover_no_difference():
    pairs = accuracies(1000, 2, 10, np.random.default_rng(12))
    intervals = [paired_difference(a, b, EXAMPLES).interval for a, b in pairs]
    covered = sum(low <= 0 <= high for low, high in intervals)
    least, most = stats.binom.interval(0.99, 1000, 0.95)
    assert least <= covered <= most


def test_a_winner_among_three_equal_arms_is_as_rare_as_claimed():
    trios = accuracies(2000, 3, 10, np.random.default_rng(13))
    wrong = 0
    for trio in trios:
        tests = [paired_difference(a, b, EXAMPLES).p for a, b in combinations(trio, 2)]
        wrong += min(holm(tests)) < 0.05
    assert wrong <= stats.binom.interval(0.99, 2000, 0.05)[1]
    assert wrong > 0
