"""Disks that are full and places that are read-only: one clear line, exit code 2."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mnistlab.comparing.store import Store

PYTHON = [sys.executable, "-m", "mnistlab"]


def run_limited(
    limit: int | None, cwd: Path, *words: str, **env: str
) -> subprocess.CompletedProcess[str]:
    """Run the command; no file may grow past `limit` bytes."""

    def small_files() -> None:
        if limit is not None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [*PYTHON, *words], cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True,
        preexec_fn=small_files, timeout=120,
    )  # fmt: skip


def assert_one_line(done: subprocess.CompletedProcess[str], says: str) -> None:
    """Beside the progress there is one line, and it says where and why."""
    assert "Traceback" not in done.stderr
    assert done.returncode == 2, (done.returncode, done.stderr)
    assert done.stdout == ""
    messages = [line for line in done.stderr.splitlines() if not line.startswith("epoch ")]
    assert len(messages) <= 2, messages
    assert says in messages[-1]
    assert messages[-1].count("cannot write") == 1


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


# The limit lies below the size of the file named: checkpoint 1,425,000 bytes and model.keras
# 1,452,000 for the tutorial's model.
@pytest.mark.parametrize(
    ("limit", "name"), [(100_000, "checkpoint.npz"), (1_440_000, "model.keras")]
)
@pytest.mark.slow
def test_train_on_a_full_disk(glyphs, tmp_path, limit, name):
    # A cache of its own: what is cut short there must not trouble the next run either.
    env = {"MNISTLAB_CACHE": str(tmp_path / "cache")}
    words = ["train", "--dataset", str(glyphs), "--epochs", "2", "--out", "run"]
    done = run_limited(limit, tmp_path, *words, **env)
    assert_one_line(done, name)
    assert "File too large" in done.stderr
    left = visible(tmp_path / "run")
    expected = {"settings.json"}
    if name == "model.keras":
        expected |= {"checkpoint.npz", "history.csv"}
    assert left == expected
    again = run_limited(None, tmp_path, "train", "--resume", "run", "--json", **env)
    assert again.returncode == 0, again.stderr
    assert "Traceback" not in again.stderr
    assert len(json.loads(again.stdout)["history"]["loss"]) == 2


@pytest.mark.slow
def test_a_full_disk_at_every_size(glyphs, tmp_path):
    """Wherever the disk fills up: a line, no traceback, and the run goes on afterwards."""
    words = ["train", "--dataset", str(glyphs), "--epochs", "1", "--out", "run"]
    env = {"MNISTLAB_CACHE": str(tmp_path / "cache")}
    assert run_limited(None, tmp_path, *words[:-1], "whole", **env).returncode == 0
    sizes = {p.stat().st_size for p in (tmp_path / "whole").rglob("*") if p.is_file()} - {0}
    for limit in sorted({size - 1 for size in sizes}):
        place = tmp_path / str(limit)
        place.mkdir()
        done = run_limited(limit, place, *words, **env)
        assert "Traceback" not in done.stderr, (limit, done.stderr)
        assert done.returncode in (0, 2), (limit, done.stderr)
    assert run_limited(None, tmp_path, *words, **env).returncode == 0


def test_the_first_checkpoint_on_a_full_disk(inside, glyphs, tmp_path):
    words = ["train", "--dataset", glyphs, "--epochs", "1", "--out"]
    assert inside(*words, "whole").code == 0  # and what it compiled is in the cache
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))  # Python ignores SIGXFSZ
    try:
        done = inside(*words, "run")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (done.code, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert done.err.count("cannot write") == 1
    assert "checkpoint.npz: File too large" in done.err
    assert visible(tmp_path / "run") == {"settings.json"}
    assert inside("train", "--resume", "run").code == 0
    for name in ("history.csv", "model.keras"):
        assert (tmp_path / "run" / name).exists()


@pytest.mark.parametrize("limit", [6_000, 15_000, 60_000])
@pytest.mark.slow
def test_compare_on_a_full_disk(glyphs, tmp_path, limit):
    """The limit lies within the study's file, which holds what was committed; or its figures."""
    env = {"MNISTLAB_CACHE": str(tmp_path / "cache")}
    few = "--model linear --rates 3 --tuning-seeds 1 --seeds 3 --epochs 1 --json --out study"
    words = ["compare", "optimizer", "adam", "sgd", "--dataset", str(glyphs), *few.split()]
    done = run_limited(limit, tmp_path, *words, **env)
    assert "Traceback" not in done.stderr
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "cannot write" in done.stderr.splitlines()[-1]
    with Store(tmp_path / "study") as store:
        kept = store.trials()
    again = run_limited(None, tmp_path, *words, **env)
    assert again.returncode == 0, again.stderr
    with Store(tmp_path / "study") as store:
        assert {key: repr(store.trials()[key]) for key in kept} == {
            key: repr(record) for key, record in kept.items()
        }
    assert {arm["test_accuracy"]["n"] for arm in json.loads(again.stdout)["arms"]} == {3}


