"""Pictures that can be seen in several ways: cut close, on a table, in boxes, in shadow."""

from __future__ import annotations

import numpy as np
import pytest
from pages import coloured, enlarged, placed, written
from PIL import Image
from scipy import ndimage

import mnistlab
from mnistlab.reading.ink import without_frame
from mnistlab.reading.network import Network, load_network
from mnistlab.reading.views import without_table


@pytest.mark.parametrize(("paper", "pen"), [(255, 0), (200, 90), (10, 240)])
def test_digits_that_fill_the_picture(chosen, paper, pen):
    """Cut to the ink itself, so that there may be more ink than paper at the sides."""
    right = [
        mnistlab.read(coloured(enlarged(image, 90), paper, pen)).text == str(label)
        for image, label in zip(*(part[:50] for part in chosen), strict=True)
    ]
    assert np.mean(right) >= 0.85


def on_a_table(page, turn):
    table = np.pad(page.astype(float), 60, constant_values=45)
    turned = ndimage.rotate(table, turn, reshape=False, order=1, mode="nearest")
    return np.clip(turned + np.random.default_rng(0).normal(0, 3, turned.shape), 0, 255)


@pytest.mark.parametrize("turn", [-5, 0, 4])
def test_paper_on_a_table(chosen, turn):
    images, labels = chosen
    page = coloured(written(images[:3], height=80, gap=30), 225, 40)
    reading = mnistlab.read(on_a_table(page, turn).astype(np.uint8))
    assert reading.text == "".join(map(str, labels[:3]))


def bars(rows, height, leading, margin=20):
    """Draw 1s as straight strokes and 0s as rings, row below row: dark on white."""
    width = 50 * max(map(len, rows)) + 40
    ink = np.zeros((2 * margin + round(height * (1 + leading * (len(rows) - 1))), width))
    y, x = np.mgrid[:height, -20:21]
    ring = np.hypot(x / 20, (y - height / 2) / (height / 2))
    shapes = {"1": np.abs(x) < 3, "0": (ring > 0.75) & (ring < 1)}
    for number, row in enumerate(rows):
        top = margin + round(number * leading * height)
        for place, character in enumerate(row):
            left = 20 + 50 * place
            ink[top : top + height, left : left + 41] += shapes[character]
    return np.uint8(255 - 215 * ndimage.gaussian_filter(ink.clip(0, 1), 0.7))


@pytest.mark.parametrize(
    "rows", [["10", "10", "10", "10"], ["1001"], ["11111"], ["101", "011", "110"]], ids="/".join
)
def test_ones_below_one_another_are_no_rule(rows):
    """They are as straight, and cover as much of the picture's side."""
    assert mnistlab.read(bars(rows, height=90, leading=1.3)).text == "\n".join(rows)


@pytest.mark.parametrize("turn", [-12, -8, 9, 13])
def test_lines_of_a_page_that_lies_aslant(chosen, turn):
    rows = [written(row, height=50, gap=40, margin=10) for row in np.split(chosen[0][:24], 4)]
    width = max(row.shape[1] for row in rows)
    page = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    turned = ndimage.rotate(np.pad(page, 40), turn, order=1).clip(0, 1)
    lines = mnistlab.read(coloured(turned, 240, 40)).text.split()
    wanted = ["".join(map(str, row)) for row in np.split(chosen[1][:24], 4)]
    assert [len(line) for line in lines] == [6] * 4
    right = [
        a == b
        for line, row in zip(lines, wanted, strict=True)
        for a, b in zip(line, row, strict=True)
    ]
    assert np.mean(right) >= 0.85


def test_a_full_page_on_a_table(chosen):
    """Seen with the table as ink too, it has digits enough, but they are little of the ink."""
    images = np.concatenate([chosen[0]] * 2)[:48]
    rows = [written(row, height=40, gap=20, margin=20) for row in np.split(images, 6)]
    width = max(row.shape[1] for row in rows)
    page = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    paper = mnistlab.read(coloured(page, 225, 40)).text
    assert len(paper.split()) == 6
    assert mnistlab.read(on_a_table(coloured(page, 225, 40), 3).astype(np.uint8)).text == paper


def test_the_table_is_made_paper_and_the_paper_left():
    picture = np.full((200, 300), 40.0, np.float32)
    picture[40:160, 60:260] = 220
    picture[90:110, 150:160] = 20
    paper = without_table(picture)
    assert paper.min() == 20
    assert (paper[:30] == 220).all()
    assert (paper[60:140, 80:240] == picture[60:140, 80:240]).all()


@pytest.mark.parametrize("level", [0, 128, 255])
def test_no_table_is_seen_where_none_is(level):
    assert without_table(np.full((100, 100), level, np.float32)) is None
    stroke = np.zeros((100, 100), np.float32)
    stroke[20:80, 45:55] = 255  # a 1 in white
    assert without_table(stroke) is None


