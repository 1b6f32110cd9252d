"""Trials on this machine: one to a core, or many as one program on a GPU.

Of a batch-32 MLP one training gains nothing from a second core; two trainings on two cores gain
nearly a factor of two. A GPU is filled by many trainings in one vectorised program, whose float
sums are in another order than one training's. Beside a framework with threads of its own, trials
run one after another.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from typing import Any

import keras

from mnistlab.comparing.plan import Trial
from mnistlab.comparing.programs import History, Program, Splits, Tested
from mnistlab.comparing.results import State, TrialRecord
from mnistlab.data import Dataset
from mnistlab.errors import MnistlabError
from mnistlab.training.environment import cores

Keyed = tuple[str, Trial]
"""A trial's key and the trial."""


TOGETHER = 32
"""Trials in one program on a GPU."""


class Stopped(Exception):
    """The study was interrupted; the trial under way is dropped."""


class LocalExecutor:
    """Runs trials on the cores of this machine, or on its GPU."""

    def __init__(
        self, dataset: Dataset, workers: int | None = None, vectorised: bool | None = None
    ) -> None:
        """Run as many trials at once as is best here, unless `workers` says otherwise.

        Beside a framework with threads of its own, which draws from one generator, it is one.

        `vectorised`: trials that share a program run as one program, as is done on a GPU.
        """
        asked = workers if keras.config.backend() == "jax" else None
        self.workers = asked or default_workers()
        self.vectorised = on_gpu() if vectorised is None else vectorised
        self.programs: dict[str, Program] = {}
        self._splits = Splits(dataset)
        self._building = threading.Lock()
        self._stop = threading.Event()

    @property
    def compilations(self) -> int:
        """How many epochs were compiled: to train, to validate and to test, for each program."""
        return sum(program.compilations for program in self.programs.values())

    def run(self, trials: Sequence[Keyed]) -> Iterator[list[TrialRecord]]:
        """Yield the records of what ran as one, as it ends. If the caller stops, no more begin."""
        self._stop.clear()
        with ThreadPoolExecutor(1 if self.vectorised else self.workers, "trial") as pool:
            futures: list[Future[list[TrialRecord]]] = [
                pool.submit(self._run, batch) for batch in self._batches(trials)
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

    def _batches(self, trials: Sequence[Keyed]) -> list[list[Keyed]]:
        """Cut trials into what runs as one: single ones, or those of one program and length."""
        if not self.vectorised:
            return [[keyed] for keyed in trials]
        alike: dict[Any, list[Keyed]] = {}
        for key, trial in trials:
            alike.setdefault((trial.program, trial.settings.epochs), []).append((key, trial))
        return [
            group[begin : begin + self.workers]
            for group in alike.values()
            for begin in range(0, len(group), self.workers)
        ]

    def _run(self, batch: list[Keyed]) -> list[TrialRecord]:
        """Run a batch; what goes wrong in it is its result."""
        begun = time.perf_counter()
        try:
            return self._train(batch)
        except (Stopped, MnistlabError):
            raise
        except Exception as error:  # noqa: BLE001  # whatever it is, other trials go on
            if len(batch) > 1:  # too many for the memory, or one of them breaks
                return [record for keyed in batch for record in self._run([keyed])]
            said = f"{type(error).__name__}: {error}".splitlines()[0][:500]
            seconds = time.perf_counter() - begun
            return [failed_record(batch[0], seconds, said)]

    def _train(self, batch: list[Keyed]) -> list[TrialRecord]:
        trials = [trial for _, trial in batch]
        program = self.program(trials[0])
        begun = time.perf_counter()
        compiled = program.compile_seconds
        if len(trials) == 1 or program.by_fit is not None:
            found = [program.run(trial, self._go_on) for trial in trials]
        else:
            # Filled up to one size, so that one compilation serves all batches.
            filled = [*trials, *trials[-1:] * (self.workers - len(trials))]
            found = program.run_together(filled, self._go_on)[: len(trials)]
        compiled = program.compile_seconds - compiled
        seconds = (time.perf_counter() - begun - compiled) / len(trials)
        spent = (program.steps, seconds, compiled / len(trials))
        return [_record(*keyed, *each, spent) for keyed, each in zip(batch, found, strict=True)]

    def _go_on(self) -> None:
        if self._stop.is_set():
            raise Stopped


def _record(
    key: str,
    trial: Trial,
    history: History,
    tested: Tested | None,
    spent: tuple[int, float, float],
) -> TrialRecord:
    """Make a record; `spent` is steps an epoch, seconds, and seconds of compiling beside them."""
    state: State = "complete" if all(map(math.isfinite, history["loss"])) else "diverged"
    accuracy, loss, n = tested or (None, None, 0)
    return TrialRecord(
        key, trial.arm.name, trial.seed, trial.learning_rate, state, history, accuracy, loss, n,
        *spent,
    )  # fmt: skip


def failed_record(keyed: Keyed, seconds: float, said: str) -> TrialRecord:
    """Make the record of a trial that broke after `seconds`, as `said`."""
    key, trial = keyed
    return TrialRecord(
        key, trial.arm.name, trial.seed, trial.learning_rate, "failed", {}, None, None, 0, 0,
        seconds, 0.0, said,
    )  # fmt: skip


def on_gpu() -> bool:
    """Say whether Keras on JAX computes on a GPU or TPU."""
    if keras.config.backend() != "jax":
        return False
    import jax

    return bool(jax.default_backend() != "cpu")


def default_workers() -> int:
    """Count the trials to run at once: one a core, TOGETHER on a GPU; one beside a framework
    that has threads of its own."""
    if keras.config.backend() != "jax":
        return 1
    if on_gpu():
        return TOGETHER
    return len(cores())
