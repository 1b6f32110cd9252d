"""What a data set is, once it is in memory.

Images are uint8 (n, 28, 28), ink 255 on 0; labels are uint8 (n,), from 0 to the number of
classes less one. So there can be no more than 256 classes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mnistlab.errors import UnknownNameError

U8: TypeAlias = npt.NDArray[np.uint8]
Arrays: TypeAlias = tuple[U8, U8, U8, U8]
"""x_train, y_train, x_test, y_test."""

Progress: TypeAlias = Callable[[str, int | None, int | None], None]
"""Called as `progress(message, done, total)`: bytes or pictures, None where not known."""

SIDE = 28


def quiet(message: str, done: int | None = None, total: int | None = None) -> None:
    """Be the progress of those who want none."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set in memory; `digest` tells which data a run has seen."""

    name: str
    x_train: U8
    y_train: U8
    x_test: U8
    y_test: U8
    class_names: tuple[str, ...]
    digest: str

    @property
    def num_classes(self) -> int:
        """How many classes there are; labels are smaller than this."""
        return len(self.class_names)

    @property
    def arrays(self) -> Arrays:
        """x_train, y_train, x_test, y_test."""
        return self.x_train, self.y_train, self.x_test, self.y_test

    def split(self, name: str) -> tuple[U8, U8]:
        """Return images (n, 28, 28) and labels (n,) of "train" or "test"."""
        if name == "train":
            return self.x_train, self.y_train
        if name == "test":
            return self.x_test, self.y_test
        raise UnknownNameError("split", name, ["train", "test"])


def digest_of(idx_digests: tuple[str, ...]) -> str:
    """Return one SHA-256 for a data set: that of its four IDX files' hexadecimal ones in a row."""
    return hashlib.sha256("".join(idx_digests).encode()).hexdigest()


def classes_apart(dataset: Dataset, count: int) -> dict[str, str]:
    """Say what is wrong where of a class none of `count` images is "held out", or none "left"."""
    everywhere = set(dataset.y_train.tolist())
    parts = {"held out": dataset.y_train[-count:], "left": dataset.y_train[:-count]}
    said = {}
    for part, labels in parts.items():
        if missing := everywhere - set(labels.tolist()):
            names = ", ".join(dataset.class_names[label] for label in sorted(missing))
            said[part] = (
                f"validation: of {len(dataset.y_train):,} training images the last {count:,} are "
                f"held out, and none of class {names} are {part}; shuffle the data set"
            )
    return said
