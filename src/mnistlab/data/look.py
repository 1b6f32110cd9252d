"""Looking at the data: the tutorial's normalisation, counts, and a sheet of samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mnistlab.data.dataset import U8


def normalize_columns(images: U8) -> npt.NDArray[np.float64]:
    """Return images (n, 28, 28) as float64, each pixel column of each divided by its L2 norm.

    The same bits as `keras.utils.normalize(images, axis=1)`, in less memory: the sums of squares
    are whole numbers below 2**53, so it does not matter in which type and order they are added.
    Columns without ink stay 0.
    """
    squares: npt.NDArray[np.uint32] = np.einsum(
        "nij,nij->nj", images, images, dtype=np.uint32, casting="safe"
    )
    norms = np.sqrt(squares.astype(np.float64))
    norms[norms == 0] = 1
    normalized: npt.NDArray[np.float64] = images / norms[:, None, :]
    return normalized


def class_counts(labels: U8, num_classes: int) -> npt.NDArray[np.int64]:
    """Return how many of each label there are, int64 (num_classes,)."""
    return np.bincount(labels, minlength=num_classes).astype(np.int64)


def sample_sheet(
    labels: U8, num_classes: int, per_class: int = 10, seed: int = 0
) -> npt.NDArray[np.int64]:
    """Return indices, int64 (num_classes, per_class), of random examples of each class.

    The same for the same seed. A class with fewer examples has -1 in the places that are left.
    """
    rng = np.random.default_rng(seed)
    sheet = np.full((num_classes, per_class), -1, np.int64)
    for label in range(num_classes):
        found = rng.permutation(np.flatnonzero(labels == label))[:per_class]
        sheet[label, : len(found)] = found
    return sheet
