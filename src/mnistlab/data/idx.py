"""IDX, the form in which MNIST was published: a magic number, sizes, then the bytes.

The magic number is 0, 0, the type (8 for uint8, the only one read here), the number of
dimensions; the sizes follow as big-endian uint32. `parse` and `read` raise DataError, and only
that, whatever the bytes are. No header makes them allocate more than the file holds.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import struct
import zlib
from pathlib import Path
from typing import Protocol

import numpy as np

from mnistlab.data.dataset import U8, Arrays
from mnistlab.errors import DataError, brief

FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
NDIMS = (3, 1, 3, 1)
MAX_BYTES = 4 << 30


class Readable(Protocol):
    """What can be read from, a number of bytes at a time."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


_KINDS = {0x801: "labels", 0x803: "images"}
_CHUNK = 1 << 20


def parse(raw: U8, ndim: int, where: str) -> U8:
    """Return the array that the IDX bytes `raw` (uint8, 1-D) hold, as a view of them.

    `ndim` is 3 for images and 1 for labels; `where` names the file in errors.
    """
    shape = _shape(bytes(raw[: _header_size(ndim)]), ndim, where)
    total = _header_size(ndim) + math.prod(shape)
    if raw.size != total:
        found = f"{raw.size:,} bytes" if raw.size < total else "more bytes than that"
        raise DataError(f"{where}: found {found}; its header, {shape}, asks for {total:,}")
    return raw[_header_size(ndim) :].reshape(shape)


def read(path: Path, ndim: int) -> U8:
    """Return the array in an IDX file, plain or gzipped (told by content, not by name)."""
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        raw = _gunzip(path, ndim) if zipped else slurp(path)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: the gzip is corrupt or cut short ({brief(error)})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return parse(raw, ndim, str(path))


def read_folder(folder: Path) -> Arrays:
    """Return the four arrays of a folder that holds the four files under their usual names."""
    paths = find(folder)
    missing = [name for name, path in zip(FILES, paths, strict=True) if path is None]
    if missing:
        raise DataError(f"{folder}: lacks {', '.join(missing)} (plain or .gz)")
    x_train, y_train, x_test, y_test = (
        read(path, ndim) for path, ndim in zip(paths, NDIMS, strict=True) if path
    )
    return x_train, y_train, x_test, y_test


def find(folder: Path) -> list[Path | None]:
    """Return where the four files are in `folder`, None for those that it does not hold."""
    candidates = ([folder / alias for alias in _aliases(name)] for name in FILES)
    return [next((path for path in paths if path.is_file()), None) for paths in candidates]


def is_usual_name(filename: str) -> bool:
    """Say whether an IDX file of MNIST's may be called that."""
    return any(filename in _aliases(name) for name in FILES)


def header(array: U8) -> bytes:
    """Return the IDX header of a uint8 array."""
    return struct.pack(f">I{array.ndim}I", 0x800 + array.ndim, *array.shape)


def write(path: Path, array: U8) -> None:
    """Write a uint8 array as a plain IDX file."""
    with path.open("wb") as file:
        file.write(header(array))
        file.write(np.ascontiguousarray(array).reshape(-1).data)


def digest(array: U8) -> str:
    """Return the SHA-256, in hexadecimal, of the IDX file that `array` would make."""
    sha = hashlib.sha256(header(array))
    sha.update(np.ascontiguousarray(array).reshape(-1).data)
    return sha.hexdigest()


def slurp(path: Path) -> U8:
    """Return a file's bytes as a writable uint8 array.

    NumPy backs large arrays with huge pages, so that this takes half the time of `read_bytes`
    (27 ms to 50 ms for MNIST's training images).
    """
    with path.open("rb", buffering=0) as file:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise DataError(f"{path}: {size:,} bytes; at most {MAX_BYTES:,} are read")
        raw = np.empty(size, np.uint8)
        view, at = raw.data, 0
        while at < size and (count := file.readinto(view[at:])):
            at += count
    return raw[:at]


def read_bounded(stream: Readable, limit: int) -> bytearray:
    """Read `stream` to its end, or to one byte past `limit`; memory grows with what comes."""
    out = bytearray()
    while len(out) <= limit and (chunk := stream.read(min(_CHUNK, limit + 1 - len(out)))):
        out += chunk
    return out


def _gunzip(path: Path, ndim: int) -> U8:
    with gzip.open(path) as stream:
        head = stream.read(_header_size(ndim))
        rest = math.prod(_shape(head, ndim, str(path)))
        # One byte past what the header promises is enough to call it oversized.
        return np.frombuffer(head + read_bounded(stream, rest), np.uint8)


def _shape(head: bytes, ndim: int, where: str) -> tuple[int, ...]:
    wanted = 0x800 + ndim
    kind = _KINDS[wanted]
    if len(head) < _header_size(ndim):
        raise DataError(f"{where}: {len(head)} bytes are too few for the header of IDX {kind}")
    magic, *sizes = struct.unpack(f">I{ndim}I", head)
    if magic != wanted:
        guess = f", which is that of {_KINDS[magic]}" if magic in _KINDS else ""
        raise DataError(
            f"{where}: its magic number is 0x{magic:08x}{guess}; IDX {kind} of uint8 "
            f"begin with 0x{wanted:08x}"
        )
    if math.prod(sizes) > MAX_BYTES:
        raise DataError(f"{where}: its header asks for {tuple(sizes)}, above {MAX_BYTES:,} bytes")
    return tuple(sizes)


def _header_size(ndim: int) -> int:
    return 4 + 4 * ndim


def _aliases(name: str) -> list[str]:
    stems = [name, name.replace("t10k-", "test-")]
    dotted = [stem.replace("-idx", ".idx") for stem in stems]
    return [stem + suffix for suffix in ("", ".gz") for stem in (*stems, *dotted)]
