"""Stopped at any moment, a run goes on and ends at the very weights of one that never stopped."""

from __future__ import annotations

import csv
import json
import os
import random
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

PYTHON = [sys.executable, "-m", "mnistlab"]
EPOCHS = 60


@contextmanager
def started(cwd: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*PYTHON, *words], cwd=cwd, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate()


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.001)


def rows(run: Path) -> list[dict[str, str]]:
    path = run / "history.csv"
    if not path.exists():
        return []
    with path.open(newline="") as opened:
        return list(csv.DictReader(opened))


def course(run: Path) -> list[tuple[str, str, str]]:
    """Give what of the history does not depend on the clock."""
    return [(row["epoch"], row["loss"], row["accuracy"]) for row in rows(run)]


def assert_readable(run: Path, epochs: int) -> None:
    """Hold what the module `runs` promises: readable at every moment."""
    if not run.exists():
        return
    json.loads((run / "settings.json").read_text())
    names = {path.name for path in run.iterdir() if not path.name.startswith(".")}
    assert names <= {"settings.json", "checkpoint.npz", "history.csv", "model.keras", "arrays.npz",
                     "metrics.json", "figures", "report.html"}  # fmt: skip
    done = rows(run)
    assert [row["epoch"] for row in done] == [str(i + 1) for i in range(len(done))]
    assert len(done) <= epochs
    if "checkpoint.npz" in names:
        with np.load(run / "checkpoint.npz") as stored:
            about = json.loads(stored["about"].tobytes())
            assert all(np.isfinite(stored[name]).all() for name in stored.files)
        assert about["epochs_done"] - len(done) in (0, 1)  # the checkpoint goes first
    if "metrics.json" in names:
        json.loads((run / "metrics.json").read_text())
        assert {"model.keras", "arrays.npz", "history.csv"} <= names


def assert_same_runs(run: Path, reference: Path, weights_of: Callable[..., dict]) -> None:
    assert course(run) == course(reference)
    first, second = weights_of(reference), weights_of(run)
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], name)
    tests = [json.loads((each / "metrics.json").read_text())["test"] for each in (run, reference)]
    assert tests[0] == tests[1]


