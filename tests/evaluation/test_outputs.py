"""Outputs and losses in chunks are what Keras gives in one piece."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mnistlab.evaluation.outputs import CHUNK, outputs_and_loss, probabilities
from mnistlab.models.zoo import build
from mnistlab.training.train import encode


@pytest.mark.parametrize(
    "loss", ["sparse_categorical_crossentropy", "mean_squared_error", "hinge", "poisson"]
)
def test_outputs_and_loss_are_keras_own(loss):
    rng = np.random.default_rng(0)
    n = CHUNK + 7
    images = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    targets = encode(loss, rng.integers(0, 10, n), 10)
    model = build("mlp:hidden=8", loss=loss)
    outputs, mean = outputs_and_loss(model, images, targets, loss)
    whole = model.predict(images, batch_size=n, verbose=0)
    np.testing.assert_allclose(outputs, whole, rtol=1e-4, atol=1e-6)
    expected = keras.ops.mean(keras.losses.get(loss)(targets, whole))
    assert mean == pytest.approx(float(keras.ops.convert_to_numpy(expected)), rel=1e-5)


def test_probabilities_sum_to_one_and_keep_the_order():
    outputs = np.array([[0.2, 0.3], [5.0, -1.0]], np.float32)
    softmax = np.exp(outputs) / np.exp(outputs).sum(1, keepdims=True)
    np.testing.assert_allclose(probabilities(outputs, "hinge"), softmax, rtol=1e-6)
    sigmoid = np.array([[0.2, 0.6]], np.float32)
    np.testing.assert_allclose(
        probabilities(sigmoid, "binary_crossentropy"), [[0.25, 0.75]], rtol=1e-6
    )
    np.testing.assert_array_equal(probabilities(sigmoid, "poisson"), sigmoid.astype(float))


def test_a_diverged_margin_model_gives_nan_and_no_warning():
    assert np.isnan(probabilities(np.array([[np.nan, 1.0]], np.float32), "hinge")).all()
