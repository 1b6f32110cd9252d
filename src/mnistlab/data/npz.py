"""`.npz` files, Keras' own `mnist.npz` among them: four arrays under four names.

Sizes are checked before anything is allocated, and nothing is ever unpickled: an array of
Python objects is refused. All errors are DataErrors.
"""

from __future__ import annotations

import math
import tokenize
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import U8, Arrays
from mnistlab.data.idx import MAX_BYTES
from mnistlab.errors import DataError, brief
from mnistlab.files import DAMAGE

KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> Arrays:
    """Return x_train, y_train, x_test, y_test as uint8, of whatever shapes they have."""
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            x_train, y_train, x_test, y_test = (_read(archive, key, path) for key in KEYS)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    except DAMAGE as error:
        raise DataError(f"{path}: not a sound .npz file ({brief(error)})") from error
    return x_train, y_train, x_test, y_test


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
    missing = [key for key in KEYS if key not in sizes]
    if missing:
        found = brief(", ".join(sorted(sizes))) or "nothing"
        raise DataError(f"{path}: lacks {', '.join(missing)}; found {found}")
    total = sum(sizes[key] for key in KEYS)
    if total > MAX_BYTES:
        raise DataError(f"{path}: unpacks to {total:,} bytes; at most {MAX_BYTES:,} are read")


def _read(archive: zipfile.ZipFile, key: str, path: Path) -> U8:
    where = f"{path}: {key}"
    names = archive.namelist()
    member = f"{key}.npy" if f"{key}.npy" in names else key
    try:
        _check_header(archive, member, where)
        with archive.open(member) as stream:
            array = np.lib.format.read_array(stream, allow_pickle=False)
    except (ValueError, SyntaxError, tokenize.TokenError) as error:  # the last two of its header
        raise DataError(f"{where} is not a NumPy array ({brief(error)})") from error
    advice = "; multiply by 255 if it is 0..1, and round to uint8"
    if key.startswith("y"):
        advice = "; labels are the numbers of the classes, (n,), not one-hot"
    return as_uint8(array, where, advice)


def _check_header(archive: zipfile.ZipFile, member: str, where: str) -> None:
    """Hold an array's header to the size of its member: NumPy would allocate what it says."""
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise DataError(f"{where} is in NumPy's format {version}; 1.0 and 2.0 are read")
        if dtype.hasobject:
            raise DataError(
                f"{where} is a pickled array of Python objects, which could run code; "
                "save it as uint8"
            )
        found = archive.getinfo(member).file_size - stream.tell()
    wanted = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or found != wanted:
        raise DataError(f"{where} holds {found:,} bytes; its header asks for {wanted:,}")


def as_uint8(array: npt.NDArray[Any], where: str, advice: str) -> U8:
    """Return an array of any integers from 0 to 255 as uint8, C-ordered; `advice` is on floats."""
    if array.dtype.kind not in "iu":
        raise DataError(
            f"{where} is {array.dtype}, expected integers from 0 to 255"
            + advice * (array.dtype.kind == "f")
        )
    if array.size and array.dtype != np.uint8 and not (array.min() >= 0 and array.max() <= 255):
        raise DataError(
            f"{where} runs from {array.min()} to {array.max()}, expected integers from 0 to 255"
        )
    return np.ascontiguousarray(array, np.uint8)
