"""Ten at once: one works on a study, the others hear so; new runs get folders of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

PYTHON = [sys.executable, "-m", "mnistlab"]
TEN = 10
ENTER = """
import sys, time
from pathlib import Path
from mnistlab.errors import StudyError
from mnistlab.study import opened
try:
    with opened(Path(sys.argv[1])) as store:
        store.add_plan({"by": sys.argv[2]})
        print("in", flush=True)
        sys.stdin.read()
except StudyError as error:
    print(error)
"""


def ten(words, cwd, **options):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return [
        subprocess.Popen([*words, *options.get("each", [])[n:][:1]], cwd=cwd, text=True, **pipes)
        for n in range(TEN)
    ]


def test_one_of_ten_gets_into_a_study(tmp_path):
    from mnistlab.comparing.store import Store

    study = tmp_path / "study"
    numbers = [str(n) for n in range(TEN)]
    started = ten([sys.executable, "-c", ENTER, str(study)], tmp_path, each=numbers)
    said = [process.stdout.readline().strip() for process in started]
    ends = [process.communicate() for process in started]
    assert said.count("in") == 1, ends
    others = [line for line in said if line != "in"]
    assert set(others) == {f"{study} is being worked on by another process"}
    with Store(study) as store:
        assert store.last_plan() == {"by": numbers[said.index("in")]}


@pytest.mark.slow
def test_ten_commands_on_one_study(glyphs, tmp_path, inside):
    few = ["--rates", "3", "--tuning-seeds", "1", "--seeds", "4", "--json", "--out"]
    words = [
        *PYTHON,
        "compare",
        "optimizer",
        "adam",
        "sgd",
        "--dataset",
        str(glyphs),
        "--model",
        "linear",
        *few,
    ]
    ended = [(p.communicate(), p.returncode) for p in ten([*words, "study"], tmp_path)]
    codes = [code for _, code in ended]
    assert set(codes) <= {0, 2}
    assert 0 in codes  # those that come after the first has ended find all of it done
    for (_, err), code in ended:
        assert "Traceback" not in err
        assert code == 0 or "another process" in err
    alone = inside(*words[3:], "alone")
    from mnistlab.comparing.store import Store

    with Store(tmp_path / "study") as ours, Store(tmp_path / "alone") as theirs:
        assert ours.trials().keys() == theirs.trials().keys()
    assert alone.code == 0


@pytest.mark.slow
def test_ten_runs_in_one_place(glyphs, tmp_path):
    words = [*PYTHON, "train", "--dataset", str(glyphs), "--model", "linear", "--epochs", "1"]
    for process in ten(words, tmp_path):
        _, err = process.communicate()
        assert process.returncode == 0, err
    runs = list((tmp_path / "runs").iterdir())
    assert len(runs) == TEN
    assert len({(run / "history.csv").read_text().split(",")[2] for run in runs}) == 1
