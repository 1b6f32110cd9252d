"""Messages and progress on stderr, results on stdout."""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from mnistlab.data import Progress


NARROWEST = 40
"""Columns that results have on any terminal: what is set in fewer, nobody can read."""
STEERING = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
NO_TEXT = re.compile("[\ud800-\udfff]")
SLOWEST = 3600.0
"""Seconds an epoch may take and what remains be told all the same."""


def say(message: str) -> None:
    """Write one message to stderr; where nobody can hear it, that is no failure.

    What would steer a terminal, in a file's name say, is written as `?`.
    """
    with contextlib.suppress(OSError):
        print(shown(message), file=sys.stderr, flush=True)


def shown(text: str) -> str:
    """Give a text without what would steer a terminal, line ends apart."""
    return STEERING.sub("?", text)


def print_json(value: Any) -> None:
    """Write one JSON document to stdout; what is not finite as null.

    What is no text in a file's name is escaped, so that the document is.
    """
    document = json.dumps(finite(value), ensure_ascii=False, allow_nan=False)
    print(NO_TEXT.sub(lambda found: f"\\u{ord(found[0]):04x}", document))


def results(narrowest: int = NARROWEST) -> Console:
    """Give the console of results: stdout, no markup of its own.

    On a terminal of fewer columns than `narrowest` lines are longer than it is wide.
    """
    from rich.console import Console

    console = Console(highlight=False, markup=False)
    console.width = max(console.width, narrowest)
    return console


def messages() -> Console:
    """Give the console of messages: stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


@contextmanager
def download_progress() -> Iterator[Progress]:
    """Show a bar for what is fetched, from the first message on; nothing if all is at hand."""
    bar: Any = None
    task: Any = None
    label = ""

    def progress(message: str, done: int | None, total: int | None) -> None:
        nonlocal bar, task, label
        if bar is None:
            bar = _download_bar()
            bar.start()
        if message != label:
            if task is not None:
                bar.remove_task(task)
            task, label = bar.add_task(message, total=total), message
            if not bar.console.is_terminal:
                say(message)
        bar.update(task, completed=done or 0, total=total)

    try:
        yield progress
    finally:
        if bar is not None:
            bar.stop()


class EpochProgress:
    """A bar over the epochs on a terminal, a line for each epoch elsewhere.

    `unit` is what is counted, where that is something longer than an epoch.
    """

    def __init__(self, epochs: int, unit: str = "epoch") -> None:
        """Begin at no epoch of `epochs`."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self.epochs, self.unit = epochs, unit
        console = messages()
        self.is_terminal = console.is_terminal
        self.bar = Progress(
            TextColumn(unit + " {task.completed:.0f}/{task.total:.0f}"),
            BarColumn(),
            TextColumn("{task.description}", markup=False),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            speed_estimate_period=SLOWEST,
        )
        first = f"compiling, then the first {unit}"
        self.task = self.bar.add_task(first, total=epochs)

    def __enter__(self) -> EpochProgress:
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()

    def advance(self, done: int, logs: dict[str, float], what: str = "") -> None:
        """Show that `done` epochs are done, and `what` the last of them was."""
        values = (f"{name} {value:.4f}" for name, value in sorted(logs.items()))
        text = "  ".join(filter(None, [what, *values]))
        if not self.is_terminal:
            say(f"{self.unit} {done}/{self.epochs}  {text}")
        self.bar.update(self.task, completed=done, description=text)


def _download_bar() -> Any:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    console = messages()
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def finite(value: Any) -> Any:
    """Replace floats that are not finite by None, which JSON can hold."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, float) and not (float("-inf") < value < float("inf")):
        return None
    return value
