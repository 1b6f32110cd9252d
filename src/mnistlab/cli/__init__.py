"""The command: parse, call, print. Nothing imports this package.

Reading order: `app` (the commands and how they end) → `console` (stderr and stdout) → one module
for each command. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import time
from typing import TextIO

BEGUN = time.perf_counter()
"""When this process came to be, as near as Python can tell."""


def main() -> None:
    """Run the command line and exit."""
    # A stream that was closed by the caller takes what is written to it, and loses it.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")  # ² or ü on an ASCII terminal is no failure
    from mnistlab.cli.app import run

    code = run()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    # Every file is closed by now. Taking JAX and Keras apart object by object costs 0.7 s.
    os._exit(code)


def _nowhere() -> TextIO:
    # Takes the free ones of the descriptors 0 to 2, that no file opened later becomes one.
    descriptor = os.open(os.devnull, os.O_RDWR)
    while descriptor < 2:
        descriptor = os.open(os.devnull, os.O_RDWR)
    return os.fdopen(descriptor, "w", encoding="utf-8")
