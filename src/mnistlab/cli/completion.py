"""What a shell completes where a name is wanted. Loads no Keras.

`mnistlab --install-completion` makes the shell ask; where nothing is said here, it completes files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import typer

from mnistlab.models import functions

KINDS = {
    "optimizer": "optimizers",
    "loss": "losses",
    "activation": "activations",
    "model": "models",
    "normalize": "normalizations",
    "dataset": "datasets",
    "schedule": "schedules",
}
"""A setting, and what kind of thing `mnistlab list` calls its names."""

Complete = Callable[[str], list[str]]


def of_setting(setting: str) -> Complete | None:
    """Give what completes the option of a setting, None where it is no name."""
    if setting not in KINDS:
        return None
    return lambda incomplete: begun(incomplete, known(KINDS[setting]))


def of_names(names: Iterable[str]) -> Complete:
    """Give what completes one of `names`."""
    return lambda incomplete: begun(incomplete, names)


def axes(incomplete: str) -> list[str]:
    """Complete what can be compared."""
    from mnistlab.comparing.plan import AXES

    return begun(incomplete, AXES)


def choices(context: typer.Context, incomplete: str) -> list[str]:
    """Complete what `compare` compares, by the axis before it."""
    return begun(incomplete, known(KINDS.get(context.params.get("axis") or "", "")))


def listed(context: typer.Context, incomplete: str) -> list[str]:
    """Complete what `list` shows, by the kind before it."""
    return begun(incomplete, known(context.params.get("kind") or ""))


def known(kind: str) -> list[str]:
    """Name all of a kind that can be chosen."""
    if kind == "datasets":
        from mnistlab.data.catalogue import NAMED

        return list(NAMED)
    table = getattr(functions, kind.upper()) if kind in KINDS.values() else {}
    return [name for name, choice in table.items() if not choice.refused]


def begun(incomplete: str, names: Iterable[str]) -> list[str]:
    """Keep the names that begin so."""
    return [name for name in names if name.startswith(incomplete)]