def boxed(inks, side, thick):
    """Write each in a box of its own, the boxes side by side."""
    page = np.zeros((side + thick, side * len(inks) + thick))
    for number, ink in enumerate(inks):
        top = (side + thick - ink.shape[0]) // 2
        left = number * side + (side + thick - ink.shape[1]) // 2
        page[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    page[:thick] = page[-thick:] = 1
    for number in range(len(inks) + 1):
        page[:, number * side : number * side + thick] = 1
    return np.pad(page, 40)


@pytest.mark.parametrize("thick", [2, 4])
def test_boxes_of_a_form(chosen, thick):
    images, labels = chosen
    right = 0
    for first in range(0, 40, 4):
        inks = [enlarged(image, 60) for image in images[first : first + 4]]
        said = mnistlab.read(coloured(boxed(inks, 86, thick), 245, 60)).text
        right += said == "".join(map(str, labels[first : first + 4]))
    assert right >= 9


def test_an_empty_box_holds_nothing():
    page = coloured(boxed([np.zeros((60, 40))], 86, 3), 245, 60)
    assert mnistlab.read(page).text == ""
    assert not without_frame(boxed([np.zeros((60, 40))], 86, 3)[40:-40, 40:-40] > 0).any()


def test_a_0_is_no_box(chosen):
    images, labels = chosen
    for image in images[labels == 0]:
        assert without_frame(enlarged(image, 100) > 0.5) is None


def test_a_28x28_picture_of_another_making_is_normalized_too(chosen):
    """Drawn small and to one side, white on black."""
    images, labels = chosen
    right = []
    for image, label in zip(images[:50], labels[:50], strict=True):
        ink = enlarged(image, 14)
        page = placed((28, 28), [(2, 12 - ink.shape[1] // 2, ink)])
        right.append(mnistlab.read(coloured(page, 0, 255)).text == str(label))
    assert np.mean(right) >= 0.9


def test_how_many_are_no_digits_is_learnt_from_the_page():
    """With so weak a prior the fixed point can be worked out: all alike, all one or the other."""
    network = Network(None, 1.0, 0.2, 0.2, 0.5)
    doubtful = np.tile([0.5, *[0.0] * 9], (1000, 1))
    unsure = np.concatenate([doubtful, np.zeros((3000, 10))])
    assert network.together(unsure)[0, 0] < 0.15  # among much that is none
    sure = np.concatenate([doubtful, np.tile([0, 1.0, *[0.0] * 8], (3000, 1))])
    assert network.together(sure)[0, 0] > 0.65
    alone = network.together(np.array([[0.5, *[0.0] * 9]]))
    assert 0.3 < alone[0, 0] < 0.5  # one doubtful picture says little of the page
    assert network.together(np.array([[0.0, 0.3, *[0.0] * 8]])).shape == (1, 10)


def test_probabilities_leave_room_for_no_digit(chosen):
    noise = np.random.default_rng(0).integers(0, 256, (50, 28, 28), np.uint8)
    network = load_network()
    digits, others = network.shares(chosen[0]), network.shares(noise)
    assert digits.shape == (100, 10)
    assert (digits.sum(axis=1) <= 1 + 1e-9).all()
    assert np.median(digits.sum(axis=1)) > 0.95
    assert np.median(others.sum(axis=1)) < 0.5


def tight(image, side):
    """Draw one digit so that it fills a picture of `side` pixels, the longer one, light on dark."""
    ink = enlarged(image, 100)
    sides = [max(6, round(side * length / max(ink.shape))) for length in ink.shape]
    picture = Image.fromarray(np.rint(255 * ink).astype(np.uint8))
    return np.asarray(picture.resize(sides[::-1], Image.Resampling.BOX))


@pytest.mark.parametrize("side", [16, 20, 40, 160])
def test_one_digit_that_leaves_no_paper(chosen, side):
    images, labels = chosen
    said = [mnistlab.read(tight(image, side)).text for image in images]
    assert sum(a == str(b) for a, b in zip(said, labels, strict=True)) >= 0.96 * len(labels), said


def test_what_the_sides_cut_off_of_other_digits_is_not_read(chosen):
    images, labels = chosen
    right = 0
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
        before, after = (enlarged(images[i - step], 60) for step in (1, 2))
        pieces = [(20, 0, before[:, -8:]), (10, 20, enlarged(image, 60))]
        left = 32 + pieces[1][2].shape[1]
        ink = placed((90, left + 8), [*pieces, (20, left, after[:, :8])])
        right += mnistlab.read(coloured(ink, 230, 40)).text == str(label)
    assert right >= 0.96 * len(labels)


def test_a_five_whose_bar_was_written_apart(chosen):
    bar, body = np.ones((5, 40)), np.zeros((60, 40))
    body[4:28, :6] = body[24:30, :30] = body[28:56, 28:34] = body[54:60, 2:32] = 1
    ink = placed((160, 200), [(52, 70, body), (44, 108, bar)])
    (digit,) = mnistlab.read(coloured(ink, 240, 30)).digits
    left, top, width, height = digit.box
    assert left <= 72
    assert left + width >= 145
    assert top <= 46
    assert top + height >= 110
