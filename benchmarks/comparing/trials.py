"""Trials of the tutorial's model through the study's executor, timed: prints one JSON line.

`python -m benchmarks.comparing.trials --workers 2 --trials 8`. Compiling is apart: one trial a
worker runs before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence

from mnistlab.comparing.plan import Trial, make_arms
from mnistlab.comparing.start import start_keras
from mnistlab.data import load
from mnistlab.training.settings import TrainSettings

EPOCHS, HELD_OUT = 3, 10_000


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the trials and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, help="at once; as a study has them unless given")
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    start_keras("jax")
    from mnistlab.comparing.executor import LocalExecutor

    dataset = load("mnist")
    base = TrainSettings(epochs=EPOCHS, validation=HELD_OUT, backend="jax")
    arm, _ = make_arms("optimizer", ["adam", "sgd"], base)
    executor = LocalExecutor(dataset, options.workers)
    warm = [(f"warm {n}", Trial(arm, n, 0.001, tested=True)) for n in range(executor.workers)]
    list(executor.run(warm))
    seeds = range(options.seed, options.seed + options.trials)
    trials = [(str(seed), Trial(arm, seed, 0.001, tested=True)) for seed in seeds]
    begun = time.perf_counter()
    records = [record for batch in executor.run(trials) for record in batch]
    seconds = time.perf_counter() - begun
    accuracies = [record.test_accuracy for record in records]
    print(json.dumps({"seconds": seconds / len(records), "test_accuracy": accuracies}))


if __name__ == "__main__":
    main()
