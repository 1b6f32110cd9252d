"""`mnistlab serve`: the page to draw on, and the HTTP interface."""

from __future__ import annotations

import sys

import typer

from mnistlab.cli.console import print_json, say
from mnistlab.errors import OptionError


def serve(
    host: str = typer.Option("127.0.0.1", help="The address to listen on; loopback is private."),
    port: int = typer.Option(8000, help="The port; 0 for any that is free."),
    workers: int | None = typer.Option(
        None, help="Pictures that are read at a time; the cores of this machine unless given."
    ),
    queue: int = typer.Option(64, help="Pictures that may wait; more are answered with 503."),
    max_megabytes: float = typer.Option(20, help="The longest body of a request."),
    timeout: float = typer.Option(20, help="Seconds for a client to send its request."),
    json: bool = typer.Option(False, "--json", help="Print the address as one JSON document."),
) -> None:
    """Serve a page to draw digits on, and an HTTP interface that reads pictures.

    Prints the address when it listens; Ctrl-C ends it. There is no password: whoever reaches the
    address can use it.

    Example: mnistlab serve --port 8000
    """
    from mnistlab.training.environment import cores
    from mnistlab.web.work import MEGABYTE, Limits

    workers = len(cores()) if workers is None else workers
    _check(port, workers, queue, max_megabytes, timeout)
    body = round(max_megabytes * MEGABYTE)
    limits = Limits(workers, queue, body, max(Limits.held, 2 * body), receive=timeout)
    from mnistlab.web.server import serve as serve_on

    def ready(url: str, local: bool) -> None:
        if not local:
            say(f"mnistlab: {host} is not loopback, and there is no password: whoever reaches "
                "this address can use the server")  # fmt: skip
        if json:
            print_json({"url": url})
        else:
            print(url)
        sys.stdout.flush()
        say("reading digits; Ctrl-C ends it")

    serve_on(host, port, limits, ready)


def _check(port: int, workers: int, queue: int, max_megabytes: float, timeout: float) -> None:
    if not 0 <= port <= 65535:
        raise OptionError(f"--port {port}: a port is a number from 0 (any that is free) to 65535")
    if not 1 <= workers <= 256:
        raise OptionError(f"--workers {workers}: from 1 to 256")
    if not 0 <= queue <= 10_000:
        raise OptionError(f"--queue {queue}: from 0 to 10000")
    if not 0 < max_megabytes <= 1000:
        raise OptionError(f"--max-megabytes {max_megabytes:g}: more than 0, at most 1000")
    if not 0 < timeout <= 3600:
        raise OptionError(f"--timeout {timeout:g}: more than 0 seconds, at most 3600")
