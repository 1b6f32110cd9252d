"""A/A studies drawn from a pool of real test accuracies, all of one arm under other seeds.

A study takes disjoint seeds from the pool for each of its arms and pairs them at random, so that
nothing distinguishes the arms. It counts as a false positive if any of its pairs has p < 0.05
after Holm. The draws are independent given the pool, which makes Wilson's interval the right one;
what they check is the test on the ties and tails that real accuracies have. They do not check that
the trials of the pool are independent of each other, nor anything about pairs that share a seed.
"""

from __future__ import annotations

import csv
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.comparing.statistics import ALPHA, holm, paired_difference
from mnistlab.evaluation.scores import wilson_interval

COLUMNS = {"arm", "seed", "test_accuracy"}


class UnusablePool(Exception):
    """The pool's file cannot be used."""


@dataclass(frozen=True)
class Pool:
    """One arm's test accuracies, a value a seed."""

    arm: str
    seeds: tuple[int, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Design:
    """How many studies are drawn, of how many arms and seeds; `examples` in the test split."""

    studies: int = 10_000
    arms: int = 2
    seeds: int = 10
    examples: int = 10_000
    random_seed: int = 1


def read_pool(path: Path, arm: str | None = None) -> Pool:
    """Read a CSV with columns arm, seed and test_accuracy; others are passed over.

    Rows without an accuracy (a trial that diverged) are too. Raises UnusablePool.
    """
    try:
        with path.open(newline="", encoding="utf-8") as opened:
            reader = csv.DictReader(opened)
            if missing := COLUMNS - set(reader.fieldnames or ()):
                raise UnusablePool(f"{path} has no column {', '.join(sorted(missing))}")
            rows = [row for row in reader if arm in (None, row["arm"]) and row["test_accuracy"]]
        found = {int(row["seed"]): float(row["test_accuracy"]) for row in rows}
    except (OSError, ValueError) as error:
        raise UnusablePool(f"{path} cannot be read: {error}") from error
    names = {row["arm"] for row in rows}
    if len(names) != 1:
        raise UnusablePool(f"{path}: one arm is needed, found {', '.join(sorted(names)) or 'none'}")
    if len(found) != len(rows):
        raise UnusablePool(
            f"{path}: {len(rows)} trials of {len(found)} seeds; one a seed is needed"
        )
    return Pool(names.pop(), tuple(found), tuple(found.values()))


def draw_study(accuracies: np.ndarray, design: Design, rng: np.random.Generator) -> float:
    """Draw one study from the pool; give the smallest p of its pairs, after Holm."""
    drawn = rng.choice(accuracies, (design.arms, design.seeds), replace=False)
    tests = [paired_difference(a, b, design.examples).p for a, b in combinations(drawn, 2)]
    return min(holm(tests))


def calibrate(pool: Pool, design: Design) -> dict[str, Any]:
    """Draw the studies; give the rate of false positives, and what it may at most be.

    Raises UnusablePool if it has too few seeds for one study.
    """
    needed = design.arms * design.seeds
    if len(pool.accuracies) < needed:
        raise UnusablePool(f"a study takes {needed} seeds; the pool has {len(pool.accuracies)}")
    rng = np.random.default_rng(design.random_seed)
    accuracies = np.asarray(pool.accuracies)
    smallest = [draw_study(accuracies, design, rng) for _ in range(design.studies)]
    wrong = sum(p < ALPHA for p in smallest)
    return {
        "n": design.studies,
        "false_positives": wrong,
        "rate": wrong / design.studies,
        "interval": list(wilson_interval(wrong, design.studies)),
        "nominal": ALPHA,
        "attainable": attainable_level(design.seeds),
    }


def attainable_level(seeds: int) -> float:
    """Give the greatest p below 0.05 that a test of so many pairs without ties can have.

    It is what the rate of p < 0.05 comes to for two arms; ties, and Holm with more arms, lower it.
    """
    steps = 2 ** (seeds - 1)
    return max(k for k in range(steps + 1) if k / steps < ALPHA) / steps


def spread(values: Sequence[float]) -> dict[str, float]:
    """Describe the pool."""
    return {
        "n": len(values),
        "mean": statistics.fmean(values),
        "sd": statistics.stdev(values),
        "least": min(values),
        "most": max(values),
    }
