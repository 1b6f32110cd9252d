"""A study's file and the driver's own work, timed: prints one JSON line."""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mnistlab.comparing.plan import Protocol, Trial, make_arms
from mnistlab.comparing.results import TrialRecord
from mnistlab.comparing.store import Store
from mnistlab.comparing.study import Task, run_study
from mnistlab.training.environment import versions
from mnistlab.training.settings import TrainSettings

EPOCHS = 3


class Formula:
    """Answers at once: what is left of a study's time is the driver's own and the file's."""

    workers = 1

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def run(self, trials: Sequence[tuple[str, Trial]]) -> Iterator[list[TrialRecord]]:
        for first in range(0, len(trials), self.batch):
            yield [record(key, trial) for key, trial in trials[first : first + self.batch]]


def record(key: str, trial: Trial) -> TrialRecord:
    """Make a record of the usual size; its accuracy rises to the middle of the grid."""
    accuracy = 0.97 - 0.001 * abs(trial.learning_rate - 0.003)
    curve = [accuracy - 0.0123456789 / (n + 1) for n in range(EPOCHS)]
    history = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy", "seconds"), curve)
    tested = (accuracy, 0.1234567, 10_000) if trial.tested else (None, None, 0)
    return TrialRecord(
        key, trial.arm.name, trial.seed, trial.learning_rate, "complete", history, *tested, 1563,
        1.234567, 0.0,
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--single", type=int, default=500, help="rows committed one by one")
    options = parser.parse_args(arguments)
    print(json.dumps({"commits": commits(options.single, 1) + commits(options.rows, 100),
                      "study": study(min(options.rows, 20_000) // 100)}))  # fmt: skip


def commits(rows: int, batch: int) -> list[dict[str, Any]]:
    """Commit `rows` in batches, and time each quarter of them, with the file's size after it."""
    arm, _ = make_arms("optimizer", ["adam", "sgd"], TrainSettings(epochs=EPOCHS))
    about, found = versions(), []
    with tempfile.TemporaryDirectory(dir=".") as folder, Store(Path(folder)) as store:
        for quarter in range(4):
            first, last = quarter * rows // 4, (quarter + 1) * rows // 4
            trials = [Trial(arm, seed, 0.001, True) for seed in range(first, last)]
            keyed = [(trial.key("data", about), trial) for trial in trials]
            begun, spent = time.perf_counter(), time.process_time()
            for batch_of in Formula(batch).run(keyed):
                store.add(batch_of, [arm.settings.to_json()] * len(batch_of), about)
            seconds, cpu = time.perf_counter() - begun, time.process_time() - spent
            new, mb = last - first, store.path.stat().st_size / 1e6
            found.append({
                "batch": batch, "rows": last, "mb": mb, "rows_a_second": new / seconds,
                "cpu_ms_a_row": 1000 * cpu / new,
            })  # fmt: skip
    return found


def study(seeds: int) -> dict[str, float]:
    """Run a study of ten arms with `seeds` tuning seeds at nine rates through the formula."""
    names = [f"adam:beta_1=0.{n}" for n in range(1, 10)] + ["adam:beta_1=0.95"]
    arms = make_arms("optimizer", names, TrainSettings(epochs=EPOCHS, validation=10_000))
    protocol = Protocol(rates=9, tuning_seeds=min(seeds, 100), final_seeds=2 * min(seeds, 100))
    task = Task("optimizer", arms, protocol, "data", versions())
    with tempfile.TemporaryDirectory(dir=".") as folder, Store(Path(folder)) as store:
        before, spent = peak_mib(), time.process_time()
        run_study(task, store, Formula(100), lambda *_: None)
        cpu, grown = time.process_time() - spent, peak_mib() - before
        trials = len(store.trials())
    return {"trials": trials, "cpu_ms_a_trial": 1000 * cpu / trials,
            "mib_a_thousand": 1000 * grown / trials}  # fmt: skip


def peak_mib() -> float:
    """Give the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
