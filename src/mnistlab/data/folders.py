"""Pictures in a folder per class.

`root/<class>/*.png`, or `root/train/<class>/*.png` with `root/test/<class>/*.png`. Without a
test folder one picture in seven of each class is held out: which one depends on its file's name
alone, so that a picture more or less moves few others.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from pathlib import Path

import numpy as np

from mnistlab.data.dataset import SIDE, U8, Arrays, Progress
from mnistlab.data.pictures import read_picture
from mnistlab.errors import DataError

Labelled = list[tuple[Path, int]]

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})
HELD_OUT = 7


def is_picture_folder(root: Path) -> bool:
    """Say whether `root` looks like pictures in a folder per class."""
    return any(pictures_in(folder) for top in (root, root / "train") for folder in _folders(top))


def load_pictures(root: Path, progress: Progress) -> tuple[tuple[str, ...], Arrays]:
    """Return the class names, in order, and x_train, y_train, x_test, y_test."""
    names, train, test = _plan(root)
    total = len(train) + len(test)
    x_train, y_train = _read_all(train, 0, total, progress)
    x_test, y_test = _read_all(test, len(train), total, progress)
    return names, (x_train, y_train, x_test, y_test)


def _plan(root: Path) -> tuple[tuple[str, ...], Labelled, Labelled]:
    """Decide which picture has which label in which split."""
    divided = any(pictures_in(folder) for folder in _folders(root / "train"))
    top = root / "train" if divided else root
    by_class = _by_class(top)
    names = tuple(by_class)
    if not 2 <= len(names) <= 256:
        raise DataError(f"{top}: folders of classes: {len(names)}; from 2 to 256 are accepted")
    if divided and (root / "test").is_dir():
        tests = _by_class(root / "test")
        if unknown := [name for name in tests if name not in by_class]:
            raise DataError(f"{root / 'test'}: class {unknown[0]!r} is not in {top}")
        train, test = by_class, {name: tests.get(name, []) for name in names}
    else:
        cut = {name: _hold_out(paths) for name, paths in by_class.items()}
        train = {name: kept for name, (kept, _) in cut.items()}
        test = {name: held for name, (_, held) in cut.items()}
    if not any(test.values()):
        raise DataError(f"{top}: one picture of each class leaves none to test on; add more")
    return names, _label(train), _label(test)


def _by_class(top: Path) -> dict[str, list[Path]]:
    """Return the pictures of each class folder, folders in the order of their labels."""
    folders = _folders(top)
    if all(folder.name.isdecimal() for folder in folders):
        folders.sort(key=lambda folder: (int(folder.name), folder.name))
    by_class = {folder.name: pictures_in(folder) for folder in folders}
    if empty := [name for name, paths in by_class.items() if not paths]:
        raise DataError(f"{top / empty[0]}: no pictures in it ({', '.join(sorted(SUFFIXES))})")
    return by_class


def _hold_out(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Cut one in seven off for testing, at least one where there are two."""
    shuffled = sorted(paths, key=_drawn)
    count = max(len(paths) // HELD_OUT, 1) if len(paths) > 1 else 0
    return sorted(shuffled[count:]), sorted(shuffled[:count])


def _drawn(path: Path) -> bytes:
    """Give what pictures are sorted by, so that their order has nothing to do with their names."""
    return hashlib.sha256(os.fsencode(path.name)).digest()


def _label(by_class: dict[str, list[Path]]) -> Labelled:
    """Mix the classes evenly: what is held out from the end has of each what is its share."""
    mixed = [
        ((rank + 0.5) / len(paths), label, path)
        for label, paths in enumerate(by_class.values())
        for rank, path in enumerate(sorted(paths, key=_drawn))
    ]
    return [(path, label) for _, label, path in sorted(mixed, key=lambda each: each[:2])]


def _read_all(files: Labelled, before: int, total: int, progress: Progress) -> tuple[U8, U8]:
    images = np.empty((len(files), SIDE, SIDE), np.uint8)
    for index, (path, _) in enumerate(files):
        images[index] = read_picture(path)
        progress("reading pictures", before + index + 1, total)
    return images, np.array([label for _, label in files], np.uint8)


def _folders(top: Path) -> list[Path]:
    if not top.is_dir():
        return []
    found = (path for path in top.iterdir() if path.is_dir() and path.name[0] not in "._")
    return sorted(found)


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures that lie in a folder, by name; hidden files are passed over."""
    return sorted(path for path in folder.iterdir() if is_picture_file(path))


def is_picture_file(path: Path, suffixes: Collection[str] = SUFFIXES) -> bool:
    """Say whether a path is that of a picture, by its suffix; hidden files are none."""
    return path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
