"""Pictures: any format decoded within bounds, and one digit made as MNIST made its own.

Pictures of 28x28 are taken as they are. Others are taken for one digit on an even ground, and
go through `as_mnist`; finding digits in photos is the affair of `mnistlab.reading`.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import SIDE, U8
from mnistlab.data.pdf import MOST_PAGES, first_bytes, is_pdf, one_page
from mnistlab.errors import DataError, brief

if TYPE_CHECKING:
    from PIL.Image import Image

F64 = npt.NDArray[np.float64]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")
TIFF_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
NEW_SUBFILE_TYPE, REDUCED = 254, 1
MAX_PIXELS = 50_000_000
BOX = 20
SMALLEST_BOX = 10
CENTRE = 14
FAINTEST = 0.1
"""Ink below this part of the darkest is the noise of paper or JPEG, not ink."""
OPAQUE, SMOOTHED = 0.5, 40
"""What is drawn covers so much of what lies under it; smoothed edges differ so much, of 255."""


def as_mnist(ink: npt.ArrayLike) -> U8:
    """Return one digit (28, 28) uint8 as MNIST's makers would have made it.

    `ink` is (h, w), of any numbers; 0 is exactly no ink. Its tight box is padded to a square of
    at least 10, area-averaged to 20x20, scaled so that the most ink is 255, and put where the
    centre of mass falls on pixel index 14, by whole pixels. Ink that this pushes over the edge is
    cut off, as it is in 16 of MNIST's own 70,000. After QMNIST's reconstruction:
    Yadav & Bottou 2019, https://arxiv.org/abs/1905.10498. Raises DataError if there is no ink.
    """
    square = _square(np.asarray(ink, np.float64))
    shares = _shares(len(square))
    small = shares @ square @ shares.T
    small *= 255 / small.max()
    wide = np.zeros((2 * SIDE, 2 * SIDE), np.uint8)
    top, left = (SIDE // 2 + _offset(small.sum(axis=1 - axis)) for axis in (0, 1))
    wide[top : top + BOX, left : left + BOX] = np.rint(small)
    return wide[SIDE // 2 : -SIDE // 2, SIDE // 2 : -SIDE // 2].copy()


def read_picture(path: Path) -> U8:
    """Return one picture as (28, 28) uint8, bright on dark; DataError if it cannot be read."""
    gray = _gray(path)
    border = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    ground = float(np.median(border))
    if ground > 127:
        gray, ground = 255 - gray, 255 - ground
    if gray.shape == (SIDE, SIDE):
        return np.rint(gray).astype(np.uint8)
    ink = np.clip(gray - ground, 0, None)
    ink[ink < FAINTEST * ink.max()] = 0
    try:
        return as_mnist(ink)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _square(ink: F64) -> F64:
    """Cut out the box of the ink, and pad it on all sides to a square."""
    if ink.ndim != 2 or not np.isfinite(ink).all() or not (ink > 0).any():
        raise DataError(f"no ink in a picture of {ink.shape}")
    rows, columns = np.flatnonzero((ink > 0).any(axis=1)), np.flatnonzero((ink > 0).any(axis=0))
    box = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].clip(0)
    side = max(*box.shape, SMALLEST_BOX)
    before = [(side - length) // 2 for length in box.shape]
    after = [side - length - pad for length, pad in zip(box.shape, before, strict=True)]
    return np.pad(box, list(zip(before, after, strict=True)))


def _shares(side: int) -> F64:
    """Return (20, side): what part of each of 20 equal stretches each of `side` pixels covers."""
    edges = np.arange(BOX + 1) * side / BOX
    pixels = np.arange(side)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return overlap.clip(0) * BOX / side


def _offset(mass: F64) -> int:
    """Return where the box begins, -5 to 14, for the centre of `mass` (20,) to fall on index 14."""
    centre = float(mass @ np.arange(BOX) / mass.sum())
    return math.floor(CENTRE - centre + 0.5)


def decode(
    source: Any, largest: int, most: int | None = None, page: int | None = None
) -> tuple[npt.NDArray[np.float32], int]:
    """Decode a picture to float32 (h, w) or (h, w, 3) of 0..255.

    `source` is a path, bytes, a file open to read bytes, an array or a PIL image. It is turned as
    its EXIF says, and what is transparent is laid on paper. A picture with more than `largest`
    pixels a side is made smaller, by averaging blocks of `factor` a side, which is given too.
    `page` is that of a PDF or a TIFF, from 1; it may be left out where there is one. Raises
    DataError for what is no picture, and for one of more than `most` (50 million unless given)
    pixels.
    """
    from PIL import Image

    name = str(source) if isinstance(source, (str, Path)) else "the picture"
    if page is not None and (isinstance(page, bool) or not isinstance(page, (int, np.integer))):
        raise DataError(f"page is {page!r}; give a whole number, 1 for the first")
    if isinstance(source, io.BufferedIOBase):
        source = source.read()
    if is_pdf(source):
        return one_page(source, name, largest, page).astype(np.float32), 1
    if page not in (None, 1) and not is_tiff(source):
        raise DataError(f"{name} is no PDF: it has no page {page}")
    if isinstance(source, (str, Path, bytes, bytearray, memoryview, Image.Image)):
        with _opened(source, name, most, page) as picture:
            pixels = _pixels(_turned(picture), name)
    else:
        try:
            array = np.asarray(source)
        except Exception as error:  # lists of unequal lists, and whatever __array__ may do
            raise DataError(
                f"{type(source).__name__}: no array of numbers ({brief(error)})"
            ) from error
        pixels = _of_array(array)
    factor = -(-max(pixels.shape[:2]) // largest)
    return (_smaller(pixels, factor, name) if factor > 1 else pixels), factor


def is_tiff(source: Any) -> bool:
    """Say whether a path or bytes are those of a TIFF, by their first bytes."""
    return first_bytes(source, 4) in TIFF_MAGIC


def count_pages(source: Any, name: str, most: int | None = None) -> int:
    """Count the pages of a TIFF, thumbnails apart; other pictures are one. Raises DataError."""
    if not is_tiff(source):
        return 1
    with _opened(source, name, most, page=1) as picture:
        return len(_frames(picture, name))


def _frames(picture: Image, name: str) -> list[int]:
    """Number the pages of a picture as Pillow does: frames of a TIFF that are no thumbnails.

    Raises DataError for more frames than a document has pages.
    """
    if picture.format != "TIFF":
        return [0]
    pages = []
    for number in count():  # `n_frames` would look through all of them, however many
        try:
            picture.seek(number)
        except EOFError:
            break
        if number == MOST_PAGES:
            raise DataError(f"{name} has more than {MOST_PAGES} pages; divide it")
        kind = picture.tag_v2.get(NEW_SUBFILE_TYPE)  # type: ignore[attr-defined]
        if not (isinstance(kind, int) and kind & REDUCED):
            pages.append(number)
    picture.seek(0)
    return pages or [0]


def _turn_to(picture: Image, name: str, page: int | None) -> None:
    """Have a picture show a page, from 1; None, where it has one. Raises DataError."""
    pages = _frames(picture, name)
    if page is None and len(pages) > 1:
        raise DataError(f"{name} has {len(pages)} pages; say which: mnistlab.read(..., page=1)")
    wanted = 1 if page is None else page
    if not 1 <= wanted <= len(pages):
        raise DataError(f"{name}: there is no page {wanted}; it has {len(pages)}, counted from 1")
    if len(pages) > 1:
        picture.seek(pages[wanted - 1])


def _pixels(picture: Image, name: str) -> npt.NDArray[np.float32]:
    """Give brightness (h, w), or colours (h, w, 3) where there are any."""
    gray = picture.mode[0] in "1LIF" or picture.has_transparency_data
    if gray and picture.mode not in ("RGBA", "PA", "P"):
        return _brightness(picture, name).astype(np.float32)
    if not picture.has_transparency_data:
        return np.asarray(picture.convert("RGB"), np.float32)
    layers = np.asarray(picture.convert("RGBA"), np.float32)
    colours, alpha = layers[..., :3], layers[..., 3:] / 255
    ground = _ground(colours.mean(axis=2, keepdims=True), alpha)
    return np.asarray(colours * alpha + (1 - alpha) * ground, np.float32)


def _of_array(array: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    from PIL import Image

    if array.ndim in (2, 3) and math.prod(array.shape[:2]) > MAX_PIXELS:
        raise DataError(f"an array {array.shape}: more than {MAX_PIXELS:,} pixels")
    if array.dtype.kind in "biuf" and array.size and array.ndim in (2, 3):
        values = array.astype(np.float32)
        if array.ndim == 3 and array.shape[2] == 1:
            values = values[..., 0]
        if np.isfinite(values).all() and values.min() >= 0 and values.max() <= 255:
            if values.max() <= 1:  # as whole numbers too: of 0 to 255 they would all be black
                values = values * 255
            if values.ndim == 2 or values.shape[2] == 3:
                return values
            if values.shape[2] == 4:
                return _pixels(Image.fromarray(values.astype(np.uint8), "RGBA"), "the array")
    raise DataError(
        f"an array {array.shape} of {array.dtype} is no picture; give (height, width), with 3 or 4 "
        "channels or without, of 0 to 255 or of 0 to 1"
    )


def _smaller(pixels: npt.NDArray[np.float32], factor: int, name: str) -> npt.NDArray[np.float32]:
    """Average blocks of factor by factor pixels; what is left at the edges is dropped."""
    height, width = (length // factor for length in pixels.shape[:2])
    if not height or not width:
        shape = f"{pixels.shape[1]} x {pixels.shape[0]}"
        raise DataError(f"{name}: a picture of {shape} is too narrow to read")
    whole = pixels[: height * factor, : width * factor]
    blocks = whole.reshape(height, factor, width, factor, *pixels.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float32))


def _gray(path: Path) -> F64:
    """Return the picture's brightness, (h, w) from 0 to 255, turned as its EXIF says."""
    with _opened(path, str(path), page=1) as picture:
        return _brightness(_turned(picture), str(path))


