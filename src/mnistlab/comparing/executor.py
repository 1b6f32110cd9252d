"""Trials on this machine, one to a core.

Of a batch-32 MLP one training gains nothing from a second core; two trainings on two cores gain
nearly a factor of two. Where Keras drives a GPU, or a framework with threads of its own, trials
run one after another.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import keras

from mnistlab.comparing.plan import Trial
from mnistlab.comparing.programs import History, Program, Splits, Tested
from mnistlab.comparing.results import State, TrialRecord
from mnistlab.data import Dataset
from mnistlab.errors import MnistlabError

Keyed = tuple[str, Trial]
"""A trial's key and the trial."""


class Stopped(Exception):
    """The study was interrupted; the trial under way is dropped."""


class LocalExecutor:
    """Runs trials on the cores of this machine."""

    def __init__(self, dataset: Dataset, workers: int | None = None) -> None:
        """Run as many trials at once as there are cores, unless `workers` says otherwise."""
        self.workers = workers or default_workers()
        self.programs: dict[str, Program] = {}
        self._splits = Splits(dataset)
        self._building = threading.Lock()
        self._stop = threading.Event()

    @property
    def compilations(self) -> int:
        """How many epochs were compiled: to train, to validate and to test, for each program."""
        return sum(program.compilations for program in self.programs.values())

    def run(self, trials: Sequence[Keyed]) -> Iterator[TrialRecord]:
        """Yield records as trials finish. If the caller stops, no more are begun."""
        self._stop.clear()
        with ThreadPoolExecutor(self.workers, "trial") as pool:
            futures: list[Future[TrialRecord]] = [
                pool.submit(self._run, key, trial) for key, trial in trials
            ]
            try:
                for future in as_completed(futures):
                    yield future.result()
            finally:
                self._stop.set()
                pool.shutdown(wait=True, cancel_futures=True)

    def program(self, trial: Trial) -> Program:
        """Give the trial's program, made when it is first asked for."""
        with self._building:
            if trial.program not in self.programs:
                self.programs[trial.program] = Program(trial, self._splits)
            return self.programs[trial.program]

    def _run(self, key: str, trial: Trial) -> TrialRecord:
        """Run one trial; what goes wrong in it is its result."""
        begun = time.perf_counter()
        try:
            program = self.program(trial)
            compiled = program.compile_seconds
            history, tested = program.run(trial, self._go_on)
        except (Stopped, MnistlabError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, other trials go on
            said = f"{type(error).__name__}: {error}".splitlines()[0][:500]
            return _record(key, trial, {}, None, (0, time.perf_counter() - begun, 0.0), said)
        compiled = program.compile_seconds - compiled
        seconds = time.perf_counter() - begun - compiled
        return _record(key, trial, history, tested, (program.steps, seconds, compiled))

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped


def _record(
    key: str,
    trial: Trial,
    history: History,
    tested: Tested | None,
    spent: tuple[int, float, float],
    error: str = "",
) -> TrialRecord:
    """Make a record; `spent` is steps an epoch, seconds, and seconds of compiling beside them."""
    state: State = "complete"
    if error:
        state = "failed"
    elif not all(map(math.isfinite, history["loss"])):
        state = "diverged"
    accuracy, loss, n = tested or (None, None, 0)
    steps, seconds, compiling = spent
    return TrialRecord(
        key, trial.arm.name, trial.seed, trial.learning_rate, state, history, accuracy, loss, n,
        steps, seconds, compiling, error,
    )  # fmt: skip


def default_workers() -> int:
    """Count the trials to run at once: one a core on JAX without a GPU, else one."""
    if keras.config.backend() != "jax":
        return 1
    import jax

    if jax.default_backend() != "cpu":
        return 1
    usable = getattr(os, "sched_getaffinity", None)
    return len(usable(0)) if usable else os.cpu_count() or 1
