"""Ways to spoil a file that is whole, each drawn from a generator: bytes in, bytes out."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
import zlib
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

Bend = Callable[[random.Random, bytes], bytes]

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 2**24, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1,
           2**64 - 1)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), 0.5, "",
    "x", "\0", "../../etc/passwd", "e" * 1000, [], [None], [[]], {}, {"a": 1}, [1] * 1000,
)  # fmt: skip


def bits(rng: random.Random, content: bytes) -> bytes:
    """Flip up to eight bits."""
    bent = bytearray(content)
    for _ in range(rng.randint(1, 8) if bent else 0):
        bent[place(rng, len(bent))] ^= 1 << rng.randrange(8)
    return bytes(bent)


def stretches(rng: random.Random, content: bytes) -> bytes:
    """Put noise, zeros or ones in place of a few stretches."""
    bent = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        at, length = place(rng, len(bent) + 1), rng.choice([1, 2, 4, 16, 100])
        bent[at : at + length] = rng.choice(
            [rng.randbytes(length), bytes(length), b"\xff" * length]
        )
    return bytes(bent)


def cut(rng: random.Random, content: bytes) -> bytes:
    """Cut the file off, take a stretch out, or put something behind it."""
    at, length = place(rng, len(content) + 1), rng.choice([1, 4, 64, len(content)])
    return rng.choice([content[:at], content[:at] + content[at + length :],
                       content + rng.randbytes(length)])  # fmt: skip


def double(rng: random.Random, content: bytes) -> bytes:
    """Repeat a stretch."""
    at, length = place(rng, len(content) + 1), rng.choice([1, 4, 64, 1000])
    return content[:at] + content[at : at + length] * rng.randint(2, 9) + content[at + length :]


def lengths(rng: random.Random, content: bytes) -> bytes:
    """Write telling numbers over a few places, as fields of lengths that lie."""
    bent = bytearray(content)
    for _ in range(rng.randint(1, 3)):
        size, order = rng.choice([1, 2, 4, 8]), rng.choice(["big", "little"])
        number = rng.choice([*NUMBERS, rng.getrandbits(16)]) % (1 << 8 * size)
        at = place(rng, len(bent) + 1)
        bent[at : at + size] = number.to_bytes(size, order)  # type: ignore[arg-type]
    return bytes(bent)


def place(rng: random.Random, length: int) -> int:
    """Draw a place: as often near the beginning or the end, where formats have their fields."""
    most = max(length, 1)
    near = min(most, 80)
    return rng.choice([rng.randrange(most), rng.randrange(near), most - 1 - rng.randrange(near)])


PLAIN: dict[str, Bend] = {
    "bits": bits, "stretches": stretches, "cut": cut, "double": double, "lengths": lengths,
}  # fmt: skip


def plainly(rng: random.Random, content: bytes) -> bytes:
    """Spoil it in one of the plain ways."""
    return PLAIN[rng.choice(sorted(PLAIN))](rng, content)


def splice(rng: random.Random, one: bytes, other: bytes) -> bytes:
    """Put the end of one file behind the beginning of another."""
    return one[: place(rng, len(one) + 1)] + other[place(rng, len(other) + 1) :]


def in_gzip(rng: random.Random, content: bytes, bend: Bend = plainly) -> bytes:
    """Spoil what is in a gzip, and pack it again with the right checksum."""
    return gzip.compress(bend(rng, gzip.decompress(content)), 1, mtime=0)


def in_zip(rng: random.Random, content: bytes, bend: Bend = plainly) -> bytes:
    """Spoil, rename, double or drop a member of a ZIP, the directory and checksums made anew."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
        names = old.namelist()
        victim, how = rng.choice(names), rng.choice(["bend", "bend", "bend", "drop", "swap"])
        for name in names:
            inner = old.read(name)
            if name == victim and how == "drop":
                continue
            if name == victim:
                inner = bend(rng, inner) if how == "bend" else old.read(rng.choice(names))
            new.writestr(zipfile.ZipInfo(name), inner, rng.choice([0, zipfile.ZIP_DEFLATED]))
    return target.getvalue()


def in_json(rng: random.Random, content: bytes) -> bytes:
    """Put an odd value at some place of a JSON document, drop an entry, or add one."""
    try:
        document = json.loads(content)
    except ValueError:
        return plainly(rng, content)
    for _ in range(rng.randint(1, 3)):
        document = _odd(rng, document)
    return json.dumps(document).encode()


def _odd(rng: random.Random, value: Any) -> Any:
    if not value or not isinstance(value, (dict, list)) or rng.random() < 0.05:
        return deepcopy(rng.choice(ODD))
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    how = rng.random()
    if how < 0.1:
        del value[key]
    elif how < 0.15 and isinstance(value, dict):
        value["odd"] = deepcopy(rng.choice(ODD))
    else:
        value[key] = _odd(rng, value[key])
    return value


def in_json_or_plain(rng: random.Random, content: bytes) -> bytes:
    """Spoil JSON as JSON, all else as bytes."""
    return in_json(rng, content) if content[:1] in (b"{", b"[") else plainly(rng, content)


def in_png(rng: random.Random, content: bytes) -> bytes:
    """Spoil one chunk of a PNG, with the right length and checksum."""
    at, chunks = 8, []
    while at + 12 <= len(content):
        length = int.from_bytes(content[at : at + 4], "big")
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    victim = rng.randrange(len(chunks))
    kind, inner = chunks[victim]
    chunks[victim] = (kind, plainly(rng, inner))
    return content[:8] + b"".join(map(chunk, *zip(*chunks, strict=True)))


def chunk(kind: bytes, inner: bytes) -> bytes:
    """Give a PNG's chunk."""
    return (
        len(inner).to_bytes(4, "big") + kind + inner + zlib.crc32(kind + inner).to_bytes(4, "big")
    )


def noise(rng: random.Random, starts: Sequence[bytes]) -> bytes:
    """Make a file of nothing: perhaps the beginning of one of `starts`, and noise."""
    start = rng.choice([b"", *starts])[: rng.choice([2, 4, 8, 32])]
    return start + rng.randbytes(rng.choice([0, 1, 10, 100, 2000]))
