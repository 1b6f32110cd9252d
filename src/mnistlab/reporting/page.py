"""What the pages of a run and of a study have in common: templates, and pictures as data URIs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


@dataclass(frozen=True)
class Shown:
    """One picture on the page: data URI, alternative text, and its size in pixels."""

    source: str
    alt: str
    width: int
    height: int


def png_shown(png: bytes, alt: str) -> Shown:
    """Wrap a PNG for the page; its size stands at byte 16 of every PNG, two big-endian words."""
    width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
    return Shown(data_uri("image/png", png), alt, width, height)


def data_uri(kind: str, content: bytes) -> str:
    """Give bytes of a MIME type as an address that needs no network."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def render(template: str, content: Mapping[str, Any]) -> str:
    """Fill in one of the templates beside this file; all text is escaped."""
    return str(compiled(template).render(content))


@cache
def compiled(template: str) -> Any:
    """Give one of the templates beside this file, ready to be filled in."""
    # Jinja takes 60 ms to import; who only draws should not wait for it.
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("mnistlab.reporting", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template)
