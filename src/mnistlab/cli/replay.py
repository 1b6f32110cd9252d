"""`mnistlab replay`: the posts' cells in their order, their figures beside ours."""

from __future__ import annotations

import json as json_module
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli import BEGUN
from mnistlab.cli.console import EpochProgress, finite, print_json, results, say
from mnistlab.cli.interrupts import ended_by_interrupt, remembered_interrupt
from mnistlab.errors import OptionError, StorageError
from mnistlab.training.settings import TrainSettings

if TYPE_CHECKING:
    from mnistlab.comparing.posts import Replay

KINDS = (".png", ".svg")


def replay(
    seeds: int = typer.Option(3, help="How many seeds; each replays everything."),
    seed: int = typer.Option(1, help="The first of the seeds."),
    dataset: str = typer.Option("mnist", help="mnist, as the posts; or another, or your own."),
    classes: int | None = typer.Option(None, help="Classes of your own IDX or NPZ, if not 10."),
    most_epochs: int = typer.Option(
        60, help="Adam's epochs, at most, in search of the loss at which part two begins."
    ),
    plot: Path | None = typer.Option(None, help="Draw the losses into this file (PNG or SVG)."),
    out: Path | None = typer.Option(None, help="Keep the JSON document in this file, too."),
    force: bool = typer.Option(False, "--force", help="Replace files that are there already."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Run the tutorial's cells in their order, and print its figures beside ours.

    Part one; then Adam, Adagrad and Adadelta upon the same model: with the defaults of the
    tutorial's Keras, with today's, and after the epochs that the tutorial does not show.

    Example: mnistlab replay --seeds 3 --plot replay.png
    """
    settings = TrainSettings(dataset=dataset, classes=classes, seed=seed).check()
    _check_range("seeds", seeds, 1, 1000)
    _check_range("most-epochs", most_epochs, 3, 10_000)
    _check_range("seed", seed, 0, 2**32 - seeds)
    if plot is not None and plot.suffix.lower() not in KINDS:
        raise OptionError(f"--plot is {plot}; its name must end in {' or '.join(KINDS)}")
    for path in (plot, out):
        _check_place(path, force)
    try:
        done = _replay(settings, range(seed, seed + seeds), most_epochs)
    except KeyboardInterrupt:
        say("\nstopped; nothing was kept")
        raise
    document = _document(done)
    _keep(done, document, plot, out)
    if json:
        print_json(document)
    else:
        _print(done)


def _replay(settings: TrainSettings, seeds: range, most_epochs: int) -> Replay:
    """Load, train and test; give all that came of it, with its seconds."""
    from dataclasses import replace

    from mnistlab.cli.train import load_dataset, start_keras

    with ended_by_interrupt():
        data, load_seconds = load_dataset(settings)
        start_keras(settings)
        from mnistlab.comparing.replay import CELLS_PER_SEED
        from mnistlab.comparing.replay import replay as run

    begun = time.perf_counter()
    count = 0
    with (
        EpochProgress(CELLS_PER_SEED * len(seeds), unit="cell") as shown,
        remembered_interrupt() as check,
    ):

        def on_cell(what: str, logs: dict[str, float]) -> None:
            nonlocal count
            check()
            count += 1
            shown.advance(count, logs, what)

        done = run(settings, data, seeds, most_epochs, on_cell)
    now = time.perf_counter()
    seconds = {"load": load_seconds, "replay": now - begun, "total": now - BEGUN}
    return replace(done, seconds={name: round(value, 3) for name, value in seconds.items()})


def _document(done: Replay) -> dict[str, Any]:
    """Give the JSON document: what was run, with what, on what; the figures; what they say."""
    from mnistlab.reporting.replay_tables import FAIR, hidden_sentence
    from mnistlab.training.environment import versions

    return {
        "command": shlex.join(["mnistlab", *sys.argv[1:]]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        **done.to_json(),
        "notes": [hidden_sentence(done), FAIR],
    }


def _keep(done: Replay, document: dict[str, Any], plot: Path | None, out: Path | None) -> None:
    from mnistlab.files import write_atomic

    if out is not None:
        text = json_module.dumps(finite(document), indent=1, ensure_ascii=False, allow_nan=False)
        write_atomic(out, text + "\n")
        say(f"record: {out}")
    if plot is not None:
        from mnistlab.reporting.replay_figure import replay_figure

        chart = replay_figure(done)
        write_atomic(plot, chart.svg() if plot.suffix.lower() == ".svg" else chart.png())
        say(f"picture: {plot}")


def _print(done: Replay) -> None:
    from mnistlab.reporting.replay_tables import FAIR, hidden_sentence, replay_tables
    from mnistlab.reporting.tables import print_table

    console = results()
    for table in replay_tables(done):
        print_table(table, console)
    console.print(f"{hidden_sentence(done)}\n\n{FAIR}", soft_wrap=False)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise OptionError(f"{name} is {value}; it must be from {low} to {high}")


def _check_place(path: Path | None, force: bool) -> None:
    """Raise StorageError unless a file can be put at `path`, if there is one."""
    if path is None:
        return
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise StorageError(f"{path} is not a place for a file")
    if path.exists() and not force:
        raise StorageError(f"{path} exists already and is left as it is; --force replaces it")
