"""A study as text: numbers as a reader checks them, in 80 columns, whatever the arms are called."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
from dataclasses import replace

import pytest
import studies
from rich.console import Console

from mnistlab.comparing.results import Summary
from mnistlab.reporting import study_tables


def printed(result):
    stream = io.StringIO()
    Console(file=stream, width=80, markup=False).print(study_tables.StudyTable(result))
    return stream.getvalue()


def test_a_mean_of_one_has_no_interval():
    assert study_tables.accuracy(Summary(0.97, math.nan, 1, (math.nan,) * 2)) == "97.00 (1)"
    assert study_tables.accuracy(Summary(0.97, 0.01, 10, (0.96, 0.98)), 10) == "97.00 ± 1.00"
    assert study_tables.accuracy(None) == "–"


def test_study_table_says_what_is_in_the_result():
    result = studies.study(2)
    table = study_tables.study_table(result)
    assert table.title == "optimizer: mean ± half of the 95 % interval, n = 10 seeds"
    name, rate, tuned, default, diverged, trials = table.rows[1]
    summary = result.arms[1].test_accuracy
    half = (summary.interval[1] - summary.interval[0]) / 2
    assert (name, diverged, trials) == ("adagrad", "2", str(result.arms[1].trials))
    assert float(rate) == result.arms[1].learning_rate
    assert tuned == f"{100 * summary.mean:.2f} ± {100 * half:.2f} (8)"  # two seeds diverged
    assert default.startswith(f"{100 * result.arms[1].at_default.mean:.2f} ± ")


def test_without_default_runs_there_is_no_such_column():
    table = study_tables.study_table(studies.untuned())
    assert table.header == ("arm", "rate", "test acc. %", "diverged", "trials")
    assert study_tables.tuning_table(studies.untuned()).rows == ()


def test_differences_are_in_points():
    result = studies.study(3)
    first = result.differences[0]
    row = study_tables.differences_table(result).rows[0]
    assert row[0] == "adam − adagrad"
    assert row[1] == f"{100 * first.mean:+.2f}"
    assert row[2] == f"{100 * first.interval[0]:+.2f} to {100 * first.interval[1]:+.2f}"
    assert row[5] == first.verdict.split(";")[0]


def test_of_many_pairs_those_with_the_highest_arm_are_printed():
    result = studies.study(14)
    assert len(study_tables.differences_table(result).rows) == 91
    short = study_tables.differences_table(result, most=21)
    name = study_tables.highest(result)
    assert len(short.rows) == 13
    assert all(name in row[0] for row in short.rows)
    assert short.title.endswith(f"13 of 91 pairs, those with {name}")


def test_a_verdict_is_short_and_the_rest_is_said_once():
    result = studies.study(3)
    rows = study_tables.differences_table(result).rows
    assert [row[5] for row in rows] == [d.verdict.split(";")[0] for d in result.differences]
    assert study_tables.remarks(result) == ("adagrad diverged in 2 of 10.",)
    assert printed(result).count("diverged in 2 of 10") == 1


@pytest.mark.parametrize("count", [2, 3, 14])
def test_it_fits_80_columns_and_loses_no_name(count):
    text = printed(studies.study(count))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "\x1b" not in text
    joined = "".join(text.split())
    for arm in studies.study(count).arms:
        if len(arm.name) < 14:
            assert arm.name in joined


def test_the_text_is_what_is_printed():
    result = studies.study(2)
    table = study_tables.StudyTable(result)
    assert str(table) == repr(table) == printed(result)
    assert table._repr_html_() == study_tables.study_table_html(result)


def test_names_are_not_markup():
    result = studies.study(2, names=("[bold]a[/bold]", "b[red]"))
    assert "[bold]a[/bold]" in "".join(printed(result).split())


def test_an_edge_is_flagged_and_explained():
    result = studies.study(2)
    edge = replace(result, arms=(replace(result.arms[0], on_edge=True), result.arms[1]))
    assert study_tables.study_table(edge).rows[0][1].endswith("†")
    assert study_tables.notes(edge)[0].startswith("† the best rate is the last of the grid")
    assert study_tables.notes(result) == ()


def test_an_unfinished_study_says_so():
    result = studies.study(2, final_seeds=tuple(range(12)))
    assert study_tables.notes(result) == (
        "Unfinished: 10 of 12 final seeds in some arm; run it on.",
    )


def test_diverged_at_the_default_rate_is_told():
    result = studies.study(2)
    lost = replace(result, arms=(result.arms[0], replace(result.arms[1], default_diverged=3)))
    assert study_tables.notes(lost) == ("Diverged at Keras' default rate: adagrad (3).",)


def test_quick_and_given_up_are_told():
    result = studies.study(2, quick=True, gave_up=("6 of 11 rates", "the default rates."))
    assert study_tables.notes(result) == (
        "A quick study: a smaller plan, for a first look.",
        "Given up: 6 of 11 rates; the default rates.",
    )
    assert study_tables.words("one thing.") == "one thing"
    assert study_tables.words(None) == ""


def test_an_arm_that_never_completes_has_dashes():
    result = studies.all_lost()
    assert study_tables.study_table(result).rows[1][2:4] == ("–", "10")
    (row,) = study_tables.differences_table(result).rows
    assert row[1:5] == ("–", "–", "–", "–")
    assert study_tables.target_table(result).rows[1][1:5] == ("0 of 10", "–", "–", "–")


def test_trials_csv_has_a_row_a_trial():
    result = studies.study(2)
    rows = list(csv.DictReader(io.StringIO(study_tables.trials_csv(result.records))))
    assert len(rows) == sum(arm.trials for arm in result.arms)
    assert len({row["key"] for row in rows}) == len(rows)
    assert {row["role"] for row in rows} == {"tuning", "tuned", "default", "tuned+default"}
    tuned = [row for row in rows if row["arm"] == "adagrad" and "tuned" in row["role"]]
    assert [row["state"] for row in tuned].count("diverged") == 2
    lost = next(row for row in tuned if row["state"] == "diverged")
    assert (lost["test_accuracy"], lost["val_accuracy"], lost["epochs"]) == ("", "", "2")
    done = next(row for row in tuned if row["state"] == "complete")
    trial = next(t for t in result.records.arms[1].tuned if t.key == done["key"])
    assert float(done["val_accuracy"]) == trial.history["val_accuracy"][-1]
    assert float(done["test_accuracy"]) == trial.test_accuracy


def test_a_trial_in_two_roles_is_one_row():
    arm = studies.arm("adam", 0)
    both = replace(arm, default=arm.tuned, default_rate=arm.rate)
    rows = study_tables.trials_csv(studies.records([both])).splitlines()
    assert len(rows) == 1 + len(both.tuning) + len(both.tuned)
    assert sum(",tuned+default," in row for row in rows) == 10


def test_html_for_notebooks_is_escaped_and_whole():
    html = study_tables.study_table_html(studies.study(2, names=(studies.HOSTILE, "adam")))
    assert html.count("<table>") == html.count("</table>") == 2
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_importing_loads_neither_matplotlib_nor_jinja():
    code = (
        "import sys, mnistlab.reporting.study_tables;"
        "bad = {'matplotlib', 'keras', 'jax', 'scipy', 'jinja2', 'rich'} & set(sys.modules);"
        "sys.exit(', '.join(bad) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_narrow_terminal_keeps_the_names_and_leaves_out_columns():
    stream = io.StringIO()
    Console(file=stream, width=60, markup=False).print(study_tables.StudyTable(studies.study(3)))
    text = stream.getvalue()
    assert max(map(len, text.splitlines())) <= 60
    for arm in studies.study(3).arms:
        assert f"\n{arm.name} " in text
    assert "at default" not in text
    assert "…" not in text
