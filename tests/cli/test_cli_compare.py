"""`mnistlab compare`: the contract, bad input, going on, on drawn glyphs."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MODULE, Finished

Run = Callable[..., Finished]
FEW = ("--model", "linear", "--rates", "3", "--tuning-seeds", "1", "--seeds", "3", "--epochs", "1")


def trials_in(folder: Path) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "study.sqlite")) as opened:
        return opened.execute(
            "SELECT key, arm, seed, learning_rate, state, test_accuracy FROM trials ORDER BY key"
        ).fetchall()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("optimizer adam adm", "did you mean 'adam'"),
        ("optimizer adam", "one arm"),
        ("optimizer", "nothing to compare"),
        ("optimizer adam adam", "given twice"),
        ("optimiser adam sgd", "did you mean 'optimizer'"),
        ("optimizer adam sgd --seeds 0", "seeds is 0"),
        ("optimizer adam sgd --tuning-seeds 0", "tuning-seeds is 0"),
        ("optimizer adam sgd --rates 1", "rates is 1"),
        ("optimizer adam sgd --epochs 0", "epochs is 0"),
        ("optimizer adam sgd --budget -3", "budget is -3"),
        ("optimizer adam sgd --validation 0", "validation is 0"),
        ("optimizer adam sgd --optimizer lion", "leave out --optimizer"),
        ("optimizer adam sgd --learning-rate 1", "--learning-rate"),
        ("optimizer adam sgd:speed=3", "unknown option of 'sgd:speed=3'"),
        ("loss hinge poisson --last-activation softmax", "does not fit"),
        ("model mlp mlp:hidden=banana", "hidden=banana"),
        ("optimizer adam sgd --dataset nowhere.npz", "unknown data set"),
        ("optimizer adam sgd --workers 0", "workers is 0"),
    ],
)
def test_nonsense_is_one_line_and_exit_2(
    inside: Run, glyphs: Path, tmp_path: Path, words: str, says: str
) -> None:
    data = () if "--dataset" in words else ("--dataset", glyphs)
    code, out, err = inside("compare", *words.split(), *data)
    assert (code, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) <= 2
    assert list(tmp_path.iterdir()) == []


def test_a_study_from_plan_to_report(inside: Run, glyphs: Path, tmp_path: Path) -> None:
    asked = ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, *FEW)
    code, out, err = inside(*asked, "--json")
    assert code == 0, err
    document = json.loads(out)
    folder = Path(document["study"])
    assert folder.parent == tmp_path / "studies"
    assert set(document) == {"study", "axis", "arms", "differences", "seconds"}
    assert [arm["name"] for arm in document["arms"]] == ["adam", "sgd"]
    for arm in document["arms"]:
        assert 0.1 < arm["test_accuracy"]["mean"] <= 1
        assert arm["test_accuracy"]["n"] == 3
        low, high = arm["test_accuracy"]["interval"]
        assert low <= arm["test_accuracy"]["mean"] <= high
    (difference,) = document["differences"]
    assert (difference["a"], difference["b"]) == ("adam", "sgd")
    assert difference["p"] >= 0.25
    assert difference["verdict"]
    for name in ("report.html", "trials.csv", "figures/test-accuracy.svg"):
        assert (folder / name).stat().st_size > 100

    before = trials_in(folder)
    code, out, _ = inside(*asked)
    assert code == 0
    assert trials_in(folder) == before
    assert "adam" in out
    assert "Holm" in out

    page = (folder / "report.html").read_text()
    (folder / "report.html").unlink()
    assert inside("report", folder).code == 0
    assert "adam" in (folder / "report.html").read_text()
    assert len(page) > 1000


def test_more_seeds_and_arms_reuse_what_is_there(inside: Run, glyphs: Path, tmp_path: Path) -> None:
    few = ("--dataset", glyphs, *FEW, "--out", tmp_path / "s")
    assert inside("compare", "optimizer", "adam", "sgd", *few).code == 0
    before = trials_in(tmp_path / "s")
    more = ("--dataset", glyphs, *FEW[:-4], "--seeds", "4", *FEW[-2:], "--out", tmp_path / "s")
    assert inside("compare", "optimizer", "adam", "sgd", "lion", *more).code == 0
    after = trials_in(tmp_path / "s")
    assert set(before) < set(after)
    assert {row[1] for row in after} == {"adam", "sgd", "lion"}


@pytest.mark.parametrize("json_asked", [False, True])
def test_a_dry_run_says_what_would_be_done_and_writes_nothing(
    inside: Run, glyphs: Path, tmp_path: Path, json_asked: bool
) -> None:
    words = ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, *FEW, "--dry-run")
    code, out, _ = inside(*words, *(["--json"] if json_asked else []))
    assert code == 0
    assert list(tmp_path.iterdir()) == []
    if json_asked:
        plan = json.loads(out)
        assert plan["trials"] == 2 * (3 + 3 + 3)
        assert plan["expected_seconds"] > 0
        assert plan["programs"] == 2
        assert len(plan["arms"][0]["rates"]) == 3
    else:
        assert "18 trials of 1 epoch," in out
        assert "expected:" in out


def test_a_budget_is_kept_to_and_what_it_cost_is_said(
    inside: Run, glyphs: Path, tmp_path: Path
) -> None:
    words = ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, "--model", "linear")
    code, out, _ = inside(*words, "--epochs", "200000", "--budget", "60", "--dry-run", "--json")
    assert code == 0
    plan = json.loads(out)
    assert plan["expected_seconds"] <= 60
    assert any("not 200000" in word for word in plan["gave_up"])
    code, _, err = inside(*words, "--budget", "0.5")
    assert code == 2
    assert "too small" in err


def test_a_study_of_another_version_is_left_untouched(
    inside: Run, glyphs: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "s"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "study.sqlite")) as opened:
        opened.execute("PRAGMA application_id = 0x6D6E6C62")
        opened.execute("PRAGMA user_version = 7")
        opened.execute("CREATE TABLE t (a)")
    before = (folder / "study.sqlite").read_bytes()
    for words in (
        ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, *FEW, "--out", folder),
        ("report", folder),
    ):
        code, out, err = inside(*words)
        assert (code, out) == (2, "")
        assert "format 7" in err
    assert (folder / "study.sqlite").read_bytes() == before


def test_a_folder_of_something_else_is_left_as_it_is(
    inside: Run, glyphs: Path, run_folder: Path, tmp_path: Path
) -> None:
    notes = tmp_path / "mine"
    notes.mkdir()
    (notes / "notes.txt").write_text("mine")
    for folder in (run_folder, notes):
        before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        words = ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, *FEW)
        code, out, err = inside(*words, "--out", folder)
        assert (code, out) == (2, "")
        assert "not a study's folder" in err
        assert len(err.splitlines()) == 1
        assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_a_dry_run_refuses_the_place_that_a_study_would(
    inside: Run, glyphs: Path, run_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    words = ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, *FEW)
    for place, says in ((run_folder, "not a study's folder"), ("notes.txt", "is a file")):
        for dry in ((), ("--dry-run",)):
            code, out, err = inside(*words, "--out", place, *dry)
            assert (code, out) == (2, "")
            assert says in err
            assert len(err.splitlines()) == 1
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_another_question_is_not_mixed_into_a_study(
    inside: Run, glyphs: Path, tmp_path: Path
) -> None:
    few = ("--dataset", glyphs, *FEW, "--out", tmp_path / "s")
    assert inside("compare", "optimizer", "adam", "sgd", *few).code == 0
    before = (tmp_path / "s" / "report.html").read_bytes(), trials_in(tmp_path / "s")
    for words in (("loss", "poisson", "hinge"), ("optimizer", "adam", "sgd", "--batch-size", "8")):
        code, out, err = inside("compare", *words, *few)
        assert (code, out) == (2, "")
        assert "holds another study (mnistlab compare optimizer adam sgd" in err
    assert before == ((tmp_path / "s" / "report.html").read_bytes(), trials_in(tmp_path / "s"))


def test_a_plan_of_learning_rates_speaks_of_no_tuning(inside: Run, glyphs: Path) -> None:
    words = ("compare", "learning-rate", "0.1", "0.01", "--dataset", glyphs, "--model", "linear")
    code, out, _ = inside(*words, "--seeds", "3", "--dry-run")
    assert code == 0
    assert "3 new seeds at each rate" in out
    for word in ("best", "edge", "default", "tuning"):
        assert word not in out
    assert "beware: 3 seeds cannot tell 2 arms apart" in out
    code, _, err = inside(*words, "--rates", "5")
    assert code == 2
    assert "nothing to tune" in err


def test_quick_says_what_it_gives_up(inside: Run, glyphs: Path) -> None:
    words = ("compare", "optimizer", "adam", "sgd", "--dataset", glyphs, "--model", "linear")
    code, out, _ = inside(*words, "--quick", "--dry-run", "--json")
    assert code == 0
    plan = json.loads(out)
    assert (plan["epochs"], plan["trials"]) == (1, 2 * (7 + 7))
    assert "1 epoch a training, not 3" in plan["gave_up"]
    assert plan["epoch_seconds"] > 0


def test_a_report_of_neither_run_nor_study_names_both(inside: Run, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nothing"):
        code, _, err = inside("report", path)
        assert code == 2
        assert "`mnistlab train` or `compare`" in err


def _start(words: list[str], cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MODULE, *words], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


@pytest.mark.slow
def test_killed_five_times_a_study_ends_as_an_undisturbed_one(
    inside: Run, glyphs: Path, tmp_path: Path
) -> None:
    words = ["compare", "optimizer", "adam", "sgd", "lion", "--dataset", str(glyphs), "--epochs",
             "20", "--batch-size", "4", "--rates", "5", "--seeds", "4"]  # fmt: skip
    code, out, _ = inside(*words, "--out", tmp_path / "whole", "--json")
    assert code == 0
    rng, kills = random.Random(5), 0
    for _ in range(60):
        process = _start([*words, "--out", str(tmp_path / "killed"), "--json"], tmp_path)
        if kills < 5:
            _wait_for_trials(tmp_path / "killed", process)
            time.sleep(rng.uniform(0.1, 1.5))
            process.kill()
            process.communicate()
            kills += process.returncode == -signal.SIGKILL
        else:
            found, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
            break
    assert kills == 5
    ours, theirs = json.loads(out), json.loads(found)
    assert ours["arms"] == theirs["arms"]
    assert ours["differences"] == theirs["differences"]
    assert trials_in(tmp_path / "whole") == trials_in(tmp_path / "killed")


def _wait_for_trials(folder: Path, process: subprocess.Popen[str]) -> None:
    """Wait until the study has begun, or one more trial is there than before."""
    known = len(trials_in(folder)) if (folder / "study.sqlite").exists() else -1
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        time.sleep(0.05)
        if (folder / "study.sqlite").exists():
            try:
                if len(trials_in(folder)) > known:
                    return
            except sqlite3.Error:
                continue
