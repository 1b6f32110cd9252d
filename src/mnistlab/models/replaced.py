"""What Keras and JAX have, replaced for the time of building or tracing a model."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

TRACING = threading.RLock()
"""Held by whoever builds or traces a model: Keras' and Python's global state allow only one."""


@contextmanager
def replaced(*places: tuple[Any, str, Callable[[Any], Any]]) -> Iterator[None]:
    """Replace functions or attributes, and put them back whatever happens.

    A place is the module, class or object, the name, and what makes the replacement of what is
    there.
    """
    own = [vars(owner).get(name) for owner, name, _ in places]
    try:
        for owner, name, replacement in places:
            setattr(owner, name, replacement(getattr(owner, name)))
        yield
    finally:
        for (owner, name, _), function in zip(places, own, strict=True):
            if function is None:  # inherited
                delattr(owner, name)
            else:
                setattr(owner, name, function)
