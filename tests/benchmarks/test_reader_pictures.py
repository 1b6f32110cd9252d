"""What the reading network learns from."""

from __future__ import annotations

import numpy as np
import pytest
from tools.reader.handwriting import load_forms
from tools.reader.others import MAKERS, letter_by_hand, part, scripts, together
from tools.reader.photographed import from_blocks, photograph, seen
from tools.reader.pictures import might_be_one
from tools.reader.strokes import DIGITS, bent, curve, draw


@pytest.mark.parametrize("digit", range(10))
def test_every_form_of_a_digit_is_drawn_and_seen(digit):
    for form in DIGITS[digit]:
        rng = np.random.default_rng(digit)
        ink = draw(bent(form, rng), 80, 0.08)
        assert ink.shape[0] == pytest.approx(80, rel=0.35)
        assert 0 <= ink.min() < ink.max() <= 1
        image = seen(photograph(ink, rng)[0])
        assert image.shape == (28, 28)
        assert image.max() == 255


def test_a_point_given_twice_is_a_corner():
    corner = [(0, 0), (0.5, 0), (0.5, 0), (0.2, 1)]
    points = curve(corner)
    assert np.hypot(*(points - [0.5, 0]).T).min() < 1e-9
    assert points[:, 1].min() >= -1e-9  # a smooth curve would swing over


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_what_is_no_digit_is_ink(maker):
    if maker is letter_by_hand:
        pytest.importorskip("HersheyFonts")
    for seed in range(5):
        ink = maker(np.random.default_rng(seed))
        assert ink.ndim == 2
        assert ink.max() > 0.5
        assert np.array_equal(ink, maker(np.random.default_rng(seed)))


def test_digits_that_run_together_touch_and_parts_are_no_1s():
    rng = np.random.default_rng(0)
    ink = np.ones((20, 12))
    both = together([ink, ink], rng)
    assert both.shape[0] == 20
    assert 12 < both.shape[1] < 24
    assert both.max(axis=0).min() == 1
    wide = np.hypot(*np.mgrid[-1:1:40j, -1:1:100j])
    cut = part(((wide < 1) & (wide > 0.8)).astype(float), rng)
    assert cut is not None
    assert 0.25 * wide.size < cut.size < 0.75 * wide.size
    assert part(np.ones((90, 9)), rng) is None  # a 1, cut anyhow, might be one


def test_what_might_be_a_one_is_not_learnt_as_none():
    upright, level = np.zeros((2, 28, 28), np.uint8)
    upright[4:24, 12:15] = 255
    level[12:15, 4:24] = 255
    assert might_be_one(upright)
    assert not might_be_one(level)
    assert not might_be_one(np.maximum(upright, level))


def test_a_digit_on_ruled_paper_is_seen_without_the_rules():
    ink, found = np.zeros((60, 30)), []
    ink[:, 12:18] = 1
    ink[:6] = 1
    for seed in range(20):
        picture, box = photograph(ink, np.random.default_rng(seed), ruled=True)
        assert box[2] - box[0] == 60
        assert box[3] - box[1] == 30
        image = seen(picture, box)
        found.append(image is not None and (image[:, :8] < 60).all())
    assert np.mean(found) > 0.6


def test_letters_of_all_scripts_are_none_that_look_like_digits():
    letters = scripts()
    assert len(letters) > 1000
    assert {"Ж", "Ω", "ن", "→"} <= set(letters)
    assert not {"О", "о", "З", "Ӏ", "Ō", "٣", "2"} & set(letters)


def test_ink_in_blocks_is_drawn_where_it_was():
    blocks = np.zeros((8, 8))
    blocks[:, 1] = blocks[0] = 1
    ink = from_blocks(blocks, 80, np.random.default_rng(0))
    assert 60 < len(ink) < 100
    upright, level = ink[:, : ink.shape[1] // 3], ink[: len(ink) // 4]
    assert upright.max(axis=1).mean() > 0.8
    assert level.max(axis=0).mean() > 0.8
    assert ink[len(ink) // 2 :, ink.shape[1] // 2 :].max() < 0.1


@pytest.mark.network
def test_writers_to_be_judged_by_are_not_learnt_from():
    datasets = pytest.importorskip("sklearn.datasets")
    inks, labels = load_forms()
    learnt = {ink.tobytes() for ink in inks}
    judged = datasets.load_digits().images / 16
    assert (len(inks), len(labels)) == (3823, 3823)
    assert not any(image.tobytes() in learnt for image in judged)
