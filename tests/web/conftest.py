"""A server on a free port, in a process of its own, and real test digits on pages."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
from PIL import Image

from mnistlab.data import load

sys.path.insert(0, str(Path(__file__).parents[2]))  # for the hostile requests of the benchmarks


class Server(NamedTuple):
    """A server that listens."""

    url: str
    process: subprocess.Popen[str]

    @property
    def address(self):
        parts = urlsplit(self.url)
        return parts.hostname, parts.port

    def post(self, body=b"", path="/api/read", **options):
        return httpx.post(self.url + path, content=body, timeout=60, **options)

    def health(self):
        answer = httpx.get(self.url + "/healthz", timeout=30)
        assert answer.status_code == 200
        return answer.json()

    def until_idle(self, seconds=30):
        """Wait until no place is taken."""
        ends = time.monotonic() + seconds
        while self.health()["taken"]:
            assert time.monotonic() < ends, "a place was not left"
            time.sleep(0.05)


@contextmanager
def serving(*options):
    """Run `mnistlab serve` on a free port; nothing unforeseen may happen in it."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-m", "mnistlab", "serve"]
    process = subprocess.Popen(
        [*command, "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://"), process.stderr.read()
        yield Server(url, process)
    finally:
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in said
    assert "not foreseen" not in said


@pytest.fixture(scope="session")
def serve():
    """Start a server with options of its own: `with serve("--queue", "1") as server`."""
    return serving


@pytest.fixture(scope="module")
def server():
    with serving() as listening:
        yield listening


@pytest.fixture(scope="session")
def page():
    """A page with a line of test digits: `pixels, text = page(count, first)`."""
    mnist = load("mnist")

    def draw(count=5, first=0):
        images, labels = (each[first : first + count] for each in (mnist.x_test, mnist.y_test))
        row = np.concatenate([np.pad(image, ((20, 20), (4, 4))) for image in images], axis=1)
        size = (3 * row.shape[1], 3 * row.shape[0])
        large = Image.fromarray(255 - row).resize(size, Image.Resampling.BICUBIC)
        return large, "".join(map(str, labels))

    return draw


@pytest.fixture(scope="session")
def encoded():
    """Give a picture's bytes: `encoded(picture, "JPEG")`."""

    def encode(picture, kind="PNG", **options):
        buffer = io.BytesIO()
        picture.save(buffer, kind, **options)
        return buffer.getvalue()

    return encode


@pytest.fixture(scope="session")
def picture(page, encoded):
    """Five test digits as PNG, and what they say."""
    drawn, text = page()
    return encoded(drawn), text
