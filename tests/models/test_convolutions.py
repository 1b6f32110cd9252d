"""Fast convolutions and pools: outputs and gradients are Keras' own, over a grid of shapes."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from mnistlab.models import winograd
from mnistlab.models.convolutions import convolve, patched

pytestmark = pytest.mark.skipif(keras.config.backend() != "jax", reason="JAX's engine only")

CONVOLUTIONS = [
    {"kernel_size": k, "strides": s, "padding": p, "dilation_rate": d}
    for k, s, p, d in itertools.product(
        [1, 2, 3, (5, 3)], [1, 2, (2, 1)], ["valid", "same"], [1, 2]
    )
    if d == 1 or s == 1  # Keras has no dilation with strides
]
POOLS = [
    {"pool_size": k, "strides": s, "padding": p}
    for k, s, p in itertools.product([2, 3, (2, 3)], [None, 1, 2], ["valid", "same"])
]


def images(height: int = 13, width: int = 10, channels: int = 3, coarse: bool = False) -> Any:
    x = np.random.default_rng(1).normal(size=(4, height, width, channels))
    return jnp.asarray(np.round(x) if coarse else x, "float32")


def outputs_and_gradients(layer: Any, x: Any) -> list[Any]:
    variables = [v.value for v in layer.trainable_variables]
    weight = jnp.cos(jnp.arange(layer(x).size, dtype="float32"))

    def loss(variables: Any, x: Any) -> tuple[Any, Any]:
        y, _ = layer.stateless_call(variables, [], x)
        return jnp.sum(y.ravel() * weight), y

    gradients, y = jax.jit(jax.grad(loss, argnums=(0, 1), has_aux=True))(variables, x)
    return jax.tree.leaves((gradients, y))


def assert_agrees(layer: Any, x: Any, tolerance: float = 1e-4) -> None:
    layer.build(x.shape)
    theirs = outputs_and_gradients(layer, x)
    with patched():
        ours = outputs_and_gradients(layer, x)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())


@pytest.mark.parametrize("options", CONVOLUTIONS, ids=str)
def test_convolutions_agree(options: dict[str, Any]) -> None:
    keras.utils.set_random_seed(1)
    assert_agrees(keras.layers.Conv2D(5, activation="tanh", **options), images())


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("size", [(8, 8), (12, 13), (13, 16), (26, 7)], ids=str)
def test_convolutions_of_few_products_agree(size: tuple[int, int], padding: str) -> None:
    keras.utils.set_random_seed(1)
    layer = keras.layers.Conv2D(24, 3, padding=padding)
    assert winograd.saves((4, *size, 16), (3, 3, 16, 24))
    assert_agrees(layer, images(*size, channels=16), tolerance=2e-5)


def test_few_products_are_for_where_they_save_time() -> None:
    assert winograd.saves((64, 13, 13, 32), (3, 3, 32, 64))
    assert not winograd.saves((64, 13, 13, 4), (3, 3, 4, 64))  # few channels
    assert not winograd.saves((64, 5, 5, 64), (3, 3, 64, 128))  # tiles that hang over


def test_half_precision_has_all_its_products(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "convolve_3x3", None)
    x = images(channels=16).astype("float16")
    y = convolve(x, jnp.ones((3, 3, 16, 16), "float16"), (1, 1), "valid", (1, 1))
    assert y.dtype == "float16"


@pytest.mark.parametrize("options", [{"groups": 3}, {"use_bias": False}], ids=str)
def test_what_is_passed_on_and_what_is_left_out_agree(options: dict[str, Any]) -> None:
    assert_agrees(keras.layers.Conv2D(6, 3, **options), images())


@pytest.mark.parametrize("coarse", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("options", POOLS, ids=str)
@pytest.mark.parametrize("kind", ["MaxPooling2D", "AveragePooling2D"])
def test_pools_agree(kind: str, options: dict[str, Any], coarse: bool) -> None:
    assert_agrees(getattr(keras.layers, kind)(**options), images(coarse=coarse))


def test_the_program_has_no_convolution_and_no_window() -> None:
    layers = [keras.layers.Conv2D(4, 3), keras.layers.MaxPooling2D(), keras.layers.Flatten()]
    model = keras.Sequential([keras.Input((12, 12, 2)), *layers])
    weights = [v.value for v in model.trainable_variables]

    def program(weights: Any, x: Any) -> Any:
        return model.stateless_call(weights, [], x)[0]

    x = images(12, 12, 2)
    assert "convolution" in jax.jit(program).lower(weights, x).as_text()
    with patched():
        text = jax.jit(lambda w, x: program(w, x)).lower(weights, x).as_text()
    assert "convolution" not in text
    assert "reduce_window" not in text


def test_keras_is_left_as_it_was() -> None:
    before = (keras.layers.Conv2D.convolution_op, keras.layers.MaxPooling2D.call)
    with pytest.raises(ZeroDivisionError), patched():
        raise ZeroDivisionError
    assert (keras.layers.Conv2D.convolution_op, keras.layers.MaxPooling2D.call) == before


def test_half_precision_stays_half() -> None:
    layer = keras.layers.Conv2D(4, 3, dtype="mixed_bfloat16")
    layer.build((2, 8, 8, 1))
    with patched():
        assert layer(images(8, 8, 1)).dtype == jnp.bfloat16


@pytest.mark.parametrize("strides", [2, 1])
def test_what_is_not_a_number_is_not_lost_in_a_pool(strides: int) -> None:
    layer = keras.layers.MaxPooling2D(2, strides=strides)
    x = images(4, 4, 1).at[0, 1, 1, 0].set(jnp.nan)
    theirs = layer(x)
    with patched():
        np.testing.assert_array_equal(layer(x), theirs)
    assert np.isnan(theirs).any()
