"""Likeness of handwriting between images, and how errors come together. Pure NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]


def style(images: Images, labels: npt.NDArray[Any]) -> Floats:
    """Give slant and stroke width of each image (n, 28, 28), as (n, 2).

    The slant is pixels across per pixel down, by the moments of the ink; the width, its logarithm,
    ink per length of edge. Of each class apart, both have mean 0 and deviation 1.
    """
    ink = images.astype(np.float64) / 255
    places = np.arange(ink.shape[1])
    total = np.maximum(ink.sum((1, 2)), 1e-9)
    rows, columns = ink.sum(2), ink.sum(1)
    down = places - (rows @ places / total)[:, None]
    across = places - (columns @ places / total)[:, None]
    slant = np.einsum("nij,ni,nj->n", ink, down, across) / np.maximum((rows * down**2).sum(1), 1e-9)
    edges = sum(np.abs(np.diff(ink, axis=axis)).sum((1, 2)) for axis in (1, 2))
    found = np.stack([slant, np.log(total / np.maximum(edges, 1e-9))], axis=1)
    for label in np.unique(labels):
        of_class = found[labels == label]
        found[labels == label] = (of_class - of_class.mean(0)) / np.maximum(of_class.std(0), 1e-9)
    return found


def likeness(values: Floats, apart: int) -> list[float]:
    """Correlate each column of `values` (n, k) with itself `apart` places on."""
    centred = values - values.mean(0)
    pairs = (centred[:-apart] * centred[apart:]).mean(0)
    return [float(each) for each in pairs / np.maximum((centred**2).mean(0), 1e-12)]


def design_effect(wrong: npt.NDArray[np.bool_], length: int) -> float:
    """Say how many times the variance of an error rate is what independent images would give it.

    `wrong` (runs, n) says which images each run got wrong; they are taken in stretches of `length`
    that are independent of one another. The mean over runs (Kish 1965, Survey Sampling, p. 258).
    """
    runs, n = wrong.shape
    stretches = wrong[:, : n // length * length].reshape(runs, -1, length).mean(2)
    rate = wrong.mean(1)
    return float(np.mean(stretches.var(1, ddof=1) * length / (rate * (1 - rate))))
