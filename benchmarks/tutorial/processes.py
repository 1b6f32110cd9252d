"""One process, started and watched: what it printed, its seconds, its peak memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

# OPENBLAS_*: set on some machines, and NumPy is then many times slower than it need be. The others
# would make one contender another, or warm what is to be measured cold.
UNSET = (
    "OPENBLAS_CORETYPE",
    "OPENBLAS_L2_SIZE",
    "OPENBLAS_NUM_THREADS",
    "OMP_NUM_THREADS",
    "KERAS_BACKEND",
    "PJRT_NPROC",
    "XLA_FLAGS",
    "JAX_COMPILATION_CACHE_DIR",
)


class ProcessFailed(RuntimeError):
    """A process did not end well; the message has the end of what it wrote to stderr."""


@dataclass(frozen=True)
class Finished:
    """A process that ended well; `seconds` from start to reaping, by the shell's clock."""

    stdout: str
    seconds: float
    peak_mib: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Finished:
    """Run `command` from the repository's root to its end. Raises ProcessFailed, OSError."""
    env = {name: value for name, value in os.environ.items() if name not in UNSET}
    env.update(environment or {})
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        begun = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env, cwd=ROOT)
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        seconds = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        for stream in (out, err):
            stream.seek(0)
        if process.returncode:
            tail = err.read().decode(errors="replace")[-2000:]
            raise ProcessFailed(f"{' '.join(command)} ended with {process.returncode}:\n{tail}")
        per_mib = 2**20 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes, or KiB
        return Finished(out.read().decode(errors="replace"), seconds, usage.ru_maxrss / per_mib)


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """Give `names` beginning `turn` places further on, so that nobody is always first.

    >>> rotated(["a", "b", "c"], 1)
    ['b', 'c', 'a']
    """
    start = turn % len(names) if names else 0
    return [*names[start:], *names[:start]]


def has_module(python: str, module: str) -> bool:
    """Say whether the interpreter `python` can import `module`, without importing it."""
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
    return subprocess.run([python, "-c", code], check=False).returncode == 0
