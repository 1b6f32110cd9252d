"""A bounded queue before a few threads that read pictures.

A request takes a place before its body is received and keeps it until its picture is read, even
where the client has gone: places bound the memory and the work, whatever clients do.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from mnistlab.data.pdf import is_pdf
from mnistlab.data.pictures import count_pages, decode
from mnistlab.errors import DataError
from mnistlab.reading.explain import explanation
from mnistlab.reading.read import LARGEST, Reading, read_pixels

MEGABYTE = 1_000_000
_one_decode = threading.Lock()
"""The pixels of one large picture may take a gigabyte for a moment; those of many would not fit."""


@dataclass(frozen=True)
class Limits:
    """What the server takes on. Bytes, pixels, seconds."""

    workers: int = 2
    waiting: int = 64
    body: int = 20 * MEGABYTE
    held: int = 200 * MEGABYTE
    """Of all bodies together."""
    pixels: int = 25_000_000
    receive: float = 20.0
    """For a client to send its request."""
    answer: float = 60.0
    """For a picture to be read, waiting included."""
    explained: int = 64
    """Digits that are explained in one answer."""


@dataclass(frozen=True)
class Wish:
    """What is asked of a picture: `explain` its digits, or one of them (-1 the last)."""

    explain: bool = False
    digit: int | None = None


class Busy(Exception):
    """There is no place, or no time, for another picture now."""


class Gone(Exception):
    """Nobody waits for the answer any more."""


class Place:
    """One request's place; `hold` bytes in it, and `leave` it once."""

    def __init__(self, desk: Desk) -> None:
        """Take a place that is free."""
        self._desk, self._bytes, self._left = desk, 0, False
        desk.taken += 1

    def hold(self, count: int) -> None:
        """Count bytes that are kept. Raises Busy where all requests together keep too many."""
        if self._desk.held + count > self._desk.limits.held:
            raise Busy("the pictures that wait take all the memory there is for them")
        self._bytes += count
        self._desk.held += count

    def leave(self) -> None:
        """Give the place to another."""
        if not self._left:
            self._left = True
            self._desk.taken -= 1
            self._desk.held -= self._bytes


class Desk:
    """The threads and the places before them. Everything but the work is done on the event loop."""

    def __init__(self, limits: Limits) -> None:
        """Begin with all places free; threads start when they are needed."""
        self.limits, self.taken, self.held = limits, 0, 0
        self._threads = ThreadPoolExecutor(limits.workers, "reader")

    def take(self) -> Place:
        """Take a place. Raises Busy if none is free."""
        if self.taken >= self.limits.workers + self.limits.waiting:
            raise Busy(f"{self.limits.waiting} pictures are waiting already")
        return Place(self)

    async def done(
        self, place: Place, work: Callable[[], bytes], gone: asyncio.Task[None]
    ) -> bytes:
        """Do `work` in a thread; the place is left when it ends, not when nobody waits.

        Raises Busy after the time for an answer, Gone when the client has `gone`.
        """
        loop = asyncio.get_running_loop()
        future = self._threads.submit(work)
        future.add_done_callback(lambda _: _soon(loop, place.leave))
        return await _awaited(future, gone, self.limits.answer)

    def close(self) -> None:
        """Begin nothing more."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _soon(loop: asyncio.AbstractEventLoop, call: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # the server has stopped meanwhile
        loop.call_soon_threadsafe(call)


async def _awaited(future: Future[bytes], gone: asyncio.Task[None], seconds: float) -> bytes:
    waiting = asyncio.wrap_future(future)
    try:
        both: set[asyncio.Future[Any]] = {waiting, gone}
        await asyncio.wait(both, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if waiting.done():
            return waiting.result()
        if gone.done():
            raise Gone
        raise Busy(f"the picture was not read within {seconds:g} seconds")
    finally:
        waiting.cancel()
        gone.cancel()


def answer(name: str, content: bytes, wish: Wish, limits: Limits) -> bytes:
    """Read one picture and give the JSON of the answer. Raises DataError for what is no picture."""
    if not content:
        raise DataError("the picture is empty: send the bytes of a file")
    if is_pdf(content):
        raise DataError("a PDF: send its pages as pictures, or use mnistlab read")
    if (pages := count_pages(content, "the picture", limits.pixels)) > 1:
        raise DataError(f"{pages} pages: send them as pictures, or use mnistlab read")
    with _one_decode:
        pixels, factor = decode(content, LARGEST, limits.pixels)
    document = {"file": name, **described(read_pixels(pixels, factor), wish, limits.explained)}
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode()


def described(reading: Reading, wish: Wish, most: int) -> dict[str, Any]:
    """Give what was read for JSON, with explanations of the digits that are wished."""
    found = reading.to_json()
    if wish.explain:
        numbers = range(len(reading.digits))
        chosen = [n for n in numbers if wish.digit in (None, n, n - len(numbers))]
        for number in chosen[:most]:
            found["digits"][number] |= explanation(reading.digits[number])
    return found
