"""The page of one run: whole, escaped, and sufficient unto itself."""

from __future__ import annotations

import base64
import itertools
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from mnistlab.evaluation.scores import score
from mnistlab.reporting import report as reports

KEYS = [
    "learning-curves",
    "confusion-matrix",
    "worst-mistakes",
    "sample-sheet",
    "first-layer",
    "calibration",
]
VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """Collects elements with their attributes and checks that they nest."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.open, self.text = [], [], []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def html(report):
    return reports.render_html(report, reports.draw(report))


def test_draw_gives_all_pictures_in_order(report):
    pngs = reports.draw(report)
    assert list(pngs) == KEYS
    assert all(png.startswith(b"\x89PNG\r\n\x1a\n") for png in pngs.values())


def test_draw_takes_what_is_drawn_already(report):
    early = reports.draw_samples(report.samples, report.class_names, report.class_counts)
    assert list(early) == ["sample-sheet"]
    assert reports.draw(report) == reports.draw(report, early)
    assert reports.draw(report, {"sample-sheet": b"early"})["sample-sheet"] == b"early"


def test_draw_takes_what_is_known_after_training(report):
    trained = reports.draw_training(report.history, report.weights)
    assert list(trained) == ["learning-curves", "first-layer"]
    pngs = reports.draw(report, trained)
    assert list(pngs) == KEYS
    assert pngs == reports.draw(report)
    assert reports.draw(report, {"first-layer": b"early"})["first-layer"] == b"early"


def test_draw_leaves_out_what_there_is_not(report):
    bare = replace(report, history={}, weights=None)
    assert list(reports.draw(bare)) == [KEYS[1], KEYS[2], KEYS[3], KEYS[5]]


def test_page_holds_the_pictures_with_size_and_words(report, html):
    pngs = reports.draw(report)
    images = Page(html).all("img")
    assert len(images) == 6
    sources = {
        base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) for image in images
    }
    assert sources == set(pngs.values())
    assert all(int(image["width"]) > 100 and len(image["alt"]) > 20 for image in images)


def test_alt_texts_say_the_numbers(html):
    alts = " ".join(image["alt"] for image in Page(html).all("img"))
    assert "at the end train loss 0.25, train accuracy 95.00 %." in alts
    assert "most often <b>Bag</b> & $5 taken for Ankle boot 2 times" in alts
    assert "expected calibration error 10.00 %" in alts  # confidence 0.8, accuracy 0.7


def test_headline_has_accuracy_interval_and_n(html):
    text = " ".join("".join(Page(html).text).split())
    assert "70.00 % of the 10 test images read correctly" in text
    assert "95 % interval 39.68 to 89.22 % (Wilson). 3 mistakes, test loss 0.6931." in text


def test_all_text_from_outside_is_escaped(html):
    assert "<script" not in html
    assert "<b>Bag" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "&lt;b&gt;Bag&lt;/b&gt; &amp; $5" in html
    assert "mnistlab train --note &#39;a &lt; b&#39;" in html


def test_page_loads_nothing(html):
    page = Page(html)
    loading = [a for _, attrs in page.elements for a in ("src", "href", "srcset") if a in attrs]
    assert len(loading) == 7  # six pictures and the empty icon
    for _, attrs in page.elements:
        assert all(attrs.get(a, "data:").startswith("data:") for a in ("src", "href"))
    assert not re.search(r"url\(|@import", html)
    assert page.all("meta")[3]["content"].startswith("default-src 'none'")


def test_headings_and_tables_are_proper(html):
    page = Page(html)
    assert len(page.all("h1")) == 1
    assert len(page.all("table")) == len(page.all("caption")) == 3
    assert {attrs["scope"] for attrs in page.all("th")} == {"row", "col"}
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert all(b - a <= 1 for a, b in itertools.pairwise(levels))


def test_a_diverged_run_has_a_page(report):
    scores = score(np.full((4, 3), np.nan), np.array([0, 1, 2, 2]), np.nan, report.class_names)
    diverged = replace(
        report,
        scores=scores,
        history={"loss": [np.nan], "accuracy": [0.1]},
        mistake_images=np.zeros((0, 28, 28), np.uint8),
        weights=np.full((2, 28, 28), np.nan, np.float32),
    )
    html = reports.render_html(diverged, reports.draw(diverged))
    assert "4 of the predictions were not finite numbers: the model diverged." in html
    assert "test loss not finite" in html
    assert "nan" not in re.sub(r'base64,[^"]*', "", html)


def test_a_perfect_run_has_a_page(report):
    scores = score(np.eye(3), np.arange(3), 0.0, report.class_names)
    perfect = replace(report, scores=scores, mistake_images=np.zeros((0, 28, 28), np.uint8))
    html = reports.render_html(perfect, reports.draw(perfect))
    assert "100.00 %" in html
    assert "There are none to show." in html


def test_page_without_pictures_still_reads(report):
    page = Page(reports.render_html(report, {}))
    assert page.all("img") == []
    assert "70.00 %" in "".join(page.text)


def test_importing_loads_neither_pyplot_nor_keras():
    code = (
        "import sys, mnistlab.reporting.report, mnistlab.evaluation.scores;"
        "bad = {'matplotlib.pyplot', 'keras', 'jax', 'scipy.stats', 'jinja2'} & set(sys.modules);"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
