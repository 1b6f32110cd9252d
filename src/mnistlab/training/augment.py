"""Vary a batch of raw images inside of the compiled epoch: uint8 (n, h, w) in, the same out.

    thickness      a share of the greatest (or the least) of a pixel and its four neighbours
    displacement   rotation, scale, shear about the centre, and a smooth random field
    shift          by whole pixels, as MNIST itself was centred
    warp           each pixel from four neighbours of where it comes from, weighted linearly

What moves in from outside is paper, 0. A function of (key, images) alone. The warp is last and
takes the shift with it: XLA fuses what follows into what came before, and would fetch each pixel
once for every time that a later step looks at it.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from mnistlab.models.augmentation import Augmentation

GRID = 5
"""Points a side of the coarse random field: a wave of a third of the image, as Simard's sigma."""


def augment(amounts: Augmentation, key: Any, images: Any) -> Any:
    """Vary images, uint8 (n, h, w) or (n, h, w, 1), each by its own draw from `key`."""
    if images.ndim == 4:
        return augment(amounts, key, images[..., 0])[..., None]
    keys = jax.random.split(key, 4)
    most = int(amounts.shift)
    steps = jax.random.randint(keys[3], (2, len(images)), 0, 2 * most + 1) if most else None
    changed = images
    if amounts.warps or amounts.thickness:
        changed = changed.astype(jnp.float32)
        if amounts.thickness:
            changed = _thicken(changed, _draw(keys[2], (len(images),), amounts.thickness))
        if amounts.warps:
            rows, columns, farthest = _displacement(amounts, keys[0], keys[1], images.shape)
            if steps is not None:
                rows, columns = (
                    away + (step - most)[:, None, None]
                    for away, step in zip((rows, columns), steps, strict=True)
                )
            changed = _warp(changed, rows, columns, farthest + most)
        changed = jnp.round(jnp.clip(changed, 0, 255)).astype(jnp.uint8)
    if steps is not None and not amounts.warps:
        changed = _shift(_shift(changed, steps[0], most, 1), steps[1], most, 2)
    return changed


def _displacement(amounts: Augmentation, key: Any, smooth: Any, shape: Any) -> tuple[Any, Any, int]:
    """Say from where each pixel comes: rows and columns away (n, h, w), and the most of them.

    What is farther is cut: nothing but the rare tails of the random field, two standard
    deviations and more.
    """
    n, height, width = shape
    angle, down, across, shear = (
        _draw(one, (n, 1, 1), most)
        for one, most in zip(
            jax.random.split(key, 4),
            (math.radians(amounts.rotate), amounts.scale, amounts.scale, amounts.shear),
            strict=True,
        )
    )
    y = (jnp.arange(height) - (height - 1) / 2)[:, None]
    x = (jnp.arange(width) - (width - 1) / 2)[None, :]
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    rows = ((1 + down) * cos - 1) * y + (1 + down) * sin * x
    columns = (shear - (1 + across) * sin) * y + ((1 + across) * cos - 1) * x
    if amounts.elastic:
        field = amounts.elastic * jax.random.normal(smooth, (2, n, GRID, GRID))
        finer = jnp.einsum("ia,snab,jb->snij", _between(height), field, _between(width))
        rows, columns = rows + finer[0], columns + finer[1]
    turned = (1 + amounts.scale) * math.sin(math.radians(amounts.rotate))
    farthest = (turned + amounts.scale + amounts.shear) * max(height, width) / 2
    most = math.ceil(farthest + 2 * amounts.elastic)
    return jnp.clip(rows, -most, most), jnp.clip(columns, -most, most), most


def _between(length: int) -> Any:
    """Give weights (length, GRID) of linear interpolation between the points of the grid.

    Scaled so that a random field has the same variance between the points as at them.
    """
    place = jnp.linspace(0, GRID - 1, length)[:, None]
    weights = jnp.maximum(0, 1 - jnp.abs(place - jnp.arange(GRID)))
    return weights / jnp.linalg.norm(weights, axis=1, keepdims=True)


def _warp(images: Any, rows: Any, columns: Any, most: int) -> Any:
    """Fetch each pixel from `rows` down and `columns` across, `most` at most: (n, h, w) float32."""
    n, height, width = images.shape
    wide = width + 2 * most + 1
    padded = jnp.pad(images, ((0, 0), (most, most + 1), (most, most + 1))).reshape(n, -1)
    y = jnp.arange(height)[:, None] + most + rows
    x = jnp.arange(width)[None, :] + most + columns
    top, left = jnp.floor(y), jnp.floor(x)
    below, right = y - top, x - left
    place = (top * wide + left).astype(jnp.int32).reshape(n, -1)

    def at(step: int) -> Any:
        found = jnp.take_along_axis(padded, place + step, axis=1, mode="promise_in_bounds")
        return found.reshape(images.shape)

    upper = (1 - right) * at(0) + right * at(1)
    lower = (1 - right) * at(wide) + right * at(wide + 1)
    return (1 - below) * upper + below * lower


def _thicken(images: Any, amount: Any) -> Any:
    """Mix each image with its dilation (amount above 0) or erosion (below)."""
    padded = jnp.pad(images, ((0, 0), (1, 1), (1, 1)))
    around = (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    thick = thin = images
    for neighbour in around:
        thick, thin = jnp.maximum(thick, neighbour), jnp.minimum(thin, neighbour)
    share = amount[:, None, None]
    return images + jnp.where(share > 0, share * (thick - images), share * (images - thin))


def _shift(images: Any, steps: Any, most: int, axis: int) -> Any:
    """Move each image by its own number of whole pixels, steps - most, along `axis`."""
    length = images.shape[axis]
    sides = [(0, 0)] * 3
    sides[axis] = (most, most)
    padded = jnp.pad(images, sides)
    moved = images
    for step in range(2 * most + 1):
        part = jax.lax.slice_in_dim(padded, step, step + length, axis=axis)
        moved = jnp.where((steps == step)[:, None, None], part, moved)
    return moved


def _draw(key: Any, shape: tuple[int, ...], most: float) -> Any:
    return jax.random.uniform(key, shape, minval=-most, maxval=most)
