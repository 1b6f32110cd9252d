"""A study's file: what is committed is there, what is not ours is left alone."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from mnistlab.comparing.results import TrialRecord
from mnistlab.comparing.store import FILE, Store
from mnistlab.errors import StudyError

RECORD = TrialRecord(
    key="k1", arm="adam", seed=3, learning_rate=0.1 + 0.2, state="complete",
    history={"loss": [1 / 3, float("nan")], "seconds": [0.5, 0.25]}, test_accuracy=0.9718,
    test_loss=None, test_n=10_000, steps_per_epoch=1563, seconds=1.5, compile_seconds=0.0,
)  # fmt: skip


def test_records_come_back_to_the_bit(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add([RECORD], [{"a": 1}], {"keras": "3"})
    with Store(tmp_path) as store:
        (found,) = store.trials().values()
    assert repr(found) == repr(RECORD)


def test_what_a_killed_writer_had_begun_is_rolled_back(tmp_path: Path) -> None:
    for name in ("written", "killed"):
        (tmp_path / name).mkdir()
    with Store(tmp_path / "written") as store:
        store.add([RECORD], [{}], {})
    with closing(sqlite3.connect(tmp_path / "written" / FILE)) as opened:
        opened.execute("PRAGMA cache_size = 1")  # so that pages are in the file before the commit
        for n in range(500):
            opened.execute("INSERT INTO plans (plan, begun) VALUES (?, '')", (f"{n:04d}" * 100,))
        for path in (tmp_path / "written").iterdir():
            shutil.copy(path, tmp_path / "killed" / path.name)
    assert {path.name for path in (tmp_path / "killed").iterdir()} == {FILE, f"{FILE}-journal"}
    with Store(tmp_path / "killed") as store:
        assert repr(store.trials()) == repr({"k1": RECORD})
        assert store.last_plan() is None


def test_a_failed_trial_gives_way(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.add([replace(RECORD, state="failed", error="out of memory")], [{}], {})
        store.add([RECORD], [{}], {})
        assert store.trials()["k1"].state == "complete"


def test_the_newest_plan_counts(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        assert store.last_plan() is None
        store.add_plan({"n": 1})
        store.add_plan({"n": 2})
        assert store.last_plan() == {"n": 2}


def _other_version(path: Path) -> None:
    with Store(path.parent):
        pass
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA user_version = 99")
        opened.commit()


def _not_ours(path: Path) -> None:
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("CREATE TABLE diary (day TEXT)")
        opened.commit()


def _torn(path: Path) -> None:
    with Store(path.parent) as store:
        for n in range(200):
            store.add([replace(RECORD, key=f"k{n}")], [{}], {})
    data = bytearray(path.read_bytes())
    data[4096:8192] = os.urandom(4096)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_other_version, "format 99"),
        (_not_ours, "not a study"),
        (_torn, "damaged|not a readable"),
        (
            lambda path: path.write_bytes(b"not a database at all, but long enough" * 100),
            "readable",
        ),
    ],
)
def test_what_is_not_a_study_is_refused_and_left_as_it_is(
    tmp_path: Path, spoil: object, says: str
) -> None:
    path = tmp_path / FILE
    spoil(path)  # type: ignore[operator]
    before = path.read_bytes()
    with pytest.raises(StudyError, match=says):
        with Store(tmp_path) as store:
            store.trials()
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [FILE]


def test_a_file_that_was_begun_and_not_written_is_a_new_one(tmp_path: Path) -> None:
    (tmp_path / FILE).touch()
    with Store(tmp_path) as store:
        assert store.trials() == {}


@pytest.mark.parametrize("column", ["history", "state"])
def test_damaged_contents_are_a_study_error(tmp_path: Path, column: str) -> None:
    with Store(tmp_path) as store:
        store.add([RECORD], [{}], {})
    with closing(sqlite3.connect(tmp_path / FILE)) as opened:
        opened.execute("PRAGMA ignore_check_constraints = ON")
        opened.execute(f"UPDATE trials SET {column} = '[[[' ")
        opened.commit()
    with pytest.raises(StudyError):
        with Store(tmp_path) as store:
            store.trials()
