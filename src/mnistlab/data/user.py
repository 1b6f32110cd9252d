"""A data set of the user's own: IDX files, an `.npz` file, or a folder of pictures per class.

Whatever is wrong with it is a DataError of one line that names the file, what was found in it
and what was expected.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.data import idx
from mnistlab.data.dataset import SIDE, U8, Arrays, Dataset, Progress, digest_of
from mnistlab.data.npz import KEYS, read_npz
from mnistlab.errors import DataError, OptionError

ACCEPTED = (
    "a folder with the four IDX files, an .npz file with x_train, y_train, x_test and y_test, "
    "or a folder with a folder of pictures per class"
)


def load_user(path: Path, classes: int | None, progress: Progress) -> Dataset:
    """Return the data set at `path`; `classes` is 10 unless said, or the number of folders."""
    check_classes(classes)
    folder = path.parent if idx.is_usual_name(path.name) and path.is_file() else path
    try:
        if folder.is_dir():
            return _load_folder(folder, classes, progress)
        if path.suffix.lower() == ".npz":
            where = tuple(f"{path}: {key}" for key in KEYS)
            return _assemble(path.name, read_npz(path), where, classes)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    raise DataError(f"{path} is not a data set; accepted: {ACCEPTED}")


def from_arrays(data: Any, name: str = "arrays", classes: int | None = None) -> Dataset:
    """Return `((x_train, y_train), (x_test, y_test))` as a data set; images uint8 (n, 28, 28).

    Raises DataError for arrays of other shapes, types or labels.
    """
    check_classes(classes)
    try:
        (x_train, y_train), (x_test, y_test) = data
    except (TypeError, ValueError):
        raise DataError("expected ((x_train, y_train), (x_test, y_test))") from None
    images = [np.asarray(x) for x in (x_train, x_test)]
    labels = [np.asarray(y) for y in (y_train, y_test)]
    for array in images:
        if array.dtype != np.uint8:
            raise DataError(f"{name}: images are {array.dtype}, expected uint8, ink 255 on 0")
    for array in labels:
        whole = array.dtype.kind in "iu"
        if not whole or (array.size and not 0 <= array.min() <= array.max() < 256):
            raise DataError(f"{name}: labels are not whole numbers from 0 to 255")
    arrays = (images[0], labels[0].astype(np.uint8), images[1], labels[1].astype(np.uint8))
    return _assemble(name, arrays, tuple(f"{name}: {key}" for key in KEYS), classes)


def check_classes(classes: int | None) -> None:
    """Raise OptionError unless `classes` is None or from 2 to 256 (labels are uint8)."""
    if classes is not None and not 2 <= classes <= 256:
        raise OptionError(f"classes={classes}: from 2 to 256 are accepted")


def _load_folder(folder: Path, classes: int | None, progress: Progress) -> Dataset:
    paths = idx.find(folder)
    if any(paths):
        where = tuple(str(path or folder) for path in paths)
        return _assemble(folder.absolute().name, idx.read_folder(folder), where, classes)

    from mnistlab.data import folders

    if not folders.is_picture_folder(folder):
        raise DataError(f"{folder}: nothing in it is a data set; accepted: {ACCEPTED}")
    names, arrays = folders.load_pictures(folder, progress)
    if classes not in (None, len(names)):
        raise DataError(f"{folder}: found {len(names)} folders of classes, expected {classes}")
    return _dataset(folder.absolute().name, arrays, names)


def _assemble(name: str, arrays: Arrays, where: tuple[str, ...], classes: int | None) -> Dataset:
    num_classes = 10 if classes is None else classes
    for split in (0, 2):
        images, labels = arrays[split : split + 2]
        check_images(images, where[split])
        check_labels(labels, len(images), num_classes, where[split + 1])
    return _dataset(name, arrays, tuple(str(label) for label in range(num_classes)))


def _dataset(name: str, arrays: Arrays, class_names: tuple[str, ...]) -> Dataset:
    digest = digest_of(tuple(idx.digest(array) for array in arrays))
    return Dataset(name, *arrays, class_names=class_names, digest=digest)


def check_images(images: U8, where: str) -> None:
    """Raise DataError unless `images` is (n, 28, 28) with n at least 1."""
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE):
        raise DataError(f"{where}: images are {images.shape}, expected (n, {SIDE}, {SIDE})")
    if not len(images):
        raise DataError(f"{where}: holds no images")


def check_labels(labels: U8, count: int, num_classes: int, where: str) -> None:
    """Raise DataError unless `labels` is (count,), from 0 to num_classes - 1."""
    if labels.ndim != 1:
        raise DataError(f"{where}: labels are {labels.shape}, expected ({count},)")
    if len(labels) != count:
        raise DataError(f"{where}: {len(labels):,} labels for {count:,} images")
    if labels.max() >= num_classes:
        first = int((labels >= num_classes).argmax())
        raise DataError(
            f"{where}: label {labels[first]} at index {first}, expected 0 to {num_classes - 1}; "
            "if there are more classes, say how many (classes=, --classes)"
        )
