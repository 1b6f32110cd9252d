"""Ctrl-C: at once where nothing can be lost, and never lost where something can."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """Let Ctrl-C end the process at once while there is nothing to lose.

    A KeyboardInterrupt can be swallowed by callbacks of the libraries that are being imported.
    """
    if not _can_interrupt():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def remembered_interrupt() -> Iterator[Callable[[], None]]:
    """Let Ctrl-C raise KeyboardInterrupt, and give a check that raises it again.

    One that is raised inside a callback of a library can be swallowed there; that is not told.
    """
    asked = threading.Event()

    def check() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    def remember(*_: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    if not _can_interrupt():
        yield check
        return
    tell = sys.unraisablehook

    def tell_others(what: sys.UnraisableHookArgs) -> None:
        if what.exc_type is not KeyboardInterrupt:
            tell(what)

    before = signal.signal(signal.SIGINT, remember)
    sys.unraisablehook = tell_others
    try:
        yield check
    finally:
        sys.unraisablehook = tell
        signal.signal(signal.SIGINT, before)


def _can_interrupt() -> bool:
    """Say whether Ctrl-C can end this: not in another thread, nor where the shell ignores it."""
    if threading.current_thread() is not threading.main_thread():
        return False
    return signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
