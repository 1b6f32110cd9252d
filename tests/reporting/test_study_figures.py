"""What a study's figures show, asked of the rows behind them; and that they draw, and alike."""

from __future__ import annotations

import csv
import io
import math
import re
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import numpy as np
import pytest
import studies
from PIL import Image

from mnistlab.comparing.results import RatePoint
from mnistlab.comparing.statistics import NEGLIGIBLE
from mnistlab.reporting import charts, study_rows
from mnistlab.reporting import study_figures as figures

ALL = [
    "test-accuracy",
    "differences",
    "learning-rates",
    "expected-best",
    "learning-curves",
    "progress",
]


@pytest.fixture(scope="module")
def result():
    return studies.study(3)


def test_rows_of_test_accuracy_are_trials_and_means(result):
    rows = [r for r in figures.tested_rows(result) if (r.arm, r.at) == ("adagrad", "tuned")]
    assert [r.seed for r in rows] == [*studies.FINAL_SEEDS, None]
    assert [r.state for r in rows].count("diverged") == 2
    assert all(math.isnan(r.accuracy) == (r.state == "diverged") for r in rows)
    mean = rows[-1]
    summary = result.arms[1].test_accuracy
    assert (mean.state, mean.accuracy, (mean.low, mean.high)) == (
        "mean", summary.mean, summary.interval,
    )  # fmt: skip
    completed = [r.accuracy for r in rows if r.state == "complete"]
    assert mean.accuracy == pytest.approx(np.mean(completed))


def test_an_arm_at_chance_is_off_the_scale_of_the_others():
    rows = figures.tested_rows(studies.hopeless())
    low, high = figures.tested_limits(rows)
    others = [r.accuracy for r in rows if r.arm != "adadelta" and math.isfinite(r.accuracy)]
    assert low < min(others)
    assert max(others) < high < 1
    assert all(r.accuracy < low for r in rows if r.arm == "adadelta")
    assert figures.tested_limits(()) == pytest.approx((1 - 0.00212, 1.00012))


def test_one_lucky_seed_does_not_put_all_else_off_the_scale():
    rows = [
        study_rows.Tested("a", "tuned", 0.1, "complete", seed, accuracy)
        for seed, accuracy in enumerate((0.20, 0.21, 0.31))
    ]
    rows.append(study_rows.Tested("a", "tuned", 0.1, "mean", None, 0.24, 0.19, 0.29))
    low, high = figures.tested_limits(rows)
    assert low < 0.19
    assert high > 0.31


def test_forest_rows_are_points(result):
    rows = figures.forest_rows(result)
    assert [(r.a, r.b) for r in rows] == [
        ("adam", "adagrad"), ("adam", "adadelta"), ("adagrad", "adadelta"),
    ]  # fmt: skip
    difference = result.differences[0]
    assert rows[0].points == 100 * difference.mean
    assert (rows[0].low, rows[0].high) == tuple(100 * end for end in difference.interval)
    assert (rows[0].n, rows[0].p_holm) == (8, difference.p_holm)
    assert pytest.approx(100 * NEGLIGIBLE) == figures.BAND


def test_forest_limit_keeps_small_differences_visible(result):
    near = figures.forest_limit(figures.forest_rows(result))
    far = figures.forest_rows(studies.hopeless())
    assert figures.forest_limit(far) < 2
    assert max(r.size for r in far) > 80
    assert near == pytest.approx(1.06 * max(r.size for r in figures.forest_rows(result)))


def test_sensitivity_rows_have_every_tuning_trial(result):
    rows = figures.sensitivity_rows(result)
    assert len(rows) == 3 * len(studies.RATES) * len(studies.TUNING_SEEDS)
    assert {r.learning_rate for r in rows if r.lost} == {1.0}
    assert all(math.isnan(r.val_accuracy) == r.lost for r in rows)
    assert {r.learning_rate for r in rows if r.default} == {0.001}
    adam = [r for r in rows if r.arm == "adam"]
    assert {r.learning_rate for r in adam if r.tuned} == {result.arms[0].learning_rate}
    rates, means = figures.mean_line(adam)
    assert rates == sorted(studies.RATES)
    point = result.arms[0].sensitivity[3]
    assert isinstance(point, RatePoint)
    assert means[3] == pytest.approx(np.mean(point.values))
    assert math.isnan(means[-1])


def test_expected_best_rises_to_the_best(result):
    rows = [r for r in figures.expected_rows(result) if r.arm == "adam"]
    assert [r.rates for r in rows] == list(range(1, 12))
    assert [r.val_accuracy for r in rows] == sorted(result.arms[0].expected_best)


