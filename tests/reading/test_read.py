"""Reading: real digits in pictures, from the page to the text, by import and by command."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import numpy as np
import pytest
from pages import coloured, enlarged, photographed, placed, written
from PIL import Image

import mnistlab
from mnistlab.errors import DataError
from mnistlab.reading.digits import find_lines
from mnistlab.reading.ink import Ink, find_ink


def text(labels):
    return "".join(map(str, labels))


def png(pixels, **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def line(chosen):
    """Six digits that are easy to tell, and what they say."""
    return chosen[0][:6], text(chosen[1][:6])


@pytest.mark.parametrize("kind", [np.uint8, np.int64, bool, np.float64])
def test_an_array_of_0_and_1(chosen, kind):
    masks = [(image > 127).astype(kind) for image in chosen[0][:10]]
    whole = [np.uint8(255 * (image > 127)) for image in chosen[0][:10]]
    assert [mnistlab.read(mask).text for mask in masks] == [mnistlab.read(x).text for x in whole]


def test_what_is_hardly_lighter_than_black_is_blank(chosen):
    """As in a larger picture, where it is not even noise."""
    assert mnistlab.read(Image.fromarray(np.uint8(chosen[0][0] > 127))).text == ""
    assert mnistlab.read(chosen[0][0] // 3).text == str(chosen[1][0])


def test_single_digits_of_any_size_and_colour(chosen):
    rng, right = np.random.default_rng(0), 0
    for image, label in zip(*chosen, strict=True):
        height = int(rng.integers(24, 300))
        ink = np.pad(enlarged(image, height), rng.integers(10, 2 * height, (2, 2)))
        paper, pen = ((255, 0), (20, 230), ((200, 220, 250), (30, 30, 120)))[rng.integers(3)]
        right += mnistlab.read(coloured(ink, paper, pen)).text == str(label)
    assert right >= 98


def test_mnists_own_files_are_taken_as_they_are(chosen):
    readings = [mnistlab.read(image) for image in chosen[0]]
    assert (
        np.mean([r.text == str(label) for r, label in zip(readings, chosen[1], strict=True)]) > 0.97
    )
    assert all(
        np.array_equal(r.digits[0].image, x) for r, x in zip(readings, chosen[0], strict=True)
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_line_on_ruled_paper_in_bad_light(line, seed):
    assert mnistlab.read(photographed(written(line[0]), seed)).text == line[1]


def test_a_rule_that_ends_in_the_line_holds_no_digits_together(line):
    ink = written(line[0], margin=80)
    page = coloured(ink, 250, 40).astype(np.float32)
    bottom = int(np.flatnonzero(ink.max(axis=1) > 0.5)[-1])
    page[bottom - 1 : bottom + 1, : page.shape[1] // 2] *= 0.6  # less than the page's rules cover
    found = find_lines(find_ink(page))
    assert [len(pieces) for pieces in found] == [6]
    assert mnistlab.read(page.astype(np.uint8)).text == line[1]


def test_what_goes_on_beyond_its_ends_is_no_1():
    amount = np.zeros((200, 200), np.float32)
    amount[60:90, 100:102] = 1
    alone = Ink(amount, amount > 0.5)
    amount = amount.copy()
    amount[:60, 100:102] = amount[90:, 100:102] = 0.4  # a rule, of which a part is dark enough
    assert [len(line) for line in find_lines(alone)] == [1]
    assert find_lines(Ink(amount, amount > 0.5)) == []


def test_a_corner_in_shadow_is_no_digit():
    rows, columns = np.mgrid[:200, :300]
    corner = rows + columns < 110
    assert find_lines(Ink(corner.astype(np.float32), corner)) == []
    within = (abs(rows - 100) < 30) & (abs(columns - 150) < 4)
    assert [len(line) for line in find_lines(Ink(within.astype(np.float32), within))] == [1]


def test_what_a_rule_tore_apart_is_one_piece():
    page = np.full((120, 340), 250, np.float32)
    for left in (110, 160, 210, 260):
        page[33:78, left : left + 8] = 20
    page[40:55, 54:89] = page[58:77, 33:63] = 20  # one begins below where the other ends
    (pieces,) = find_lines(find_ink(page))
    assert len(pieces) == 5
    assert pieces[0].height > 36


def test_lines_are_read_from_top_to_bottom(chosen):
    rows = [written(chosen[0][at : at + 5], margin=20) for at in (0, 10, 20)]
    width = max(row.shape[1] for row in rows)
    page = np.vstack([np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows])
    reading = mnistlab.read(coloured(page, 240, 20))
    assert reading.text.splitlines() == [text(chosen[1][at : at + 5]) for at in (0, 10, 20)]


def test_boxes_are_where_the_digits_are(line):
    ink = enlarged(line[0][0], 80)
    page = coloured(placed((300, 400), [(120, 210, ink)]), 255, 0)
    (digit,) = mnistlab.read(page).digits
    assert digit.box == pytest.approx((210, 120, ink.shape[1], ink.shape[0]), abs=3)
    assert digit.confidence == pytest.approx(digit.alternatives[0][1])


def test_large_pictures_have_their_boxes_in_their_own_pixels(line):
    ink = enlarged(line[0][0], 600)
    page = coloured(placed((3000, 4000), [(1200, 2100, ink)]), 255, 0)
    (digit,) = mnistlab.read(page).digits
    assert text([digit.digit]) == line[1][0]
    assert digit.box == pytest.approx((2100, 1200, ink.shape[1], ink.shape[0]), abs=16)


def test_touching_digits_are_cut(chosen):
    images, labels = chosen
    right = 0
    for first in range(0, 20, 2):
        a, b = (enlarged(images[first + i], 60) for i in (0, 1))
        page = placed((140, 60 + a.shape[1] + b.shape[1]), [(40, 20, a), (40, 18 + a.shape[1], b)])
        reading = mnistlab.read(coloured(page, 255, 0))
        right += reading.text == text(labels[first : first + 2])
        json.dumps(reading.to_json())
    assert right >= 7


@pytest.mark.parametrize("kind", ["array", "floats", "bytes", "path", "image", "transparent"])
def test_all_kinds_of_sources(line, kind, tmp_path):
    page = coloured(written(line[0]), 250, 10)
    clear = np.zeros((*page.shape, 4), np.uint8)
    clear[..., 3] = 255 - page
    (tmp_path / "page.png").write_bytes(png(page))
    source = {
        "array": page, "floats": page / 255, "bytes": png(page), "path": tmp_path / "page.png",
        "image": Image.fromarray(page), "transparent": png(clear),
    }[kind]  # fmt: skip
    assert mnistlab.read(source).text == line[1]


def test_a_photo_is_turned_as_its_exif_says(line):
    page = Image.fromarray(coloured(written(line[0]), 250, 10)).rotate(90, expand=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    buffer = io.BytesIO()
    page.save(buffer, "JPEG", exif=exif, quality=95)
    assert mnistlab.read(buffer.getvalue()).text == line[1]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_there_is_nothing_on_blank_paper(level):
    reading = mnistlab.read(np.full((200, 300), level, np.uint8))
    assert (reading.text, reading.digits) == ("", ())
    assert mnistlab.read(np.zeros((28, 28), np.uint8)).text == ""


def test_what_is_no_page_of_digits_is_said_to_be_none():
    rows, columns = np.mgrid[:1500, :1500]
    reading = mnistlab.read((255 * ((rows // 20 + columns // 20) % 2)).astype(np.uint8))
    assert reading.text == ""
    assert "no page of digits" in reading.warnings[0]


def test_a_picture_that_was_cut_off_is_refused():
    page = png(np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8))
    for source in (page[:500], Image.open(io.BytesIO(page[:500]))):
        with pytest.raises(DataError, match="cannot be read"):
            mnistlab.read(source)


@pytest.mark.parametrize(
    "source",
    [b"", b"\x89PNG\r\n\x1a\nrubbish", np.zeros((3, 4, 5, 6)), np.array(["a"]),
     np.full((9, 9), np.nan), np.zeros((0, 5)), np.full((20, 20), -1.0),
     np.zeros((40, 40), complex), np.zeros(0, bool), Image.new("L", (0, 9))],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_picture_is_refused(source):
    with pytest.raises(DataError):
        mnistlab.read(source)


# The command.


def test_the_command_prints_a_line_for_each_line(inside, line, tmp_path):
    (tmp_path / "page.png").write_bytes(png(photographed(written(line[0]), 0)))
    done = inside("read", "page.png")
    assert (done.code, done.out, done.err) == (0, f"{line[1]}\n", "")


def test_the_command_leaves_nothing_at_home_and_reports_to_no_one(command, line, tmp_path):
    (tmp_path / "page.png").write_bytes(png(coloured(written(line[0]), 255, 0)))
    home = tmp_path / "home"
    home.mkdir()
    done = command("read", "page.png", HOME=str(home), XDG_CACHE_HOME=str(home / "cache"))
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{line[1]}\n", "")
    assert list(home.rglob("*")) == []


def test_the_commands_json(inside, line, tmp_path):
    (tmp_path / "in").mkdir()
    for name in ("b.png", "a.png"):
        (tmp_path / "in" / name).write_bytes(png(coloured(written(line[0]), 255, 0)))
    done = inside("read", "in", "--json")
    assert (done.code, done.err) == (0, "")
    first, second = json.loads(done.out)
    assert [first["file"], second["file"]] == ["in/a.png", "in/b.png"]
    assert set(first) == {"file", "text", "lines", "digits", "warnings"}
    assert (first["text"], first["lines"], first["warnings"]) == (line[1], [line[1]], [])
    for digit in first["digits"]:
        assert set(digit) == {"digit", "confidence", "box", "alternatives"}
        assert len(digit["box"]) == 4
        assert digit["alternatives"][0] == [digit["digit"], digit["confidence"]]


def test_annotated_copies(inside, line, tmp_path):
    content = png(coloured(written(line[0]), 255, 0))
    (tmp_path / "page.png").write_bytes(content)
    assert inside("read", "page.png", "--annotate", "out").code == 0
    with Image.open(tmp_path / "out" / "page.png.annotated.png") as drawn:
        assert drawn.mode == "RGB"
        colours = {colour for _, colour in drawn.getcolors(1 << 20)}
    assert (0, 90, 181) in colours
    assert (tmp_path / "page.png").read_bytes() == content


def test_no_copy_takes_the_place_of_another_file(inside, line, tmp_path):
    content = png(coloured(written(line[0]), 255, 0))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "page.png").write_bytes(content)
    twice = inside("read", "a/page.png", "b/page.png", "--annotate", "out")
    assert (twice.code, twice.out) == (2, "")
    assert "several pictures are called page.png" in twice.err
    assert inside("read", "a", "--annotate", "out").code == 0
    drawn = (tmp_path / "out" / "page.png.annotated.png").read_bytes()
    again = inside("read", "a", "--annotate", "out")
    assert (again.code, again.out) == (2, "")
    assert "exists already" in again.err
    assert (tmp_path / "out" / "page.png.annotated.png").read_bytes() == drawn
    (tmp_path / "file").write_bytes(b"mine")
    assert inside("read", "a", "--annotate", "file").code == 2
    assert (tmp_path / "file").read_bytes() == b"mine"


def test_bad_files_are_told_and_the_others_read(inside, line, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"rubbish")
    (tmp_path / "page.png").write_bytes(png(coloured(written(line[0]), 255, 0)))
    done = inside("read", "bad.png", "page.png")
    assert (done.code, done.out) == (2, f"page.png:\n{line[1]}\n")
    assert "bad.png: not a picture" in done.err
    missing = inside("read", "nothing.png")
    assert (missing.code, missing.out) == (2, "")
    assert "nothing.png does not exist" in missing.err


def test_a_picture_from_stdin_without_keras(line):
    words = "from mnistlab.cli.app import run; code = run(['read', '-']); import sys; "
    words += "assert not {'keras', 'jax'} & set(sys.modules); sys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-c", words], input=png(coloured(written(line[0]), 255, 0)),
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.decode()) == (0, f"{line[1]}\n"), done.stderr.decode()
