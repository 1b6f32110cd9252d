"""Shared by the tests of the data: real MNIST, and a small set with sources of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import mnistlab.data
from mnistlab.data import idx
from mnistlab.data.catalogue import Local, NamedSet, Web, Wheel
from mnistlab.data.dataset import Arrays, Dataset


@pytest.fixture(scope="session")
def mnist() -> Dataset:
    return mnistlab.data.load("mnist")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh cache, and no Keras cache."""
    monkeypatch.setenv("MNISTLAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def small() -> Arrays:
    rng = np.random.default_rng(0)

    def images(count: int) -> np.ndarray:
        return rng.integers(0, 256, (count, 28, 28), np.uint8)

    def labels(count: int) -> np.ndarray:
        return (np.arange(count) % 10).astype(np.uint8)

    return images(60), labels(60), images(20), labels(20)


@pytest.fixture
def make_named(small: Arrays) -> Callable[..., NamedSet]:
    """The small set as a named one, from the sources that the test says."""

    def make(*sources: Local | Web | Wheel) -> NamedSet:
        digests = tuple(idx.digest(array) for array in small)
        names = tuple("0123456789")
        return NamedSet("fake", "", "", "", 60, 20, names, digests, sources)

    return make


@pytest.fixture
def write_idx(small: Arrays) -> Callable[[Path], Path]:
    """Write the small set as four IDX files."""

    def write(folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for filename, array in zip(idx.FILES, small, strict=True):
            idx.write(folder / filename, array)
        return folder

    return write


class Server:
    """Serves files on 127.0.0.1, counts the times that each was asked for, can be slow."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.delay = 0.0
        self.stall = threading.Event()
        self.stalling = False
        self.closing = False
        self.lie = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                body = outer.files.get(self.path)
                if body is None:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(body) + outer.lie))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2])
                time.sleep(outer.delay)
                if outer.closing:
                    return
                if outer.stalling:
                    outer.stall.wait(20)
                    return
                self.wfile.write(body[len(body) // 2 :])

            def log_message(self, *_: object) -> None:
                pass

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                pass  # the reader went away, as some tests make it do

        self.http = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    served = Server()
    thread = threading.Thread(target=served.http.serve_forever, args=(0.02,))
    thread.start()
    yield served
    served.stall.set()
    served.http.shutdown()
    served.http.server_close()
    thread.join()
