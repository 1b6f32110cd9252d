"""BatchNormalization's means and variances, measured anew after training.

What layers keep while they are trained is a running mean over the last few batches of varied
images. That is noisy, and of other images than those that will be tested. (Wu & Johnson 2021,
Rethinking "Batch" in BatchNorm, https://arxiv.org/abs/2105.07576.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import numpy as np

from mnistlab.models import convolutions

BATCH, MOST_BATCHES = 1000, 20
LARGEST_MEASURED = BATCH * MOST_BATCHES
"""Images that are looked at, at most."""


def measure_batch_norm(model: keras.Model, images: np.ndarray) -> None:
    """Set each BatchNormalization's statistics to the mean of those of batches of `images`.

    `images` is (n, ...) as the model takes them, in no order: of classes in a row each batch would
    have one, and too small a variance. Used are whole batches of the first 20,000, or all where
    there are fewer than one batch. A model without such layers stays as it is.
    """
    layers = list(_batch_norms(model))
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    see = _compiled(model) if keras.config.backend() == "jax" else partial(model, training=True)
    count = min(max(1, len(images) // BATCH), MOST_BATCHES)
    sums: list[Any] = [0.0] * (2 * len(layers))
    try:
        for layer in layers:
            layer.momentum = 0.0  # so that it keeps a batch's own
        for number in range(count):
            see(images[number * BATCH : (number + 1) * BATCH])
            for place, variable in enumerate(_statistics(layers)):
                sums[place] = sums[place] + keras.ops.convert_to_numpy(variable).astype(np.float64)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
    for variable, total in zip(_statistics(layers), sums, strict=True):
        variable.assign(total / count)


def _compiled(model: keras.Model) -> Callable[[np.ndarray], None]:
    """Give a forward pass in training, compiled: op by op it takes JAX twice as long."""
    import jax

    def forward(trainable: Any, others: Any, images: Any) -> Any:
        return model.stateless_call(trainable, others, images, training=True)[1]

    compiled = jax.jit(forward)

    def see(images: np.ndarray) -> None:
        groups = model.trainable_variables, model.non_trainable_variables
        with convolutions.patched():
            kept = compiled(*([v.value for v in group] for group in groups), images)
        for variable, value in zip(groups[1], kept, strict=True):
            variable.assign(value)

    return see


def _statistics(layers: list[Any]) -> list[Any]:
    return [v for layer in layers for v in (layer.moving_mean, layer.moving_variance)]


def _batch_norms(model: keras.Model) -> Iterator[Any]:
    """Find such layers in a model and in the models it is made of."""
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            yield layer
        elif isinstance(layer, keras.Model):
            yield from _batch_norms(layer)
