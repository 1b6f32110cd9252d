"""Rows of text, asserted as text."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from mnistlab.evaluation.scores import score
from mnistlab.reporting import tables


def test_percent():
    assert tables.percent(0.5) == "50.00 %"
    assert tables.percent(0.9742, (0.97089, 0.97713)) == "97.42 % [97.09, 97.71]"
    text = tables.percent(0.9742, (0.97089, 0.97713), 10_000)
    assert text == "97.42 % [97.09, 97.71], n = 10,000"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0004, "0 ms"),
        (0.92, "920 ms"),
        (3.9, "3.90 s"),
        (59.99, "59.99 s"),
        (59.999, "1 min 0 s"),
        (3599.9, "1 h 0 min"),
        (7380, "2 h 3 min"),
    ],
)
def test_duration(seconds, text):
    assert tables.duration(seconds) == text


def test_run_table(scores):
    table = tables.run_table(scores, {"train": 2.1})
    assert table.rows == (
        ("test accuracy", "70.00 % [39.68, 89.22], n = 10"),
        ("test loss", "0.6931"),
        ("mistakes", "3 of 10"),
        ("seconds: train", "2.10 s"),
    )


def test_run_table_of_a_diverged_run(scores):
    diverged = replace(scores, loss=math.nan, invalid=3)
    assert tables.run_table(diverged, {}).rows[1:] == (
        ("test loss", "not finite"),
        ("mistakes", "3 of 10"),
        ("not finite", "3 of the mistakes; the model diverged"),
    )


def test_class_table(scores):
    table = tables.class_table(scores)
    assert table.header == ("class", "n", "precision %", "recall %", "F1 %")
    # T-shirt/top: 2 of 2 called so, 2 of 3 found; F1 = 4 / 5. Ankle boot: 3 of 5, 3 of 3; 6 / 8.
    assert table.rows[0] == ("T-shirt/top", "3", "100.00", "66.67", "80.00")
    assert table.rows[2] == ("Ankle boot", "3", "60.00", "100.00", "75.00")


def test_confusion_table(scores):
    table = tables.confusion_table(scores)
    assert table.header == ("true", "0", "1", "2")
    assert [row[0] for row in table.rows] == ["0 T-shirt/top", "1 <b>Bag</b> & $5", "2 Ankle boot"]
    assert [row[1:] for row in table.rows] == [("2", "1", "·"), ("·", "2", "2"), ("·", "·", "3")]


def test_confused_pairs_most_frequent_first(scores):
    assert tables.confused_pairs(scores).rows == (
        ("<b>Bag</b> & $5", "Ankle boot", "2", "50.00"),
        ("T-shirt/top", "<b>Bag</b> & $5", "1", "33.33"),
    )
    assert len(tables.confused_pairs(scores, most=1).rows) == 1


def test_many_classes_are_listed_by_their_confusions():
    labels = np.arange(47)
    p = np.eye(47)
    p[3] = np.eye(47)[8]
    table = tables.confusion_table(score(p, labels, 0.0, [f"c{i}" for i in range(47)]))
    assert table.rows == (("c3", "c8", "1", "100.00"),)


def test_printed_text_is_not_markup():
    table = tables.Table("a [red] title", ("name", "n"), (("[bold]x[/bold]", "1,000"),))
    stream = io.StringIO()
    tables.print_table(table, Console(file=stream, width=60))
    printed = stream.getvalue()
    assert "a [red] title" in printed
    assert "[bold]x[/bold]   1,000" in printed


def test_a_confusion_matrix_of_digits_fits_80_columns():
    p = np.eye(10)[np.repeat(np.arange(10), 10)]
    scores = score(p, np.repeat(np.arange(10), 10), 0.0, list("0123456789"))
    assert tables.confusion_table(scores).header == ("true", *"0123456789")
    stream = io.StringIO()
    tables.print_table(tables.confusion_table(scores), Console(file=stream, width=80))
    assert "…" not in stream.getvalue()


@pytest.mark.parametrize("width", [1, 40, 60])
def test_on_a_narrow_terminal_no_number_is_cut(width):
    labels = np.repeat(np.arange(10), 1000)
    scores = score(np.eye(10)[labels], labels, 0.0, list("0123456789"))
    for table in (tables.confusion_table(scores), tables.class_table(scores)):
        stream = io.StringIO()
        console = Console(file=stream, width=width)
        tables.print_table(table, console)
        lines = stream.getvalue().splitlines()
        assert console.width == width
        assert "…" not in stream.getvalue()
        for row in table.rows:
            assert any(line.split() == list(row) for line in lines)


def test_a_notebook_shows_a_table():
    shown = tables.Table("a title", ("what", "value"), (("<x>", "1"),))._repr_html_()
    assert "a title" in shown
    assert "&lt;x&gt;" in shown
    assert "<table" in shown
