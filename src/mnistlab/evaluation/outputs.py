"""What a model says of images: outputs, probabilities, loss; compiled on JAX."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from mnistlab.models.functions import find_last_activation, loss_choice, takes_logits
from mnistlab.models.zoo import keras_loss

CHUNK = 2500
"""Images in one pass; the test split of MNIST is four."""

SIGNED = ("linear", "tanh")
"""The last activations that also give values below 0."""

Floats = npt.NDArray[np.float32]


def outputs_and_loss(
    model: keras.Model,
    images: npt.NDArray[np.uint8],
    targets: Any,
    loss: str,
    last_activation: str | None = None,
) -> tuple[Floats, float]:
    """Run `model` on images (n, 28, 28); give outputs (n, classes) and the mean loss over n.

    `targets` are encoded as `loss` wants them; the model ends in `last_activation`, or in the one
    that fits the loss. The mean is of sums over examples, whatever the
    size of the last chunk; a loss over a whole batch (dice, tversky) is a mean over chunks.
    """
    forward = _forward(model, keras_loss(loss, last_activation))
    outputs, total = [], 0.0
    for begin in range(0, len(images), CHUNK):
        part = slice(begin, begin + CHUNK)
        out, mean = forward(images[part], targets[part])
        outputs.append(np.asarray(out, np.float32))
        total += float(mean) * len(out)
    return np.concatenate(outputs), total / len(images)


def _forward(model: keras.Model, loss: Any) -> Any:
    if keras.config.backend() != "jax":
        return lambda x, y: _eager(model, loss, x, y)
    import jax

    trained = [v.value for v in model.trainable_variables]
    others = [v.value for v in model.non_trainable_variables]

    def forward(trained: Any, others: Any, x: Any, y: Any) -> Any:
        outputs, _ = model.stateless_call(trained, others, x, training=False)
        return outputs, keras.ops.mean(loss(y, outputs))

    compiled = jax.jit(forward)
    return lambda x, y: compiled(trained, others, x, y)


def _eager(model: keras.Model, loss: Any, x: Any, y: Any) -> tuple[Floats, float]:
    outputs = model.predict_on_batch(x)
    mean = keras.ops.mean(
        loss(keras.ops.convert_to_tensor(y), keras.ops.convert_to_tensor(outputs))
    )
    return np.asarray(outputs, np.float32), float(keras.ops.convert_to_numpy(mean))


def probabilities(
    outputs: Floats, loss: str, last_activation: str | None = None
) -> npt.NDArray[np.float64]:
    """Turn outputs (n, classes) into rows that sum to 1, by the last activation of the model.

    Softmax outputs are taken as they are, logits through their softmax; outputs that are never
    negative, as a sigmoid's, are divided by their sum. Of scores (a margin loss, a distance) the
    softmax is a stand-in for confidence.
    """
    values = outputs.astype(np.float64)
    last = find_last_activation(loss, last_activation)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        if takes_logits(loss, last) and loss_choice(loss).last_activation == "sigmoid":
            return _softmax(-np.logaddexp(0, -values))  # sigmoids over their sum, none rounded to 0
        if last in SIGNED:
            return _softmax(values)
        return values if last == "softmax" else _shares(values)


def _softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return _shares(np.exp(values - values.max(axis=1, keepdims=True)))


def _shares(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares: npt.NDArray[np.float64] = values / values.sum(axis=1, keepdims=True)
    return shares