def test_show_on_a_full_disk(tmp_path):
    done = run_limited(5_000, tmp_path, "show", "7")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "mnist-train-7.png" in done.stderr
    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_report_and_test_on_a_full_disk(run_folder, tmp_path):
    page = (run_folder / "report.html").read_bytes()
    for words in (("report", "run"), ("test", "run")):
        done = run_limited(5_000, tmp_path, *words)
        assert_one_line(done, "cannot write")
        assert (run_folder / "report.html").read_bytes() == page


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, of 1 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting needs root")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_really_full(small_disk, glyphs, tmp_path):
    done = run_limited(None, small_disk, "train", "--dataset", str(glyphs), "--epochs", "2",
                       "--out", "run")  # fmt: skip
    assert_one_line(done, "No space left")
    assert visible(small_disk / "run") == {"settings.json"}
    with (small_disk / "fill").open("wb", buffering=0) as fill, suppress(OSError):
        while True:
            fill.write(b"x" * 4096)
    for words in (("show", "7"), ("train", "--dataset", str(glyphs), "--epochs", "1")):
        before = {path.name for path in small_disk.iterdir()}
        done = run_limited(None, small_disk, *words)
        assert done.returncode == 2, done.stderr
        assert "Traceback" not in done.stderr
        assert "No space left" in done.stderr
        runs = small_disk / "runs"
        assert not runs.exists() or list(runs.iterdir()) == []
        assert {path.name for path in small_disk.iterdir()} <= before | {"runs"}


@pytest.mark.parametrize(
    "words", [("show", "7"), ("data", "get", "mnist"), ("train", "--epochs", "1")], ids=" ".join
)
def test_a_cache_that_cannot_be(command, tmp_path, words):
    done = command(*words, MNISTLAB_CACHE="/proc/nope", KERAS_HOME="/proc/nope")
    assert_one_line_of(done, "/proc/nope")
    assert "MNISTLAB_CACHE" in done.stderr
    assert list(tmp_path.iterdir()) == []


def assert_one_line_of(done: subprocess.CompletedProcess[str], says: str) -> None:
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2, done.stderr
    assert says in done.stderr


@pytest.mark.slow
def test_own_data_need_no_cache(command, glyphs):
    done = command("train", "--dataset", glyphs, "--epochs", "1", "--json",
                   MNISTLAB_CACHE="/proc/nope", HOME="/proc/nope")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["test"]["n"] == 200
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [("test", "run", "--out", "/proc/nope"), ("test", "run", "--out", "/etc/passwd"),
     ("show", "--out", "/proc/nope.png")],
    ids=" ".join,
)  # fmt: skip
def test_pictures_that_go_nowhere(inside, run_folder, words):
    done = inside(*words)
    assert done.code == 2
    assert "cannot write" in done.err or "not a place" in done.err
    assert len(done.err.splitlines()) <= 2
