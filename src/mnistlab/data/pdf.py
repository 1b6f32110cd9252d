"""The pages of a PDF as pictures. PDFium renders them, in a process of its own, within a time.

A page is rendered at 200 dots an inch, or with fewer where its longer side would have more pixels
than the reader looks at: an A4 page at 171.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from mnistlab.data import pdf_process
from mnistlab.data.dataset import U8
from mnistlab.errors import DataError, MissingExtraError

SUFFIX = ".pdf"
MAGIC = b"%PDF"
DPI = 200
MOST_PAGES = 200
SECONDS = 30.0
"""A page that takes longer to render is given up."""


@dataclass(frozen=True)
class Page:
    """A page, from 1, of how many; `pixels` uint8 (h, w, 3)."""

    number: int
    count: int
    pixels: U8


def is_pdf(source: Any) -> bool:
    """Say whether a path or bytes are those of a PDF, by their name or their first bytes."""
    begins = first_bytes(source, len(MAGIC))
    if begins is None:
        return False
    named = isinstance(source, (str, Path)) and Path(source).suffix.lower() == SUFFIX
    return named or begins == MAGIC


def first_bytes(source: Any, count: int) -> bytes | None:
    """Give the first bytes of a file or of bytes; None of what is neither, or cannot be read."""
    with suppress(OSError, ValueError, TypeError, BufferError):  # what will be told elsewhere
        if isinstance(source, (bytes, bytearray, memoryview)):
            return bytes(source[:count])
        if isinstance(source, (str, Path)) and Path(source).is_file():
            with Path(source).open("rb") as opened:
                return opened.read(count)
    return None


def can_read_pdfs() -> bool:
    """Say whether the extra `pdf` is there."""
    return importlib.util.find_spec("pypdfium2") is not None


def one_page(source: Any, name: str, largest: int, number: int | None) -> U8:
    """Give a page as uint8 (h, w, 3); without its number, the only one.

    Raises DataError, also where there are several and none is said.
    """
    wanted = 1 if number is None else number
    if wanted < 1:
        raise DataError(f"{name}: there is no page {wanted}; pages are counted from 1")
    page = next(_pages(source, name, largest, wanted, wanted))
    if number is None and page.count > 1:
        raise DataError(f"{name} has {page.count} pages; say which: mnistlab.read(..., page=1)")
    return page.pixels


def pages(source: Any, name: str, largest: int) -> Iterator[Page]:
    """Give the pages one after another, with `largest` pixels a side at most.

    Raises DataError for what cannot be rendered, and after 200 pages if there are more.
    """
    page = None
    for page in _pages(source, name, largest, 1, MOST_PAGES):
        yield page
    if page and page.count > MOST_PAGES:
        raise DataError(
            f"{name} has {page.count} pages, of which {MOST_PAGES} are read; divide it for the rest"
        )


def _pages(source: Any, name: str, largest: int, first: int, last: int) -> Iterator[Page]:
    if not can_read_pdfs():
        raise MissingExtraError("reading PDFs", "pdf")
    number = first
    with _renderer(source, [str(each) for each in (first, last, DPI, largest)]) as process:
        while number <= last:
            page = _next_page(process, name, number)
            yield page
            number = page.number + 1
            last = min(last, page.count)


@contextmanager
def _renderer(source: Any, words: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start the process, feed it bytes, and end it whatever happens."""
    path = str(Path(source).absolute()) if isinstance(source, (str, Path)) else None
    command = [sys.executable, "-P", pdf_process.__file__, path or "-", *words]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, stdin=subprocess.PIPE, **pipes) as process:
        try:
            with suppress(OSError), process.stdin as stdin:  # type: ignore[union-attr]
                stdin.write(b"" if path else source)
            yield process
        finally:
            process.kill()


def _next_page(process: subprocess.Popen[bytes], name: str, number: int) -> Page:
    """Wait for a page, but not for ever. Raises DataError where none comes."""
    late = threading.Event()

    def give_up() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(SECONDS, give_up)
    timer.start()
    try:
        about, content = _message(process.stdout)  # type: ignore[arg-type]
    finally:
        timer.cancel()
    if late.is_set():
        raise DataError(f"{name}: page {number} takes more than {SECONDS:.0f} s to render")
    if "error" in about:
        _refuse(name, about["error"])
    if len(content) < about.get("height", 1) * about.get("stride", 1):
        raise DataError(
            f"{name}: page {number} cannot be rendered; the PDF is damaged or too large"
        )
    rows = np.frombuffer(content, np.uint8).reshape(about["height"], about["stride"])
    pixels = rows[:, : 3 * about["width"]].reshape(about["height"], about["width"], 3)
    return Page(about["number"], about["pages"], pixels)


def _message(stream: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read what the process says of a page, and the page; nothing if it has died."""
    try:
        about: dict[str, Any] = json.loads(stream.readline())
    except ValueError:
        return {}, b""
    return about, stream.read(about.get("height", 0) * about.get("stride", 0))


def _refuse(name: str, why: str) -> None:
    if "password" in why.lower():
        raise DataError(f"{name}: needs a password; save a copy without one, and give that")
    raise DataError(f"{name}: cannot be read as a PDF ({why:.200})")
