"""What `mnistlab read` is given: pictures, PDFs, folders, patterns, stdin; where copies go."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mnistlab.cli.console import say
from mnistlab.errors import DataError, InputError, MissingExtraError, brief

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

STDIN = "-"
MOST_BYTES = 256 << 20
"""Of what can be read but once, and so is kept; a file may be larger."""
PATTERN = re.compile(r"[*?\[]")
COPY = re.compile(r"(-\d+)?\.(annotated|explained)\.png$")


@dataclass(frozen=True)
class Sheet:
    """One picture, or a page of a PDF or a TIFF: what it is called, and what `decode` gives of it.

    `alone` says that there is no other in its file, `page` its number where there may be others.
    """

    label: str
    page: int | None
    alone: bool
    pixels: npt.NDArray[np.float32]
    factor: int


def named(words: Sequence[str]) -> list[str]:
    """Give the files that are named, those in folders, and those that patterns match, in order.

    Raises InputError for what is not there, MissingExtraError for PDFs where they cannot be read.
    """
    return [name for word in words for name in _files(word)]


def sheets(name: str) -> Iterator[Sheet]:
    """Decode a file, page by page. Raises DataError."""
    import numpy as np

    from mnistlab.data.pdf import is_pdf, pages
    from mnistlab.data.pictures import count_pages, decode
    from mnistlab.reading.read import LARGEST

    source = _content(name)
    if is_pdf(source):
        for page in pages(source, name, LARGEST):
            pixels = page.pixels.astype(np.float32)
            yield Sheet(f"{name}#{page.number}", page.number, page.count == 1, pixels, 1)
    elif (count := count_pages(source, name)) > 1:
        for number in range(1, count + 1):
            pixels, factor = decode(source, LARGEST, page=number)
            yield Sheet(f"{name}#{number}", number, False, pixels, factor)
    else:
        yield Sheet(name, None, True, *decode(source, LARGEST))


def _content(name: str) -> str | bytes:
    """Give the bytes of what can be read but once, stdin or a pipe; other names as they are."""
    if name != STDIN and not Path(name).is_fifo():
        return name
    called = "stdin" if name == STDIN else name
    if name == STDIN and sys.stdin is None:
        raise InputError("stdin is closed; give the name of a picture")
    with nullcontext(sys.stdin.buffer) if name == STDIN else Path(name).open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if not content:
        raise DataError(f"{called}: nothing came")
    if len(content) > MOST_BYTES:
        raise DataError(f"{called}: more than {MOST_BYTES >> 20} MiB; save it as a file")
    return content


def check_copies(names: Sequence[str], folder: Path) -> None:
    """Make the folder for copies. Raises InputError where something else would be lost in it."""
    stems = [_stem(name) for name in names]
    if twice := [stem for stem in stems if stems.count(stem) > 1]:
        raise InputError(f"several pictures are called {twice[0]}; annotate them one by one")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; --annotate takes a folder, there or not")
    from mnistlab.files import storage_errors

    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(folder.iterdir()):
            if any(_is_copy(path.name, stem) for stem in stems):
                raise InputError(f"{path} exists already and is left; choose another --annotate")


def copy_path(name: str, sheet: Sheet, folder: Path, kind: str) -> Path:
    """Say where the copy of a kind goes, `annotated` or `explained`."""
    page = "" if sheet.page is None else f"-{sheet.page}"
    return folder / f"{_stem(name)}{page}.{kind}.png"


def _stem(name: str) -> str:
    return "stdin" if name == STDIN else Path(name).name


def _is_copy(name: str, stem: str) -> bool:
    return name.startswith(stem) and COPY.fullmatch(name[len(stem) :]) is not None


def _originals(folder: Path) -> list[Path]:
    """List a folder, but for copies of pictures in it that `check_copies` would make."""
    found = sorted(folder.iterdir())
    names = {path.name for path in found}
    return [
        path for path in found
        if not ((copy := COPY.search(path.name)) and path.name[: copy.start()] in names)
    ]  # fmt: skip


def _files(word: str) -> list[str]:
    from mnistlab.data.folders import SUFFIXES, is_picture_file
    from mnistlab.data.pdf import SUFFIX, can_read_pdfs

    if not word:
        raise InputError("the name of a picture is empty")
    path = Path(word)
    if word == STDIN or path.is_file() or path.is_fifo():
        if path.suffix.lower() == SUFFIX and not can_read_pdfs():
            raise MissingExtraError(f"{word}: reading PDFs", "pdf")
        return [word]
    if path.is_dir():
        found, none = _originals(path), "no pictures in it"
    elif PATTERN.search(word):
        found, none = sorted(map(Path, glob.glob(word, recursive=True))), "no picture matches it"  # noqa: PTH207
    else:
        what = "is neither a file nor a folder" if path.exists() else "does not exist"
        raise InputError(f"{word} {what}; give pictures, PDFs, folders, or - for stdin")
    pictures = [each for each in found if is_picture_file(each)]
    documents = [each for each in found if is_picture_file(each, {SUFFIX})]
    if documents and not can_read_pdfs():
        if not pictures:
            raise MissingExtraError(f"{word}: reading PDFs", "pdf")
        lacking = MissingExtraError(", ".join(map(str, documents)), "pdf")
        say(f"mnistlab: passed over: {brief(lacking)}")
        documents = []
    if not pictures and not documents:
        raise InputError(f"{word}: {none} ({', '.join(sorted({*SUFFIXES, SUFFIX}))})")
    return sorted(map(str, [*pictures, *documents]))
