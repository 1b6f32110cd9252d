"""Seconds and memory of reading: one small picture from the shell, a page, a large photograph."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.reading import pages
from benchmarks.reading.pages import Array, Paper

ROUNDS = 5
MEASURED = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run([sys.executable, "-m", "mnistlab", "read", sys.argv[1]], capture_output=True)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([seconds, peak, done.returncode, done.stdout.decode()]))
"""


def measure() -> dict[str, Any]:
    """Read three files, each several times in a process of its own, after one to warm up."""
    with tempfile.TemporaryDirectory() as folder:
        return {name: _timed(path) for name, path in _files(Path(folder)).items()}


def _files(folder: Path) -> dict[str, Path]:
    import mnistlab

    images = mnistlab.load_data("mnist")[1][0]
    rng = np.random.default_rng(5)
    drawn = {
        "one small picture": pages.line(images[:1], Paper(rules=False), rng),
        "a page of 100 digits": page(images[:100], rng),
    }
    small = drawn["a page of 100 digits"]
    photo = np.asarray(Image.fromarray(small).resize((4000, 3000), Image.Resampling.BICUBIC))
    paths = {name: folder / f"{number}.png" for number, name in enumerate(drawn)}
    for name, pixels in drawn.items():
        Image.fromarray(pixels).save(paths[name])
    paths["a photograph of 12 megapixels"] = folder / "photo.jpg"
    Image.fromarray(photo).save(folder / "photo.jpg", quality=90)
    return paths


def page(images: Array, rng: np.random.Generator, per_line: int = 10) -> Array:
    """Write lines of digits below one another on shaded paper: gray uint8."""
    ink = np.zeros((len(images) // per_line * 110 + 100, per_line * 110 + 100))
    for number, image in enumerate(images):
        part = pages.large(image, 60)
        top, left = (50 + 110 * place for place in divmod(number, per_line))
        here = ink[top : top + len(part), left : left + part.shape[1]]
        np.maximum(here, part, out=here)
    paper = pages.blank(ink.shape, Paper(rules=False), rng)
    noisy = paper * (1 - 0.75 * ink) + rng.normal(0, 3, ink.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _timed(path: Path) -> dict[str, Any]:
    import json

    found = []
    for _ in range(ROUNDS + 1):
        words = [sys.executable, "-c", MEASURED, str(path)]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        found.append(json.loads(done.stdout))
    seconds, peaks, codes, texts = zip(*found[1:], strict=True)
    if any(codes):
        raise SystemExit(f"mnistlab read {path} failed")
    return {
        "seconds": {"median": statistics.median(seconds), "least": min(seconds),
                    "most": max(seconds), "n": len(seconds)},
        "peak_mib": max(peaks),
        "digits": sum(map(str.isdecimal, texts[0])),
    }  # fmt: skip
