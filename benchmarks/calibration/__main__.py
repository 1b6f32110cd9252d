"""Count winners among equal arms: `python -m benchmarks.calibration --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.calibration.studies import (
    Design,
    Pool,
    UnusablePool,
    calibrate,
    read_pool,
    spread,
)
from benchmarks.record import circumstances, record_path, save

EXAMPLE = "Example: python -m benchmarks.calibration --pool trials.csv --arm adam"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.calibration",
        description="Draw studies of one arm against itself from a pool of its trials.",
        epilog=EXAMPLE,
    )
    usual = Design()
    parser.add_argument(
        "--pool", type=Path, required=True, help="CSV with columns arm, seed, test_accuracy"
    )
    parser.add_argument("--arm", help="the arm to read, if the pool has several")
    parser.add_argument("--studies", type=int, default=usual.studies)
    parser.add_argument("--arms", type=int, default=usual.arms, help="in each study")
    parser.add_argument("--seeds", type=int, default=usual.seeds, help="of each arm")
    parser.add_argument(
        "--examples", type=int, default=usual.examples, help="in the test split, for ties"
    )
    parser.add_argument("--random-seed", type=int, default=usual.random_seed)
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    if min(options.studies, options.examples) < 1 or min(options.arms, options.seeds) < 2:
        parser.error("--studies and --examples are 1 or more, --arms and --seeds 2 or more")
    return options


def design_of(options: argparse.Namespace) -> Design:
    """Take the design out of the options."""
    return Design(**{name: getattr(options, name) for name in asdict(Design())})


def command_options(pool: Pool, design: Design) -> list[str]:
    """Give the options as others would write them: without the paths of this machine."""
    numbers = [f"--{name.replace('_', '-')}={value}" for name, value in asdict(design).items()]
    return ["--pool=POOL", f"--arm={pool.arm}", *numbers]


def measure(pool: Pool, design: Design) -> dict[str, Any]:
    """Draw all studies; give the record, the pool's trials in it."""
    return {
        **circumstances("calibration", command_options(pool, design)),
        "design": asdict(design),
        "pool": {
            "arm": pool.arm,
            "summary": spread(pool.accuracies),
            "seeds": list(pool.seeds),
            "test_accuracy": list(pool.accuracies),
        },
        "summary": calibrate(pool, design),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, save the record, and say the rate; give the exit code."""
    options = parse(arguments)
    try:
        record = measure(read_pool(options.pool, options.arm), design_of(options))
    except UnusablePool as error:
        print(error, file=sys.stderr)
        return 2
    out = options.out or record_path(record)
    save(record, out)
    found = record["summary"]
    low, high = found["interval"]
    print(
        f"{found['false_positives']} of {found['n']} studies found a winner: "
        f"{found['rate']:.2%} [{low:.2%}, {high:.2%}]; at most {found['attainable']:.2%}"
    )
    print(f"record: {out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
