from __future__ import annotations

import numpy as np

from mnistlab import data


def test_normalize_columns_by_hand() -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 3:5, 1] = 3, 4
    images[0, 0, 2] = 255
    normalized = data.normalize_columns(images)
    assert normalized[0, 3:5, 1].tolist() == [0.6, 0.8]
    assert normalized[0, 0, 2] == 1
    assert np.count_nonzero(normalized) == 3


def test_class_counts_name_the_empty_too() -> None:
    counts = data.class_counts(np.array([1, 1, 3], np.uint8), 5)
    assert counts.tolist() == [0, 2, 0, 1, 0]


def test_sample_sheet() -> None:
    labels = np.array([0, 1, 2] * 20 + [3], np.uint8)
    sheet = data.sample_sheet(labels, 4, per_class=5, seed=1)
    assert sheet.shape == (4, 5)
    assert (labels[sheet[:3]] == np.arange(3)[:, None]).all()
    assert all(len(set(row)) == 5 for row in sheet[:3].tolist())
    assert sheet[3].tolist() == [60, -1, -1, -1, -1]
    assert np.array_equal(sheet, data.sample_sheet(labels, 4, per_class=5, seed=1))
    assert not np.array_equal(sheet, data.sample_sheet(labels, 4, per_class=5, seed=2))
