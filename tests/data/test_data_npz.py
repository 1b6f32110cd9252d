"""`.npz`: integers of any type, never a pickle, sizes checked before they are believed."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnistlab import data
from mnistlab.data.dataset import Arrays
from mnistlab.data.npz import KEYS, read_npz
from mnistlab.errors import DataError


@pytest.fixture
def named(small: Arrays) -> dict[str, Any]:
    return dict(zip(KEYS, small, strict=True))


@pytest.mark.parametrize("dtype", ["uint8", "int64", ">i4"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_integers_of_any_type(
    tmp_path: Path, named: dict[str, Any], small: Arrays, dtype: str, save: Any
) -> None:
    save(tmp_path / "a.npz", **{key: array.astype(dtype) for key, array in named.items()})
    loaded = data.load(tmp_path / "a.npz")
    assert all(np.array_equal(a, b) for a, b in zip(loaded.arrays, small, strict=True))
    assert {array.dtype for array in loaded.arrays} == {np.dtype(np.uint8)}


WRONG: list[tuple[str, Any, str]] = [
    ("x_train", lambda a: a / 255, "x_train is float64, expected integers .*multiply by 255"),
    ("x_train", lambda a: a.astype(int) - 1, "x_train runs from -1 to 254"),
    ("y_test", lambda a: a.astype(int) + 1000, "y_test runs from 1000 to 1009"),
    ("x_train", lambda a: a[..., None], r"x_train: images are \(60, 28, 28, 1\), expected \(n, 28"),
    ("x_train", lambda a: a[:, :27], r"images are \(60, 27, 28\)"),
    ("x_test", lambda a: a[:0], "x_test: holds no images"),
    ("y_train", lambda a: a[:-1], "y_train: 59 labels for 60 images"),
    ("y_train", lambda a: a[:, None], r"labels are \(60, 1\), expected \(60,\)"),
    ("y_test", lambda a: a + 5, "y_test: label 10 at index 5, expected 0 to 9"),
    ("y_train", lambda a: a.astype(object), "y_train is a pickled array of Python objects"),
    ("y_train", lambda a: a.astype(str), "y_train is <U3, expected integers"),
    ("y_train", lambda a: np.eye(10)[a], "y_train is float64"),
    ("y_train", lambda a: a.astype(float), "labels are the numbers of the classes"),
]


@pytest.mark.parametrize(("key", "change", "message"), WRONG)
def test_what_is_refused(
    tmp_path: Path, named: dict[str, Any], key: str, change: Any, message: str
) -> None:
    np.savez(tmp_path / "a.npz", **{**named, key: change(named[key])})
    with pytest.raises(DataError, match=message) as caught:
        data.load(tmp_path / "a.npz")
    assert str(tmp_path / "a.npz") in str(caught.value)


class Malicious:
    ran = False

    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Malicious, "ran", True)


def test_a_pickle_in_it_does_not_run(tmp_path: Path, named: dict[str, Any]) -> None:
    evil = np.empty(60, object)
    evil[0] = Malicious()
    np.savez(tmp_path / "a.npz", **{**named, "y_train": evil})
    with pytest.raises(DataError, match="could run code"):
        data.load(tmp_path / "a.npz")
    assert not Malicious.ran


def test_missing_keys_are_named(tmp_path: Path, named: dict[str, Any]) -> None:
    np.savez(tmp_path / "a.npz", x=named["x_train"], y_train=named["y_train"])
    with pytest.raises(DataError, match="lacks x_train, x_test, y_test; found x, y_train"):
        data.load(tmp_path / "a.npz")


def test_an_error_never_quotes_a_whole_file(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for number in range(2000):
            archive.writestr(f"\x1b[31m{number}\n.npy", b"")
    with pytest.raises(DataError, match="lacks x_train") as caught:
        data.load(tmp_path / "a.npz")
    said = str(caught.value).removeprefix(str(tmp_path))
    assert said.isprintable()
    assert len(said) < 400


def test_headers_that_lie_take_no_memory(tmp_path: Path) -> None:
    lie = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**12, 28, 28)}
    np.lib.format.write_array_header_1_0(lie, header)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for key in KEYS:
            archive.writestr(f"{key}.npy", lie.getvalue())
    tracemalloc.start()
    with pytest.raises(DataError, match="x_train holds 0 bytes; its header asks for 784,000,000"):
        read_npz(tmp_path / "a.npz")
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for key in KEYS:
            archive.writestr(f"{key}.npy", b"")
    raw = bytearray((tmp_path / "a.npz").read_bytes())
    start = 0
    while (start := raw.find(b"PK\x01\x02", start)) >= 0:
        raw[start + 24 : start + 28] = (0x7FFFFFFF).to_bytes(4, "little")
        start += 4
    (tmp_path / "a.npz").write_bytes(raw)
    with pytest.raises(DataError, match="unpacks to 8,589,934,588 bytes"):
        read_npz(tmp_path / "a.npz")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_flipped_bytes_give_arrays_or_a_data_error(
    tmp_path: Path, edits: list[tuple[float, int]]
) -> None:
    path = tmp_path / "fuzz.npz"
    tiny = np.zeros(2, np.uint8)
    np.savez_compressed(path, x_train=tiny, y_train=tiny, x_test=tiny, y_test=tiny)
    raw = bytearray(path.read_bytes())
    for place, value in edits:
        raw[int(place * (len(raw) - 1))] = value
    path.write_bytes(raw)
    try:
        arrays = read_npz(path)
    except DataError:
        return
    assert all(array.dtype == np.uint8 for array in arrays)


def test_neither_a_zip_nor_there(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_text("no zip")
    with pytest.raises(DataError, match=r"not a sound \.npz"):
        data.load(tmp_path / "a.npz")
