"""Choose Keras' backend before Keras is imported, and import Keras without its optional extras.

Keras reads `KERAS_BACKEND` once, at import. Unless the user has set it, mnistlab runs on JAX.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import re
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from mnistlab.errors import MissingExtraError, OptionError, UnknownNameError

BACKENDS = {"jax": "", "tensorflow": "tensorflow", "torch": "torch"}
"""Each backend and the extra that brings it ("" for the one that is always there)."""

_BROKEN_ENTRY = re.compile(
    r"Error (?:reading|writing) persistent compilation cache entry for '(\w+)'"
)

# `import keras` also imports these when they are installed, for wrappers and plots that
# mnistlab does not call: 1.3 s and 0.6 s of a two-second import.
_OPTIONAL_IN_KERAS = ("sklearn", "matplotlib")

# Attention on TPUs and sparse matrices, which JAX's parts that Keras imports import, the Fortran
# compiler, which SciPy does for it, and HDF5, for saving: a fifth of what is left. They are
# imported when something of theirs is asked for.
_SPLASH = "jax.experimental.pallas.ops.tpu.splash_attention"
_LATER = (
    "numpy.f2py",
    "scipy.sparse.linalg",
    "scipy.sparse",
    "h5py",
    f"{_SPLASH}.splash_attention_kernel",
    f"{_SPLASH}.splash_attention_mask",
    _SPLASH,
)

_BANNERS = (b"before absl::InitializeLog() is called", b"oneDNN custom operations are on")


def default_backend() -> str:
    """Name the backend in use: Keras' own if it is imported, `KERAS_BACKEND`, else JAX."""
    if "keras" in sys.modules:
        return str(sys.modules["keras"].config.backend())
    return os.environ.get("KERAS_BACKEND") or "jax"


def use_backend(
    name: str, *, threads: int | None = None, run_inline: bool = False, devices: int = 1
) -> ModuleType:
    """Import Keras on the backend `name` and return it.

    `threads` bounds XLA's thread pool, where JAX is not yet running: a batch-32 MLP is about as
    fast on one thread as on two, by the machine, and leaves a core free.
    `run_inline` lets JAX, where it is not yet running, compute in the thread that asks: programs
    asked for by several threads then run on several cores. `devices` lets JAX, where it is not
    yet running, take so many cores for devices, if it finds no others.

    Raises UnknownNameError, MissingExtraError, or OptionError where Keras already runs on another.
    """
    if name not in BACKENDS:
        raise UnknownNameError("backend", name, BACKENDS)
    if "keras" in sys.modules and default_backend() != name:
        raise OptionError(
            f"Keras already runs on {default_backend()} in this process; set KERAS_BACKEND={name} "
            "before Keras is imported"
        )
    if BACKENDS[name] and importlib.util.find_spec(name) is None:
        raise MissingExtraError(f"the {name} backend", BACKENDS[name])
    os.environ["KERAS_BACKEND"] = name
    if threads is not None:
        os.environ.setdefault("PJRT_NPROC", str(threads))
    if name == "jax" and devices > 1:
        with suppress(RuntimeError):  # JAX runs already: the engine says if it has too few
            importlib.import_module("jax").config.update("jax_num_cpu_devices", devices)
    # XLA tells of what it does, TensorFlow too; neither is the user's concern.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    quiet = _without_banners() if name == "tensorflow" else nullcontext()
    with quiet, _absent(_OPTIONAL_IN_KERAS), _deferred(_LATER), _uncollected():
        keras = importlib.import_module("keras")
    if name == "jax" and run_inline:
        sys.modules["jax"].config.update("jax_cpu_enable_async_dispatch", False)
    return keras


def cache_compilations(folder: Path) -> None:
    """Keep JAX's compiled programs in `folder`, for processes to come; a no-op if not writable."""
    import jax

    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if writable and not jax.config.jax_compilation_cache_dir:
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        _drop_broken_entries(folder)


def _drop_broken_entries(folder: Path) -> None:
    """Have a program that cannot be read or written deleted, so that it is written again.

    JAX warns of it, compiles, and leaves it as it is, to warn again the next time; on a full disk
    it leaves half of it.
    """
    warnings.filterwarnings("always", _BROKEN_ENTRY.pattern)  # of each, not of the first alone
    show = warnings.showwarning

    def show_or_mend(message: Any, *where: Any, **more: Any) -> None:
        broken = _BROKEN_ENTRY.match(str(message))
        if broken is None:
            show(message, *where, **more)
            return
        for path in folder.glob(f"{broken[1]}-*"):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    warnings.showwarning = show_or_mend


@contextmanager
def _without_banners() -> Iterator[None]:
    """Leave out of stderr what TensorFlow's C++ tells of itself whenever it is imported.

    It heeds no level of logging. All else that is written meanwhile comes after.
    """
    import tempfile  # for TensorFlow alone, and not free: it imports random, that hashlib

    try:
        kept, aside = os.dup(2), tempfile.TemporaryFile()  # noqa: SIM115  # below
    except OSError:  # stderr is closed, or there is no room
        yield
        return
    with aside:
        os.dup2(aside.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            aside.seek(0)
            said = [line for line in aside if not any(each in line for each in _BANNERS)]
            with suppress(OSError):
                os.write(2, b"".join(said))


@contextmanager
def tensorflow_unsought() -> Iterator[None]:
    """Let Keras save and load a model without TensorFlow, where that is not imported yet.

    For each object in it Keras asks if it may be one of TensorFlow's: on another backend that
    imports TensorFlow, where it is installed, which takes seconds and prints a banner.
    """
    utilities = importlib.import_module("keras.src.utils.module_utils")
    tensorflow: Any = getattr(utilities, "tensorflow", None)
    if "tensorflow" in sys.modules or getattr(tensorflow, "_available", False) is not None:
        yield
        return
    tensorflow._available = False
    try:
        yield
    finally:
        tensorflow._available = None


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage: what is imported stays, and looking through it takes a tenth more."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _absent(names: tuple[str, ...]) -> Iterator[None]:
    """Make packages that are not yet imported look absent, for the time of one import."""
    hidden = [name for name in names if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to block it
    try:
        yield
    finally:
        for name in hidden:
            sys.modules.pop(name, None)


class _Later(ModuleType):
    """Stands for a module that is imported when one of its attributes is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


@contextmanager
def _deferred(names: tuple[str, ...]) -> Iterator[None]:
    """Let others import `names` without doing so yet, for the time of one import.

    A module stands before its package, so that the package can have it.
    """
    importlib.import_module("numpy")  # which finds what stands for a part of it as an attribute
    stand_ins: dict[str, ModuleType] = {}
    for name in names:
        if name not in sys.modules:
            stand_ins[name] = sys.modules[name] = _Later(name)
    for name, module in stand_ins.items():
        package, _, last = name.rpartition(".")
        if package in sys.modules:
            setattr(sys.modules[package], last, module)
    try:
        yield
    finally:
        for name in stand_ins:
            package, _, last = name.rpartition(".")
            sys.modules.pop(name, None)
            vars(sys.modules.get(package, ModuleType(""))).pop(last, None)
