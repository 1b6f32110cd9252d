"""Convolutions of 3x3 with fewer products: the minimal filter F(2x2, 3x3).

A. Lavin & S. Gray, 2015, "Fast algorithms for convolutional neural networks",
https://arxiv.org/abs/1509.09308. Each 2x2 of the output comes of 16 products of channels where a
sum over the window has 36. Tiles of 4x4, two pixels apart, are transformed along each side

    image    d0 - d2,  d1 + d2,  d2 - d1,  d1 - d3
    kernel   g0,  (g0 + g1 + g2) / 2,  (g0 - g1 + g2) / 2,  g2
    output   m0 + m1 + m2,  m1 - m2 - m3

so there are 16 matrix products, tiles by channels with channels by filters. All of it is linear in
image and in kernel: autodiff's gradients have the same few products.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

FEWEST_CHANNELS = 16
"""With fewer, moving the transformed tiles costs more than the products that they save."""
WORTH = 0.6
"""The share of products that may be left: tiles that hang over the edge are computed in vain."""


def saves(shape: tuple[int, ...], kernel: tuple[int, ...]) -> bool:
    """Say whether an image (n, h, w, c) and a kernel (3, 3, c, filters) are faster so."""
    outputs = (shape[1] - 2) * (shape[2] - 2)
    tiles = _tiles(shape[1]) * _tiles(shape[2])
    return min(kernel[2:]) >= FEWEST_CHANNELS and 16 * tiles <= WORTH * 9 * outputs


def convolve_3x3(x: Any, kernel: Any) -> Any:
    """Convolve x (n, h, w, c) with kernel (3, 3, c, filters): (n, h - 2, w - 2, filters)."""
    n, height, width, channels = x.shape
    down, across = _tiles(height), _tiles(width)
    over = ((0, 0), (0, 2 * down + 2 - height), (0, 2 * across + 2 - width), (0, 0))
    tiles = [part for rows in _of_image(jnp.pad(x, over), 1) for part in _of_image(rows, 2)]
    kernels = [part for rows in _of_kernel(kernel) for part in _of_kernel(rows)]
    products = [
        (tile.reshape(-1, channels) @ part).reshape(n, down, across, -1)
        for tile, part in zip(tiles, kernels, strict=True)
    ]
    narrow = [_of_output(products[start : start + 4]) for start in range(0, 16, 4)]
    left, right = (_of_output(column) for column in zip(*narrow, strict=True))
    rows = [jnp.stack(row, axis=3) for row in zip(left, right, strict=True)]
    whole = jnp.stack(rows, axis=2)
    return whole.reshape(n, 2 * down, 2 * across, -1)[:, : height - 2, : width - 2]


def _tiles(length: int) -> int:
    return (length - 1) // 2


def _of_image(x: Any, axis: int) -> list[Any]:
    """Transform all tiles along an axis of even length: four arrays of one value a tile."""
    pairs = x.reshape(*x.shape[:axis], -1, 2, *x.shape[axis + 1 :])
    even, odd = (jax.lax.index_in_dim(pairs, side, axis + 1, keepdims=False) for side in (0, 1))
    d0, d1 = (jax.lax.slice_in_dim(each, 0, -1, axis=axis) for each in (even, odd))
    d2, d3 = (jax.lax.slice_in_dim(each, 1, None, axis=axis) for each in (even, odd))
    return [d0 - d2, d1 + d2, d2 - d1, d1 - d3]


def _of_kernel(kernel: Any) -> list[Any]:
    """Transform along the first axis, which goes."""
    g0, g1, g2 = kernel
    ends = (g0 + g2) / 2
    return [g0, ends + g1 / 2, ends - g1 / 2, g2]


def _of_output(products: Any) -> tuple[Any, Any]:
    """Give the two outputs of four products."""
    m0, m1, m2, m3 = products
    return m0 + m1 + m2, m1 - m2 - m3
