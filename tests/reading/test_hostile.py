"""Whatever bytes and arrays are given: a Reading or a DataError, in bounded time."""

from __future__ import annotations

import io
import struct
import time
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pages import coloured, written
from PIL import Image

import mnistlab
from mnistlab.errors import DataError
from mnistlab.reading.read import Reading

FORMATS = ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PDF")
SECONDS = 60.0
"""No one waits longer for what is hostile; most takes milliseconds."""
KINDS = (
    "bool", "uint8", "int8", "uint16", "int64", "uint64", "float16", "float32", "float64",
    "complex64", "U2", "S2", "datetime64[s]", "object",
)  # fmt: skip
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
long = settings(quick, max_examples=1500)


def attempt(source):
    """Read it, or hear why not; nothing else may happen."""
    begin = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reading, refusal = Reading(()), ""
        try:
            reading = mnistlab.read(source)
        except DataError as error:
            refusal = str(error)
    assert isinstance(reading, Reading)
    assert len(refusal.splitlines()) <= 1
    for digit in reading.digits:
        assert digit.image.shape == (28, 28)
        assert all(0 <= p <= 1 for p in digit.probabilities)
    assert time.monotonic() - begin < SECONDS


@pytest.fixture(scope="session")
def files(chosen):
    """The same line of digits in each format, also gray, with a palette, and transparent."""
    page = Image.fromarray(coloured(written(chosen[0][:3], height=40, margin=20), 250, 10))
    found: dict[str, list[bytes]] = {}
    for format in FORMATS:
        for mode in ("L", "RGB", "P", "RGBA", "1"):
            buffer = io.BytesIO()
            try:
                page.convert(mode).save(buffer, format)
            except (OSError, ValueError):
                continue  # it has no such pictures
            found.setdefault(format, []).append(buffer.getvalue())
    return found


@st.composite
def mutations(draw):
    """Ways to spoil bytes: places as shares of the whole, the head more often than the rest."""
    places = st.one_of(st.floats(0, 1), st.floats(0, 0.05))
    change = st.tuples(
        st.sampled_from(["set", "cut", "double", "long"]), places, st.binary(max_size=8)
    )
    return draw(st.integers(0, 4)), draw(st.lists(change, min_size=1, max_size=6))


def spoilt(content, changes):
    for kind, share, value in changes:
        at = int(share * len(content))
        if kind == "set":
            content = content[:at] + value + content[at + len(value) :]
        elif kind == "cut":
            content = content[:at] if len(value) > 6 else content[:at] + content[at + len(value) :]
        elif kind == "double":
            content = content[:at] + content[at : at + 64] * 2 + content[at + 64 :]
        else:
            content = content[:at] + b"\xff" * 4 + content[at + 4 :]
    return content


def spoil_and_read(files, format, mutation):
    which, changes = mutation
    attempt(spoilt(files[format][which % len(files[format])], changes))


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_read_as_it_is(files, format):
    for content in files[format]:
        attempt(content)
        assert mnistlab.read(content).text


@pytest.mark.parametrize("format", FORMATS)
@given(mutation=mutations())
@quick
def test_spoilt_files(files, format, mutation):
    spoil_and_read(files, format, mutation)


@pytest.mark.slow
@pytest.mark.parametrize("format", FORMATS)
@given(mutation=mutations())
@long
def test_spoilt_files_at_length(files, format, mutation):
    spoil_and_read(files, format, mutation)


def odd_arrays():
    shapes = arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=40)
    return st.sampled_from(KINDS).flatmap(
        lambda kind: (
            st.builds(lambda shape: np.full(shape, None, object), shapes)
            if kind == "object"
            else arrays.arrays(kind, shapes)
        )
    )


@given(odd_arrays())
@quick
def test_odd_arrays(array):
    attempt(array)


@pytest.mark.slow
@given(odd_arrays())
@long
def test_odd_arrays_at_length(array):
    attempt(array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((1, 5000), np.uint8), np.zeros((5000, 1), np.uint8), np.ones((3, 3, 3)),
        np.zeros((20, 20, 4), np.uint8), np.zeros((20, 20, 2)), np.full((30, 30), 256),
        np.broadcast_to(np.uint8(7), (1 << 20, 1 << 20)), np.zeros((40, 40))[::-2, ::3],
        np.array(5), [[0, 1], [1, 0]], [[0], [1, 2]], None, "", {}, 7, object(),
        memoryview(np.zeros((3, 3), np.uint8)), memoryview(np.zeros((9, 9), np.uint8)[::2, ::2]),
        bytearray(b"%PDF"), "\0", "nowhere/file.png", ".", np.ma.masked_all((30, 30)),
    ],
    ids=range(23),
)  # fmt: skip
def test_what_is_odd(array):
    attempt(array)


def test_decoders_say_nothing_of_their_own(command, tmp_path):
    """A TIFF of eight samples a pixel, of which Pillow would write a line to stderr too."""
    fields = {256: 4, 257: 4, 258: 8, 259: 1, 262: 2, 273: 122, 277: 8, 278: 4, 279: 128}
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in fields.items())
    head = struct.pack("<2sHIH", b"II", 42, 8, len(fields))
    (tmp_path / "odd.tif").write_bytes(head + entries + bytes(4 + 128))
    done = command("read", "odd.tif")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "mnistlab: odd.tif: not a picture of PNG, JPEG, BMP, GIF, TIFF, WEBP"
    ]
