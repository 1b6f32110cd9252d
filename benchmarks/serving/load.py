"""Honest clients: pictures of lines of test digits, sent as fast as they are answered."""

from __future__ import annotations

import http.client
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from benchmarks.serving.hostile import Address
from mnistlab.data import load

LONGEST = 8


@dataclass(frozen=True)
class Line:
    """A picture of a line of digits: its bytes, and what it says."""

    content: bytes
    text: str


@dataclass
class Outcome:
    """What clients met: answers by status, seconds of those with 200, texts that were right."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    right: int = 0
    elapsed: float = 0.0
    """Seconds until the last answer."""


def lines(count: int, seed: int) -> list[Line]:
    """Draw lines of 1 to 8 MNIST test digits, dark on light, 40 to 120 pixels high, PNG or JPEG."""
    rng = np.random.default_rng(seed)
    mnist = load("mnist")
    return [_line(rng, mnist.x_test, mnist.y_test) for _ in range(count)]


def _line(rng: np.random.Generator, images: np.ndarray, labels: np.ndarray) -> Line:
    chosen = rng.integers(len(images), size=rng.integers(1, LONGEST + 1))
    row = np.concatenate([np.pad(images[i], ((14, 14), (3, 3))) for i in chosen], axis=1)
    scale = rng.uniform(2, 6)
    size = (round(row.shape[1] * scale), round(row.shape[0] * scale))
    paper = Image.fromarray(255 - row).resize(size, Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    if rng.random() < 0.5:
        paper.save(buffer, "PNG")
    else:
        paper.save(buffer, "JPEG", quality=90)
    return Line(buffer.getvalue(), "".join(str(labels[i]) for i in chosen))


def driven(address: Address, pictures: Sequence[Line], clients: int, seconds: float) -> Outcome:
    """Let `clients` send pictures for so long, each the next as soon as it has its answer."""
    outcome, lock = Outcome(), threading.Lock()
    begun = time.monotonic()
    ends = begun + seconds
    threads = [
        threading.Thread(
            target=_client, args=(address, pictures[i:] + pictures[:i], ends, outcome, lock)
        )
        for i in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outcome.elapsed = time.monotonic() - begun
    return outcome


def _client(
    address: Address, pictures: Sequence[Line], ends: float, outcome: Outcome, lock: threading.Lock
) -> None:
    connection = http.client.HTTPConnection(*address, timeout=120)
    number = 0
    while time.monotonic() < ends:
        line = pictures[number % len(pictures)]
        number += 1
        begun = time.monotonic()
        status, right = _asked(connection, line)
        taken = time.monotonic() - begun
        with lock:
            outcome.statuses[status] += 1
            if status == "200":
                outcome.seconds.append(taken)
                outcome.right += right
        if status != "200":
            time.sleep(0.2)
    connection.close()


def _asked(connection: http.client.HTTPConnection, line: Line) -> tuple[str, bool]:
    """Send one picture; give the status, or the kind of failure, and whether the text is right."""
    try:
        connection.request("POST", "/api/read", line.content)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()
        return type(error).__name__, False
    return str(answer.status), answer.status == 200 and json.loads(body)["text"] == line.text
