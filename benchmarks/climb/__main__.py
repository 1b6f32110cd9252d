"""Train `cnn-best` from several seeds and test each, and ensembles of them, once.

`python -m benchmarks.climb --help`. The recipe was chosen by cross-validation over the training
split; every network is scored as it is after its last epoch, none is left out. Runs stay in --runs,
so that the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from itertools import combinations, islice
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np

from benchmarks.record import circumstances, record_path, save
from benchmarks.seeds import run_folder, seeds_for
from benchmarks.tutorial.processes import run
from mnistlab.comparing.statistics import summarize as summary_of
from mnistlab.evaluation.scores import wilson_interval
from mnistlab.training.environment import cores
from mnistlab.training.runs import Run
from mnistlab.training.settings import TrainSettings

MOST_ENSEMBLES = 1000


def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is not yet trained, score it, save the record."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.climb", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--model", default="cnn-best")
    parser.add_argument(
        "--settings",
        nargs="*",
        type=setting,
        default=[],
        metavar="NAME=VALUE",
        help="other than the model's recipe has, as in epochs=30 augment=shift=1,rotate=15",
    )
    parser.add_argument("--members", type=int, default=5, help="networks in an ensemble")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs/climb"), help="the trained networks"
    )
    parser.add_argument(
        "--workers", type=int, default=1, help="train so many at once, each on a core of its own"
    )
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    if not 1 <= options.workers <= len(cores()):
        parser.error(f"--workers is {options.workers}; there are {len(cores())} cores")
    given = [f"--seeds={options.seeds}", f"--model={options.model}", f"--members={options.members}"]
    given += [f"--workers={options.workers}"]
    if options.settings:
        given += ["--settings", *options.settings]
    record = circumstances("climb", given)
    runs = list(
        train_all(options.model, options.seeds, options.runs, options.workers, options.settings)
    )
    record["runs"] = [found for _, found in runs]
    record["summary"] = summarize(record["runs"])
    shares, labels = zip(*(test_outputs(path) for path, _ in runs), strict=True)
    record["ensembles"] = ensembles(np.stack(shares), labels[0], options.members)
    save(record, options.out or record_path(record))
    print(json.dumps({"summary": record["summary"], "ensembles": record["ensembles"]}, indent=1))


def setting(text: str) -> str:
    """Hold NAME=VALUE to be a setting of a training, and none that tells networks apart."""
    name = text.partition("=")[0].replace("-", "_")
    known = {each.name for each in fields(TrainSettings)} - {"model", "seed"}
    if "=" not in text or name not in known:
        listed = ", ".join(sorted(known))
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE, with a name of {listed}")
    return text


def train_all(
    model: str, seeds: int, folder: Path, workers: int, settings: Sequence[str] = ()
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Train and test with so many seeds, `workers` at once, each on a core and one device."""
    free: SimpleQueue[int] = SimpleQueue()
    for core in cores():
        free.put(core)

    def settle() -> None:
        # Of this thread alone, and of the processes that it starts.
        if workers > 1:
            os.sched_setaffinity(0, {free.get()})

    words = [f"--{setting}" for setting in settings]
    words += ["--devices=1"] if workers > 1 else []
    with ThreadPoolExecutor(workers, initializer=settle) as pool:
        each = seeds_for(model, seeds)
        yield from pool.map(lambda seed: train(model, seed, folder, words), each)


def train(
    model: str, seed: int, folder: Path, more: Sequence[str] = ()
) -> tuple[Path, dict[str, Any]]:
    """Train and test one network, or go on with it; give its folder and what it came to."""
    path = run_folder(folder, model, seed)
    words = [f"--model={model}", f"--seed={seed}", f"--out={path}", *more]
    if path.exists():
        words = [f"--resume={path}"]
        check_settings(path, more)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = json.loads(run([sys.executable, "-m", "mnistlab", "train", *words, "--json"]).stdout)
    found = {
        "seed": seed,
        "test_accuracy": document["test"]["accuracy"],
        "epochs": len(document["history"]["loss"]),
        # A run that was resumed has in its history what all its epochs took.
        "training_seconds": sum(_epoch_seconds(path)),
        "config": document["config"],
    }
    print(f"seed {seed}: {100 * found['test_accuracy']:.2f} %", file=sys.stderr, flush=True)
    return path, found


def check_settings(path: Path, words: Sequence[str]) -> None:
    """End where a run of --runs is of other settings than are asked for."""
    config = asdict(Run.open(path).settings)
    for word in words:
        name, _, value = word.removeprefix("--").partition("=")
        if str(config.get(name.replace("-", "_"))) != value:
            sys.exit(f"{path} was not trained with {word}; give another folder as --runs")


def _epoch_seconds(path: Path) -> list[float]:
    return Run.open(path).read_history()["seconds"]


def test_outputs(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Give a run's probabilities for the test images (n, 10), and their labels (n,)."""
    from mnistlab.data import load
    from mnistlab.models.backend import use_backend

    use_backend("jax")
    from mnistlab.training.train import load_model

    run = Run.open(path)
    dataset = load(run.settings.dataset)
    shares = load_model(run).predict(dataset.x_test, batch_size=1000, verbose=0)
    return np.asarray(shares, np.float64), dataset.y_test


def summarize(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Give mean, sd and interval of test accuracy over seeds, and of the seconds."""
    return {
        "test_accuracy": asdict(summary_of([each["test_accuracy"] for each in runs])),
        "training_seconds": asdict(summary_of([each["training_seconds"] for each in runs])),
    }


def ensembles(shares: np.ndarray, labels: np.ndarray, members: int) -> dict[str, Any]:
    """Score geometric means of `members` networks' probabilities, as the model `ensemble` takes.

    `shares` is (networks, n, classes). Of all choices of members, which overlap, so that their
    spread is less than that of fresh ensembles; and the one of all networks.
    """
    logs = np.log(np.maximum(shares, 1e-30))
    count = min(math.comb(len(shares), members), MOST_ENSEMBLES)
    chosen = list(islice(combinations(range(len(shares)), members), count))
    accuracies = [_accuracy(logs[list(each)], labels) for each in chosen]
    everyone = _accuracy(logs, labels)
    right = round(everyone * len(labels))
    return {
        "members": members,
        "choices": len(chosen),
        "mean": float(np.mean(accuracies)),
        "least": min(accuracies),
        "most": max(accuracies),
        "all": {
            "members": len(shares),
            "test_accuracy": everyone,
            "n": len(labels),
            "interval": list(wilson_interval(right, len(labels))),
        },
    }


def _accuracy(logs: np.ndarray, labels: np.ndarray) -> float:
    return float((logs.mean(axis=0).argmax(axis=1) == labels).mean())


if __name__ == "__main__":
    main()