def test_curves_and_progress_by_epoch(result):
    rows = [r for r in figures.curve_rows(result) if (r.arm, r.quantity) == ("adam", "val_loss")]
    assert [r.epoch for r in rows] == [1, 2, 3]
    assert all(r.low < r.mean < r.high for r in rows)
    progress = [r for r in figures.progress_rows(result) if r.arm == "adam"]
    assert [r.steps for r in progress] == [1688, 3376, 5064]
    assert [r.seconds for r in progress] == list(result.arms[0].curves["seconds"].mean)
    assert progress[-1].val_accuracy == result.arms[0].curves["val_accuracy"].mean[-1]


def test_depth_spreads_what_is_near_one():
    assert charts.depth(0.99) - charts.depth(0.9) == pytest.approx(1)
    assert charts.depth(1.0) == charts.depth(0.99999) == 4
    assert math.isnan(charts.depth(math.nan))


def test_looks_differ():
    looks = [charts.look(i) for i in range(28)]
    assert len({(look.colour, look.line) for look in looks}) == 28
    assert len({(look.colour, look.marker) for look in looks}) == 28


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([1e-5, 1.0], ["1e-05", "0.0001", "0.001", "0.01", "0.1", "1"]),
        ([1e-9, 1e2], ["1e-09", "1e-07", "1e-05", "0.001", "0.1", "10"]),
        ([0.011, 0.06], ["0.015", "0.02", "0.03", "0.05"]),
        ([3e-4, 3e-4], ["0.0003"]),
    ],
)
def test_log_ticks(values, labels):
    axis = charts.Chart((300, 300), "", "").axes(50, 50, 200, 200).xaxis
    charts.log_axis(axis, values)
    assert [t.get_text() for t in axis.get_ticklabels()] == labels


@pytest.mark.parametrize(
    ("values", "labels"),
    [
        ([0.1, 0.978], ["0 %", "50 %", "80 %", "90 %", "95 %", "98 %"]),
        ([0.9741, 0.9779, math.nan], ["97.5 %", "97.6 %", "97.7 %"]),
        ([], ["0 %", "50 %", "80 %", "90 %", "95 %", "99 %"]),
    ],
)
def test_accuracy_ticks(values, labels):
    axis = charts.Chart((300, 300), "", "").axes(50, 50, 200, 200).yaxis
    low, high = charts.accuracy_axis(axis, values)
    assert low < high
    assert set(labels) <= {t.get_text() for t in axis.get_ticklabels()}


@pytest.mark.parametrize("value", [0.837838, 0.1, 0.0, 0.98123])
def test_an_axis_of_one_accuracy_has_round_ticks(value):
    axis = charts.Chart((300, 300), "", "").axes(50, 50, 200, 200).yaxis
    charts.accuracy_axis(axis, [value])
    labels = [t.get_text() for t in axis.get_ticklabels()]
    assert labels
    assert all(len(label.removesuffix(" %")) <= 6 for label in labels), labels


@pytest.mark.parametrize("case", studies.CASES)
def test_every_case_draws(case):
    for figure in studies.drawn(case)[1].values():
        image = Image.open(io.BytesIO(figure.png))
        assert image.size == (figure.width, figure.height)
        assert image.info == {}
        assert 300 < figure.width < 1300
        assert figure.svg.startswith(b"<?xml")


def test_figures_and_their_order():
    result, drawn = studies.drawn("3 arms")
    assert list(drawn) == ALL
    for name, (_, compute, _) in figures.FIGURES.items():
        rows = list(csv.reader(io.StringIO(drawn[name].csv)))
        assert len(rows) == 1 + len(compute(result))
    assert rows[0] == ["arm", "epoch", "steps", "seconds", "val_accuracy"]


def test_without_tuning_there_is_no_sensitivity():
    assert list(studies.drawn("rates")[1]) == [ALL[0], ALL[1], ALL[4], ALL[5]]


def test_the_same_bytes_again_and_no_date():
    result, drawn = studies.drawn("2 arms")
    salt = matplotlib.rcParams["svg.hashsalt"]
    assert figures.draw_study(result) == drawn
    assert matplotlib.rcParams["svg.hashsalt"] == salt
    for figure in drawn.values():
        assert b"dc:date" not in figure.svg
        assert not re.search(rb"20\d\d-\d\d-\d\d", figure.svg)


def test_the_same_bytes_in_threads():
    result, drawn = studies.drawn("2 arms")
    with ThreadPoolExecutor(3) as pool:
        made = list(pool.map(lambda _: figures.draw_figure(result, ALL[1]), range(3)))
    assert made == [drawn[ALL[1]]] * 3
