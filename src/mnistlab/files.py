"""Files that appear whole or not at all, and what damaged ones make of their readers."""

from __future__ import annotations

import csv
import hashlib
import os
import shutil
import tempfile
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mnistlab.errors import MnistlabError, StorageError, brief

# What readers of text, JSON, CSV, ZIP and NPY raise where bytes are not what they should be.
DAMAGE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,  # NotImplementedError of zipfile, RecursionError of json among them
    EOFError,
    OSError,
    MemoryError,
    SyntaxError,
    tokenize.TokenError,  # NumPy's, of an array's header
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
)


@contextmanager
def atomic_file(target: Path) -> Iterator[Path]:
    """Give a temporary path beside `target`; what is written there becomes `target` at the end.

    The temporary name keeps the suffix, starts with a dot, and is gone if anything goes wrong.
    Raises StorageError where the disk is full or the folder cannot be written.
    """
    with storage_errors(target):
        handle, name = tempfile.mkstemp(prefix=".", suffix=target.suffix, dir=target.parent)
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            with temporary.open("rb+") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o666 & ~umask())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def appearing(targets: Sequence[Path]) -> Iterator[Path]:
    """Give a temporary folder; what of the targets' names is made there is moved to its place.

    That happens at the end and in their order, files and folders alike. If anything goes wrong
    before, nothing appears. The targets lie in one folder. Raises StorageError.
    """
    place = targets[0].parent
    with storage_errors(targets[-1]):
        aside = Path(tempfile.mkdtemp(prefix=".appearing-", dir=place))
        try:
            yield aside
            for path in aside.rglob("*"):
                if path.is_file():
                    with path.open("rb+") as written:
                        os.fsync(written.fileno())
            for target in targets:
                (aside / target.name).replace(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def write_atomic(target: Path, content: bytes | str) -> None:
    """Write `content` (text as UTF-8) to `target`, whole or not at all."""
    data = content.encode() if isinstance(content, str) else content
    with atomic_file(target) as temporary:
        temporary.write_bytes(data)


@contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn an OSError of writing into a StorageError that names the place."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise StorageError(f"cannot write {place}: {why}. Nothing was left half-written.") from None


@contextmanager
def reading(path: Path, kind: type[MnistlabError]) -> Iterator[None]:
    """Turn whatever the contents of `path` make of their readers into an error of this kind."""
    try:
        yield
    except kind:  # which names the file
        raise
    except MnistlabError as error:
        raise kind(f"{path} cannot be used: {error}") from None
    except DAMAGE as error:
        raise kind(f"{path} is damaged: {brief(repr(error), 200)}. It is left as it is") from error


@contextmanager
def locked(folder: Path, refusal: MnistlabError) -> Iterator[None]:
    """Keep other processes out of `folder`, by its file `.lock`.

    Raises `refusal` where one is in, StorageError where the folder cannot be written.
    """
    import filelock

    lock = filelock.FileLock(folder / ".lock", timeout=0)
    with storage_errors(folder):
        try:
            lock.acquire()
        except filelock.Timeout:  # an OSError too
            raise refusal from None
    try:
        yield
    finally:
        lock.release()


def sha256(path: Path) -> str:
    """Give a file's SHA-256 in hex."""
    with path.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def umask() -> int:
    """Give the process's file mode mask."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
