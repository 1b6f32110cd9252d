"""The cache folder: where it is, who may write to it, and what is left there by the killed.

    <cache>/datasets/<name>/train-images-idx3-ubyte, ...   read by all, replaced atomically
    <cache>/locks/<name>.lock                              held by the one that fetches
    <cache>/partial/<name>/                                that one's workshop, swept when it begins

Reading needs neither the lock nor the right to write.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mnistlab.data import idx
from mnistlab.data.dataset import Arrays, Progress
from mnistlab.errors import StorageError


def cache_dir() -> Path:
    """Return the cache folder: MNISTLAB_CACHE where that is set, else the platform's."""
    if named := os.environ.get("MNISTLAB_CACHE"):
        return Path(named).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("mnistlab", appauthor=False))


def dataset_dir(name: str) -> Path:
    """Return where the four IDX files of a named set are kept."""
    return cache_dir() / "datasets" / name


@contextmanager
def storing() -> Iterator[None]:
    """Turn what goes wrong in writing into a StorageError of one line."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write to the cache {cache_dir()} ({error.strerror or error}); "
            "set MNISTLAB_CACHE to a folder that can be written to"
        ) from error


@contextmanager
def workshop(name: str, progress: Progress) -> Iterator[Path]:
    """Hold the lock of `name` and give an empty folder to work in, removed at the end."""
    from filelock import FileLock, Timeout

    work = cache_dir() / "partial" / name
    with storing():
        (cache_dir() / "locks").mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache_dir() / "locks" / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            progress(f"waiting for another process that is fetching {name}", None, None)
            lock.acquire(poll_interval=0.1)
    try:
        with storing():
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)
        lock.release()


def store(name: str, arrays: Arrays, work: Path) -> None:
    """Put four arrays into the cache as IDX files: whole files appear, or none."""
    with storing():
        dataset_dir(name).mkdir(parents=True, exist_ok=True)
        for filename, array in zip(idx.FILES, arrays, strict=True):
            new = work / f"{filename}.new"
            idx.write(new, array)
            new.replace(dataset_dir(name) / filename)
