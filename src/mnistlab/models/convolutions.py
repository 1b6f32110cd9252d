"""Convolutions and pools that are fast on a CPU, in the place of Keras' own while tracing.

XLA on a CPU runs `lax.conv` inside a compiled loop many times slower than it need be: it brings
only the convolutions outside of loops into the form that its fast kernel takes. Here

    convolution   the shifted images side by side, (n, h, w, kh * kw * channels), and one matrix
                  product with the kernel (im2col: K. Chellapilla, S. Puri, P. Simard, 2006, "High
                  performance convolutional neural networks for document processing"); of 3x3
                  with many channels, the fewer products of `winograd`
    max pooling   the shifted images compared pairwise; the first of equal ones has the gradient,
                  as in XLA's own
    mean pooling  their sum

with gradients by plain autodiff. Layers stay Keras': `patched` replaces the methods that compute,
for the time of one trace, so any user's model gains, and a saved one is an ordinary Keras model.
Passed on to Keras: groups, channels first, convolutions that are not of two dimensions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import keras

from mnistlab.models import winograd
from mnistlab.models.replaced import replaced

Pair = tuple[int, int]


def convolve(x: Any, kernel: Any, strides: Pair, padding: str, dilation: Pair) -> Any:
    """Convolve x (n, h, w, c) with kernel (kh, kw, c, filters): (n, h', w', filters)."""
    size = kernel.shape[:2]
    if padding == "same":
        x = _pad_same(x, size, strides, dilation, 0.0)
    plain = size == (3, 3) and tuple(strides) == tuple(dilation) == (1, 1)
    if plain and x.dtype == jnp.float32 and winograd.saves(x.shape, kernel.shape):
        return winograd.convolve_3x3(x, kernel)
    patches = jnp.concatenate(_shifted(x, size, strides, dilation), axis=-1)
    flat = patches.reshape(-1, math.prod(kernel.shape[:3]))
    product = flat @ kernel.reshape(-1, kernel.shape[3])
    return product.reshape(*patches.shape[:3], kernel.shape[3])


def max_pool(x: Any, size: Pair, strides: Pair, padding: str) -> Any:
    """Take the greatest of each window of x (n, h, w, c)."""
    if tuple(strides) == tuple(size) and padding == "valid":
        _, height, width, _ = x.shape
        whole = x[:, : height - height % size[0], : width - width % size[1]]
        return _max_of_blocks(whole, tuple(size))
    if padding == "same":
        x = _pad_same(x, size, strides, (1, 1), -jnp.inf)
    return _first_greatest(_shifted(x, size, strides, (1, 1)))[0]


def mean_pool(x: Any, size: Pair, strides: Pair) -> Any:
    """Average each whole window of x (n, h, w, c)."""
    first, *others = _shifted(x, size, strides, (1, 1))
    return sum(others, start=first) / math.prod(size)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_of_blocks(x: Any, size: Pair) -> Any:
    """Take the greatest of each block of x, which is cut into whole ones: no overlap.

    Its gradient is one comparison with the place of the greatest, where autodiff would pad and
    add the gradients of all places in a window.
    """
    return _max_of_blocks_forward(x, size)[0]


def _max_of_blocks_forward(x: Any, size: Pair) -> tuple[Any, Any]:
    greatest, place = _first_greatest(_shifted(x, size, size, (1, 1)))
    return greatest, place


def _max_of_blocks_backward(size: Pair, place: Any, gradient: Any) -> tuple[Any]:
    n, height, width, channels = gradient.shape
    places = jnp.arange(math.prod(size), dtype=place.dtype).reshape(1, 1, size[0], 1, size[1], 1)
    # By 1, whatever the place: XLA would compute what is cheap anew for each place of a window,
    # and all that the gradient came of with it, but never a division.
    gradient = gradient / jnp.where(place < math.prod(size), 1, 2).astype(gradient.dtype)
    chosen = place[:, :, None, :, None, :] == places
    blocks = jnp.where(chosen, gradient[:, :, None, :, None, :], 0)
    return (blocks.reshape(n, height * size[0], width * size[1], channels),)


_max_of_blocks.defvjp(_max_of_blocks_forward, _max_of_blocks_backward)


def _first_greatest(parts: list[Any]) -> tuple[Any, Any]:
    """Give the greatest of `parts`, elementwise, and which one it is: uint8, the first of equals.

    What is not a number is greatest of all, as it is to XLA.
    """
    greatest, place = parts[0], jnp.zeros(parts[0].shape, jnp.uint8)
    for number, part in enumerate(parts[1:], start=1):
        newer = (part > greatest) | jnp.isnan(part)
        greatest = jnp.where(newer, part, greatest)
        place = jnp.where(newer, jnp.uint8(number), place)
    return greatest, place


def _shifted(x: Any, size: Pair, strides: Pair, dilation: Pair) -> list[Any]:
    """Give, for each place in a window, what all windows have there: (n, h', w', c) each."""
    n, *extent, channels = x.shape
    count = [
        (length - (k - 1) * d - 1) // s + 1
        for length, k, s, d in zip(extent, size, strides, dilation, strict=True)
    ]
    return [
        jax.lax.slice(
            x,
            (0, top, left, 0),
            (n, top + (count[0] - 1) * strides[0] + 1, left + (count[1] - 1) * strides[1] + 1,
             channels),
            (1, *strides, 1),
        )
        for top in range(0, size[0] * dilation[0], dilation[0])
        for left in range(0, size[1] * dilation[1], dilation[1])
    ]  # fmt: skip


def _pad_same(x: Any, size: Pair, strides: Pair, dilation: Pair, value: float) -> Any:
    """Pad x (n, h, w, c) so that there are ceil(length / stride) windows, as XLA's SAME does."""
    sides = []
    for length, k, s, d in zip(x.shape[1:3], size, strides, dilation, strict=True):
        total = max((math.ceil(length / s) - 1) * s + (k - 1) * d + 1 - length, 0)
        sides.append((total // 2, total - total // 2))
    return jnp.pad(x, ((0, 0), *sides, (0, 0)), constant_values=value)


@contextmanager
def patched() -> Iterator[None]:
    """While tracing for a CPU, let Keras' layers of two dimensions compute as this module does."""
    if keras.config.backend() != "jax" or jax.default_backend() != "cpu":
        yield
        return
    with replaced(
        (keras.layers.Conv2D, "convolution_op", _convolution_op),
        (keras.layers.MaxPooling2D, "call", _max_pooling_call),
        (keras.layers.AveragePooling2D, "call", _average_pooling_call),
    ):
        yield


def _convolution_op(own: Callable[..., Any]) -> Callable[..., Any]:
    def convolution_op(self: Any, inputs: Any, kernel: Any) -> Any:
        if self.data_format != "channels_last" or self.groups != 1 or not _has_values(inputs):
            return own(self, inputs, kernel)
        kernel = jnp.asarray(keras.ops.convert_to_tensor(kernel), inputs.dtype)
        return convolve(inputs, kernel, self.strides, self.padding, self.dilation_rate)

    return convolution_op


def _max_pooling_call(own: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, inputs: Any) -> Any:
        if self.data_format != "channels_last" or not _has_values(inputs):
            return own(self, inputs)
        return max_pool(inputs, self.pool_size, self.strides, self.padding)

    return call


def _average_pooling_call(own: Callable[..., Any]) -> Callable[..., Any]:
    def call(self: Any, inputs: Any) -> Any:
        plain = self.data_format == "channels_last" and self.padding == "valid"
        if not plain or not _has_values(inputs):
            return own(self, inputs)
        return mean_pool(inputs, self.pool_size, self.strides)

    return call


def _has_values(inputs: Any) -> bool:
    """Say whether this is JAX's array or tracer, and not Keras' symbol of one."""
    return isinstance(inputs, jax.Array)
