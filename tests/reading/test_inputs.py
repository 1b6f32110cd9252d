"""What `mnistlab read` takes: patterns, folders, PDFs; and what it makes of hostile PDFs."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from pages import coloured, written
from PIL import Image

import mnistlab
from mnistlab.cli import pictures as given
from mnistlab.data import pdf, pictures
from mnistlab.errors import DataError, MissingExtraError


@pytest.fixture(scope="module")
def said(chosen):
    return ["".join(map(str, chosen[1][at : at + 6])) for at in (0, 10)]


@pytest.fixture
def sheets(chosen):
    """Two pictures, new for each test: Pillow leaves in them how they were saved last."""
    return [
        Image.fromarray(coloured(written(chosen[0][at : at + 6]), 255, 0)) for at in (0, 10)
    ]  # fmt: skip


def saved(pages, kind, **options):
    buffer = io.BytesIO()
    pages[0].save(buffer, kind, save_all=True, append_images=pages[1:], **options)
    return buffer.getvalue()


def as_pdf(pages, **options):
    return saved(pages, "PDF", **options)


@pytest.fixture
def folder(sheets, tmp_path):
    """Pictures at two depths, a hidden one, and what is none."""
    for name in ("b.png", "a.png", "deep/er/c.png", ".hidden.png", "odd[1].png"):
        path = tmp_path / "scans" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        sheets[0].save(path)
    (tmp_path / "scans" / "notes.txt").write_text("no picture")
    return tmp_path / "scans"


@pytest.fixture
def without_extra(monkeypatch):
    monkeypatch.setattr(pdf.importlib.util, "find_spec", lambda name: None)


def files(done):
    return [entry["file"] for entry in json.loads(done.out)]


# Patterns.


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("scans/*.png", ["scans/a.png", "scans/b.png", "scans/odd[1].png"]),
        ("scans/?.png", ["scans/a.png", "scans/b.png"]),
        ("scans/[ab].png", ["scans/a.png", "scans/b.png"]),
        ("scans/*", ["scans/a.png", "scans/b.png", "scans/odd[1].png"]),
        ("scans/odd[1].png", ["scans/odd[1].png"]),
        ("scans/**/c.*", ["scans/deep/er/c.png"]),
        ("**/[!c].png", ["scans/a.png", "scans/b.png"]),
    ],
)
def test_patterns_in_quotes(inside, folder, pattern, found):
    done = inside("read", pattern, "--json")
    assert (done.code, done.err) == (0, "")
    assert files(done) == found


@pytest.mark.parametrize("pattern", ["scans/*.bmp", "nowhere/**", "scans/*.txt", "[", "scans/[z]"])
def test_a_pattern_that_matches_no_picture(inside, folder, pattern):
    done = inside("read", pattern)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"mnistlab: {pattern}: no picture matches it")
    assert len(done.err.splitlines()) == 1


# Pages of a TIFF, pipes.


@pytest.fixture
def tiff(sheets):
    """Two pages, and a thumbnail of the first between them."""
    thumbnail = sheets[0].resize((40, 20))
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}
    return saved([sheets[0], thumbnail, sheets[1]], "TIFF")


def test_the_pages_of_a_tiff_thumbnails_apart(inside, tiff, said, tmp_path):
    (tmp_path / "scan.tif").write_bytes(tiff)
    assert inside("read", "scan.tif")[:] == (
        0, f"scan.tif#1:\n{said[0]}\nscan.tif#2:\n{said[1]}\n", ""
    )  # fmt: skip
    done = inside("read", "scan.tif", "--json", "--annotate", "out")
    assert files(done) == ["scan.tif#1", "scan.tif#2"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "scan.tif-1.annotated.png", "scan.tif-2.annotated.png"
    ]  # fmt: skip


def test_a_picture_open_at_a_page_and_a_tiff_of_one(tiff, sheets, said):
    assert mnistlab.read(Image.open(io.BytesIO(tiff))).text == said[0]
    assert mnistlab.read(tiff, page=2).text == said[1]
    assert mnistlab.read(saved(sheets[1:], "TIFF")).text == said[1]


def test_a_tiff_of_more_frames_than_a_document_has_pages():
    frames = saved([Image.new("1", (8, 8))] * 201, "TIFF")
    with pytest.raises(DataError, match="more than 200 pages; divide it"):
        mnistlab.read(frames, page=1)


def test_an_open_file(sheets, said, tmp_path):
    sheets[0].save(tmp_path / "a.png")
    with (tmp_path / "a.png").open("rb") as opened:
        assert mnistlab.read(opened).text == said[0]


def test_a_page_too_large_is_refused_wherever_it_is(sheets, monkeypatch):
    document = saved([sheets[0].resize((100, 100)), Image.new("L", (400, 400))], "TIFF")
    monkeypatch.setattr(pictures, "MAX_PIXELS", 100_000)
    mnistlab.read(document, page=1)
    with pytest.raises(DataError, match="more than 100,000 pixels"):
        mnistlab.read(document, page=2)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_read_once(inside, sheets, said, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    buffer = io.BytesIO()
    sheets[0].save(buffer, "PNG")
    for content in (buffer.getvalue(), b""):
        writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(content,))
        writer.start()
        done = inside("read", "pipe")
        writer.join()
        if content:
            assert done[:] == (0, f"{said[0]}\n", "")
        else:
            assert done[:] == (2, "", "mnistlab: pipe: nothing came\n")


def test_stdin_that_is_closed_or_without_end(inside, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    done = inside("read", "-")
    assert done[:] == (2, "", "mnistlab: stdin is closed; give the name of a picture\n")
    monkeypatch.setattr(given, "MOST_BYTES", 1 << 20)
    with Path("/dev/zero").open() as endless:
        monkeypatch.setattr("sys.stdin", endless)
        done = inside("read", "-")
    assert done[:] == (2, "", "mnistlab: stdin: more than 1 MiB; save it as a file\n")


@pytest.mark.parametrize("words", [[""], ["scans", "--annotate", ""], ["scans", "--annotate="]])
def test_an_empty_word_is_not_this_folder(inside, folder, words):
    done = inside("read", *words)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)


def test_copies_are_no_pictures_of_the_folder(inside, folder):
    before = files(inside("read", "scans", "--json"))
    assert inside("read", "scans", "--annotate", "scans").code == 0
    assert files(inside("read", "scans", "--json")) == before
    (folder / "b.png").unlink()  # a copy whose picture is gone is a picture like any other
    assert "scans/b.png.annotated.png" in files(inside("read", "scans", "--json"))


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux alone")
def test_names_that_are_no_text_or_steer_a_terminal(inside, sheets, tmp_path, said):
    sheets[0].save(tmp_path / "a\udcff\x1b[2J\n.png")
    done = inside("read", ".", "--json")
    assert json.loads(done.out.encode())
    assert files(done) == ["a\udcff\x1b[2J\n.png"]
    (tmp_path / "a\udcff\x1b[2J\n.png").rename(tmp_path / "a\x1b[2J\n.png")
    sheets[0].save(tmp_path / "b.png")
    done = inside("read", ".")
    assert done.out.splitlines() == ["a?[2J?.png:", said[0], "b.png:", said[0]]


@pytest.mark.parametrize("page", ["1", 1.5, True])
def test_a_page_is_a_number(sheets, page):
    with pytest.raises(DataError, match="whole number"):
        mnistlab.read(sheets[0], page=page)


def test_what_is_smoothed_towards_white_lay_on_white(sheets, said):
    """Most of what is drawn is bright, for the halo of the dark ink."""
    palette = sheets[0].convert("RGB").resize(4 * side for side in sheets[0].size).quantize(16)
    buffer = io.BytesIO()
    palette.save(buffer, "PNG", transparency=palette.getpixel((0, 0)))
    assert mnistlab.read(buffer.getvalue()).text == said[0]


# PDFs.


def test_a_page_from_a_path_and_from_bytes(sheets, said, tmp_path):
    (tmp_path / "one.pdf").write_bytes(as_pdf(sheets[:1]))
    assert mnistlab.read(tmp_path / "one.pdf").text == said[0]
    assert mnistlab.read(as_pdf(sheets[:1])).text == said[0]
    (tmp_path / "named otherwise").write_bytes(as_pdf(sheets[:1]))
    assert mnistlab.read(str(tmp_path / "named otherwise")).text == said[0]


@pytest.mark.parametrize("kind", ["PDF", "TIFF"])
def test_which_of_several_pages_has_to_be_said(kind, sheets, said):
    document = saved(sheets, kind)
    with pytest.raises(DataError, match=r"2 pages; say which: mnistlab.read\(..., page=1\)"):
        mnistlab.read(document)
    assert [mnistlab.read(document, page=number).text for number in (1, 2)] == said
    for number in (0, -1, 3):
        with pytest.raises(DataError, match=f"no page {number}"):
            mnistlab.read(document, page=number)
    with pytest.raises(DataError, match="is no PDF"):
        mnistlab.read(np.zeros((40, 40)), page=2)


@pytest.mark.parametrize(
    ("dpi", "size"), [(200, (800, 600)), (20, (2000, 1500)), (1, (2000, 1500))]
)
def test_a_page_has_200_dots_an_inch_or_2000_pixels(dpi, size):
    picture = Image.new("RGB", (800, 600), "white")
    (page,) = pdf.pages(as_pdf([picture], resolution=dpi), "page", 2000)
    height, width, _ = page.pixels.shape
    assert (width, height) == pytest.approx(size, abs=3)
    assert max(width, height) <= 2000


def test_the_pages_are_named(inside, sheets, said, tmp_path):
    (tmp_path / "scan.pdf").write_bytes(as_pdf(sheets))
    done = inside("read", "scan.pdf")
    assert (done.code, done.err) == (0, "")
    assert done.out == f"scan.pdf#1:\n{said[0]}\nscan.pdf#2:\n{said[1]}\n"
    done = inside("read", "scan.pdf", "--json", "--annotate", "out")
    assert files(done) == ["scan.pdf#1", "scan.pdf#2"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "scan.pdf-1.annotated.png", "scan.pdf-2.annotated.png"
    ]  # fmt: skip
    again = inside("read", "scan.pdf", "--annotate", "out")
    assert (again.code, again.out) == (2, "")
    assert "scan.pdf-1.annotated.png exists already" in again.err


def test_a_single_page_is_printed_like_a_picture(inside, sheets, said, tmp_path, monkeypatch):
    (tmp_path / "scan.pdf").write_bytes(as_pdf(sheets[:1]))
    assert inside("read", "scan.pdf")[:] == (0, f"{said[0]}\n", "")
    stdin = io.TextIOWrapper(io.BytesIO(as_pdf(sheets[:1])))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert files(inside("read", "-", "--json")) == ["-#1"]


def test_pdfs_in_folders_are_read(inside, folder, sheets):
    (folder / "scan.pdf").write_bytes(as_pdf(sheets[:1]))
    done = inside("read", "scans", "--json")
    assert files(done) == [
        "scans/a.png", "scans/b.png", "scans/odd[1].png", "scans/scan.pdf#1"
    ]  # fmt: skip


def test_without_the_extra(inside, folder, sheets, without_extra):
    (folder / "scan.pdf").write_bytes(as_pdf(sheets[:1]))
    with pytest.raises(MissingExtraError, match=r"pip install 'mnistlab\[pdf\]'"):
        mnistlab.read(folder / "scan.pdf")
    for words in (("scans/scan.pdf",), ("scans/a.png", "scans/*.pdf")):
        done = inside("read", *words)
        assert (done.code, done.out) == (2, "")
        assert "reading PDFs needs the extra 'pdf': pip install 'mnistlab[pdf]'" in done.err
        assert len(done.err.splitlines()) == 1
    done = inside("read", "scans", "--json")
    assert done.code == 0
    assert files(done) == ["scans/a.png", "scans/b.png", "scans/odd[1].png"]
    assert "passed over: " in done.err


def test_no_more_pages_than_the_most(inside, sheets, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "MOST_PAGES", 1)
    (tmp_path / "scan.pdf").write_bytes(as_pdf(sheets))
    sheets[0].save(tmp_path / "page.png")
    done = inside("read", "scan.pdf", "page.png", "--json")
    assert (done.code, files(done)) == (2, ["scan.pdf#1", "page.png"])
    assert done.err == (
        "mnistlab: scan.pdf has 2 pages, of which 1 are read; divide it for the rest\n"
    )


def bad_pdfs():
    """PDFs that are broken, locked, empty, too large, or that go on for ever."""
    whole = as_pdf([Image.new("L", (50, 50), 255)])
    form = (
        b"%d 0 obj<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</F %d 0 R>>>>"
        b"/Length %d>>stream\n%s\nendstream endobj\n"
    )
    calls = b"/F Do " * 40
    bomb = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    bomb += b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    bomb += b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R"
    bomb += b"/Resources<</XObject<</F 5 0 R>>>>>>endobj\n"
    bomb += b"4 0 obj<</Length %d>>stream\n%s\nendstream endobj\n" % (len(calls), calls)
    for number in range(5, 24):
        bomb += form % (number, number + 1, len(calls), calls)
    bomb += b"trailer<</Root 1 0 R>>\n%%EOF\n"
    return {
        "nothing but its first bytes": b"%PDF",
        "cut off": whole[: len(whole) // 2],
        "no pages": whole.replace(b"/Count 1", b"/Count 0").replace(b"/Kids", b"/Kid_"),
        "rubbish": b"%PDF-1.7\n" + bytes(range(256)) * 40,
        "forms in forms": bomb,
    }


@pytest.mark.parametrize("kind", bad_pdfs())
def test_bad_pdfs_end_in_a_line_and_in_time(inside, kind, tmp_path, monkeypatch):
    monkeypatch.setattr(pdf, "SECONDS", 2.0)
    (tmp_path / "bad.pdf").write_bytes(bad_pdfs()[kind])
    begin = time.monotonic()
    done = inside("read", "bad.pdf")
    assert time.monotonic() - begin < 20
    assert (done.code, done.out) in ((2, ""), (0, ""))
    assert len(done.err.splitlines()) == 1
    assert "bad.pdf" in done.err


def test_a_locked_pdf_is_told(sheets):
    """Its password check fails: revision 3 of the standard handler, with keys that are no one's."""
    document = as_pdf(sheets[:1])
    key = b"<" + b"41" * 32 + b">"
    lock = b"/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O%s/U%s>>/ID[<41><41>]" % (key, key)
    locked = document.replace(b"trailer\n<<", b"trailer\n<<" + lock)
    assert locked != document
    with pytest.raises(DataError, match="needs a password"):
        mnistlab.read(locked)


def test_a_process_that_dies_is_told(monkeypatch, sheets, tmp_path):
    dies = tmp_path / "dies.py"
    dies.write_text("import os; os.abort()")
    monkeypatch.setattr(pdf.pdf_process, "__file__", str(dies))
    with pytest.raises(DataError, match="cannot be rendered"):
        mnistlab.read(as_pdf(sheets[:1]))
