"""A run's folder: everything about one trained model, readable at every moment.

    settings.json    settings, seed, versions, data digest, the command to run it again
    checkpoint.npz   after each epoch: all weights, optimizer state, history
    history.csv      epoch, loss, accuracy, (val_loss, val_accuracy), seconds
    model.keras      the trained model, raw uint8 images in
    metrics.json     test results, seconds, the model's SHA-256; it is written last of the records
    arrays.npz       the pictures of the report: samples, mistakes, first-layer weights
    figures/, report.html

Every file appears by atomic rename; a folder appears with its settings in it. A run that has no
`metrics.json` was stopped and can be resumed. No Keras here.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import shlex
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.data.idx import MAX_BYTES
from mnistlab.errors import RunError, StorageError, brief
from mnistlab.files import atomic_file, locked, reading, sha256, storage_errors, umask, write_atomic
from mnistlab.training.settings import TrainSettings
from mnistlab.training.shown import history_html, table_html

History = dict[str, list[float]]


@dataclass(frozen=True)
class Checkpoint:
    """What training goes on from: variables in Keras' order, and the history so far."""

    epochs_done: int
    variables: list[np.ndarray]
    history: History


@dataclass(frozen=True)
class Run:
    """One run's folder."""

    path: Path

    @classmethod
    def create(cls, out: Path | None, settings: TrainSettings, record: Mapping[str, Any]) -> Run:
        """Make a new folder with its settings in it: `out`, or a fresh one under ./runs.

        Raises RunError where `out` exists and is not an empty folder.
        """
        parent = out.absolute().parent if out else Path("runs").absolute()
        with storage_errors(parent):
            parent.mkdir(parents=True, exist_ok=True)
            # Built aside and renamed: rename never replaces a folder with something in it.
            aside = Path(tempfile.mkdtemp(prefix=".new-run-", dir=parent))
            aside.chmod(0o777 & ~umask())
        try:
            document = {"settings": settings.to_json(), "command": settings.command(), **record}
            write_atomic(aside / "settings.json", json.dumps(document, indent=2) + "\n")
            return cls(_claim(aside, out, parent, settings))
        finally:
            if aside.exists():
                (aside / "settings.json").unlink(missing_ok=True)
                aside.rmdir()

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open an existing run. Raises RunError where `path` is none."""
        run = cls(path.absolute())
        if not (path / "settings.json").is_file():
            found = (
                "is not a run's folder (no settings.json)" if path.exists() else "does not exist"
            )
            raise RunError(f"{path} {found}; give a folder that `mnistlab train` made")
        _ = run.settings
        return run

    def document(self, name: str) -> dict[str, Any]:
        """Read one of the run's JSON files. Raises RunError where it is missing or damaged."""
        try:
            value = json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise RunError(f"{self.path} has no {name}: {self._mend()}") from None
        except (OSError, ValueError, RecursionError) as error:
            raise RunError(f"{self.path / name} cannot be read: {brief(error)}") from None
        if not isinstance(value, dict):
            raise RunError(f"{self.path / name} is not a JSON object")
        return value

    def _mend(self) -> str:
        return f"finish it with: mnistlab train --resume {shlex.quote(str(self.path))}"

    @property
    def settings(self) -> TrainSettings:
        """The settings it was trained with. Raises RunError where they are damaged."""
        with self.reading("settings.json"):
            return TrainSettings.from_json(self.document("settings.json")["settings"])

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Turn what damaged records make of their readers into a RunError that names the file."""
        with reading(self.path / name, RunError):
            yield

    def _repr_html_(self) -> str:
        about = [("run", self.path), ("command", self.settings.command())]
        if self.finished:
            test = self.document("metrics.json")["test"]
            low, high = test["accuracy_interval"]
            about.append(
                ("test", f"{test['accuracy']:.2%} right, 95 % interval {low:.2%} to {high:.2%}")
            )
        history = (self.path / "history.csv").exists()
        return table_html(("what", "value"), about) + (
            history_html(self.read_history()) if history else ""
        )

    def check_data(self, digest: str) -> None:
        """Raise RunError unless `digest` is that of the data which the run was trained on."""
        with self.reading("settings.json"):
            recorded = self.document("settings.json")["data"]["digest"]
        if recorded != digest:
            raise RunError(
                f"the data in {self.settings.dataset} are not those that {self.path} was trained "
                "on (their digests differ)"
            )

    def check_model_file(self, digest: str) -> None:
        """Raise RunError if the user's file of the model is not that which the run began with."""
        with self.reading("settings.json"):
            recorded = self.document("settings.json").get("model_file", {}).get("digest", digest)
        if recorded != digest:
            raise RunError(
                f"{self.settings.model} is not what {self.path} was begun with: the file has "
                "changed (their digests differ)"
            )

    @property
    def finished(self) -> bool:
        """Whether all of its records are there."""
        return (self.path / "metrics.json").is_file()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from training in this folder. Raises RunError if one does.

        Whoever holds the lock sweeps away what a killed process had not finished writing.
        """
        with locked(self.path, RunError(f"{self.path} is being trained by another process")):
            for leftover in self.path.glob(".?*.*"):
                leftover.unlink(missing_ok=True)
            yield

    def save_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Replace the checkpoint, then the history."""
        numbered = {f"v{i:04d}": value for i, value in enumerate(checkpoint.variables)}
        about = {"epochs_done": checkpoint.epochs_done, "history": checkpoint.history}
        text = np.frombuffer(json.dumps(about).encode(), np.uint8)
        with atomic_file(self.path / "checkpoint.npz") as temporary:
            np.savez(temporary, about=text, **numbered)  # type: ignore[arg-type]
        self.write_history(checkpoint.history)

    def load_checkpoint(self) -> Checkpoint | None:
        """Read the last checkpoint, None before the first. Raises RunError where it is damaged."""
        if not (self.path / "checkpoint.npz").exists():
            return None
        stored = self._read_npz("checkpoint.npz")
        with self.reading("checkpoint.npz"):
            about = json.loads(stored.pop("about").tobytes())
            done, history = about["epochs_done"], about["history"]
            if {len(values) for values in history.values()} != {done}:
                raise ValueError("its history has not a value for each epoch")
            history = {name: [float(v) for v in values] for name, values in history.items()}
            return Checkpoint(done, [stored[name] for name in sorted(stored)], history)

    def write_history(self, history: History) -> None:
        """Write `history.csv`, a row an epoch; floats in full."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["epoch", *history])
        for number, row in enumerate(zip(*history.values(), strict=True), start=1):
            writer.writerow([number, *map(repr, row)])
        write_atomic(self.path / "history.csv", table.getvalue())

    def read_history(self) -> History:
        """Read `history.csv` back, without the epoch numbers."""
        if not (self.path / "history.csv").exists():
            raise RunError(f"{self.path} has no history.csv: {self._mend()}")
        with self.reading("history.csv"):
            with (self.path / "history.csv").open(newline="", encoding="utf-8") as opened:
                rows = list(csv.DictReader(opened))
            names = [name for name in rows[0] if name != "epoch"]
            if "loss" not in names:
                raise ValueError("it has no loss")
            return {name: [float(row[name]) for row in rows] for name in names}

    def save_arrays(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Write `arrays.npz`."""
        with atomic_file(self.path / "arrays.npz") as temporary:
            np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]

    def load_arrays(self) -> dict[str, np.ndarray]:
        """Read `arrays.npz`. Raises RunError where it is missing or damaged."""
        return self._read_npz("arrays.npz")

    def _read_npz(self, name: str) -> dict[str, np.ndarray]:
        with self.reading(name), (self.path / name).open("rb") as opened:
            if not zipfile.is_zipfile(opened):
                raise ValueError("it is no .npz file, or not all of one")
            opened.seek(0)
            with np.load(opened, allow_pickle=False) as stored:
                if sum(member.file_size for member in stored.zip.infolist()) > MAX_BYTES:
                    raise ValueError(f"it unpacks to more than {MAX_BYTES:,} bytes")
                return {key: stored[key] for key in stored.files}

    def checked_model(self) -> Path:
        """Give the model's file, after its SHA-256 is found to be the recorded one.

        Raises RunError where the file is missing or is not the one that was trained.
        """
        path = self.path / "model.keras"
        with self.reading("metrics.json"):
            recorded = self.document("metrics.json")["model"]["sha256"]
        if not path.is_file():
            raise RunError(f"{path} is missing")
        if sha256(path) != recorded:
            raise RunError(
                f"{path} is not the file that was trained here: its SHA-256 differs from the one "
                "in metrics.json. It was not opened; train again, or put the original back"
            )
        return path


def _claim(aside: Path, out: Path | None, parent: Path, settings: TrainSettings) -> Path:
    """Rename `aside` to its final name, which nobody else has."""
    for name in [out.name] if out else _fresh_names(settings):
        try:
            aside.rename(parent / name)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR):
                raise StorageError(f"cannot write {parent / name}: {error.strerror}") from None
        else:
            return parent / name
    raise RunError(
        f"{out} exists already and is left as it is; choose another --out, "
        f"or go on with it: --resume {out}"
    )


def _fresh_names(settings: TrainSettings) -> Sequence[str]:
    first = f"{Path(settings.dataset).stem}-{settings.model_name}"
    stem = f"{first}-{datetime.now():%Y%m%d-%H%M%S}"
    return [stem, *(f"{stem}-{number}" for number in range(2, 1000))]
