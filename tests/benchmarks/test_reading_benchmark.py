"""The benchmark of reading: what it draws, and how it counts."""

from __future__ import annotations

import numpy as np
import pytest
from benchmarks.reading import figure, others, pages, table
from benchmarks.reading.__main__ import PAPERS, calibration_error, edit_distance, naively, share
from benchmarks.reading.pages import Paper


@pytest.mark.parametrize(
    ("said", "wanted", "distance"),
    [("", "", 0), ("123", "123", 0), ("13", "123", 1), ("1?3", "123", 1), ("1223", "123", 1),
     ("", "123456", 6), ("321", "123", 2)],
)  # fmt: skip
def test_edit_distance(said, wanted, distance):
    assert edit_distance(said, wanted) == distance


def test_calibration_error_is_the_mean_gap():
    sure = np.array([0.9] * 10 + [0.6] * 10)
    right = np.array([1] * 9 + [0] + [1] * 3 + [0] * 7, bool)
    assert calibration_error(sure, right, bins=2) == pytest.approx((0 + 0.3) / 2)


def test_curves_of_risk_and_coverage():
    found = figure.curves([(0.99, True)] * 50 + [(0.6, False)] * 10 + [(0.55, True)] * 40)
    assert found.risk[49] == 0
    assert found.risk[59] == pytest.approx(10 / 60)
    assert found.risk[-1] == pytest.approx(0.1)
    assert found.coverage[-1] == 1
    assert len(found.sure) == figure.BINS


def test_a_rate_has_its_interval():
    assert share(95, 100)["rate"] == 0.95
    low, high = share(95, 100)["interval"]
    assert (round(low, 3), round(high, 3)) == (0.888, 0.978)  # Wilson's
    assert table.row("a", share(95, 100)) == ["a", "95.0 (88.8–97.8)", "100"]


@pytest.fixture
def digit():
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 12:16] = 255
    return image


def test_pictures_depend_on_their_number_alone(digit):
    for draw in (
        lambda rng: pages.alone(digit, rng),
        lambda rng: pages.line([digit] * 6, Paper(), rng),
        others.letter, others.scribble, others.empty, others.twin,
    ):  # fmt: skip
        first, again = (draw(np.random.default_rng(7)) for _ in range(2))
        other = draw(np.random.default_rng(8))
        assert first.dtype == np.uint8
        assert np.array_equal(first, again)
        assert first.shape != other.shape or (first != other).any()


@pytest.mark.parametrize("name", PAPERS)
def test_six_digits_stand_apart_on_every_paper(digit, name):
    rng = np.random.default_rng(0)
    page = pages.line([digit] * 6, PAPERS[name], rng).astype(float)
    plain = page[len(page) // 2 - 3 : len(page) // 2 + 3].mean(axis=0)
    dark = plain < 0.75 * np.median(plain)
    begins = np.flatnonzero(np.diff(dark.astype(int)) == 1)
    assert name.startswith(("rules", "shade, rules")) or len(begins) == 6


def test_the_naive_way_makes_white_on_black(digit):
    page = 255 - np.asarray(pages.large(digit, 100) * 255, np.uint8)
    small = naively(np.stack([page] * 3, axis=2))
    assert small.shape == (28, 28)
    assert np.median(small) < 10
    assert small.max() > 200
