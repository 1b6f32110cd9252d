"""The first values of a model's variables, made by NumPy instead of by a program for each shape.

JAX compiles a program for every new shape that is drawn or filled: for the tutorial's model more
seconds than its epoch takes to compile. NumPy makes the same values: threefry 2x32 counts, for all
shapes alike, from 0 to the size, and of its bits come the floats.

    threefry    Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405
    as JAX's    `jax.random.uniform` with `jax_threefry_partitionable`
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import keras
import numpy as np

from mnistlab.models.replaced import TRACING, replaced

ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
PARITY = np.uint32(0x1BD11BDA)
MANTISSA_BITS = 23
ONE = np.uint32(0x3F800000)
"""The bits of 1.0, to which a random mantissa is added."""


@contextmanager
def made_by_numpy() -> Iterator[None]:
    """While a model is built on JAX, let uniform values, zeros and ones come from NumPy.

    What is traced, sharded, or of another dtype is left to JAX. Threads take turns.
    """
    if keras.config.backend() != "jax":
        yield
        return
    import jax

    with (
        TRACING,
        replaced(
            (jax.random, "uniform", _uniform),
            (jax.numpy, "zeros", partial(_filled, np.zeros)),
            (jax.numpy, "ones", partial(_filled, np.ones)),
        ),
    ):
        yield


def uniform(
    key: np.ndarray, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0
) -> np.ndarray:
    """Draw what `jax.random.uniform` draws for a key: float32 of `shape` in [low, high).

    `key` is uint32 (2,), as of `jax.random.PRNGKey`; the size is below 2**32.
    """
    mantissas = random_bits(key, math.prod(shape)) >> np.uint32(32 - MANTISSA_BITS)
    from_0_to_1 = (mantissas | ONE).view(np.float32) - np.float32(1)
    # In double precision, as one rounding: XLA fuses the product and the sum.
    scale, least = np.float32(high) - np.float32(low), np.float32(low)
    values = (from_0_to_1.astype(np.float64) * scale + np.float64(least)).astype(np.float32)
    return np.maximum(values, least).reshape(shape)


def random_bits(key: np.ndarray, count: int) -> np.ndarray:
    """Give threefry's bits of the counters 0 to `count`: uint32 (count,)."""
    # A row of one each: NumPy warns of what a lone number carries over, which is meant here.
    keys = np.array([key[0], key[1], key[0] ^ key[1] ^ PARITY], np.uint32)[:, np.newaxis]
    x, y = np.repeat(keys[0], count), np.arange(count, dtype=np.uint32)
    y += keys[1]
    for turn in range(5):
        for rotation in ROTATIONS[turn % 2]:
            x += y
            y = (y << np.uint32(rotation)) | (y >> np.uint32(32 - rotation))
            y ^= x
        x += keys[(turn + 1) % 3]
        y += keys[(turn + 2) % 3] + np.uint32(turn + 1)
    return x ^ y


def _uniform(own: Callable[..., Any]) -> Callable[..., Any]:
    def draw(key: Any, *arguments: Any, **named: Any) -> Any:
        low, high = named.get("minval", 0.0), named.get("maxval", 1.0)
        asked = not arguments and named.keys() <= {"shape", "dtype", "minval", "maxval"}
        if not (asked and _is_plain(named) and _is_key(key) and _are(float, low, high)):
            return own(key, *arguments, **named)
        return _on_device(uniform(np.asarray(key), tuple(named["shape"]), low, high))

    return draw


def _filled(make: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
    def fill(shape: Any, *arguments: Any, **named: Any) -> Any:
        asked = not arguments and named.keys() == {"dtype"}
        if not (asked and _is_plain({"shape": shape, **named})):
            return own(shape, *arguments, **named)
        return _on_device(make(shape, np.float32))

    return fill


def _is_plain(named: dict[str, Any]) -> bool:
    shape = named.get("shape")
    sized = isinstance(shape, tuple | list) and _are(int, *shape) and math.prod(shape) < 2**32
    return sized and str(named.get("dtype")) == "float32"


def _is_key(key: Any) -> bool:
    """Say whether `key` is one of threefry's, with its values at hand."""
    import jax

    return (
        isinstance(key, jax.Array | np.ndarray)
        and not isinstance(key, jax.core.Tracer)
        and (key.shape, key.dtype) == ((2,), np.uint32)
        and jax.config.jax_default_prng_impl == "threefry2x32"
        and jax.config.jax_threefry_partitionable
    )


def _are(kind: type, *values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _on_device(values: np.ndarray) -> Any:
    import jax

    return jax.device_put(values)
