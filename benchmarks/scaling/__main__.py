"""Measure what Ray costs, and the driver and its file: `python -m benchmarks.scaling --help`.

Each round gives the built-in executor, a Ray of one node and a Ray of two a turn, in fresh
processes, with the same number of cores; the next round begins with another. Ray's start is apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.record import circumstances, record_path, save
from benchmarks.scaling.trials import PLACES
from benchmarks.tutorial.processes import rotated, run
from benchmarks.tutorial.summary import spread
from mnistlab.training.environment import cores

BATCHES = (1, 10, 100)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and save the record."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling", description="Measure what Ray costs a study."
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=126, help="trainings of the study")
    parser.add_argument("--tiny", type=int, default=2000, help="trials that take next to no time")
    parser.add_argument("--rows", type=int, default=100_000, help="of the file that is filled")
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    names = ("rounds", "trials", "tiny", "rows")
    given = [f"--{n}={getattr(options, n)}" for n in names
             if getattr(options, n) != parser.get_default(n)]  # fmt: skip
    record = {**circumstances("scaling", given), "reduced": bool(given)}
    record["workers"] = max(2, len(cores()))
    record["studies"] = studies(options.rounds, options.trials, record["workers"])
    record["batches"] = batches(options.rounds, options.tiny, record["workers"])
    record["file"] = child("store", f"--rows={options.rows}")
    record["summary"] = summarize(record)
    save(record, options.out or record_path(record))
    print(json.dumps(record["summary"], indent=1))


def child(module: str, *words: str) -> dict[str, Any]:
    """Run a part of the benchmark in a process of its own."""
    ended = run([sys.executable, "-m", f"benchmarks.scaling.{module}", *words])
    print(f"{module} {' '.join(words)}: {ended.seconds:.0f} s", file=sys.stderr)
    return {**json.loads(ended.stdout.splitlines()[-1]), "peak_mib": ended.peak_mib}


def studies(rounds: int, trials: int, workers: int) -> list[dict[str, Any]]:
    """Time the trainings of a study in every place, by turns."""
    return [
        {"round": turn, "on": on,
         **child("trials", f"--on={on}", f"--trials={trials}", f"--workers={workers}")}
        for turn in range(rounds)
        for on in rotated(PLACES, turn)
    ]  # fmt: skip


def batches(rounds: int, trials: int, workers: int) -> list[dict[str, Any]]:
    """Time trials that take next to nothing, in batches of several sizes."""
    found = []
    for turn in range(rounds):
        for on, size in (("here", 1), *(("ray", size) for size in BATCHES)):
            words = [f"--on={on}", "--tiny", f"--trials={trials}", f"--workers={workers}"]
            measured = child("trials", *words, f"--batch={size}")
            found.append({"round": turn, "on": on, "size": size, **measured})
    return found


def summarize(record: dict[str, Any]) -> dict[str, Any]:
    """Give overheads as medians with least and greatest; ratios are within a round."""
    by_round: dict[int, dict[str, Any]] = {}
    for each in record["studies"]:
        by_round.setdefault(each["round"], {})[each["on"]] = each
    turns = list(by_round.values())
    workers = record["workers"]
    # A core's time that is not a trial's, for each batch.
    cost = {
        f"{on} {size}": spread(
            1000 * (workers * e["seconds"] - e["trial_seconds"]) / e["batches"]
            for e in record["batches"]
            if (e["on"], e["size"]) == (on, size)
        )
        for on, size in (("here", 1), *(("ray", size) for size in BATCHES))
    }
    commits = record["file"]["commits"]
    return {
        "n": len(turns),
        "seconds": {on: spread(t[on]["seconds"] for t in turns) for on in PLACES},
        "times_here": {on: spread(t[on]["seconds"] / t["here"]["seconds"] for t in turns)
                       for on in PLACES[1:]},
        "start_seconds": {on: spread(t[on]["connect_seconds"] + t[on]["warm_seconds"]
                                     for t in turns) for on in PLACES},
        "core_seconds_a_training": median(
            e["trial_seconds"] for e in record["studies"] if e["on"] == "here"
        ) / record["studies"][0]["batches"] if record["studies"] else None,
        "core_ms_a_batch": cost,
        "rows_a_second": {str(size): [e["rows_a_second"] for e in commits if e["batch"] == size]
                          for size in (1, 100)},
        "bytes_a_row": 1e6 * commits[-1]["mb"] / commits[-1]["rows"],
        "driver_cpu_ms_a_trial": record["file"]["study"]["cpu_ms_a_trial"],
        "driver_mib_a_thousand": record["file"]["study"]["mib_a_thousand"],
    }  # fmt: skip


if __name__ == "__main__":
    main()
