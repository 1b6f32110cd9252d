"""Test a run: the test split through its model, once, and the records of that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from mnistlab.data import Dataset, class_counts, sample_sheet
from mnistlab.evaluation.outputs import outputs_and_loss, probabilities
from mnistlab.evaluation.scores import Scores, score
from mnistlab.files import write_atomic
from mnistlab.training.runs import Run
from mnistlab.training.train import encode

SAMPLES_PER_CLASS = 12
WORST = 20


def score_model(
    model: keras.Model, dataset: Dataset, loss: str, last_activation: str | None = None
) -> Scores:
    """Score `model` on the test split of `dataset`; it ends in `last_activation`, if given."""
    targets = encode(loss, dataset.y_test, dataset.num_classes)
    outputs, mean = outputs_and_loss(model, dataset.x_test, targets, loss, last_activation)
    shares = probabilities(outputs, loss, last_activation)
    return score(shares, dataset.y_test, mean, dataset.class_names, WORST)


def save_records(
    run: Run,
    dataset: Dataset,
    scores: Scores,
    weights: npt.NDArray[np.float32] | None,
    record: Mapping[str, Any],
) -> None:
    """Write `arrays.npz`, then `metrics.json`, which makes the run a finished one."""
    arrays: dict[str, npt.NDArray[Any]] = {
        "samples": samples(dataset),
        "mistakes": mistake_images(dataset, scores),
    }
    if weights is not None:
        arrays["first_layer"] = weights
    run.save_arrays(arrays)
    counts = {
        split: class_counts(dataset.split(split)[1], dataset.num_classes).tolist()
        for split in ("train", "test")
    }
    document = {
        "test": scores.to_json(),
        **record,
        "class_names": list(dataset.class_names),
        "class_counts": counts,
    }
    write_atomic(run.path / "metrics.json", json.dumps(document, indent=2) + "\n")


def samples(dataset: Dataset) -> npt.NDArray[np.uint8]:
    """Pick training images (classes, 12, 28, 28), the same every time; black where too few."""
    chosen = sample_sheet(dataset.y_train, dataset.num_classes, SAMPLES_PER_CLASS)
    images = dataset.x_train[np.maximum(chosen, 0)]
    images[chosen < 0] = 0
    return images


def mistake_images(dataset: Dataset, scores: Scores) -> npt.NDArray[np.uint8]:
    """Give the images (m, 28, 28) of the recorded mistakes."""
    return dataset.x_test[[mistake.index for mistake in scores.mistakes]]


def first_layer(model: keras.Model) -> npt.NDArray[np.float32] | None:
    """Give the first Dense layer's weights (units, 28, 28), None if it does not see pixels."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dense):
            kernel = keras.ops.convert_to_numpy(layer.kernel)
            return kernel.T.reshape(-1, 28, 28) if kernel.shape[0] == 784 else None
    return None
