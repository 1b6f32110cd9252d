"""What is explained adds up, points at the ink that matters, and is shown wherever one looks."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from pages import coloured, written
from PIL import Image

import mnistlab
from mnistlab.cli.explain import block, heading
from mnistlab.reading import explain
from mnistlab.reading.explain import Explained, evidence, explained, explanation, percent, shares
from mnistlab.reading.read import Digit
from mnistlab.reading.sheet import WIDTH, layout


@pytest.fixture(scope="module")
def page(chosen):
    return coloured(written(chosen[0][:6]), 255, 0)


@pytest.fixture(scope="module")
def found(page):
    return explained(mnistlab.read(page).digits)


def made_up(strength):
    """A digit of full ink in rows 4 to 24 and columns 10 to 18, with evidence in it."""
    image = np.zeros((28, 28), np.uint8)
    image[4:24, 10:18] = 255
    probabilities = (0.05, 0.6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.25, 0.0, 0.0)
    digit = Digit(None, 0.6, (10, 20, 30, 40), probabilities, image)
    return Explained(3, digit, strength * image / 255, shares(digit))


def test_shares_are_the_likeliest_and_what_is_left():
    names, values = zip(*made_up(0).shares, strict=True)
    assert names == ("digit 1", "digit 7", "digit 0", "no digit")
    assert values == pytest.approx((0.6, 0.25, 0.05, 0.1))


@pytest.mark.parametrize(
    ("share", "says"),
    [(0, "0 %"), (1e-9, "<1 %"), (0.006, "1 %"), (0.5, "50 %"), (0.9951, ">99 %"), (1, "100 %")],
)
def test_percents(share, says):
    assert percent(share) == says


def test_evidence_lies_where_ink_is(found):
    for each in found:
        likeliest = each.digit.alternatives[0][0]
        assert np.array_equal(each.evidence, evidence(each.digit.image, likeliest))
        assert not each.evidence[each.digit.image == 0].any()
        assert each.evidence.max() > 0
        assert abs(each.strength).max() <= 1


def test_ink_speaks_for_the_digit_that_it_is_and_not_for_another(chosen):
    more = [
        evidence(image, label).sum() > max(0.0, evidence(image, (label + 1) % 10).sum())
        for image, label in zip(*(part[:30] for part in chosen), strict=True)
    ]
    assert np.mean(more) >= 0.9


def test_colours_say_for_and_against():
    for strength, colour in ((2.0, explain.FOR), (-2.0, explain.AGAINST), (0.0, (76, 76, 76))):
        tinted = made_up(strength).tinted
        assert tuple(tinted[10, 12]) == colour
        assert not tinted[0].any()


def test_colours_are_those_of_the_figures():
    from mnistlab.reporting import style

    assert [f"#{bytes(each).hex()}".upper() for each in (explain.FOR, explain.AGAINST)] == [
        style.SKY, style.ORANGE
    ]  # fmt: skip


# On a terminal.


@pytest.mark.parametrize("in_colour", [True, False])
@pytest.mark.parametrize(("wide", "width", "height"), [(True, 80, 14), (False, 60, 18)])
def test_a_block_fits(found, in_colour, wide, width, height):
    for each in found:
        lines = list(block(each, in_colour, wide))
        assert len(lines) == height
        assert max(line.cell_len for line in lines) <= width


def test_half_blocks_have_every_pixels_colour(found):
    each = found[0]
    for row, line in enumerate(block(each, True, True)):
        assert line.plain[:28] == "▀" * 28
        styles = [str(span.style) for span in line.spans for _ in range(span.start, span.end)][:28]
        above, below = each.seen[2 * row], each.seen[2 * row + 1]
        assert styles == [
            f"#{bytes(a).hex()} on #{bytes(b).hex()}"
            for a, b in zip(above.tolist(), below.tolist(), strict=True)
        ]


def test_characters_where_there_are_no_colours():
    lines = [line.plain for line in block(made_up(1.0), False, True)]
    assert lines[5][10:18] == "@" * 8
    assert lines[5][30:][10:18] == "#" * 8
    assert lines[5][:10].strip() == ""
    against = [line.plain for line in block(made_up(-0.2), False, True)]
    assert against[5][30:][10:18] == "-" * 8
    assert all(line.isascii() for line in lines)
    assert "digit 1    60 %" in lines[1]
    assert lines[2].endswith(" " + "#" * 11)  # 60 % of 18


def test_the_heading():
    assert heading("a.png", made_up(0)) == "a.png, 3: ?, 60 %, 30 x 40 at 10, 20"


# The sheet.


@pytest.mark.parametrize(("count", "columns", "rows"), [(1, 2, 1), (4, 4, 1), (5, 4, 2)])
def test_cards_lie_beside_each_other_within_the_sheet(count, columns, rows):
    plan = layout(count, 4)
    assert (plan.columns, plan.rows) == (columns, rows)
    corners = [plan.corner(index) for index in range(count)]
    assert len(set(corners)) == count
    for left, top in corners:
        assert left + WIDTH < plan.size[0]
        assert top + plan.height < plan.size[1]


# The command.


@pytest.fixture
def file(page, tmp_path):
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, "PNG")
    (tmp_path / "page.png").write_bytes(buffer.getvalue())


def test_the_explanation_follows_the_text(inside, file, chosen, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    done = inside("read", "page.png", "--explain")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "".join(map(str, chosen[1][:6]))
    assert "page.png, 6: " in done.out
    assert "no digit" in done.out
    assert "\x1b" not in done.out
    assert done.out.isascii()


def test_whoever_has_seen_enough_of_it_still_gets_the_sheet(file, tmp_path):
    words = [sys.executable, "-m", "mnistlab", "read", "page.png", "--explain", "--annotate", "out"]
    with subprocess.Popen(
        words, cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as done:
        done.stderr.close()
        assert done.wait(60) == 0
    assert (tmp_path / "out" / "page.png.explained.png").is_file()


def test_json_has_the_explanation_of_every_digit(inside, file, page):
    done = inside("read", "page.png", "--explain", "--json")
    assert (done.code, done.err) == (0, "")
    ((entry),) = json.loads(done.out)
    digits = mnistlab.read(page).digits
    assert len(entry["digits"]) == len(digits)
    for said, digit in zip(entry["digits"], digits, strict=True):
        assert set(said) >= {"digit", "box", "image", "probabilities", "evidence"}
        assert said["image"] == digit.image.tolist()
        assert said["evidence"] == explanation(digit)["evidence"]
        assert len(said["probabilities"]) == 10


def test_a_sheet_beside_the_annotated_copy(inside, file):
    done = inside("read", "page.png", "--explain", "--annotate", "out")
    assert done.code == 0
    assert "page.png: explained on out/page.png.explained.png" in done.err
    with Image.open("out/page.png.explained.png") as drawn:
        assert drawn.size == layout(6, 4).size
        colours = {colour for _, colour in drawn.convert("RGB").getcolors(1 << 20)}
    assert explain.FOR in colours
    again = inside("read", "page.png", "--annotate", "out")
    assert (again.code, again.out) == (2, "")


def test_blank_paper_has_nothing_to_explain(inside, tmp_path):
    Image.new("L", (200, 200), 255).save(tmp_path / "blank.png")
    done = inside("read", "blank.png", "--explain", "--annotate", "out")
    assert (done.code, done.out) == (0, "")
    assert not (tmp_path / "out" / "blank.png.explained.png").exists()


def test_no_more_is_explained_than_one_can_look_at(inside, file, monkeypatch):
    from mnistlab.cli import read

    monkeypatch.setattr(read, "MOST_EXPLAINED", 2)
    done = inside("read", "page.png", "--explain", "--annotate", "out")
    assert "6 digits, of which the first 2 are explained" in done.err
    assert "page.png, 2:" in done.out
    assert "page.png, 3:" not in done.out
    with Image.open("out/page.png.explained.png") as drawn:
        assert drawn.size == layout(2, 4).size
