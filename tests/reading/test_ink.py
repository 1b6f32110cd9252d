"""Ink is found whatever its colour and the paper's, in shade, among rules, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest
from pages import coloured, photographed, written

from mnistlab.reading.ink import find_ink, without_rule, without_rules

PENS = {
    "black on white": (255, 0),
    "white on black": (0, 255),
    "gray on gray": (120, 60),
    "light gray on black": (10, 70),
    "blue on yellow": ((240, 220, 60), (30, 40, 160)),
    "red on green of the same brightness": ((0, 150, 0), (255, 21, 0)),
    "yellow on blue": ((20, 30, 120), (250, 240, 90)),
    "pencil": (245, 190),
}


def agreement(found, truth):
    return (found & truth).sum() / (found | truth).sum()


@pytest.fixture(scope="module")
def ink(chosen):
    return written(chosen[0][:6])


@pytest.mark.parametrize("name", PENS)
def test_any_pen_on_any_paper(ink, name):
    found = find_ink(coloured(ink, *PENS[name]).astype(np.float32))
    assert agreement(found.mask, ink > 0.3) > 0.8
    assert found.amount[ink > 0.9].min() > 0.8
    assert found.amount[ink == 0].max() < 0.1


@pytest.mark.parametrize("seed", range(3))
def test_in_uneven_light_on_ruled_paper(ink, seed):
    found = find_ink(photographed(ink, seed).astype(np.float32))
    assert agreement(found.mask, ink > 0.5) > 0.75


@pytest.mark.parametrize("level", [0, 90, 255])
@pytest.mark.parametrize("noise", [0, 3, 10])
def test_blank_paper_is_blank(level, noise):
    page = level + np.random.default_rng(0).normal(0, noise, (300, 400))
    assert find_ink(np.clip(page, 0, 255).astype(np.float32)).blank


def test_shaded_paper_is_blank(ink):
    assert find_ink(photographed(np.zeros((300, 400)), 0, rules=False).astype(np.float32)).blank


@pytest.mark.parametrize("slope", [-0.05, 0, 0.03])
@pytest.mark.parametrize("turned", [False, True])
def test_rules_go_and_strokes_stay(slope, turned):
    rows, columns = np.mgrid[:200, :300]
    rules = (rows + np.rint(slope * columns).astype(int)) % 50 < 2
    strokes = (abs(columns - 100) < 4) & (abs(rows - 100) < 40) | (
        np.hypot(rows - 100, columns - 200) < 30
    ) & (np.hypot(rows - 100, columns - 200) > 22)
    page = rules | strokes
    left = without_rules(page.T).T if turned else without_rules(page)
    assert (left & strokes).sum() > 0.97 * strokes.sum()
    assert (left & ~strokes).sum() < 0.05 * (rules & ~strokes).sum()


def hung_on(thick):
    """Draw two strokes of 8 that hang on a level line of so many pixels."""
    rows, columns = np.mgrid[:70, :200]
    strokes = ((abs(columns - 60) < 4) | (abs(columns - 140) < 4)) & (rows < 60)
    rule = (rows >= 60) & (rows < 60 + thick)
    return strokes, rule


def test_a_thin_rule_goes_from_one_piece_of_ink():
    strokes, rule = hung_on(thick=3)
    assert np.array_equal(without_rule(strokes | rule) & ~rule, strokes)
    assert (without_rule(strokes | rule) & rule).sum() < 0.2 * rule.sum()


@pytest.mark.parametrize("what", ["a bar as thick as the strokes", "strokes alone", "a rule alone"])
def test_of_what_is_no_rule_in_a_piece_nothing_is_taken(what):
    strokes, rule = hung_on(thick=8)
    masks = {"a bar as thick as the strokes": strokes | rule, "strokes alone": strokes}
    assert without_rule(masks.get(what, rule)) is None