def _turned(picture: Image) -> Image:
    """Turn a picture as its EXIF says."""
    from PIL import ImageOps

    return ImageOps.exif_transpose(picture)


@contextmanager
def _opened(
    source: Any, name: str, most: int | None = None, page: int | None = None
) -> Iterator[Image]:
    """Open a path or bytes at a page, or take an open picture as it is.

    Raises DataError for whatever goes wrong in decoding.
    """
    import logging

    from PIL import Image, UnidentifiedImageError

    if not (decoders := logging.getLogger("PIL")).handlers:  # they would write to stderr too
        decoders.addHandler(logging.NullHandler())
    most = MAX_PIXELS if most is None else most
    try:
        if isinstance(source, (bytes, bytearray, memoryview)):
            source = io.BytesIO(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of bombs, which are refused here, and of odd tags
            given = isinstance(source, Image.Image)
            # What was given open is left open.
            with nullcontext(source) if given else Image.open(source, formats=FORMATS) as picture:
                if not given:
                    _turn_to(picture, name, page)
                if not picture.width * picture.height:
                    raise DataError(f"{name}: a picture without pixels")
                if picture.width * picture.height > most:
                    raise DataError(f"{name}: more than {most:,} pixels")
                yield picture
    except UnidentifiedImageError as error:
        raise DataError(f"{name}: not a picture of {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise DataError(f"{name}: more than {most:,} pixels") from error
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise all sorts
        said = getattr(error, "strerror", None) or brief(error)
        raise DataError(f"{name}: cannot be read as a picture ({said})") from error


def _brightness(picture: Image, name: str) -> F64:
    if picture.mode.startswith("I"):  # 16 bits, which Pillow would clip
        return np.asarray(picture, np.float64).clip(0, 65535) / 257
    if picture.mode == "F":
        raise DataError(f"{name}: floating-point pixels; save it with 8 or 16 bits")
    if not picture.has_transparency_data:
        return np.asarray(picture.convert("L"), np.float64)
    layers: npt.NDArray[Any] = np.asarray(picture.convert("LA"), np.float64)
    gray, alpha = layers[..., 0], layers[..., 1] / 255
    return gray * alpha + (1 - alpha) * _ground(gray, alpha)


def _ground(gray: npt.NDArray[Any], alpha: npt.NDArray[Any]) -> int:
    """Say what lies under a transparent picture: white if what is drawn is dark, else black.

    Where what is drawn is lighter or darker along its edges, these were smoothed on what was there.
    """
    drawn = np.pad(np.squeeze(alpha) > OPAQUE, 1)
    inner = drawn & np.roll(drawn, 1, 0) & np.roll(drawn, -1, 0)
    inner &= np.roll(drawn, 1, 1) & np.roll(drawn, -1, 1)
    edge = (drawn & ~inner)[1:-1, 1:-1]
    inner = inner[1:-1, 1:-1]
    if inner.any():
        level = gray.reshape(inner.shape)
        smoothed = float(level[edge].mean() - level[inner].mean())
        if abs(smoothed) > SMOOTHED:
            return 255 if smoothed > 0 else 0
    return 0 if (gray * alpha).sum() > 127 * alpha.sum() else 255
