"""Measure how MNIST's images lie by their writers: `python -m benchmarks.writers --help`.

MNIST does not say who wrote what. But slant and stroke width tell hands apart: where images lie
writer by writer, neighbours are alike in both. And networks' errors on the test split are counted
by its halves, and by stretches of images.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.climb.__main__ import test_outputs
from benchmarks.record import circumstances, record_path, save
from benchmarks.seeds import run_folder, seeds_for
from benchmarks.tutorial.processes import run
from benchmarks.writers.measures import design_effect, likeness, style
from mnistlab import load_data

APART = (1, 10, 50, 100, 200)
LENGTHS = (25, 50, 100, 200)
MODELS = ("linear", "mlp")
PARTS = {
    "training, even places": ("train", slice(0, None, 2)),
    "training, odd places": ("train", slice(1, None, 2)),
    "test, first half": ("test", slice(0, 5000)),
    "test, second half": ("test", slice(5000, None)),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, save the record, print it."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.writers", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    if options.seeds < 1:
        parser.error(f"--seeds={options.seeds}; at least 1")
    record = circumstances("writers", [f"--seeds={options.seeds}"])
    record["likeness"] = likenesses()
    record["errors"] = {model: errors(model, options.seeds) for model in MODELS}
    save(record, options.out or record_path(record))
    print(json.dumps(record["errors"], indent=1))


def likenesses() -> dict[str, Any]:
    """Correlate slants and stroke widths of images some places apart, part by part."""
    train, test = load_data("mnist")
    styles = {"train": style(*train), "test": style(*test)}
    found = {}
    for name, (split, places) in PARTS.items():
        part = styles[split][places]
        found[name] = {"n": len(part), **{str(k): likeness(part, k) for k in APART}}
    return found


def errors(model: str, seeds: int) -> dict[str, Any]:
    """Train with so many seeds by `mnistlab train`; give error rates and design effects by half."""
    with tempfile.TemporaryDirectory() as folder:
        wrong = np.stack([_wrong(model, seed, Path(folder)) for seed in seeds_for(model, seeds)])
    halves = {"first half": wrong[:, :5000], "second half": wrong[:, 5000:]}
    return {
        name: {
            "n": seeds,
            "error": [float(each) for each in half.mean(1)],
            "design_effect": {str(length): design_effect(half, length) for length in LENGTHS},
        }
        for name, half in halves.items()
    }


def _wrong(model: str, seed: int, folder: Path) -> npt.NDArray[np.bool_]:
    path = run_folder(folder, model, seed)
    words = ["train", f"--model={model}", f"--seed={seed}", f"--out={path}"]
    run([sys.executable, "-m", "mnistlab", *words])
    shares, labels = test_outputs(path)
    return shares.argmax(axis=1) != labels


if __name__ == "__main__":
    main()
