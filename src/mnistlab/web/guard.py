"""Whose requests are refused, and the headers on every answer.

On loopback the Host header must name this machine: else a page from elsewhere, whose name was
made to lead here (DNS rebinding), could read with the browser of whoever sits here. A browser's
POST from another site is refused everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """An ASGI application before another."""

    def __init__(self, app: ASGIApp, local: bool) -> None:
        """Guard `app`; `local` where it listens on loopback alone."""
        self.app, self.local = app, local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on; put the headers on the answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        why = refusal(scope["method"], Headers(scope=scope), self.local)
        if why is None:
            await self.app(scope, receive, send_guarded)
        else:
            await _refuse(why, send_guarded)


def refusal(method: str, headers: Mapping[str, str], local: bool) -> str | None:
    """Say why a request is refused, None if it is not."""
    host = headers.get("host", "")
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if local and name.lower() not in LOCAL:
        return f"this server answers to localhost and 127.0.0.1 only, not to '{host[:80]}'"
    origin = headers.get("origin")
    elsewhere = origin is not None and origin.partition("://")[2].lower() != host.lower()
    if method not in ("GET", "HEAD") and (
        elsewhere or headers.get("sec-fetch-site") == "cross-site"
    ):
        return "requests from pages of other sites are refused"
    return None


async def _refuse(why: str, send: Send) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})
