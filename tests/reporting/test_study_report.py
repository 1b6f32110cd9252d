"""The page of a study and its files: whole, escaped, sufficient, and true to the result."""

from __future__ import annotations

import re

import pytest
import studies
from test_report import Page

from mnistlab.errors import StorageError, UnknownNameError
from mnistlab.reporting import study_figures as figures
from mnistlab.reporting import study_report
from mnistlab.reporting.study_tables import trials_csv


@pytest.fixture(scope="module")
def result():
    return studies.study(3, gave_up=("the second tuning seed",), quick=True)


@pytest.fixture(scope="module")
def html(result):
    return study_report.render_study(result, figures.draw_study(result))


def text_of(html):
    return " ".join("".join(Page(html).text).split())


def test_all_files_are_written(result, tmp_path):
    page = study_report.write_study_report(result, tmp_path / "new")
    assert page == tmp_path / "new" / "report.html"
    assert (page.parent / "trials.csv").read_text() == trials_csv(result.records)
    names = {path.name for path in (page.parent / "figures").iterdir()}
    assert names == {f"{name}.{kind}" for name in figures.FIGURES for kind in ("svg", "png", "csv")}
    before = page.read_bytes()
    assert study_report.write_study_report(result, page.parent).read_bytes() == before


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
    assert f"{apart or 'None'} of 3 pairs differ" in text
    for d in result.differences:
        assert f"{d.a} and {d.b}: {d.verdict}" in text
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
        "at most 2 times",
        "mnistlab compare optimizer adam adagrad",
    ):
        assert said in text


def test_two_arms_have_their_verdict_as_headline():
    result = studies.study(2)
    assert study_report.headline(result) == result.differences[0].verdict.split(";")[0].replace(
        "can't", "Can't"
    )


def test_many_pairs_are_counted():
    result = studies.study(14)
    counted = study_report.verdicts(result)
    assert sum(int(sentence.split()[0]) for sentence in counted) == 91


def test_pictures_have_words(html):
    images = Page(html).all("img")
    assert len(images) == 6
    assert all(int(image["width"]) > 300 and len(image["alt"]) > 40 for image in images)
    assert "adam best at 0.00" in " ".join(image["alt"] for image in images)


def test_names_are_escaped():
    result = studies.study(2, names=(studies.HOSTILE, "adam"))
    html = study_report.render_study(result, figures.draw_study(result))
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


@pytest.mark.parametrize("make", [studies.untuned, studies.all_lost, studies.brief])
def test_odd_studies_have_a_page(make):
    result = make()
    html = study_report.render_study(result, figures.draw_study(result))
    assert "nan" not in re.sub(r'base64,[^"]*', "", html)
    assert Page(html).all("table")


def test_learning_rates_compared_have_no_section_of_tuning():
    result = studies.untuned()
    text = text_of(study_report.render_study(result, figures.draw_study(result)))
    assert "No learning rate was tuned." in text
    assert "Keras' default" not in text