def kill_and_resume(cwd: Path, words: list[str], moments: list[float], epochs: int) -> list[int]:
    """Start, kill at each moment (in epochs; before 0: in seconds of start-up), then finish."""
    run, reached, count = cwd / "run", [], 0
    for moment in moments:
        resumable = (run / "settings.json").exists()
        with started(cwd, *(["train", "--resume", "run"] if resumable else words)) as process:
            if moment < 0:
                time.sleep(-moment)
            else:
                target = min(count + int(moment), epochs - 1)
                wait_for(lambda target=target: len(rows(run)) >= target, process)
                time.sleep(moment % 1 * 0.03)
            process.kill()
            process.communicate()
        assert_readable(run, epochs)
        assert len(rows(run)) >= count, "what was done is kept"
        count = len(rows(run))
        reached.append(count)
    done = subprocess.run(
        [*PYTHON, "train", "--resume", "run"], cwd=cwd, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert_readable(run, epochs)
    return reached


@pytest.fixture(scope="module")
def options(glyphs: Path) -> list[str]:
    return ["train", "--dataset", str(glyphs), "--epochs", str(EPOCHS), "--seed", "3"]


@pytest.fixture(scope="module")
def reference(options: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing stopped."""
    folder = tmp_path_factory.mktemp("reference")
    subprocess.run([*PYTHON, *options, "--out", "run"], cwd=folder, check=True, capture_output=True)
    return folder / "run"


def test_killed_and_resumed(options, reference, tmp_path, weights_of):
    chance = random.Random(f"{time.time()}")
    moments = [1 + 8 * chance.random(), 1 + 30 * chance.random()]
    print("moments", moments)
    reached = kill_and_resume(tmp_path, [*options, "--out", "run"], moments, EPOCHS)
    assert 0 < reached[0] <= reached[1]
    assert_same_runs(tmp_path / "run", reference, weights_of)


def test_in_use_then_interrupted_then_resumed(options, reference, tmp_path, weights_of):
    cwd = tmp_path / "a folder's name"
    cwd.mkdir()
    run = cwd / "run"
    with started(cwd, *options, "--out", "run") as process:
        wait_for(lambda: len(rows(run)) >= 3, process)
        process.send_signal(signal.SIGSTOP)
        second = subprocess.run(
            [*PYTHON, "train", "--resume", "run"], cwd=cwd, capture_output=True, text=True
        )
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert out == ""
    assert "Traceback" not in err
    assert_readable(run, EPOCHS)
    assert 3 <= len(rows(run)) < EPOCHS
    hint = err[err.index("mnistlab train --resume") :].splitlines()[0]
    # Pasted into a shell it is the command, whatever the folder is called.
    assert shlex.split(hint) == ["mnistlab", "train", "--resume", str(run)]
    done = subprocess.run(
        [*PYTHON, *shlex.split(hint)[1:]], cwd="/", capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 1/" not in done.stderr
    assert_same_runs(run, reference, weights_of)
    assert second.returncode == 2, second.stderr
    assert "another process" in second.stderr
    assert len(second.stderr.splitlines()) <= 2
    assert "Traceback" not in second.stderr


def test_a_lock_that_is_held(inside, run_folder):
    import filelock

    (run_folder / "metrics.json").unlink()  # a finished run needs no lock
    with filelock.FileLock(run_folder / ".lock"):
        done = inside("train", "--resume", "run")
    assert done.code == 2
    assert "another process" in done.err
    assert "cannot write" not in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.3, 0.6, 1.0, 1.5, 2.0, 3.0, 4.0])
def test_interrupted_while_starting(options, tmp_path, seconds):
    with started(tmp_path, *options, "--out", "run") as process:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (130, 0), err
    assert_readable(tmp_path / "run", EPOCHS)
    left = [path.name for path in tmp_path.iterdir() if path.name != "run"]
    assert left == []


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["checkpoint.npz", "model.keras", "arrays.npz", "metrics.json",
                                   "figures", "report.html"])  # fmt: skip
def test_interrupted_as_each_file_appears(options, reference, tmp_path, weights_of, stage):
    words = [*options[:3], "--epochs", "2"]
    run = tmp_path / "run"
    with started(tmp_path, *words, "--out", "run") as process:
        wait_for(lambda: (run / stage).exists(), process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    assert process.returncode in (130, 0), err
    assert_readable(run, 2)
    # Once the page is there, nothing is left to be resumed.
    assert process.returncode == 0 or f"--resume {run}" in err or stage == "report.html"
    done = subprocess.run([*PYTHON, "train", "--resume", "run"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0
    assert (run / "report.html").exists()


@pytest.mark.slow
def test_killed_while_starting(options, reference, tmp_path, weights_of):
    moments = [-1.0, -2.5, -3.5, 1.5]
    kill_and_resume(tmp_path, [*options, "--out", "run"], moments, EPOCHS)
    assert_same_runs(tmp_path / "run", reference, weights_of)
    assert {path.name for path in tmp_path.iterdir()} == {"run"}


@pytest.mark.slow
def test_killed_ten_times_on_mnist(tmp_path, weights_of):
    words, epochs = ["train", "--epochs", "6", "--out", "run"], 6
    (tmp_path / "never").mkdir()
    subprocess.run([*PYTHON, *words], cwd=tmp_path / "never", check=True, capture_output=True)
    chance = random.Random(f"{time.time()}")
    moments = [chance.choice([-6 * chance.random(), chance.random(), 1 + chance.random()])
               for _ in range(10)]  # fmt: skip
    print("moments", moments)
    kill_and_resume(tmp_path, words, moments, epochs)
    assert_same_runs(tmp_path / "run", tmp_path / "never" / "run", weights_of)


@pytest.mark.slow
def test_nothing_is_left_of_killed_writers(glyphs, tmp_path):
    """A process that is killed while it writes leaves its temporary file; the next clears it."""
    run = tmp_path / "run"
    words = ["train", "--dataset", str(glyphs), "--epochs", "400", "--out", "run"]
    for number in range(3):
        with started(tmp_path, *(["train", "--resume", "run"] if number else words)) as process:
            before = len(rows(run))
            wait_for(lambda before=before: len(rows(run)) > before, process)
            wait_for(lambda: any(p.suffix == ".npz" for p in run.glob(".*.npz")), process)
            process.kill()
            process.communicate()
        assert_readable(run, 400)
    done = subprocess.run([*PYTHON, "train", "--resume", "run"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0
    assert [p.name for p in run.iterdir() if p.name.startswith(".")] in ([], [".lock"])


@pytest.mark.slow
@pytest.mark.parametrize(
    "garble",
    [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"x" * 99, None,
     lambda b: b[: len(b) // 2] + bytes([b[len(b) // 2] ^ 1]) + b[len(b) // 2 + 1 :]],
    ids=["half", "empty", "other", "folder", "flipped"],
)  # fmt: skip
def test_a_broken_cache_of_programs(glyphs, tmp_path, weights_of, garble):
    """As a killed process or a full disk leaves it: no harm is done, and it mends itself."""
    env = {**os.environ, "MNISTLAB_CACHE": str(tmp_path / "cache")}
    words = [*PYTHON, "train", "--dataset", str(glyphs), "--epochs", "2", "--out"]
    for name in ("first", "second", "third"):
        done = subprocess.run([*words, name], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        if name == "first":
            for path in (tmp_path / "cache" / "compiled").iterdir():
                if not path.is_file():
                    continue
                if garble is not None:
                    path.write_bytes(garble(path.read_bytes()))
                else:
                    path.unlink()
                    (path / "foreign").mkdir(parents=True)
    assert_same_runs(tmp_path / "first", tmp_path / "second", weights_of)
    assert_same_runs(tmp_path / "first", tmp_path / "third", weights_of)
    assert "Warning" not in done.stderr
