"""A study's trials cut into batches: large enough to cost little, small enough to lose little."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from mnistlab.comparing.plan import Arm, Trial
from mnistlab.comparing.ray_worker import Job

TASK_SECONDS = 2.0
"""A batch lasts about so long: many times what it costs, and little to lose."""
BATCHES_A_SECOND = 200
"""The most that one driver is to hear of: on very many cores batches last longer."""
LARGEST = 100
"""Trials of a batch. Their records travel in the answer itself: what is larger than 100 KB stays
in the worker's node until it is fetched, and can be lost with it."""
RETRIES = 3
"""How often a trial is tried again whose worker died."""


def batch_size(trial_seconds: float | None, waiting: int, workers: int) -> int:
    """Give the trials of the next batch; one while it is not known what they take.

    Towards the end batches are smaller, so that no worker waits for another's long one.

    >>> [batch_size(0.1, waiting, 4) for waiting in (1000, 80, 8)], batch_size(1.5, 1000, 4)
    ([20, 10, 1], 1)
    """
    if trial_seconds is None:
        return 1
    seconds = max(TASK_SECONDS, workers / BATCHES_A_SECOND)
    return min(LARGEST, fair_share(waiting, workers), max(1, round(seconds / trial_seconds)))


def fair_share(waiting: int, workers: int) -> int:
    """Give half of what would be each worker's share of the trials that wait."""
    return max(1, waiting // (2 * workers))


class Batch:
    """Trials that run as one task; `kind` is equal where they share a program."""

    def __init__(self, kind: Any, jobs: list[Job]) -> None:
        self.kind, self.jobs = kind, jobs


class Waiting:
    """Trials that are not yet sent. Arms take turns; what was lost goes first, one by one."""

    def __init__(self, trials: Sequence[tuple[str, Trial]], places: dict[Arm, int]) -> None:
        self.count = len(trials)
        self.lost: deque[Batch] = deque()
        self.tries: dict[str, int] = {}
        kinds: dict[Any, deque[Job]] = {}
        for key, trial in trials:
            place, rate = places[trial.arm], trial.learning_rate
            # A schedule is compiled in with its rate.
            kind = (place, None if trial.arm.settings.schedule == "constant" else rate)
            job = Job(key, place, trial.seed, rate, trial.tested)
            kinds.setdefault(kind, deque()).append(job)
        self._kinds = deque(kinds.items())

    def take(self, size_of: Callable[[Any, int], int]) -> Batch:
        """Take the next batch, of `size_of(kind, trials waiting)` trials at most."""
        if self.lost:
            batch = self.lost.popleft()
        else:
            kind, jobs = self._kinds.popleft()
            size = min(len(jobs), size_of(kind, self.count))
            batch = Batch(kind, [jobs.popleft() for _ in range(size)])
            if jobs:
                self._kinds.append((kind, jobs))
        self.count -= len(batch.jobs)
        return batch

    def back(self, kind: Any, job: Job) -> bool:
        """Take a lost trial back, unless it was lost too often."""
        self.tries[job.key] = self.tries.get(job.key, 0) + 1
        if self.tries[job.key] > RETRIES:
            return False
        self.lost.append(Batch(kind, [job]))
        self.count += 1
        return True
