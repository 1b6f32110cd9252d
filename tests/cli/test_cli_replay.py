"""`mnistlab replay`: its streams, its files, its exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

SMALL = ("--seeds", "1", "--most-epochs", "4")


@pytest.fixture(scope="module")
def glyph_replay(glyphs, tmp_path_factory):
    """One small replay, run once: its process, its record and its picture."""
    folder = tmp_path_factory.mktemp("replay")
    words = ["replay", "--dataset", str(glyphs), "--seeds", "2", "--most-epochs", "4",
             "--out", "record.json", "--plot", "losses.svg"]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "mnistlab", *words],
        cwd=folder, env={**os.environ, "COLUMNS": "80"}, capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    return folder, done


def test_tables_fit_80_columns_and_hold_the_posts_figures(glyph_replay):
    _, done = glyph_replay
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    for figure in ("0.2667", "0.9770", "0.0159", "0.9945", "4.26e-04", "7.77e-05"):
        assert figure in done.stdout
    assert "mnistlab compare optimizer adam adagrad adadelta" in " ".join(done.stdout.split())
    assert "…" not in done.stdout  # nothing was cut to make it fit
    assert "cell 16/22" in done.stderr  # the loss of part two is not found in four epochs
    assert "\x1b" not in done.stdout + done.stderr


def test_the_record_is_the_document(glyph_replay):
    folder, _ = glyph_replay
    record = json.loads((folder / "record.json").read_text(), parse_constant=pytest.fail)
    assert record["n"] == 2
    assert record["command"].startswith("mnistlab replay --dataset")
    assert record["versions"]["keras"]
    assert [seed["seed"] for seed in record["seeds"]] == [1, 2]
    assert {(o["cell"], o["scenario"]) for o in record["ours"]} == {
        (cell, scenario)
        for cell in ("part one", "adam", "adagrad", "adadelta")
        for scenario in ("then", "today", "hidden")
    }
    values = [seed["part_one"]["loss"][0] for seed in record["seeds"]]
    assert record["ours"][0]["loss"][0]["mean"] == pytest.approx(sum(values) / 2)
    assert len(record["notes"]) == 2


def test_the_picture_is_an_svg(glyph_replay):
    folder, _ = glyph_replay
    assert (folder / "losses.svg").read_text().startswith("<?xml")


def test_json_is_one_document_and_the_same_again(inside, glyphs, glyph_replay):
    done = inside("replay", "--dataset", glyphs, *SMALL, "--seed", "2", "--json")
    assert done.code == 0, done.err
    assert done.out.count("\n") == 1
    document = json.loads(done.out, parse_constant=pytest.fail)
    folder, _ = glyph_replay
    record = json.loads((folder / "record.json").read_text())
    assert document["seeds"] == record["seeds"][1:]
    # One seed has no standard deviation, and JSON no word for that.
    assert document["ours"][0]["loss"][0]["sd"] is None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--seeds", "0"), "seeds is 0"),
        (("--most-epochs", "2"), "most-epochs is 2"),
        (("--seed", "-1"), "seed is -1"),
        (("--dataset", "mnits"), "did you mean 'mnist'"),
        (("--plot", "losses.gif"), "must end in .png or .svg"),
        (("--out", "no/such/folder.json"), "not a place for a file"),
        (("--out", "."), "not a place for a file"),
        (("--out", "taken.json"), "exists already"),
    ],
)
def test_wrong_use_is_answered_before_anything_is_trained(inside, tmp_path, words, says):
    (tmp_path / "taken.json").write_text("mine")
    wrong = inside("replay", *words)
    assert wrong.code == 2
    assert wrong.out == ""
    assert says in wrong.err
    assert len(wrong.err.splitlines()) <= 2
    assert (tmp_path / "taken.json").read_text() == "mine"


def test_an_interrupt_ends_it_with_130(glyphs, tmp_path):
    words = ["replay", "--dataset", str(glyphs), "--seeds", "100", "--out", "record.json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistlab", *words],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stderr.readline()  # the first cell is done
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert "stopped" in err
    assert list(tmp_path.iterdir()) == []
