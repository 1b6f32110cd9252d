"""A replay's tables and lines, of records made by hand."""

from __future__ import annotations

import io
import math

import pytest
from rich.console import Console

from mnistlab.comparing.posts import CellRecord, HiddenEpochs, Replay, SeedRecord, Spread
from mnistlab.reporting import replay_figure, replay_tables
from mnistlab.reporting.tables import print_table


def cell(name, loss, test=0.97):
    return CellRecord(name, "adam", 0.001, (loss, loss, loss), (0.9, 0.95, 0.99), test)


def seed(number, loss, first=6):
    part_two = tuple(cell(name, loss / 10) for name in ("adam", "adagrad", "adadelta"))
    scenarios = {"then": part_two, "today": part_two}
    if first is not None:
        scenarios["hidden"] = tuple(cell(c.cell, loss / 1000) for c in part_two)
    search = HiddenEpochs((0.3, 0.1, 0.07, 0.05, 0.02, 0.015), first, first and 0.98)
    return SeedRecord(number, cell("part one", loss), search, scenarios)


@pytest.fixture
def replay():
    return Replay({}, 60, (seed(1, 0.1), seed(2, 0.2)))


def test_loss_beside_the_posts(replay):
    table = replay_tables.figures_table(replay, "loss")
    assert table.header[:3] == ("epoch", "the posts", "that Keras")
    assert len(table.rows) == 12
    both = "0.1500 ±0.0707"
    assert table.rows[0] == ("part one 1", "0.2667", both, both, both)
    assert table.rows[3] == (
        "adam 1", "0.0159", "0.0150 ±0.0071", "0.0150 ±0.0071", "(1.50±0.71)e-04"
    )  # fmt: skip
    assert table.rows[11][:2] == ("adadelta 3", "7.77e-05")


def test_accuracy_is_never_written_as_a_power(replay):
    table = replay_tables.figures_table(replay, "accuracy")
    assert table.rows[2][:3] == ("part one 3", "0.9770", "0.9900 ±0.0000")


def test_the_test_before_part_two(replay):
    table = replay_tables.table_of_tests(replay)
    assert table.rows[0] == ("before part two", "97.00 ±0.00", "97.00 ±0.00", "98.00 ±0.00")
    assert [row[0] for row in table.rows[1:]] == ["after adam", "after adagrad", "after adadelta"]


def test_the_hidden_epochs(replay):
    assert replay_tables.hidden_table(replay).rows == (
        ("1", "6", "0.0150", "2"),
        ("2", "6", "0.0150", "2"),
    )
    said = replay_tables.hidden_sentence(replay)
    assert "in epoch 6:" in said
    assert "about 5 epochs of Adam, not 3" in said
    two = Replay({}, 60, (seed(1, 0.1, 6), seed(2, 0.2, 5)))
    assert "about 4 to 5 epochs" in replay_tables.hidden_sentence(two)


def test_a_search_in_vain():
    vain = Replay({}, 6, (seed(1, 0.1), seed(2, 0.2, None)))
    assert replay_tables.hidden_table(vain).rows[1] == ("2", "none in 6", "0.0150", "?")
    assert replay_tables.hidden_sentence(vain).startswith("1 of 2 seeds did not get to")
    none = Replay({}, 6, (seed(2, 0.2, None),))
    assert replay_tables.figures_table(none, "loss").rows[3][4] == "—"
    assert replay_tables.table_of_tests(none).rows[0][3] == "—"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Spread(0.0744, 0.0012, 0.07, 0.08, 3), "0.0744 ±0.0012"),
        (Spread(0.0744, math.nan, 0.0744, 0.0744, 1), "0.0744"),
        (Spread(math.nan, math.nan, math.nan, math.nan, 3), "not finite"),
        (Spread(7.7711e-5, 2e-7, 7e-5, 8e-5, 3), "(7.77±0.02)e-05"),
        (Spread(0.0, 0.0, 0.0, 0.0, 3), "0.0000 ±0.0000"),
    ],
)
def test_with_spread(value, text):
    assert replay_tables.with_spread(value, "loss") == text


def test_tables_fit_80_columns(replay):
    stream = io.StringIO()
    console = Console(file=stream, width=80)
    for table in replay_tables.replay_tables(replay):
        print_table(table, console)
    text = stream.getvalue()
    assert max(len(line.rstrip()) for line in text.splitlines()) <= 80
    assert "…" not in text


def test_lines_of_the_figure(replay):
    one, then, _, hidden = replay_figure.lines(replay)
    assert one.epochs == (1, 2, 3)
    assert one.mean == pytest.approx((0.15, 0.15, 0.15))
    assert (one.least[0], one.most[0]) == (0.1, 0.2)
    # What goes on from part one begins at its last point; what does not, at part two.
    assert then.epochs == tuple(range(3, 13))
    assert then.mean[:2] == pytest.approx((0.15, 0.015))
    assert hidden.epochs == tuple(range(4, 13))
    assert replay_figure.posts_points()[3] == (4, 0.0159)


def test_without_the_hidden_scenario_there_is_no_line():
    vain = Replay({}, 6, (seed(2, 0.2, None),))
    assert [line.name for line in replay_figure.lines(vain)] == ["part one", "then", "today"]


@pytest.mark.parametrize("first", [6, None])
def test_the_figure_is_drawn(first):
    done = Replay({}, 60, (seed(1, math.nan if first is None else 0.1, first),))
    chart = replay_figure.replay_figure(done)
    assert chart.png().startswith(b"\x89PNG")
    assert b"<svg" in chart.svg()
