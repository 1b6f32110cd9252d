"""From a socket to answers: uvicorn with patience that ends, told when it listens."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import h11
import numpy as np
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mnistlab.errors import InputError
from mnistlab.reading.read import read_pixels
from mnistlab.web.app import create_app
from mnistlab.web.work import Limits

CONNECTIONS = 512
KEEP_ALIVE = 5
GRACE = 5
"""Seconds: between two requests of a connection; for answers under way when the server stops."""


def serve(host: str, port: int, limits: Limits, ready: Callable[[str, bool], None]) -> None:
    """Serve until SIGINT (KeyboardInterrupt) or SIGTERM; call `ready(url, local)` once it listens.

    Raises InputError where the address cannot be had.
    """
    with _bound(host, port) as listener, _ended_by_sigterm():
        local = is_loopback(listener.getsockname()[0])
        read_pixels(np.full((64, 64), 255, np.float32), 1)  # the network is loaded
        # What is not HTTP, and clients that go, would fill the log: ours is `mnistlab.web`.
        for name in ("uvicorn.error", "asyncio", "python_multipart"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        config = uvicorn.Config(
            create_app(limits, local), http=_patient(limits), ws="none", loop="asyncio",
            lifespan="on", log_config=None, access_log=False, server_header=False,
            proxy_headers=False, limit_concurrency=CONNECTIONS, timeout_keep_alive=KEEP_ALIVE,
            timeout_graceful_shutdown=GRACE,
        )  # fmt: skip
        _Server(config, lambda: ready(_url(host, listener), local)).run([listener])


def is_loopback(address: str) -> bool:
    """Say whether an address is reached from this machine alone."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


class _Server(uvicorn.Server):
    """Says when it listens."""

    def __init__(self, config: uvicorn.Config, listens: Callable[[], None]) -> None:
        super().__init__(config)
        self._listens = listens

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._listens()


def _patient(limits: Limits) -> type[H11Protocol]:
    """Make a protocol that closes connections on which a request or an answer takes too long.

    uvicorn waits for ever for the rest of a head, for the body of a request that was answered
    early, and for a client that does not take its answer.
    """
    to_arrive = limits.receive + 1
    to_end = to_arrive + limits.answer + limits.receive

    class Patient(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self.since = self.loop.time()
            self._look()

        def on_response_complete(self) -> None:
            self.since = self.loop.time()
            super().on_response_complete()

        def send_400_response(self, msg: str) -> None:
            if self.cycle is not None:  # whose body went wrong: it can be answered no more
                self.cycle.disconnected = True
                self.cycle.message_event.set()
            try:
                super().send_400_response(msg)
            except h11.LocalProtocolError:
                self.transport.abort()

        def _look(self) -> None:
            taken = self.loop.time() - self.since
            arrived = self.conn.their_state is h11.DONE
            if taken > (to_end if arrived else to_arrive):
                self.transport.abort()
            elif not self.transport.is_closing():
                self.loop.call_later(to_arrive / 4, self._look)

    return Patient


@contextmanager
def _bound(host: str, port: int) -> Iterator[socket.socket]:
    """Give a socket that has the address; uvicorn is to listen on it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise InputError(
            f"no address of this machine is called '{host}': {error.strerror}"
        ) from None
    with listener:
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(1)  # here, not later: another server on the port is met here
        except OSError as error:
            raise InputError(
                f"cannot listen on {host}, port {port}: {error.strerror}; choose another --port, "
                "or --port 0 for any that is free"
            ) from None
        yield listener


def _url(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """Let SIGTERM end the command as if it were done, as it is by then."""

    def end(*_: Any) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
