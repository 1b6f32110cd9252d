"""Trials on Ray: one started on this machine, or a cluster.

    trials → batches of one program → Ray tasks, a core (or a GPU) each → records

Data and arms are put into Ray's object store, from which each node has them once. There are never
more than two batches a core under way, however large the study. The trials of a batch whose worker
or node died are tried again one by one, RETRIES times each: what kills its worker fails alone.
Nothing is kept here: records go to the study's file batch by batch.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import keras

from mnistlab.comparing.batches import RETRIES, Batch, Waiting, batch_size, fair_share
from mnistlab.comparing.executor import TOGETHER, Keyed, failed_record
from mnistlab.comparing.ray_worker import (
    Answer,
    deciding_versions,
    difference,
    look,
    portable,
    run_batch,
)
from mnistlab.comparing.results import TrialRecord
from mnistlab.data import Dataset
from mnistlab.errors import MnistlabError, OptionError

LOCAL = "local"
"""The address of a Ray that is started here, for this study."""
PATIENCE = 300.0
"""Seconds that a cluster may have no core at all: an autoscaler needs a while."""
LOOK_SECONDS = 5.0
"""How often the cluster's size is asked for."""

# Read when Ray is imported: it sends nothing home, and prints nothing of its own on stdout, which
# is for results. Its logs stay in its own folder.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


class RayExecutor:
    """Runs trials on the Ray that this process is connected to."""

    def __init__(self, dataset: Dataset, workers: int | None = None) -> None:
        """Look at every node, and put `dataset` into the object store.

        `workers` bounds the trials at once. Raises OptionError for a node that cannot take part.
        """
        self._ray = import_ray()
        self._most, self._study = workers, uuid.uuid4().hex
        self._expected = deciding_versions()
        self._gpu = check_nodes(self._expected)
        self._data = self._ray.put(dataset)
        # Ray lets a worker go after one task on a GPU, unless told otherwise.
        gpu = {"num_gpus": 1, "max_calls": 0} if self._gpu else {}
        self._task = self._ray.remote(num_cpus=1, max_retries=0, **gpu)(run_batch)
        self._costs: dict[Any, float] = {}  # of a trial in seconds, by kind of batch
        self._looked, self._alive = -LOOK_SECONDS, time.monotonic()
        self.batches, self.again = 0, 0
        """Batches sent; trials sent again, because a worker or a node died."""
        self._look()

    def run(self, trials: Sequence[Keyed]) -> Iterator[list[TrialRecord]]:
        """Yield the records of each batch as it ends. If the caller stops, all is cancelled."""
        places = {arm: i for i, arm in enumerate(dict.fromkeys(t.arm for _, t in trials))}
        self._arms, self._costs = list(map(portable, places)), {}
        shared = (self._study, self._data, self._ray.put(self._arms), self._expected)
        waiting = Waiting(trials, places)
        ended: SimpleQueue[Future[Answer]] = SimpleQueue()
        running: dict[Future[Answer], tuple[Any, Batch]] = {}
        try:
            while waiting.count or running:
                self._look()
                while waiting.count and len(running) < self._room:
                    batch = waiting.take(self._size)
                    sent = self._task.remote(*shared, batch.jobs)
                    future = sent.future()
                    running[future] = (sent, batch)
                    future.add_done_callback(ended.put)
                    self.batches += 1
                try:
                    future = ended.get(timeout=LOOK_SECONDS)
                except Empty:
                    continue
                found = self._outcome(future, running.pop(future)[1], waiting)
                if found:
                    yield found
        finally:
            for sent, _ in running.values():
                self._ray.cancel(sent, force=True)

    @property
    def _room(self) -> int:
        """Batches under way at most: one waits for each core, where cores are not bounded."""
        return self.workers if self._most else 2 * self.workers

    def _size(self, kind: Any, waiting: int) -> int:
        """Decide how many trials the next batch has; on a GPU they are one program."""
        if self._gpu:
            return min(TOGETHER, fair_share(waiting, self.workers))
        return batch_size(self._costs.get(kind), waiting, self.workers)

    def _outcome(self, future: Future[Answer], batch: Batch, waiting: Waiting) -> list[TrialRecord]:
        """Give the records of a batch that ended; where it was lost, of those given up."""
        errors = self._ray.exceptions
        try:
            answer = future.result()
        except errors.RayTaskError as error:
            raise MnistlabError(f"a node cannot run a trial: {_last_line(error)}") from None
        except errors.RayError as error:
            said = f"its worker died {RETRIES + 1} times, at last by {type(error).__name__}"
            given_up = [job for job in batch.jobs if not waiting.back(batch.kind, job)]
            self.again += len(batch.jobs) - len(given_up)
            return [failed_record(job.keyed(self._arms), 0.0, said) for job in given_up]
        if answer.refused:
            raise OptionError(f"a node of the cluster: {answer.refused}")
        spent = sum(record.seconds for record in answer.records)
        self._costs[batch.kind] = max(spent / len(batch.jobs), 1e-6)
        return answer.records

    def _look(self) -> None:
        """See how many trials can run at once: a cluster grows and shrinks.

        Raises MnistlabError where there has been nothing to run them for PATIENCE seconds.
        """
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        there = int(self._ray.cluster_resources().get("GPU" if self._gpu else "CPU", 0))
        self._looked = now
        self._alive = now if there else self._alive
        if now - self._alive > PATIENCE:
            raise MnistlabError(
                f"the cluster has had no worker for {PATIENCE:.0f} s; what is finished is kept: "
                "the same command goes on"
            )
        self.workers = max(1, min(there, self._most or there))


