"""The pickle of the package index: read, and never run."""

from __future__ import annotations

import gzip
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.data import pickled
from mnistlab.errors import DataError


def _binstring(raw: bytes) -> bytes:
    return b"T" + struct.pack("<i", len(raw)) + raw


def _python2_pickle(*arrays: np.ndarray, first: bytes = b"") -> bytes:
    """As Python 2 pickled NumPy arrays, but for their shapes, which are not read."""
    return b"\x80\x02" + first + b"".join(_binstring(a.tobytes()) + b"0" for a in arrays) + b"N."


def _pairs(rng: np.random.Generator) -> list[tuple[np.ndarray, np.ndarray]]:
    return [
        (rng.integers(0, 256, (n, 28, 28), np.uint8), rng.integers(0, 10, n, np.uint8))
        for n in (5, 2, 3)
    ]


def test_train_and_validation_become_train() -> None:
    (x1, y1), (x2, y2), (x3, y3) = pairs = _pairs(np.random.default_rng(0))
    flat = [
        array
        for x, y in pairs
        for array in ((x / 256).astype("<f4").reshape(-1, 784), y.astype("<i8"))
    ]
    x_train, y_train, x_test, y_test = pickled.decode(_python2_pickle(*flat))
    assert np.array_equal(x_train, np.concatenate([x1, x2]))
    assert np.array_equal(y_train, np.concatenate([y1, y2]))
    assert np.array_equal(x_test, x3)
    assert np.array_equal(y_test, y3)


def test_every_pixel_value_survives() -> None:
    every = np.zeros((1, 784), "<f4")
    every[0, :256] = np.arange(256) / 256
    label = np.zeros(1, "<i8")
    x_train, *_ = pickled.decode(_python2_pickle(*[every, label] * 3))
    assert x_train[0].ravel()[:256].tolist() == list(range(256))


def test_a_malicious_pickle_does_not_run(tmp_path: Path) -> None:
    told = tmp_path / "it ran"
    evil = b"cos\nsystem\n" + b"(S'touch \"" + str(told).encode() + b"\"'\ntR0"
    array = np.zeros((1, 784), "<f4")
    label = np.zeros(1, "<i8")
    raw = _python2_pickle(*[array, label] * 3, first=evil)
    assert pickled.decode(raw)[0].shape == (2, 28, 28)
    assert not told.exists()
    pickle.loads(raw)  # the test's own teeth: this does run it
    assert told.exists()


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "not a pickle"),
        (b"\x80\x02T\xff\xff\xff\x7fabc", "not a pickle, or cut short"),
        (b"\x80\x02T\xff\xff\xff\xff.", "not a pickle, or cut short"),
        (pickle.dumps([1, 2]), "holds 0 blocks of bytes, expected 6"),
        (_python2_pickle(*[np.zeros(3, np.uint8)] * 6), "odd sizes"),
    ],
)
def test_other_bytes_are_refused(raw: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        pickled.decode(raw)


def test_wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flat: list[Any] = [np.zeros((1, 784), "<f4"), np.zeros(1, "<i8")] * 3
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("good", gzip.compress(_python2_pickle(*flat)))
        wheel.writestr("plain", b"plain")
        wheel.writestr("bomb", gzip.compress(bytes(100_000)))
    assert pickled.read_wheel(tmp_path / "a.whl", "good")[2].shape == (1, 28, 28)
    monkeypatch.setattr(pickled, "MAX_PICKLE", 50_000)
    for member, message in [
        ("plain", "not the wheel"),
        ("none", "not the wheel"),
        ("bomb", "more"),
    ]:
        with pytest.raises(DataError, match=message):
            pickled.read_wheel(tmp_path / "a.whl", member)
