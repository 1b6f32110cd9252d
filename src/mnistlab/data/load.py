"""One call for any data set: a name, or a path to the user's own."""

from __future__ import annotations

import os
from pathlib import Path

from mnistlab.data.catalogue import NAMED, NamedSet, find_named
from mnistlab.data.dataset import U8, Dataset, Progress, digest_of, quiet
from mnistlab.data.sources import load_arrays
from mnistlab.data.user import ACCEPTED, check_classes, load_user
from mnistlab.errors import OptionError, UnknownNameError


def load(
    name_or_path: str | os.PathLike[str] = "mnist",
    *,
    classes: int | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Return a data set: "mnist", "fashion-mnist", or what is at a path.

    A string that names a set is that set, though there be a file of that name; a `Path` is always
    a path. `classes` says how many there are in the user's own IDX and NPZ files (10).
    Raises UnknownNameError, DataError, OptionError, SourceError, StorageError.
    """
    progress = progress or quiet
    found = resolve(name_or_path)
    if isinstance(found, NamedSet):
        return _load_named(found, classes, progress)
    return load_user(found, classes, progress)


def resolve(name_or_path: str | os.PathLike[str]) -> NamedSet | Path:
    """Return the named set or the path that is meant, without reading it.

    Raises UnknownNameError where it is neither a name nor a path to something.
    """
    named = find_named(name_or_path) if isinstance(name_or_path, str) else None
    if named:
        return named
    if not isinstance(name_or_path, (str, os.PathLike)):
        raise OptionError(
            f"a data set is a name or a path, not {type(name_or_path).__name__}: "
            f"{', '.join(NAMED)}, or {ACCEPTED}"
        )
    path = Path(os.path.expanduser(name_or_path))  # noqa: PTH111 - which fails for "~nobody"
    if name_or_path == "" or not os.path.lexists(path):
        hint = f"A path is accepted too: {ACCEPTED}."
        raise UnknownNameError("data set", str(name_or_path), NAMED, hint)
    return path


def load_data(
    name_or_path: str | os.PathLike[str] = "mnist",
    *,
    classes: int | None = None,
    progress: Progress | None = None,
) -> tuple[tuple[U8, U8], tuple[U8, U8]]:
    """Return `(x_train, y_train), (x_test, y_test)`, like `keras.datasets.mnist.load_data()`."""
    dataset = load(name_or_path, classes=classes, progress=progress)
    return (dataset.x_train, dataset.y_train), (dataset.x_test, dataset.y_test)


def _load_named(named: NamedSet, classes: int | None, progress: Progress) -> Dataset:
    check_classes(classes)
    if classes not in (None, len(named.class_names)):
        raise OptionError(f"classes={classes}: {named.name} has {len(named.class_names)}")
    arrays = load_arrays(named, progress)
    digest = digest_of(named.digests)
    return Dataset(named.name, *arrays, class_names=named.class_names, digest=digest)
