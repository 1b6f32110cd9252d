"""Seeds of trainings that are to have no draw in common, and where each is kept."""

from __future__ import annotations

from pathlib import Path

from mnistlab.models.functions import ENSEMBLE
from mnistlab.models.spec import parse_spec

MOST_MEMBERS = 100


def seeds_for(model: str, count: int) -> range:
    """Give `count` seeds from 1 on; far apart for ensembles, whose members take those between.

    >>> list(seeds_for("cnn-fast", 3)), list(seeds_for("ensemble:members=5", 3))
    ([1, 2, 3], [1, 101, 201])
    """
    apart = MOST_MEMBERS if parse_spec(model).name == ENSEMBLE else 1
    return range(1, 1 + apart * count, apart)


def run_folder(folder: Path, model: str, seed: int) -> Path:
    """Name the folder of one training in `folder`."""
    return (folder / f"{model.replace(':', '-')}-{seed}").absolute()
