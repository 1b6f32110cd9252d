"""Requests that no honest client sends, from a seed; and what a server did with them."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

Address = tuple[str, int]
PATIENCE = 0.5
"""Seconds for an answer: what is incomplete gets none before the server's timeout."""

LINES = (
    b"Content-Length: 5\r\n",
    b"Content-Length: -1\r\n",
    b"Content-Length: 1e3\r\n",
    b"Transfer-Encoding: chunked\r\n",
    b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\nConnection: upgrade\r\n",
    b"X: " + b"y" * 70_000,
)
METHODS = (b"GET", b"PUT", b"DELETE", b"OPTIONS", b"POST", b"BREW", b"\x00", b"HEAD")
TARGETS = (
    b"/%00",
    b"/../../etc/passwd",
    b"/%2e%2e/app.js",
    b"*",
    b"http://x/",
    b"/\xff",
    b"/api/read?explain=7",
    b"/api/read?digit=x",
    b"/" + b"a" * 5000,
    b"/healthz",
)


def png(width: int, height: int, pixels: bytes = b"") -> bytes:
    """Give a gray PNG by hand, which need not hold the pixels that its head promises."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(pixels))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + data + chunk(b"IEND", b"")


def form(content: bytes, name: bytes = b"file", boundary: bytes = b"edge") -> bytes:
    """Give the body of a form with one file."""
    head = b'Content-Disposition: form-data; name="%s"; filename="a.png"\r\n\r\n' % name
    return b"--%s\r\n%s%s\r\n--%s--\r\n" % (boundary, head, content, boundary)


def post(body: bytes, headers: bytes = b"", length: int | None = None) -> bytes:
    """Give a whole request, whose Content-Length may not be true."""
    said = len(body) if length is None else length
    return b"POST /api/read HTTP/1.1\r\nHost: localhost\r\n%sContent-Length: %d\r\n\r\n%s" % (
        headers,
        said,
        body,
    )


def requests(count: int, seed: int, picture: bytes) -> Iterator[bytes]:
    """Give malformed requests, each kind in its turn; `picture` is one that is whole."""
    rng = random.Random(seed)
    kinds = (
        _noise,
        _bent_head,
        _bent_picture,
        _bent_form,
        _bent_chunks,
        _odd_lengths,
        _odd_targets,
    )
    for number in range(count):
        yield kinds[number % len(kinds)](rng, picture)


def _noise(rng: random.Random, picture: bytes) -> bytes:
    start = rng.choice([b"", b"GET ", b"POST /api/read HTTP/1.1\r\n", b"\x16\x03\x01", b"PRI * "])
    return start + rng.randbytes(rng.randrange(1, 2000))


def _bent(rng: random.Random, content: bytes, most: int = 12) -> bytes:
    """Change, cut out or double a few stretches."""
    bent = bytearray(content)
    for _ in range(rng.randint(1, most)):
        at, length = rng.randrange(len(bent) + 1), rng.choice([0, 1, 1, 2, 8, 100])
        bent[at : at + length] = rng.choice(
            [rng.randbytes(length), b"", bent[at : at + length] * 2]
        )
    return bytes(bent)


def _bent_head(rng: random.Random, picture: bytes) -> bytes:
    head, _, body = post(picture, b"Content-Type: image/png\r\nAccept: */*\r\n").partition(
        b"\r\n\r\n"
    )
    return _bent(rng, head) + b"\r\n\r\n" + body


def _bent_picture(rng: random.Random, picture: bytes) -> bytes:
    cut = picture[: rng.randrange(len(picture))] if rng.random() < 0.3 else picture
    return post(_bent(rng, cut))


def _bent_form(rng: random.Random, picture: bytes) -> bytes:
    name = rng.choice([b"file", b"file", b"files", b"", b'"', b"\xff"])
    body = _bent(rng, form(picture, name), 4)
    said = rng.choice([b"edge", b"edge", b"other", b"", b"e" * 300, b'"'])
    return post(body, b"Content-Type: multipart/form-data; boundary=%s\r\n" % said)


def _bent_chunks(rng: random.Random, picture: bytes) -> bytes:
    head = b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    sizes = rng.choice([b"%x" % len(picture), b"-5", b"zz", b"f" * 40, b"0x10", b""])
    return head + sizes + b"\r\n" + picture + rng.choice([b"\r\n0\r\n\r\n", b"", b"0\r\n"])


def _odd_lengths(rng: random.Random, picture: bytes) -> bytes:
    line = rng.choice(LINES)
    length = rng.choice([None, 0, len(picture) // 2, len(picture) * 2, 10**12, 10**40])
    return post(picture, line, length)


def _odd_targets(rng: random.Random, picture: bytes) -> bytes:
    method, target = rng.choice(METHODS), rng.choice(TARGETS)
    host = rng.choice([b"localhost", b"localhost", b"evil.example", b"", b"a" * 1000])
    return b"%s %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (method, target, host)


def sent(address: Address, payload: bytes, patience: float = PATIENCE) -> str:
    """Send raw bytes; give the status of the answer, 'closed' or 'no answer'."""
    try:
        with socket.create_connection(address, timeout=10) as connection:
            connection.settimeout(patience)
            with contextlib.suppress(OSError):  # refused before it was all sent: it may say why
                connection.sendall(payload)
            head = connection.recv(4096)
    except TimeoutError:
        return "no answer"
    except OSError:
        return "closed"
    words = head.split(b" ", 2)
    return words[1].decode("ascii", "replace") if len(words) > 1 else "closed"


def counted(address: Address, payloads: Iterator[bytes], threads: int = 16) -> dict[str, int]:
    """Send all, several at a time; count the answers by status."""
    with ThreadPoolExecutor(threads) as pool:
        return dict(sorted(Counter(pool.map(lambda each: sent(address, each), payloads)).items()))
