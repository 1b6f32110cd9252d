"""Measure the sprints side by side: `python -m benchmarks.sprint --help`.

A sprint is `mnistlab train` with a recipe that was chosen on images of the training split, once
for each seed, in a fresh process; the test split is used once, after the last epoch. Its seconds
are those of training, checkpoints among them; compiling is stated apart, and is what a machine that
has not yet seen the program spends on it (a second run finds it in the cache).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.record import circumstances, record_path, save
from benchmarks.seeds import run_folder, seeds_for
from benchmarks.sprint.contenders import CONTENDERS
from benchmarks.tutorial.processes import ProcessFailed, rotated, run
from benchmarks.tutorial.summary import spread
from mnistlab.comparing.statistics import summarize as summary_of

SPRINTS: dict[str, list[str]] = {
    "99.0": ["--model=cnn-fast"],
    "99.5": [
        "--model=cnn-fast:filters=32x64x96", "--learning-rate=0.015", "--epochs=4",
        "--augment=shift=1", "--label-smoothing=0.02", "--batch-norm=measured", "--views=9",
    ],
    "99.7": [
        "--model=ensemble:members=3,filters=16x32x32x64x64,crop=1,pool_first=true,deskew=true",
        "--epochs=12", "--devices=1",
        "--augment=shift=1,rotate=12,scale=0.12,shear=0.12,elastic=0.5,thickness=0.4",
    ],
}  # fmt: skip
"""The command's options for each target, test accuracy in %."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, save the record, print its summary."""
    options = _parse(arguments)
    given = [f"--seeds={options.seeds}", f"--targets={','.join(options.targets)}"]
    given += [f"--rounds={options.rounds}", f"--contender-epochs={options.contender_epochs}"]
    record = circumstances("sprint", given)
    record["commands"] = {
        target: ["mnistlab", "train", *SPRINTS[target]] for target in options.targets
    }
    record["contenders"] = list(contenders(options.rounds, options.contender_epochs))
    record["sprints"] = {
        target: sprint(target, options.seeds, options.runs) for target in options.targets
    }
    record["summary"] = summarize(record)
    save(record, options.out or record_path(record))
    print(json.dumps(record["summary"], indent=1))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sprint", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--targets", type=lambda text: text.split(","), default=["99.0", "99.5"])
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender; 0 for none")
    parser.add_argument("--contender-epochs", type=int, default=3)
    parser.add_argument("--runs", type=Path, help="keep the trained networks in this folder")
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    if unknown := set(options.targets) - set(SPRINTS):
        parser.error(f"no sprint to {', '.join(sorted(unknown))}; there are {', '.join(SPRINTS)}")
    if taken := [run for run in _kept(options) if run.exists()]:
        parser.error(f"{taken[0]} is there already; --runs takes another folder")
    return options


def _kept(options: argparse.Namespace) -> list[Path]:
    """List the folders in which networks will be kept."""
    models = [_model(target) for target in options.targets] if options.runs else []
    return [
        run_folder(options.runs, model, seed)
        for model in models
        for seed in seeds_for(model, options.seeds)
    ]


def _model(target: str) -> str:
    return SPRINTS[target][0].removeprefix("--model=")


def sprint(target: str, seeds: int, runs: Path | None = None) -> list[dict[str, Any]]:
    """Train with so many seeds; the first compiles with nothing cached. Keep all in `runs`."""
    found = []
    model = _model(target)
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds_for(model, seeds):
            path = run_folder(runs or Path(folder), model, seed)
            words = [*SPRINTS[target], f"--seed={seed}", f"--out={path}", "--json"]
            environment = {"JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled"}
            ended = run([sys.executable, "-m", "mnistlab", "train", *words], environment)
            document = json.loads(ended.stdout)
            found.append(
                {
                    "seed": seed,
                    "test_accuracy": document["test"]["accuracy"],
                    "seconds": document["seconds"],
                    "epochs": len(document["history"]["loss"]),
                    "peak_mib": ended.peak_mib,
                }
            )
            _say(f"{target}, seed {seed}: {_in_words(found[-1])}")
    return found


def contenders(rounds: int, epochs: int) -> list[dict[str, Any]]:
    """Time each of the others' networks, by turns."""
    names = [name for name, each in CONTENDERS.items() if importlib.util.find_spec(each.module)]
    found = []
    for turn in range(rounds):
        for name in rotated(names, turn):
            words = [name, f"--epochs={epochs}", f"--seed={turn + 1}"]
            command = [sys.executable, "-m", "benchmarks.sprint.contenders", *words]
            try:
                measured = json.loads(run(command).stdout.splitlines()[-1])
            except ProcessFailed as error:
                measured = {"error": str(error)[-500:]}
            found.append({"round": turn, "contender": name, **measured})
            _say(f"round {turn + 1}: {name} {measured.get('epochs', measured)}")
    return found


def summarize(record: dict[str, Any]) -> dict[str, Any]:
    """Give accuracies with their intervals, seconds, and ratios to mnistlab's of one round."""
    by_round: dict[int, dict[str, float]] = {}
    for each in record["contenders"]:
        if "epochs" in each:
            seconds = median(each["epochs"][1:] or each["epochs"])
            by_round.setdefault(each["round"], {})[each["contender"]] = seconds
    ours = "convnet-mnistlab"
    rounds = [found for found in by_round.values() if ours in found]
    names = sorted({name for found in rounds for name in found})
    return {
        "sprints": {target: _summary(runs) for target, runs in record["sprints"].items()},
        "seconds_an_epoch": {n: spread(r[n] for r in rounds if n in r) for n in names},
        "times_mnistlab": {n: spread(r[n] / r[ours] for r in rounds if n in r) for n in names},
    }


def _summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "test_accuracy": asdict(summary_of([each["test_accuracy"] for each in runs])),
        "training_seconds": spread(each["seconds"]["train"] for each in runs),
        "compile_seconds_cold": runs[0]["seconds"]["compile"],
    }


def _in_words(found: dict[str, Any]) -> str:
    seconds = found["seconds"]
    times = f"{seconds['train']:.2f} s (compiling {seconds['compile']:.1f} s)"
    return f"{100 * found['test_accuracy']:.2f} % after {times}"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
