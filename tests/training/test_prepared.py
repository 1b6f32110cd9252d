"""Data that are put on the device beside the tracing: promised as they come, errors and all."""

from __future__ import annotations

import threading

import keras
import numpy as np
import pytest

if keras.config.backend() != "jax":
    pytest.skip("the engine is JAX's", allow_module_level=True)

import jax

from mnistlab.training.engine import fit
from mnistlab.training.prepared import Preparation, shape_of

layers = keras.layers
N = 40


@pytest.fixture
def model():
    keras.utils.set_random_seed(1)
    made = keras.Sequential(
        [
            keras.Input((4, 3)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(5, activation="relu"),
            layers.Dense(2, activation="softmax"),
        ]
    )
    made.compile("adam", "sparse_categorical_crossentropy")
    made.optimizer.build(made.trainable_variables)
    return made


def images(dtype="uint8"):
    x = np.random.default_rng(0).integers(0, 256, (N, 4, 3)).astype(dtype)
    x[:, 0, 0] = 0
    return x


LABELS = np.arange(N) % 2
DTYPES = ["uint8", "int64", "float16", "float32", "float64"]


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
def test_shapes_are_those_of_what_comes(model, dtype, trains):
    data = Preparation(model).prepare((images(dtype), LABELS), trains=trains)
    assert data.shapes == jax.tree.map(shape_of, data.arrays)
    assert data.shapes[0].shape == (N, 11 if trains else 12)
    assert (data.past_fixed, data.lit is not None) == (True, trains)
    expected = images().reshape(N, -1)[:, 1:] if trains else images().reshape(N, -1)
    np.testing.assert_allclose(data.arrays[0], expected / 255, rtol=1e-6)
    np.testing.assert_array_equal(data.arrays[1], LABELS)


def test_data_of_one_shape_are_compiled_for_once(model):
    preparation = Preparation(model)
    for _ in range(3):
        preparation.prepare((images(), LABELS)).arrays  # noqa: B018  # waited for
    preparation.prepare((images()[:9], LABELS[:9])).arrays  # noqa: B018
    assert len(preparation._lowered) == 2


def test_data_as_they_are_need_no_thread(model):
    before = threading.active_count()
    data = Preparation(model).prepare((images(), LABELS), raw=True)
    assert threading.active_count() == before
    assert data.coming.done()
    np.testing.assert_array_equal(data.arrays[0], images())


def test_more_arrays_are_put_after_them(model):
    data = Preparation(model).prepare((images(),), trains=True).beside(LABELS)
    assert data.shapes == jax.tree.map(shape_of, data.arrays)
    assert len(data.arrays) == 2
    assert len(data.lit) == 11


def test_what_goes_wrong_beside_is_raised_by_fit(model, monkeypatch):
    put = jax.device_put

    def full(arrays, *others):
        if getattr(arrays, "shape", None) == (N, 4, 3):
            raise MemoryError("no room")
        return put(arrays, *others)

    before = [np.array(v) for v in model.trainable_variables]
    monkeypatch.setattr("mnistlab.training.prepared.jax.device_put", full)
    with pytest.raises(MemoryError, match="no room"):
        fit(model, images(), LABELS, verbose=0)
    monkeypatch.undo()
    for was, variable in zip(before, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(was, np.array(variable))
    fit(model, images(), LABELS, verbose=0)
