"""Measure the tutorial's job side by side: `python -m benchmarks.tutorial --help`."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.record import circumstances, record_path, save
from benchmarks.table import render
from benchmarks.tutorial.contenders import CONTENDERS
from benchmarks.tutorial.floor import measure_floor
from benchmarks.tutorial.job import Job, add_options, job_of
from benchmarks.tutorial.processes import ProcessFailed, rotated, run
from benchmarks.tutorial.summary import summarize
from benchmarks.tutorial.whole import MODULES, Place, interpreter, prepared_place, run_whole

EXAMPLE = "Example: python -m benchmarks.tutorial --rounds 5 --core-python .venv-core/bin/python"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.tutorial",
        description="Measure the tutorial's job, by turns, each contender in a fresh process.",
        epilog=EXAMPLE,
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", choices=CONTENDERS, metavar="NAME", help=", ".join(CONTENDERS)
    )
    parser.add_argument("--skip-whole-process", action="store_true")
    parser.add_argument(
        "--core-python", help="interpreter with mnistlab's dependencies alone, for whole processes"
    )
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    add_options(parser)
    options = parser.parse_args(arguments)
    if min(options.rounds, options.images, options.epochs) < 1:
        parser.error("--rounds, --images and --epochs are 1 or more")
    return options


def say(message: str) -> None:
    """Write progress to stderr."""
    print(message, file=sys.stderr, flush=True)


def main() -> None:
    """Measure, and save the record; that of a reduced job only where --out says so."""
    options = parse()
    try:
        record = measure(options)
    except KeyboardInterrupt:
        say("stopped; nothing was written")
        sys.exit(130)
    out = options.out or (None if record["reduced"] else record_path(record))
    if out is None:
        print(json.dumps(record, indent=1))
        return
    save(record, out)
    print(render(record))
    say(f"record: {out}")


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Measure all rounds; give the record."""
    job, record = job_of(options), begin_record(options)
    names = [name for name in options.only or CONTENDERS if name not in record["skipped"]]
    with ExitStack() as stack:
        place, pythons = None, {}
        if not options.skip_whole_process:
            place = stack.enter_context(prepared_place(job))
            pythons = choose_pythons(names, options.core_python)
            record["whole_process_python"] = {
                name: "full" if python == sys.executable else "core"
                for name, python in pythons.items()
            }
            warm_caches(pythons, job, place)
        for turn in range(options.rounds):
            say(f"round {turn + 1} of {options.rounds}")
            ours = replace(job, seed=job.seed + turn)
            record["floor"].append(
                {"round": turn, "one_core": measure_floor(1), "all_cores": measure_floor(None)}
            )
            for name in rotated(names, turn):
                record["training"].append(measure_training(name, ours, turn))
            for name in rotated(list(pythons), turn):
                measured = measure_whole(name, pythons[name], ours, turn, place)
                record["whole_process"].append(measured)
    return {**record, "summary": summarize(record)}


def begin_record(options: argparse.Namespace) -> dict[str, Any]:
    """Make a record with nothing measured yet, and say which contenders cannot take part."""
    job = job_of(options)
    asked = options.only or CONTENDERS
    skipped = [name for name in asked if not importlib.util.find_spec(CONTENDERS[name].module)]
    for name in skipped:
        say(f"{name} is left out: {CONTENDERS[name].module} is not installed")
    return {
        **circumstances("tutorial", command_options(options)),
        "reduced": job.reduced,
        "job": {"images": job.images, "epochs": job.epochs, "first_seed": job.seed},
        "rounds": options.rounds,
        "skipped": skipped,
        "whole_process_python": {},
        "training": [],
        "whole_process": [],
        "floor": [],
    }


def command_options(options: argparse.Namespace) -> list[str]:
    """Give the options as others would write them: without the paths of this machine."""
    given = [f"--rounds={options.rounds}"]
    if options.core_python:
        given.append("--core-python=CORE_PYTHON")
    if options.skip_whole_process:
        given.append("--skip-whole-process")
    if job_of(options) != Job():
        given += job_of(options).options()
    return [*given, "--only", *options.only] if options.only else given


def choose_pythons(names: Sequence[str], core_python: str | None) -> dict[str, str]:
    """Choose the interpreter of every whole process that is to be measured."""
    # Not resolved: a virtual environment's interpreter is a link out of it.
    core = str(Path(core_python).absolute()) if core_python else sys.executable
    return {name: interpreter(name, core) for name in names if name in MODULES}


def warm_caches(pythons: dict[str, str], job: Job, place: Place) -> None:
    """Run each whole process once, untimed: bytecode, compiled programs, the system's cache."""
    for name, python in pythons.items():
        say(f"warm-up: {name}")
        try:
            run_whole(name, python, replace(job, epochs=1), place)
        except (ProcessFailed, OSError) as error:
            say(f"failed: {error}")  # the rounds will record it


def measure_training(name: str, job: Job, turn: int) -> dict[str, Any]:
    """Run one contender; a failure is a measurement too, with `error`."""
    head = {"round": turn, "contender": name}
    command = [sys.executable, "-m", "benchmarks.tutorial.contenders", name, *job.options()]
    try:
        measured = json.loads(run(command).stdout.splitlines()[-1])
    except (ProcessFailed, ValueError, IndexError) as error:
        say(f"  {name} failed: {error}")
        return {**head, "error": str(error)}
    epochs = " ".join(f"{seconds:.2f}" for seconds in measured["epochs"])
    say(f"  {name}: epochs {epochs} s, test accuracy {measured['test_accuracy']:.4f}")
    return {**head, **measured}


def measure_whole(name: str, python: str, job: Job, turn: int, place: Place) -> dict[str, Any]:
    """Run one whole process; a failure is a measurement too, with `error`."""
    head = {"round": turn, "contender": name}
    try:
        finished = run_whole(name, python, job, place)
    except (ProcessFailed, OSError) as error:
        say(f"  {name}, whole process, failed: {error}")
        return {**head, "error": str(error)}
    say(f"  {name}, whole process: {finished.seconds:.2f} s, {finished.peak_mib:.0f} MiB")
    return {**head, "seconds": finished.seconds, "peak_mib": finished.peak_mib}


if __name__ == "__main__":
    main()
