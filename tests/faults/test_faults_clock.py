"""A clock that jumps back: nothing is lost, and no number depends on it."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Imported by Python itself before anything else. Each look at the clock is an hour before the
# last, but for every third, which is two hours after it.
JUMPING = """
import itertools, time
real, count = time.time, itertools.count(1)
def jumped():
    n = next(count)
    return real() - 3600 * (n - 3 * (n // 3))
time.time = jumped
time.time_ns = lambda: int(jumped() * 1e9)
"""


@pytest.fixture
def on_a_bad_clock(command, tmp_path):
    """Run the command while the clock jumps."""
    (tmp_path / "clock").mkdir()
    (tmp_path / "clock" / "sitecustomize.py").write_text(JUMPING)

    def run(*words) -> subprocess.CompletedProcess[str]:
        done = command(*words, PYTHONPATH=str(tmp_path / "clock"))
        assert "Traceback" not in done.stderr
        return done

    return run


def course(run: Path) -> list[tuple[str, str]]:
    with (run / "history.csv").open(newline="") as opened:
        return [(row["loss"], row["accuracy"]) for row in csv.DictReader(opened)]


def test_the_clock_does_jump(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(JUMPING)
    code = "import time; print([time.time() - time.time() > 0 for _ in range(3)])"
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "True" in done.stdout, done.stderr


def test_a_run_that_is_resumed_from_the_future(on_a_bad_clock, run_folder, tmp_path):
    """Its files are of tomorrow, and the last epoch is to be trained again."""
    before = course(run_folder)
    test = json.loads((run_folder / "metrics.json").read_text())["test"]
    (run_folder / "metrics.json").unlink()
    for path in run_folder.rglob("*"):
        os.utime(path, (2**32, 2**32))
    done = on_a_bad_clock("train", "--resume", "run")
    assert done.returncode == 0, done.stderr
    assert course(run_folder) == before
    assert json.loads((run_folder / "metrics.json").read_text())["test"] == test


def test_runs_and_studies_on_a_bad_clock(on_a_bad_clock, glyphs, tmp_path):
    data = ("--dataset", glyphs, "--model", "linear", "--epochs", "2")
    for _ in range(2):
        assert on_a_bad_clock("train", *data).returncode == 0
    runs = sorted((tmp_path / "runs").iterdir())
    assert len(runs) == 2
    assert course(runs[0]) == course(runs[1])
    few = ("--rates", "3", "--tuning-seeds", "1", "--seeds", "3", "--out", "s", "--json")
    words = ("compare", "optimizer", "adam", "sgd", *data, *few)
    first, again = on_a_bad_clock(*words), on_a_bad_clock(*words)
    assert (first.returncode, again.returncode) == (0, 0), again.stderr
    assert json.loads(first.stdout)["arms"] == json.loads(again.stdout)["arms"]
    assert "0 trials to run" in again.stderr
    assert all(seconds >= 0 for seconds in json.loads(first.stdout)["seconds"].values())
