"""A study's file: SQLite, a row a finished trial, each committed at once.

    trials   key (hash of settings, seed, data and versions), state, curves, results, seconds
    plans    each invocation: its plan, command and time; the newest is what a report is about

A trial's row appears whole or not at all, so a killed study has all it finished and nothing else.
`application_id` and `user_version` of SQLite say that it is ours and of which format.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

from mnistlab.comparing.results import State, TrialRecord
from mnistlab.errors import StorageError, StudyError, brief
from mnistlab.files import DAMAGE

APPLICATION = 0x6D6E6C62  # "mnlb"
FORMAT = 1
FILE = "study.sqlite"
STATES = get_args(State)

SCHEMA = """
CREATE TABLE trials (
  key TEXT PRIMARY KEY, arm TEXT NOT NULL, seed INTEGER NOT NULL, learning_rate REAL NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('complete', 'diverged', 'failed')),
  settings TEXT NOT NULL, history TEXT NOT NULL,
  test_accuracy REAL, test_loss REAL, test_n INTEGER NOT NULL, steps_per_epoch INTEGER NOT NULL,
  seconds REAL NOT NULL, compile_seconds REAL NOT NULL, error TEXT NOT NULL,
  versions TEXT NOT NULL, finished TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE plans (
  id INTEGER PRIMARY KEY, plan TEXT NOT NULL, begun TEXT NOT NULL
);
"""


class Store:
    """One study's file, open. Used by one thread of one process: the study's driver."""

    def __init__(self, folder: Path) -> None:
        """Open the study in `folder`, or make one.

        Raises StudyError where the file is not a study of this format, StorageError where it
        cannot be made.
        """
        self.path = folder / FILE
        if self.path.exists():
            check(self.path)
        with self._answering():
            self._connection = sqlite3.connect(self.path)
            self._connection.execute("PRAGMA synchronous = FULL")
            # Of a new file: with the usual 4096 a row passes the quarter of a page that a table
            # WITHOUT ROWID keeps together, and takes a page of its own beside, 4.7 KB for 1.4.
            self._connection.execute("PRAGMA page_size = 8192")
            if not self._connection.execute("PRAGMA user_version").fetchone()[0]:
                self._connection.executescript(
                    f"BEGIN; {SCHEMA} PRAGMA application_id = {APPLICATION}; "
                    f"PRAGMA user_version = {FORMAT}; COMMIT;"
                )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def add(
        self,
        records: Sequence[TrialRecord],
        settings: Sequence[dict[str, Any]],
        versions: dict[str, str],
    ) -> None:
        """Commit trials, all or none; those that failed before give way."""
        said, now = json.dumps(versions), _now()
        rows = [
            (
                *(getattr(record, name) for name in PLAIN),
                json.dumps(record.history), json.dumps(own), said, now,
            )
            for record, own in zip(records, settings, strict=True)
        ]  # fmt: skip
        columns = (*PLAIN, "history", "settings", "versions", "finished")
        places = ", ".join("?" * len(columns))
        with self._answering(), self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO trials ({', '.join(columns)}) VALUES ({places})", rows
            )

    def add_plan(self, plan: dict[str, Any]) -> None:
        """Commit what is about to be done."""
        with self._answering(), self._connection:
            self._connection.execute(
                "INSERT INTO plans (plan, begun) VALUES (?, ?)", (json.dumps(plan), _now())
            )

    def last_plan(self) -> dict[str, Any] | None:
        """Give the newest plan, None if there is none."""
        with self._answering():
            row = self._connection.execute(
                "SELECT plan FROM plans ORDER BY id DESC LIMIT 1"
            ).fetchone()
            return None if row is None else dict(json.loads(row[0]))

    def trials(self) -> dict[str, TrialRecord]:
        """Read all trials, by key."""
        columns = (*PLAIN, "history")
        with self._answering():
            rows = self._connection.execute(f"SELECT {', '.join(columns)} FROM trials")
            return {row[0]: _record(dict(zip(columns, row, strict=True))) for row in rows}

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """Turn what SQLite and damaged contents raise into a StudyError or StorageError."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageError(f"cannot write {self.path}: {error}") from None
        except (sqlite3.Error, *DAMAGE) as error:
            raise StudyError(
                f"{self.path} is damaged: {brief(error)}. It is left as it is"
            ) from None


PLAIN = (
    "key", "arm", "seed", "learning_rate", "state", "test_accuracy", "test_loss", "test_n",
    "steps_per_epoch", "seconds", "compile_seconds", "error",
)  # fmt: skip
KINDS: dict[str, Any] = {
    **dict.fromkeys(("key", "arm", "error"), str),
    **dict.fromkeys(("seed", "test_n", "steps_per_epoch"), int),
    **dict.fromkeys(("seconds", "compile_seconds", "learning_rate"), int | float),
    **dict.fromkeys(("test_accuracy", "test_loss"), int | float | None),
}
"""What SQLite, that keeps a value of any type in any column, must have kept."""
MOST = {
    **dict.fromkeys(("accuracy", "val_accuracy", "test_accuracy"), 1.0 + 1e-6),
    **dict.fromkeys(("seconds", "compile_seconds", "learning_rate"), 1e9),
}
"""The most that a value can be, in a trial's columns and in its history."""


def check(path: Path) -> None:
    """Raise StudyError unless `path` is a whole study file of this format.

    It is only read, but for what SQLite rolls back of a writer that was killed; a connection for
    reading alone could not, and would refuse what is sound.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as opened:
            application = opened.execute("PRAGMA application_id").fetchone()[0]
            version = opened.execute("PRAGMA user_version").fetchone()[0]
            verdict = opened.execute("PRAGMA quick_check(1)").fetchone()[0]
    except (sqlite3.Error, ValueError) as error:  # of names that are no UTF-8
        raise StudyError(
            f"{path} is not a readable study file: {brief(error)}. It is left as it is"
        ) from None
    if application != APPLICATION and (application or version or path.stat().st_size):
        raise StudyError(f"{path} is a database, but not a study of mnistlab; choose another --out")
    if version not in (0, FORMAT):
        raise StudyError(
            f"{path} is of format {version}; this mnistlab reads format {FORMAT}. It is left as "
            "it is; choose another --out, or use the mnistlab that made it"
        )
    if verdict != "ok":
        raise StudyError(f"{path} is damaged: {verdict}. It is left as it is")


def _record(row: dict[str, Any]) -> TrialRecord:
    history = {
        str(name): [float("nan") if v is None else float(v) for v in values]
        for name, values in json.loads(row.pop("history")).items()
    }
    for name, kind in KINDS.items():
        if not isinstance(row[name], kind):
            raise ValueError(f"a trial's {name} is {row[name]!r:.20}")
    for name in ("seconds", "compile_seconds", "learning_rate", "test_accuracy", "test_loss"):
        row[name] = None if row[name] is None else float(row[name])
    for name, most in MOST.items():
        for value in (*history.get(name, ()), row.get(name) or 0):
            if not (0 <= value <= most or math.isnan(value)):
                raise ValueError(f"a trial's {name} is {value}")
    if row["state"] not in STATES:
        raise ValueError(f"a trial's state is {row['state']!r:.20}")
    return TrialRecord(history=history, **row)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
