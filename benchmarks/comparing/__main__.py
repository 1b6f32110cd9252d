"""Measure studies side by side with other ways to train: `python -m benchmarks.comparing --help`.

The unit is one training of the tutorial's model as a study does it, compiling apart: 3 epochs of
50,000 images, after each of them validated on 10,000 others, and tested at the end. Each round
gives everybody a turn, in fresh processes. Keras' `fit` and `evaluate` score in batches of 32, as
they do unless told otherwise; the PyTorch loop all images at once.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.comparing.trials import EPOCHS, HELD_OUT
from benchmarks.record import circumstances, record_path, save
from benchmarks.tutorial.job import Job
from benchmarks.tutorial.processes import rotated, run
from benchmarks.tutorial.summary import spread

IMAGES = 60_000 - HELD_OUT
OURS = ("study", "one by one")
OTHERS = ("torch-loop", "keras-jax-50", "keras-tensorflow")
QUESTION = ("optimizer", "adam", "adagrad", "adadelta")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, and save the record."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.comparing", description="Measure how fast a study trains."
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=8, help="trials of a study a turn")
    parser.add_argument("--core-python", default=sys.executable, help="for mnistlab itself")
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    parser.add_argument("--only", nargs="*", choices=[*OURS, *OTHERS], default=[*OURS, *OTHERS])
    options = parser.parse_args(arguments)
    if "study" not in options.only:
        parser.error("--only needs study among them: ratios are to it")
    given = [f"--rounds={options.rounds}", f"--trials={options.trials}"]
    if options.only != [*OURS, *OTHERS]:
        given += ["--only", *options.only]
    if options.core_python != sys.executable:
        given.append("--core-python=CORE_PYTHON")
    record = {**circumstances("comparing", given), "rounds": options.rounds}
    python = str(Path(options.core_python).absolute())
    record["trainings"] = measure(options.only, options.rounds, options.trials, python)
    record["studies"] = [whole_study(python) for _ in range(options.rounds)]
    record["summary"] = summarize(record)
    save(record, options.out or record_path(record))
    print(json.dumps(record["summary"], indent=1))


def measure(names: Sequence[str], rounds: int, trials: int, python: str) -> list[dict[str, Any]]:
    """Time one training by each of `names`, in every round."""
    found = []
    for turn in range(rounds):
        for name in rotated(names, turn):
            seconds = one_training(name, turn, trials, python)
            print(f"round {turn + 1}: {name} {seconds:.2f} s a training", file=sys.stderr)
            found.append({"round": turn, "contender": name, "seconds": seconds})
    return found


def one_training(name: str, turn: int, trials: int, python: str) -> float:
    """Give the seconds that `name` takes for one training, compiling apart."""
    if name in OTHERS:
        job = Job(IMAGES, EPOCHS, seed=turn + 1, held_out=HELD_OUT)
        command = [sys.executable, "-m", "benchmarks.tutorial.contenders", name, *job.options()]
        measured = json.loads(run(command).stdout.splitlines()[-1])
        return float(EPOCHS * median(measured["epochs"][1:]) + measured["seconds"]["test"])
    count = {"study": [], "one by one": ["--workers=1"]}[name]
    words = [f"--trials={trials}", f"--seed={1 + trials * turn}", *count]
    command = [python, "-m", "benchmarks.comparing.trials", *words]
    return float(json.loads(run(command).stdout.splitlines()[-1])["seconds"])


def whole_study(python: str) -> dict[str, Any]:
    """Time the command with its whole protocol, from the shell to the report."""
    with tempfile.TemporaryDirectory() as folder:
        out = f"--out={folder}/study"
        ended = run([python, "-m", "mnistlab", "compare", *QUESTION, out, "--json"])
    document = json.loads(ended.stdout)
    trials = sum(arm["trials"] for arm in document["arms"])
    print(f"the study: {ended.seconds:.0f} s, {trials} trials", file=sys.stderr)
    result = {name: document[name] for name in ("axis", "arms", "differences")}
    return {
        "seconds": ended.seconds, "trials": trials, "peak_mib": ended.peak_mib, "result": result,
    }  # fmt: skip


def summarize(record: dict[str, Any]) -> dict[str, Any]:
    """Give medians, least and greatest, and ratios to the study's of the same round."""
    by_round: dict[int, dict[str, float]] = {}
    for each in record["trainings"]:
        by_round.setdefault(each["round"], {})[each["contender"]] = each["seconds"]
    rounds = list(by_round.values())
    names = rounds[0]
    return {
        "n": len(rounds),
        "seconds_a_training": {n: spread(r[n] for r in rounds) for n in names},
        "times_the_study": {n: spread(r[n] / r["study"] for r in rounds) for n in names},
        "whole_study_seconds": spread(each["seconds"] for each in record["studies"]),
    }


if __name__ == "__main__":
    main()
