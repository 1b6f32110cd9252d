"""How a configured choice is written: `sgd:momentum=0.9,nesterov=true` → name and options."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from mnistlab.errors import OptionError


class Spec(NamedTuple):
    """A name with its options."""

    name: str
    options: dict[str, Any]


def parse_spec(text: str) -> Spec:
    """Read `name` or `name:key=value,key=value`; values are JSON scalars or plain words.

    >>> parse_spec("sgd:momentum=0.9,nesterov=true")
    Spec(name='sgd', options={'momentum': 0.9, 'nesterov': True})

    Raises OptionError where a part is not `key=value`, or a key stands twice.
    """
    name, _, rest = text.strip().partition(":")
    options: dict[str, Any] = {}
    for part in filter(None, rest.split(",")):
        key, equals, value = part.partition("=")
        if not equals or not key.strip().isidentifier():
            raise OptionError(f"'{part}' in '{text}' is not key=value, as in sgd:momentum=0.9")
        if key.strip() in options:
            raise OptionError(f"'{key.strip()}' stands twice in '{text}'")
        options[key.strip()] = _scalar(value.strip())
    return Spec(name.strip(), options)


def _scalar(text: str) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        return text
    return value if isinstance(value, int | float | bool | type(None)) else text