@contextmanager
def on_ray(address: str, dataset: Dataset, workers: int | None = None) -> Iterator[RayExecutor]:
    """Connect to the Ray at `address`, or start one if it is LOCAL, for the time of a study.

    A connection that this process has already is used, and left. Raises OptionError where there
    is no such cluster, or one of other versions; MnistlabError where it goes away.
    """
    ray = import_ray()
    ours = not ray.is_initialized()
    if ours:
        _connect(ray, address, dataset, workers)
    try:
        yield RayExecutor(dataset, workers)
    except (ray.exceptions.RayError, ConnectionError) as error:
        raise MnistlabError(
            f"the connection to Ray is lost: {_last_line(error)}; what is finished is kept: the "
            "same command goes on"
        ) from None
    finally:
        if ours:
            ray.shutdown()


def import_ray() -> Any:
    """Import Ray, quietly."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import ray

    return ray


def _connect(ray: Any, address: str, dataset: Dataset, workers: int | None) -> None:
    options: dict[str, Any] = {"address": address, "log_to_driver": False}
    if address == LOCAL:
        size = sum(array.nbytes for array in dataset.arrays)
        options |= {"num_cpus": workers, "include_dashboard": False}
        options["object_store_memory"] = 2**28 + 2 * size
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        if port.isdigit():  # Ray itself would try for minutes
            socket.create_connection((host, int(port)), timeout=10).close()
        with warnings.catch_warnings():
            # Of starting processes beside JAX's threads: nothing of JAX runs in them.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            ray.init(logging_level="CRITICAL", **options)
    except (OSError, OverflowError, RuntimeError, ValueError, ImportError) as error:
        raise OptionError(
            f"no Ray to work with at '{address}': {_last_line(error)}; to start one: "
            "ray start --head"
        ) from None


def check_nodes(expected: dict[str, str]) -> bool:
    """Say whether trials go to GPUs: all, if any node has one that JAX can use.

    Raises OptionError for a node without mnistlab, or whose versions are not those expected.
    """
    ray = import_ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    nodes = [n for n in ray.nodes() if n["Alive"] and n["Resources"].get("CPU")]
    ask = ray.remote(num_cpus=0, max_retries=0)(look)
    places = [NodeAffinitySchedulingStrategy(node["NodeID"], soft=False) for node in nodes]
    asked = [ask.options(scheduling_strategy=place).remote() for place in places]
    gpus = False
    for node, answer in zip(nodes, asked, strict=True):
        name = node["NodeManagerAddress"]
        try:
            here, plugin = ray.get(answer)
        except ray.exceptions.RayError as error:
            raise OptionError(
                f"the node {name} cannot run mnistlab ({_last_line(error)}); install there what "
                f"is here: pip install 'mnistlab[ray]=={expected['mnistlab']}'"
            ) from None
        if here != expected:
            raise OptionError(
                f"the node {name} has {difference(expected, here)}; all of a study's trials "
                "need the versions of the process that asks for them"
            )
        gpus = gpus or (plugin and node["Resources"].get("GPU", 0) >= 1)
    return gpus and keras.config.backend() == "jax"


def _last_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:300]
