"""The command: parse, call, print. Nothing imports this package.

Reading order: `app` (the commands and how they end) → `console` (stderr and stdout) → one module
for each command. Nothing heavy is imported before it is needed.
"""

from __future__ import annotations

import os
import sys
import time

BEGUN = time.perf_counter()
"""When this process came to be, as near as Python can tell."""


def main() -> None:
    """Run the command line and exit."""
    from mnistlab.cli.app import run

    code = run()
    sys.stdout.flush()
    sys.stderr.flush()
    # Every file is closed by now. Taking JAX and Keras apart object by object costs 0.7 s.
    os._exit(code)
