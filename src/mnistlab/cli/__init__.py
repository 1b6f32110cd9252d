"""The command: parse, call, print. Nothing imports this package.

Reading order: `app` (the commands and how they end) → `console` (stderr and stdout) → one module
for each command. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import io
import os
import signal
import sys
import time
import unicodedata
from typing import TextIO

BEGUN = time.perf_counter()
"""When this process came to be, as near as Python can tell."""

PLAIN = {"±": "+-", "−": "-", "–": "-", "—": "-", "×": "x", "·": ".", "→": "->", "†": "*", "“": '"',
         "”": '"', "’": "'", "█": "#", "▏": "|"}  # fmt: skip


def main() -> None:
    """Run the command line and exit."""
    # Most of what a command makes is modules, which stay: to look for garbage seldom saves 0.1 s.
    gc.set_threshold(100_000, 50, 50)
    # A stream that was closed by the caller takes what is written to it, and loses it.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    codecs.register_error("mnistlab", _plainly)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="mnistlab")
    from mnistlab.cli.interrupts import ended_by_interrupt

    with ended_by_interrupt():
        from mnistlab.cli.app import run

    try:
        code = run()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is done, and its code known
    except KeyboardInterrupt:  # while the last one was told of
        code = 130
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # Every file is closed by now. Taking JAX and Keras apart object by object costs 0.7 s.
    os._exit(code)


def _plainly(error: UnicodeError) -> tuple[str | bytes, int]:
    """Write what an encoding lacks in the letters that it has: `+-` for `±`, `u` for `ü`.

    Bytes of a file's name that were no text come out as they were.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    if "\udc80" <= text[0] <= "\udcff":
        return bytes([ord(text[0]) - 0xDC00]), error.start + 1
    return "".join(PLAIN.get(each) or _letter(each) for each in text), error.end


def _letter(character: str) -> str:
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def _nowhere() -> TextIO:
    # Takes the free ones of the descriptors 0 to 2, that no file opened later becomes one.
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor < 2:
        descriptor = os.open(os.devnull, os.O_RDWR)
    return os.fdopen(descriptor, "w", encoding="utf-8")
