"""Initial values by NumPy: JAX's own to the bit, and nothing changed for whatever is not theirs."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest

from mnistlab.models.initial import made_by_numpy, uniform
from mnistlab.training.train import set_seed

pytestmark = pytest.mark.skipif(keras.config.backend() != "jax", reason="JAX's generator only")
jax = pytest.importorskip("jax")


@pytest.mark.parametrize("shape", [(784, 128), (3, 3, 1, 32), (7,), (1, 1), (), (0, 4)])
@pytest.mark.parametrize("limits", [(0.0, 1.0), (-0.0811, 0.0811), (-0.3, 0.2)])
def test_uniform_is_jaxs_to_the_bit(shape, limits):
    for key in (jax.random.PRNGKey(7919), np.array([3, 2**32 - 1], np.uint32)):
        theirs = jax.random.uniform(key, shape, "float32", *limits)
        ours = uniform(np.asarray(key), shape, *limits)
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, np.asarray(theirs), strict=True)


def _model():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(3, 3, kernel_initializer="he_uniform"),
            layers.BatchNormalization(),
            layers.Flatten(),
            layers.Dense(9, kernel_initializer="he_normal"),
            layers.Dropout(0.5),
            layers.Dense(4),
        ]
    )


def _built(seed):
    set_seed(seed)
    model = _model()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    return model


def test_model_has_the_initial_values_that_keras_gives_it():
    theirs = _built(5)
    with made_by_numpy():
        ours = _built(5)
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a.value), np.asarray(b.value), err_msg=a.path)
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a.value), np.asarray(b.value), strict=True)
    assert np.abs(np.asarray(ours.layers[-1].kernel)).max() > 0


def test_no_program_is_compiled_for_a_dense_model():
    def build():
        model = keras.Sequential([keras.Input((5,)), keras.layers.Dense(37)])
        model.compile("adam", "mse")
        model.optimizer.build(model.trainable_variables)

    with made_by_numpy():
        build()  # seeds and counters are scalars of one shape, compiled once
        compiled = _compilations(lambda: keras.layers.Dense(41).build((None, 43)))
    assert compiled == 0
    assert _compilations(lambda: keras.layers.Dense(41).build((None, 43))) > 0


def _compilations(build):
    counted = []

    def count(event, duration, **_):
        if event.endswith("backend_compile_duration"):
            counted.append(duration)

    jax.monitoring.register_event_duration_secs_listener(count)
    try:
        build()
    finally:
        jax.monitoring.unregister_event_duration_listener(count)
    return len(counted)


def test_what_is_not_theirs_is_left_to_jax():
    key = jax.random.PRNGKey(1)
    asked = {
        "half": lambda: jax.random.uniform(key, (3,), "bfloat16"),
        "array limits": lambda: jax.random.uniform(key, shape=(3,), minval=jax.numpy.arange(3.0)),
        "new key": lambda: jax.random.uniform(jax.random.key(1), shape=(3,), dtype="float32"),
        "traced": lambda: jax.jit(lambda k: jax.random.uniform(k, shape=(3,), dtype="float32"))(
            key
        ),
        "int": lambda: jax.numpy.zeros((2, 3), dtype="int32"),
        "place": lambda: jax.numpy.ones((2, 3), "float32"),
        "plain": lambda: jax.numpy.zeros(4),
        "batch": lambda: jax.vmap(lambda k: jax.random.uniform(k, shape=(3,), dtype="float32"))(
            jax.random.split(key)
        ),
    }
    for name, ask in asked.items():
        theirs = ask()
        with made_by_numpy():
            ours = ask()
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
        np.testing.assert_array_equal(np.asarray(ours, "float64"), np.asarray(theirs, "float64"))


def test_other_generators_are_left_to_jax():
    jax.config.update("jax_threefry_partitionable", False)
    try:
        key = jax.random.PRNGKey(3)
        theirs = jax.random.uniform(key, shape=(5,), dtype="float32")
        with made_by_numpy():
            ours = jax.random.uniform(key, shape=(5,), dtype="float32")
    finally:
        jax.config.update("jax_threefry_partitionable", True)
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_jax_is_itself_again_whatever_happens():
    own = jax.random.uniform, jax.numpy.zeros, jax.numpy.ones
    with made_by_numpy():
        assert jax.random.uniform is not own[0]
    with pytest.raises(ZeroDivisionError), made_by_numpy():
        _ = 1 / 0
    inside, leave = threading.Event(), threading.Event()

    def wait():
        with made_by_numpy():
            inside.set()
            leave.wait(30)

    first = threading.Thread(target=wait)
    first.start()
    inside.wait(30)
    second = threading.Thread(target=wait)  # enters after the first, which it waits for
    second.start()
    leave.set()
    first.join(30)
    second.join(30)
    assert (jax.random.uniform, jax.numpy.zeros, jax.numpy.ones) == own
