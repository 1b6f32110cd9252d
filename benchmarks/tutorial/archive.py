"""Write `mnist.npz` as Keras keeps it: `python -m benchmarks.tutorial.archive FILE`.

A process of its own, because a process inherits its parent's peak of memory on Linux: the one
that measures must stay small. Prints the file's SHA-256.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.tutorial.job import add_options, job_of, load
from mnistlab.files import sha256


def main() -> None:
    """Write the archive, compressed as Keras' own is, and print its digest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tutorial.archive")
    parser.add_argument("file", type=Path)
    add_options(parser)
    options = parser.parse_args()
    (x, y), (x_test, y_test) = load(job_of(options))
    np.savez_compressed(options.file, x_train=x, y_train=y, x_test=x_test, y_test=y_test)
    print(sha256(options.file))


if __name__ == "__main__":
    main()
