"""The page of a study and its files: whole, escaped, sufficient, and true to the result."""

from __future__ import annotations

import doctest
import re
import sys

import pytest
import studies
from test_report import Page

from mnistlab.errors import MissingExtraError, StorageError, UnknownNameError
from mnistlab.reporting import charts, study_report, study_tables
from mnistlab.reporting import study_figures as figures
from mnistlab.reporting.study_tables import trials_csv


@pytest.fixture
def result():
    return studies.study(3)


@pytest.fixture(scope="module")
def html():
    return study_report.render_study(*studies.drawn("3 arms"))


def text_of(html):
    return " ".join("".join(Page(html).text).split())


def test_all_files_are_written(result, html, tmp_path):
    page = study_report.write_study_report(result, tmp_path / "new")
    assert page == tmp_path / "new" / "report.html"
    assert (page.parent / "trials.csv").read_text() == trials_csv(result.records)
    names = {path.name for path in (page.parent / "figures").iterdir()}
    assert names == {f"{name}.{kind}" for name in figures.FIGURES for kind in ("svg", "png", "csv")}
    assert page.read_text() == html


def test_what_cannot_be_written_is_a_storage_error(result, tmp_path):
    (tmp_path / "figures").write_text("a file in the way")
    with pytest.raises(StorageError):
        study_report.write_study_report(result, tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_one_picture_by_its_name(result):
    name = "learning-rates"
    assert study_report.study_picture(result, name)._repr_png_().startswith(b"\x89PNG")
    for study in (result, studies.untuned()):
        with pytest.raises(UnknownNameError, match=r"unknown figure '.*'.*Known: test-accuracy"):
            study_report.study_picture(study, name if study is not result else "learning-rate")


def test_a_frame_has_a_row_a_trial(result):
    pandas = pytest.importorskip("pandas")
    frame = study_report.trials_frame(result.records)
    assert isinstance(frame, pandas.DataFrame)
    assert len(frame) == sum(arm.trials for arm in result.arms)


def test_the_page_says_the_verdicts(result, html):
    text = text_of(html)
    apart = sum(d.p_holm < 0.05 for d in result.differences)
    assert f"{apart or 'None'} of 3 pairs told apart" in text
    for d in result.differences:
        assert f"{d.a} and {d.b}: {d.verdict}" in text


def test_the_page_says_what_was_given_up():
    result = studies.study(2, quick=True, gave_up=("the second tuning seed",))
    text = text_of(study_report.render_study(result, {}))
    assert "A quick study" in text
    assert "Given up: the second tuning seed." in text


def test_the_page_says_how_it_was_made(result, html):
    text = text_of(html)
    trials = sum(arm.trials for arm in result.arms)
    for said in (
        f"Each of the {trials} trials trained a fresh model.",
        "11 rates on a log scale",
        "with 2 seeds (1000001 to 1000002) each",
        "then run anew with 10 seeds (1 to 10).",
        "on 10,000 test images",
        "Holm's correction for the 3 pairs",
        "extended alike: here 2 times.",
        "mnistlab compare optimizer adam adagrad",
    ):
        assert said in text


def test_without_pandas_there_is_a_message(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match="extra 'pandas'"):
        study_report.trials_frame(result.records)


@pytest.mark.parametrize("module", [charts, study_report, study_tables])
def test_examples_in_docstrings(module):
    tried = doctest.testmod(module)
    assert tried.attempted > 0
    assert tried.failed == 0


def test_two_arms_have_their_verdict_as_headline():
    result = studies.study(2)
    assert study_report.headline(result) == result.differences[0].verdict.split(";")[0].replace(
        "can't", "Can't"
    )


def test_many_pairs_are_counted():
    result = studies.study(14)
    counted = study_report.verdicts(result)
    assert sum(int(said.split()[0]) for said in counted) == 91
    assert all("pairs: " in said for said in counted)


def test_pictures_have_words(html):
    images = Page(html).all("img")
    assert len(images) == 6
    assert all(int(image["width"]) > 300 and len(image["alt"]) > 40 for image in images)
    assert "adam best at 0.00" in " ".join(image["alt"] for image in images)


def test_names_are_escaped():
    html = study_report.render_study(*studies.drawn("hostile"))
    assert "<script" not in html
    assert "&lt;script&gt;alert(" in html


def test_the_page_loads_nothing(html):
    page = Page(html)
    for _, attrs in page.elements:
        assert all(attrs.get(a, "data:").startswith("data:") for a in ("src", "href"))
        assert "srcset" not in attrs
    assert not re.search(r"url\(|@import|https?:", re.sub(r'base64,[^"]*', "", html))
    assert page.all("meta")[3]["content"].startswith("default-src 'none'")


def test_tables_and_headings(html):
    page = Page(html)
    assert len(page.all("h1")) == 1
    assert len(page.all("table")) == len(page.all("caption")) == 4


@pytest.mark.parametrize("case", studies.CASES)
def test_every_case_has_a_page(case):
    html = study_report.render_study(*studies.drawn(case))
    assert "nan" not in re.sub(r'base64,[^"]*', "", html)
    assert Page(html).all("table")


def test_learning_rates_compared_have_no_section_of_tuning():
    text = text_of(study_report.render_study(*studies.drawn("rates")))
    assert "No learning rate was tuned." in text
    assert "Keras' default" not in text
