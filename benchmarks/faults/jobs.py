"""What is killed: a run and a study on drawn glyphs, and what is committed of each at a moment.

A job's `committed` maps what is done for good to its numbers: a run's epochs, a study's trials. It
must read, must never shrink, and must hold nothing that an undisturbed job does not hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mnistlab.comparing.statistics import analyse
from mnistlab.comparing.store import FILE, Store
from mnistlab.comparing.study import gather
from mnistlab.study import last_task
from mnistlab.training.runs import Run

Committed = dict[str, str]
EPOCHS = 20
RUN_FILES = {"settings.json", "checkpoint.npz", "history.csv", "model.keras", "arrays.npz",
             "metrics.json", "figures", "report.html", ".lock"}  # fmt: skip
STUDY_FILES = {FILE, "report.html", "figures", "trials.csv", ".lock"}


class Loss(Exception):
    """Something is unreadable, lost, doubled, or other than it should be."""


@dataclass(frozen=True)
class Job:
    """A command that can be stopped and gone on with.

    `begin` are its words but for `--out`, `go_on` those to go on in a folder; `committed` reads
    what is there, `result` what a finished one ends with; `files` are the names that may stay.
    """

    name: str
    begin: tuple[str, ...]
    go_on: Callable[[Path], list[str]]
    committed: Callable[[Path], Committed]
    result: Callable[[Path], Mapping[str, Any]]
    files: set[str]

    def words(self, folder: Path) -> list[str]:
        """Give the command's words: begin, or go on where something is there."""
        return self.go_on(folder) or [*self.begin, "--out", str(folder)]


def jobs(data: Path) -> tuple[Job, Job]:
    """Give the run and the study on `data`."""
    run = (
        "train",
        "--dataset",
        str(data),
        "--epochs",
        str(EPOCHS),
        "--validation",
        "0.25",
        "--model",
        "mlp:hidden=32",
    )
    study = ("compare", "optimizer", "adam", "sgd", "--dataset", str(data), "--epochs", "3",
             "--rates", "5", "--tuning-seeds", "1", "--seeds", "4",
             "--model", "linear")  # fmt: skip
    return (
        Job("run", run, _resume, _epochs, _run_result, RUN_FILES),
        Job("study", study, lambda _: [], _trials, _study_result, STUDY_FILES),
    )


def _resume(folder: Path) -> list[str]:
    there = (folder / "settings.json").exists()
    return ["train", "--resume", str(folder)] if there else []


def _epochs(folder: Path) -> Committed:
    """Read all that a run has, as whoever goes on with it does; give its epochs."""
    if not folder.exists():
        return {}
    run = Run.open(folder)
    checkpoint = run.load_checkpoint()
    if run.finished:
        run.checked_model()
        run.load_arrays()
        run.document("metrics.json")
    if checkpoint is None:
        return {}
    if (folder / "history.csv").exists():
        written = run.read_history()
        rows = len(written["loss"])
        if checkpoint.epochs_done - rows not in (0, 1):
            raise Loss(f"a history of {rows} epochs beside {checkpoint.epochs_done} trained ones")
        if any(values != checkpoint.history[name][:rows] for name, values in written.items()):
            raise Loss("the history is not the checkpoint's")
    losses = zip(checkpoint.history["loss"], checkpoint.history["val_accuracy"], strict=True)
    return {str(epoch): repr(row) for epoch, row in enumerate(losses)}


def _run_result(folder: Path) -> dict[str, Any]:
    run = Run.open(folder)
    checkpoint = run.load_checkpoint()
    if checkpoint is None:
        raise Loss("a finished run without a checkpoint")
    weights = hashlib.sha256(b"".join(value.tobytes() for value in checkpoint.variables))
    return {"weights": weights.hexdigest(), "test": run.document("metrics.json")["test"]}


def _trials(folder: Path) -> Committed:
    """Read a study's file; give its trials."""
    if not (folder / FILE).exists():
        return {}
    with closing(Store(folder)) as store:
        last_task(store)
        return {key: repr(_numbers(record)) for key, record in store.trials().items()}


def _numbers(record: Any) -> tuple[Any, ...]:
    curves = {name: values for name, values in record.history.items() if name != "seconds"}
    return (record.arm, record.seed, record.learning_rate, record.state, curves,
            record.test_accuracy, record.test_loss, record.test_n)  # fmt: skip


def _study_result(folder: Path) -> dict[str, Any]:
    with Store(folder) as store:
        task = last_task(store)
        if task is None:
            raise Loss("a finished study without a plan")
        found = analyse(gather(task, store)).to_json()
    return {name: found[name] for name in ("axis", "arms", "differences")}
