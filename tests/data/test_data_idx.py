"""IDX: what is written is read; whatever else comes is a DataError that says what is wrong."""

from __future__ import annotations

import gzip
import re
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnistlab import data
from mnistlab.data import idx
from mnistlab.data.dataset import Arrays
from mnistlab.errors import DataError, OptionError, UnknownNameError

Writer = Callable[[Path], Path]
IMAGES, LABELS = idx.FILES[:2]


def test_a_file_by_hand() -> None:
    raw = np.frombuffer(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 255]), np.uint8)
    assert idx.parse(raw, 1, "labels").tolist() == [7, 0, 255]


def test_what_is_written_is_read(tmp_path: Path, small: Arrays) -> None:
    idx.write(tmp_path / "a", small[0])
    assert np.array_equal(idx.read(tmp_path / "a", 3), small[0])
    assert (tmp_path / "a").read_bytes()[:16] == struct.pack(">4I", 0x803, 60, 28, 28)


@given(st.binary(max_size=64), st.sampled_from([1, 3]))
def test_any_bytes_are_an_array_or_a_data_error(raw: bytes, ndim: int) -> None:
    try:
        array = idx.parse(np.frombuffer(raw, np.uint8), ndim, "fuzz")
    except DataError:
        return
    assert idx.header(array) + array.tobytes() == raw


@given(st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3), st.binary(max_size=32))
def test_any_sizes_are_held_to_the_file(sizes: list[int], rest: bytes) -> None:
    raw = np.frombuffer(struct.pack(">4I", 0x803, *sizes) + rest, np.uint8)
    if np.prod(np.array(sizes, object)) == len(rest):
        assert idx.parse(raw, 3, "fuzz").shape == tuple(sizes)
    else:
        with pytest.raises(DataError):
            idx.parse(raw, 3, "fuzz")


@pytest.mark.parametrize("dotted", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_folder_under_its_usual_names(
    tmp_path: Path, write_idx: Writer, small: Arrays, dotted: bool, zipped: bool
) -> None:
    write_idx(tmp_path)
    for path in list(tmp_path.iterdir()):
        name = path.name.replace("-idx", ".idx") if dotted else path.name
        raw = path.read_bytes()
        path.unlink()
        (tmp_path / (name + ".gz" * zipped)).write_bytes(gzip.compress(raw) if zipped else raw)
    loaded = data.load(tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(loaded.arrays, small, strict=True))
    assert loaded.class_names == tuple("0123456789")
    one_of_them = next(tmp_path.iterdir())
    assert data.load(str(one_of_them)).digest == loaded.digest


def _break(path: Path, mend: Callable[[bytes], bytes]) -> None:
    path.write_bytes(mend(path.read_bytes()))


BROKEN: list[tuple[str, Callable[[bytes], bytes], str]] = [
    (
        IMAGES,
        lambda raw: raw[:-1],
        r"found 47,055 bytes; its header, \(60, 28, 28\), asks for 47,056",
    ),
    (IMAGES, lambda raw: raw + b"x", "found more bytes than that"),
    (IMAGES, lambda raw: raw[:9], "9 bytes are too few for the header of IDX images"),
    (IMAGES, lambda raw: b"", "0 bytes are too few"),
    (IMAGES, lambda raw: b"\0\0\x08\x01" + raw[4:], "0x00000801, which is that of labels"),
    (IMAGES, lambda raw: b"\0\0\x0d\x03" + raw[4:], "IDX images of uint8 begin with 0x00000803"),
    (IMAGES, lambda raw: raw[:4] + b"\xff" * 12, "above 4,294,967,296 bytes"),
    (IMAGES, lambda raw: raw[:4] + struct.pack(">3I", 60, 14, 56) + raw[16:], r"\(60, 14, 56\)"),
    (IMAGES, lambda raw: raw[:4] + struct.pack(">3I", 0, 28, 28), "holds no images"),
    (IMAGES, lambda raw: gzip.compress(raw)[:-20], "gzip is corrupt or cut short"),
    (IMAGES, lambda raw: b"\x1f\x8b" + raw, "gzip is corrupt or cut short"),
    (IMAGES, lambda raw: gzip.compress(raw)[:2000] + b"\0" + gzip.compress(raw)[2001:], "gzip"),
    (IMAGES, lambda raw: gzip.compress(raw + b"\0"), "found more bytes than that"),
    (LABELS, lambda raw: raw[:4] + struct.pack(">I", 59) + raw[8:-1], "59 labels for 60 images"),
    (
        LABELS,
        lambda raw: raw[:11] + b"\x0a" + raw[12:],
        "label 10 at index 3, expected 0 to 9; .*--cl",
    ),
]


@pytest.mark.parametrize(("filename", "mend", "message"), BROKEN)
def test_broken_files_are_told_in_one_line(
    tmp_path: Path,
    write_idx: Writer,
    filename: str,
    mend: Callable[[bytes], bytes],
    message: str,
) -> None:
    _break(write_idx(tmp_path) / filename, mend)
    with pytest.raises(DataError, match=message) as caught:
        data.load(tmp_path)
    assert str(tmp_path / filename) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_neither_absurd_headers_nor_bombs_take_memory(tmp_path: Path) -> None:
    lies = struct.pack(">4I", 0x803, 5_000_000, 28, 28)  # 3.9 GB, within the bound
    (tmp_path / "plain").write_bytes(lies)
    (tmp_path / "zipped").write_bytes(gzip.compress(lies))
    bomb = struct.pack(">4I", 0x803, 1, 28, 28) + bytes(50_000_000)
    (tmp_path / "bomb").write_bytes(gzip.compress(bomb))
    del bomb
    tracemalloc.start()
    for name in ("plain", "zipped", "bomb"):
        with pytest.raises(DataError):
            idx.read(tmp_path / name, 3)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_more_classes_by_request(tmp_path: Path, write_idx: Writer) -> None:
    path = write_idx(tmp_path) / LABELS
    _break(path, lambda raw: raw[:-1] + b"\x19")
    assert data.load(tmp_path, classes=26).num_classes == 26
    with pytest.raises(DataError, match="label 25 at index 59, expected 0 to 24"):
        data.load(tmp_path, classes=25)
    for bad in (0, 1, 257):
        with pytest.raises(OptionError, match="from 2 to 256"):
            data.load(tmp_path, classes=bad)


def test_one_file_lacking(tmp_path: Path, write_idx: Writer) -> None:
    (write_idx(tmp_path) / LABELS).unlink()
    with pytest.raises(DataError, match=f"lacks {LABELS} "):
        data.load(tmp_path)


def test_what_is_no_data_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing in it is a data set; accepted: a folder with"):
        data.load(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'notes.txt'} is not a data set")):
        data.load(tmp_path / "notes.txt")
    with pytest.raises(UnknownNameError, match=r"did you mean 'mnist'.*A path is accepted too"):
        data.load("mnits")
    for nothing in ("", "~nobody-of-that-name/x", "\0", tmp_path / "mnist"):  # a Path is no name
        with pytest.raises(UnknownNameError):
            data.load(nothing)
