"""Outputs and losses in chunks are what Keras gives in one piece."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import scipy.special

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


def test_logits_become_probabilities_by_the_activation_of_their_loss():
    logits = np.array(
        [[1.0, -2.0, 0.5], [800.0, -800.0, 0.0], [-800.0, -900.0, -800.0]], np.float32
    )
    softmax = probabilities(logits, "sparse_categorical_crossentropy", "linear")
    np.testing.assert_allclose(softmax, scipy.special.softmax(logits.astype(float), axis=1))
    shares = probabilities(logits, "binary_crossentropy", "linear")
    sigmoid = scipy.special.expit(logits[:1].astype(float))
    np.testing.assert_allclose(shares[:1], sigmoid / sigmoid.sum())
    np.testing.assert_allclose(shares[1:], [[2 / 3, 0, 1 / 3], [0.5, 0, 0.5]], atol=1e-12)
    np.testing.assert_allclose(probabilities(logits, "squared_hinge", "tanh").sum(1), 1)
    positive = np.array([[1.0, 3.0]], np.float32)
    np.testing.assert_allclose(probabilities(positive, "poisson", "softplus"), [[0.25, 0.75]])


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy"])
def test_the_loss_of_logits_is_not_clipped(loss):
    images = np.random.default_rng(1).integers(0, 256, (30, 28, 28), dtype=np.uint8)
    targets = encode(loss, np.arange(30) % 10, 10)
    model = build("linear", loss=loss, last_activation="linear")
    model.layers[-1].kernel.assign(1000 * model.layers[-1].kernel)
    outputs, mean = outputs_and_loss(model, images, targets, loss, "linear")
    z, hot = outputs.astype(float), np.eye(10)[np.arange(30) % 10]
    expected = {
        "sparse_categorical_crossentropy": (scipy.special.logsumexp(z, 1) - (z * hot).sum(1)),
        "binary_crossentropy": (np.logaddexp(0, z) - z * hot).mean(1),
    }[loss].mean()
    assert expected > 20  # -log(1e-7) is 16
    assert mean == pytest.approx(expected, rel=1e-5)
