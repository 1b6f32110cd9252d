"""The OpenAPI 3.1 description of the interface: https://spec.openapis.org/oas/v3.1.0."""

from __future__ import annotations

from typing import Any

from mnistlab import __version__
from mnistlab.web.work import Limits

Schema = dict[str, Any]


def document(limits: Limits) -> Schema:
    """Give the whole description, with this server's limits."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mnistlab",
            "version": __version__,
            "summary": "Reads handwritten digits in pictures.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": {
            "/api/read": {"post": _read(limits)},
            "/healthz": {"get": _health()},
        },
        "components": {"schemas": _schemas()},
    }


def _read(limits: Limits) -> Schema:
    errors = {
        "400": "The body is no picture that can be read, or a parameter has another value.",
        "403": "The request comes from a page of another site, or names another host.",
        "408": f"The request did not arrive within {limits.receive:g} seconds.",
        "413": f"The body is longer than {limits.body:,} bytes.",
        "503": "All places are taken: try again after the seconds of Retry-After.",
    }
    return {
        "operationId": "read",
        "summary": "Read the digits in one picture.",
        "description": "PNG, JPEG, BMP, GIF, TIFF or WebP, "
        f"of {limits.pixels:,} pixels at most; what its type is called does not matter.",
        "parameters": [
            _parameter("explain", {"enum": ["0", "1"], "default": "0"},
                       "1: with what the network saw of each digit, and why it says so, for the "
                       f"first {limits.explained} digits."),
            _parameter("digit", {"type": "integer"},
                       "Explains this digit alone: 0 the first, -1 the last."),
        ],
        "requestBody": {"required": True, "content": _bodies()},
        "responses": {
            "200": _json("What was read.", "Reading"),
            **{status: _json(why, "Error") for status, why in errors.items()},
        },
    }  # fmt: skip


def _bodies() -> Schema:
    form = {
        "type": "object",
        "required": ["file"],
        "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
    }
    return {
        "multipart/form-data": {"schema": form},
        "image/*": {"schema": {}},
        "application/octet-stream": {"schema": {}},
    }


def _health() -> Schema:
    return {
        "operationId": "health",
        "summary": "Say whether the server works.",
        "responses": {"200": _json("It works.", "Health")},
    }


def _parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _json(description: str, name: str) -> Schema:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(properties: Schema, optional: tuple[str, ...] = ()) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(items: Schema, count: int | None = None) -> Schema:
    sizes = {} if count is None else {"minItems": count, "maxItems": count}
    return {"type": "array", "items": items, **sizes}


def _schemas() -> Schema:
    text, share = {"type": "string"}, {"type": "number", "minimum": 0, "maximum": 1}
    digit = {"type": "integer", "minimum": 0, "maximum": 9}
    gray, number = {"type": "integer", "minimum": 0, "maximum": 255}, {"type": "number"}
    pair = {"type": "array", "prefixItems": [digit, share], "minItems": 2, "maxItems": 2}
    return {
        "Reading": _object({
            "file": {**text, "description": "The name that came with the picture, - without one."},
            "text": {**text, "description": "A line for each line, ? for what is not sure."},
            "lines": _list(text),
            "digits": _list({"$ref": "#/components/schemas/Digit"}),
            "warnings": _list(text),
        }),
        "Digit": _object({
            "digit": {"anyOf": [digit, {"type": "null"}]},
            "confidence": share,
            "box": {**_list({"type": "integer"}, 4), "description": "x, y, width, height: pixels."},
            "alternatives": {**_list(pair), "description": "The likeliest, with probabilities."},
            "image": {**_list(_list(gray, 28), 28), "description": "What the network saw."},
            "probabilities": {**_list(share, 10), "description": "What is left is 'no digit'."},
            "evidence": {**_list(_list(number, 28), 28), "description":
                         "How much the ink here speaks for the likeliest digit: log-odds."},
        }, optional=("image", "probabilities", "evidence")),
        "Health": _object({
            "status": {"const": "ok"}, "version": text,
            "taken": {"type": "integer"}, "places": {"type": "integer"},
        }),
        "Error": _object({"error": {**text, "description": "One sentence: what, and the mend."}}),
    }  # fmt: skip
