"""What the build of the site checks, on small folders; what it generates."""

from __future__ import annotations

import json

import pytest
from benchmarks.record import RECORDS
from PIL import Image

from benchmarks import results
from tools import site, terminal


def test_dead_links_are_found(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "index.html").write_text(
        '<h2 id="here">A</h2><a href="#here">1</a><a href="sub/b.html#there">2</a>'
        '<a href="#nowhere">3</a><a href="https://example.org/#x">4</a><img src="gone.png">'
    )
    (tmp_path / "sub" / "b.html").write_text('<p id="there"></p><a href="../index.html#here">5</a>')
    assert site.dead_links(tmp_path) == [
        "index.html: dead link #nowhere",
        "index.html: dead link gone.png",
    ]


def test_linked_files_are_sources_and_records_not_pages(tmp_path):
    for name in ("a.md", "b.md", "code.py"):
        (tmp_path / name).write_text("")
    (tmp_path / "a.md").write_text(
        "[b](b.md) [c](code.py#L1) [d](https://example.org) [e](gone.py)"
    )
    assert list(site.linked_files(tmp_path / "a.md")) == [tmp_path / "code.py"]


def test_every_public_name_has_a_docstring():
    import importlib
    import inspect

    missing = []
    for name in site.public_names():
        module, _, own = name.rpartition(".")
        value = getattr(importlib.import_module(module), own)
        if inspect.isclass(value) and (value.__doc__ or "").startswith(f"{own}("):
            missing.append(name)  # what a dataclass makes of its fields
        elif not inspect.getdoc(value):
            missing.append(name)
    assert missing == []


def test_the_public_names_are_those_of_the_package_and_of_its_modules():
    found = set(site.public_names())
    assert {"mnistlab.fit", "mnistlab.study.Study", "mnistlab.errors.DataError"} <= found
    assert not any(part.startswith("_") for name in found for part in name.split("."))


def test_history_has_a_row_for_each_record_with_a_headline():
    rows = list(results.history())
    told = [path for path in RECORDS.glob("*.json") if path.name.split("-")[0] in results.HEADLINES]
    assert {row[-1] for row in rows} == {f"[{p.name}](records/{p.name})" for p in told}


def test_bars_are_the_medians_of_the_record():
    path = next(RECORDS.glob("tutorial-2026-11-25-*.json"))
    bars = results.bars(json.loads(path.read_text()))
    assert bars[0].name == "mnistlab"
    assert (round(bars[0].median, 2), round(bars[0].least, 2)) == (1.44, 1.32)
    assert [bar.median for bar in bars] == sorted(bar.median for bar in bars)


def test_the_page_of_results_has_tables_figures_and_history(tmp_path):
    results.write_results(tmp_path)
    page = (tmp_path / "results.md").read_text()
    assert "## The tutorial's job" in page
    assert "calibration-3-arms" in page
    for name in ("training.png", "history.png"):
        with Image.open(tmp_path / name) as picture:
            assert picture.size[0] >= 900


@pytest.mark.parametrize("waits", [(0.5, 0.25)])
def test_an_animation_shows_each_moment_as_long_as_it_lasts(tmp_path, waits):
    shown = [terminal.Moment(("$ mnistlab",), waits[0]), terminal.Moment(("$ mnistlab",), waits[1]),
             terminal.Moment(("$ mnistlab", "done"), 1.0)]  # fmt: skip
    (tmp_path / "a.gif").write_bytes(terminal.animation(shown))
    with Image.open(tmp_path / "a.gif") as picture:
        assert picture.n_frames == 2
        assert picture.info["duration"] == 750
        assert picture.size[0] == 672
