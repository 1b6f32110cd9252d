"""The HTTP interface: `create_app(limits)`.

POST /api/read      a picture → what `mnistlab read --json` says of it
GET  /healthz       whether it works, and how busy it is
GET  /openapi.json  this interface, for machines
GET  /              the page, with its style and scripts

Every error is `{"error": "one sentence"}`, with the status that fits.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import resources

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mnistlab import __version__
from mnistlab.errors import DataError
from mnistlab.web import openapi
from mnistlab.web.guard import Guard
from mnistlab.web.upload import picture_in
from mnistlab.web.work import Busy, Desk, Gone, Limits, Place, Wish, answer

PAGE = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    **{
        f"/{name}": (name, "text/javascript")
        for name in ("app.js", "ink.js", "reader.js", "view.js")
    },
}
RETRY_AFTER = "1"
_log = logging.getLogger("mnistlab.web")


def create_app(limits: Limits, local: bool = True) -> Starlette:
    """Make the application; `local` where it is reached over loopback alone."""
    desk = Desk(limits)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        desk.close()

    app = Starlette(
        routes=[
            Route("/api/read", partial(_read, desk), methods=["POST"]),
            Route("/healthz", partial(_health, desk)),
            Route("/openapi.json", partial(_described, openapi.document(limits))),
            *(Route(path, partial(_file, *_loaded(*each))) for path, each in PAGE.items()),
        ],
        middleware=[Middleware(Guard, local=local)],
        exception_handlers={
            HTTPException: _refused, DataError: _no_picture, Busy: _busy,
            ClientDisconnect: _gone, Gone: _gone, Exception: _failed,
        },
        lifespan=lifespan,
    )  # fmt: skip
    app.router.redirect_slashes = False
    return app


async def _read(desk: Desk, request: Request) -> Response:
    wish = _wish(request)
    _check_length(request, desk.limits.body)
    place = desk.take()
    try:
        body = await _body(request, place, desk.limits)
        kind = request.headers.get("content-type", "")
        gone = asyncio.create_task(_until_gone(request))
    except BaseException:
        place.leave()
        raise
    found = await desk.done(place, partial(_work, body, kind, wish, desk.limits), gone)
    return Response(found, media_type="application/json", headers={"cache-control": "no-store"})


def _work(body: bytearray, kind: str, wish: Wish, limits: Limits) -> bytes:
    name, content = picture_in(bytes(body), kind)
    return answer(name, content, wish, limits)


def _wish(request: Request) -> Wish:
    explain, digit = (request.query_params.get(name) for name in ("explain", "digit"))
    if explain not in (None, "0", "1"):
        raise HTTPException(400, "explain is 0 or 1")
    if digit is None:
        return Wish(explain == "1")
    if not digit.removeprefix("-").isdecimal() or len(digit) > 6:
        raise HTTPException(400, "digit is a whole number: 0 the first, -1 the last")
    return Wish(explain == "1", int(digit))


def _check_length(request: Request, most: int) -> None:
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > most:
        raise _too_long(most)


def _too_long(most: int) -> HTTPException:
    return HTTPException(413, f"the body is longer than {most:,} bytes: send a smaller picture")


async def _body(request: Request, place: Place, limits: Limits) -> bytearray:
    """Receive the body, bounded in length and in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(limits.receive):
            async for chunk in request.stream():
                if len(body) + len(chunk) > limits.body:
                    raise _too_long(limits.body)
                place.hold(len(chunk))
                body += chunk
    except TimeoutError:
        why = f"the request did not arrive within {limits.receive:g} seconds"
        raise HTTPException(408, why, {"connection": "close"}) from None
    return body


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _health(desk: Desk, _: Request) -> Response:
    taken, most = desk.taken, desk.limits.workers + desk.limits.waiting
    return JSONResponse(
        {"status": "ok", "version": __version__, "taken": taken, "places": most},
        headers={"cache-control": "no-store"},
    )


async def _described(document: dict[str, object], _: Request) -> Response:
    return JSONResponse(document)


def _loaded(name: str, kind: str) -> tuple[bytes, dict[str, str]]:
    """Give a file of the page, and the headers that go with it."""
    content = resources.files(__package__).joinpath("static", name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:20]}"'
    return content, {"content-type": f"{kind}; charset=utf-8", "etag": tag,
                     "cache-control": "no-cache"}  # fmt: skip


async def _file(content: bytes, headers: dict[str, str], request: Request) -> Response:
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers)


def _error(status: int, why: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": why}, status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    why = {
        404: f"there is nothing at {request.url.path[:200]}",
        405: f"{request.url.path[:200]} does not take {request.method[:20]}",
    }
    headers = dict(error.headers or {})
    return _error(error.status_code, why.get(error.status_code, error.detail), headers)


async def _no_picture(_: Request, error: Exception) -> Response:
    return _error(400, str(error))


async def _busy(_: Request, error: Exception) -> Response:
    return _error(503, f"{error}; try again in a moment", {"retry-after": RETRY_AFTER})


async def _gone(_: Request, __: Exception) -> Response:
    return Response(status_code=499)  # nobody hears it


async def _failed(_: Request, error: Exception) -> Response:
    _log.error("an error that was not foreseen", exc_info=error)
    return _error(500, "an error that was not foreseen; the server's messages have it")
