"""Shared by all tests: Keras on JAX, a tiny data set of drawn glyphs, the command."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "jax")  # before anything imports Keras

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

MODULE = [sys.executable, "-m", "mnistlab"]

# Which of the seven segments a digit lights: top, two upper, middle, two lower, bottom.
SEGMENTS = ("1110111", "0010010", "1011101", "1011011", "0111010",
            "1101011", "1101111", "1010010", "1111111", "1111011")  # fmt: skip
BARS = ((0, 0, 2, 10), (0, 0, 10, 2), (0, 8, 10, 2), (8, 0, 2, 10),
        (8, 0, 10, 2), (8, 8, 10, 2), (16, 0, 2, 10))  # fmt: skip


class Finished(NamedTuple):
    """How a command that ran in this process ended."""

    code: int
    out: str
    err: str


def draw_glyphs(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw seven-segment digits (count, 28, 28) uint8, shifted and noisy, and their labels."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(count) % 10).astype(np.uint8)
    images = rng.integers(0, 30, (count, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(3, 7), rng.integers(6, 12)
        for lit, (y, x, height, width) in zip(SEGMENTS[label], BARS, strict=True):
            if lit == "1":
                place = np.s_[top + y : top + y + height, left + x : left + x + width]
                image[place] = rng.integers(150, 256)
    return images, labels


def write_glyphs(path: Path, train: int = 600, test: int = 200, seed: int = 1) -> Path:
    """Write drawn glyphs as an NPZ of Keras' form; the same bytes for the same arguments."""
    x_train, y_train = draw_glyphs(train, seed)
    x_test, y_test = draw_glyphs(test, seed + 1000)
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    return path


@pytest.fixture(scope="session")
def glyphs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An NPZ of 600 and 200 drawn digits."""
    return write_glyphs(tmp_path_factory.mktemp("glyphs") / "glyphs.npz")


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command in `tmp_path`: `command("show", "7", COLUMNS="60")`."""

    def run(*args: Any, cwd: Path = tmp_path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MODULE, *map(str, args)],
            cwd=cwd,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Finished]:
    """Run the command in this process, which has Keras and JAX already: ten times faster."""
    from mnistlab.cli.app import run

    monkeypatch.chdir(tmp_path)

    def call(*args: Any) -> Finished:
        capsys.readouterr()
        words = [str(arg) for arg in args]
        monkeypatch.setattr(sys, "argv", ["mnistlab", *words])
        try:
            code = run(words)
        except SystemExit as exit:
            code = int(exit.code or 0)
        return Finished(code, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def glyph_images() -> Callable[[int, int], tuple[np.ndarray, np.ndarray]]:
    """Draw digits in the test: `images, labels = glyph_images(count, seed)`."""
    return draw_glyphs


@pytest.fixture(scope="session")
def glyph_file() -> Callable[..., Path]:
    """Write another such file: `glyph_file(path, train, test, seed)`."""
    return write_glyphs


@pytest.fixture(scope="session")
def finished_run(glyphs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run on the glyphs, finished: three epochs with validation. Do not write to it."""
    folder = tmp_path_factory.mktemp("finished")
    words = "--model mlp:hidden=16 --epochs 3 --validation 0.25 --seed 5 --learning-rate 0.01"
    subprocess.run(
        [*MODULE, "train", "--dataset", glyphs, *words.split(), "--out", folder / "run"],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return folder / "run"


@pytest.fixture
def run_folder(finished_run: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be broken."""
    return Path(shutil.copytree(finished_run, tmp_path / "run"))


@pytest.fixture(scope="session")
def weights_of() -> Callable[[Path], dict[str, np.ndarray]]:
    """Read every array of a run's `model.keras`, without Keras."""
    import h5py

    def read(run: Path) -> dict[str, np.ndarray]:
        found: dict[str, np.ndarray] = {}

        def keep(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset):
                found[name] = item[()]

        with zipfile.ZipFile(run / "model.keras") as archive:
            with archive.open("model.weights.h5") as opened, h5py.File(opened, "r") as stored:
                stored.visititems(keep)
        assert found
        return found

    return read
