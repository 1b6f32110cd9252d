"""The process that renders a PDF's pages, so that no PDF can hang or kill the one that asked.

    python -P pdf_process.py FILE FIRST LAST DPI LARGEST

FILE is a path, or - for what comes on stdin. For each page from FIRST to LAST stdout gets a line
of JSON, `{"number", "pages", "width", "height", "stride"}`, and height x stride bytes, RGB from the
left of each row; where something is wrong, `{"error": ...}`. It imports nothing of mnistlab.
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import suppress
from typing import Any, BinaryIO

POINTS = 72  # an inch
MEMORY = 2 << 30
"""Bytes that a page may need; PDFs can ask for any amount."""


def main(name: str, first: int, last: int, dpi: int, largest: int) -> None:
    """Write the pages; with `largest` pixels a side at most."""
    import pypdfium2

    _bound_memory()
    out = sys.stdout.buffer
    try:
        with io.BytesIO(sys.stdin.buffer.read()) if name == "-" else open(name, "rb") as opened:  # noqa: PTH123
            document = pypdfium2.PdfDocument(opened)
            document.init_forms()
            if not first <= len(document):
                raise ValueError(f"there is no page {first}; pages: {len(document)}")
            for number in range(first, min(last, len(document)) + 1):
                _write(out, document, number, dpi, largest)
    except Exception as error:  # noqa: BLE001  # whatever it is, it is told
        _tell(out, {"error": " ".join(str(error).split()) or type(error).__name__})


def _write(out: BinaryIO, document: Any, number: int, dpi: int, largest: int) -> None:
    page = document[number - 1]
    width, height = page.get_size()
    longest = max(width, height)
    if not 0 < min(width, height) <= longest < float("inf"):
        raise ValueError(f"page {number} has no size: {width} x {height}")
    bitmap = page.render(scale=min(dpi / POINTS, (largest - 1) / longest), rev_byteorder=True)
    about = {"width": bitmap.width, "height": bitmap.height, "stride": bitmap.stride}
    _tell(out, {"number": number, "pages": len(document), **about})
    out.write(memoryview(bitmap.buffer).cast("B")[: bitmap.height * bitmap.stride])
    out.flush()
    page.close()


def _tell(out: BinaryIO, about: dict[str, Any]) -> None:
    out.write(json.dumps(about).encode() + b"\n")
    out.flush()


def _bound_memory() -> None:
    with suppress(ImportError, OSError, ValueError):  # not on every system
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
