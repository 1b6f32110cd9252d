"""A study's trials through one executor, timed: prints one JSON line.

`python -m benchmarks.scaling.trials --on nodes --workers 2 --trials 126`. Starting (Ray, its
workers, what every worker compiles) is apart. With `--tiny` a training takes milliseconds, so that
what is left is what batches and trials cost.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from mnistlab.comparing import batches as batching
from mnistlab.comparing.plan import Trial, make_arms
from mnistlab.comparing.start import start_keras
from mnistlab.data import load
from mnistlab.training.settings import TrainSettings

PLACES = ("here", "ray", "nodes")
"""The built-in executor; a Ray of one node; a Ray of two nodes, all on this machine."""
ARMS = ("adam", "adagrad", "adadelta")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", choices=PLACES, default="here")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=126)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--batch", type=int, help="trials of a batch on Ray, at most")
    options = parser.parse_args(arguments)
    print(json.dumps(measure(options)))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Time the start and the trials."""
    dataset = load("mnist")
    base = TrainSettings(epochs=options.epochs, validation=10_000, backend="jax")
    if options.tiny:
        dataset = replace(dataset, x_train=dataset.x_train[:128], y_train=dataset.y_train[:128],
                          x_test=dataset.x_test[:32], y_test=dataset.y_test[:32])  # fmt: skip
        base = replace(base, epochs=1, validation=64, model="linear")
    arms = make_arms("optimizer", ARMS, base)
    start_keras("jax", computes=options.on == "here")
    if options.batch:
        batching.LARGEST, batching.TASK_SECONDS = options.batch, 1e9
    begun = time.perf_counter()
    with place(options.on, dataset, options.workers) as executor:
        connected = time.perf_counter()
        warm = [
            ("", Trial(arm, s, 0.001, True)) for arm in arms for s in range(2 * executor.workers)
        ]
        warm = [(f"warm {n}", trial) for n, (_, trial) in enumerate(warm)]
        assert sum(map(len, executor.run(warm))) == len(warm)
        started = time.perf_counter()
        sent = getattr(executor, "batches", 0)
        trials = [(str(n), Trial(arms[n % len(arms)], n, 0.001, tested=True))
                  for n in range(options.trials)]  # fmt: skip
        records = [record for batch in executor.run(trials) for record in batch]
        ended = time.perf_counter()
        batches = getattr(executor, "batches", 0) - sent
    assert len(records) == options.trials
    return {
        "connect_seconds": connected - begun, "warm_seconds": started - connected,
        "seconds": ended - started, "batches": batches or options.trials,
        "trial_seconds": sum(record.seconds for record in records),
        "compile_seconds": sum(record.compile_seconds for record in records),
    }  # fmt: skip


@contextmanager
def place(on: str, dataset: Any, workers: int) -> Iterator[Any]:
    """Give the executor of a place."""
    if on == "here":
        from mnistlab.comparing.executor import LocalExecutor

        yield LocalExecutor(dataset, workers)
        return
    from mnistlab.comparing.ray_executor import LOCAL, import_ray, on_ray

    if on == "ray":
        with on_ray(LOCAL, dataset, workers) as executor:
            yield executor
        return
    import_ray()
    from ray.cluster_utils import Cluster

    cluster = Cluster(True, head_node_args={"num_cpus": workers - workers // 2})
    cluster.add_node(num_cpus=workers // 2)
    with on_ray(cluster.address, dataset) as executor:
        yield executor
    cluster.shutdown()


if __name__ == "__main__":
    main()
