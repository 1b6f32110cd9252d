"""The static tables of names hold what Keras has, and specs are read as written."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mnistlab.data import normalize_columns
from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models.functions import (
    ACTIVATIONS,
    ENSEMBLE,
    LOSSES,
    MODELS,
    NORMALIZATIONS,
    OPTIMIZERS,
    check_activation,
    loss_choice,
    usable_activations,
)
from mnistlab.models.spec import parse_spec
from mnistlab.models.zoo import ZOO, PixelStatistics, build

NOT_CHOICES = {"Optimizer", "LossScaleOptimizer", "MultiOptimizer", "OptimizerMap"}


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (5, 28, 28), dtype=np.uint8)
    images[:, :, :6] = 0  # columns without ink, as in MNIST
    return images


def test_optimizers_are_all_of_keras():
    base = keras.optimizers.Optimizer
    found = {
        n for n, c in vars(keras.optimizers).items() if isinstance(c, type) and issubclass(c, base)
    }
    assert {one.class_name for one in OPTIMIZERS.values()} == found - NOT_CHOICES
    assert len(OPTIMIZERS) == 14


def test_losses_are_all_functions_of_keras():
    found = {n for n in vars(keras.losses) if n.islower() and not n.startswith("_")}
    assert set(LOSSES) == found - {"get", "serialize", "deserialize"}
    assert len(LOSSES) == 22


def test_activations_are_all_of_keras():
    found = {n for n in vars(keras.activations) if n.islower() and not n.startswith("_")}
    # swish and hard_swish are other names of silu and hard_silu
    aliases = {"get", "serialize", "deserialize", "swish", "hard_swish"}
    assert set(ACTIVATIONS) == found - aliases
    assert len(ACTIVATIONS) == 30


def test_models_are_all_of_the_zoo():
    assert MODELS.keys() == {*ZOO, ENSEMBLE}


@pytest.mark.parametrize("name", usable_activations())
def test_every_activation_builds_and_runs(name, images):
    outputs = build("mlp:hidden=4", activation=name)(images)
    assert np.isfinite(keras.ops.convert_to_numpy(outputs)).all()


@pytest.mark.parametrize("loss", ["ctc", "circle", "mean_absolute_percentage_error"])
def test_losses_that_cannot_classify_are_refused_with_the_reason(loss):
    with pytest.raises(OptionError, match="does not fit this task"):
        loss_choice(loss)


def test_unknown_names_are_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match="did you mean 'relu'"):
        check_activation("rellu")
    for refused in ("glu", "threshold"):
        with pytest.raises(OptionError, match=refused):
            check_activation(refused)


def test_specs():
    assert parse_spec("sgd:momentum=0.9,nesterov=true") == (
        "sgd",
        {"momentum": 0.9, "nesterov": True},
    )
    assert parse_spec("mlp:hidden=256x128") == ("mlp", {"hidden": "256x128"})
    assert parse_spec(" adam ") == ("adam", {})
    with pytest.raises(OptionError, match="key=value"):
        parse_spec("sgd:0.9")


def test_hidden_widths():
    model = build("mlp:hidden=7x5")
    assert [layer.units for layer in model.layers if hasattr(layer, "units")] == [7, 5, 10]
    with pytest.raises(OptionError, match="hidden"):
        build("mlp:hidden=0")
    with pytest.raises(OptionError, match="depth"):
        build("mlp:depth=3")


def test_the_tutorials_model():
    model = build("mlp")
    shapes = [tuple(v.shape) for v in model.trainable_variables]
    assert shapes == [(784, 128), (128,), (128, 128), (128,), (128, 10), (10,)]
    assert model.layers[-1].activation is keras.activations.softmax
    assert model.layers[-2].activation is keras.activations.relu


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_normalisation_inside_the_model(name, images):
    statistics = PixelStatistics(33.3, 78.6)
    expected = {
        "columns": normalize_columns(images),
        "scale": images / 255,
        "standardize": (images - 33.3) / 78.6,
        "none": images.astype(float),
    }[name]
    model = build("linear", normalize=name, pixels=statistics)
    inner = keras.Model(model.inputs, model.get_layer("flatten").output)
    np.testing.assert_allclose(
        inner.predict(images, verbose=0), expected.reshape(5, 784), rtol=2e-6, atol=2e-7
    )


def test_raw_images_give_the_predictions_of_the_tutorials_normalised_ones(images):
    model = build("mlp")
    plain = keras.Sequential([keras.Input((28, 28)), *model.layers[2:]])
    theirs = plain.predict(keras.utils.normalize(images, axis=1), verbose=0)
    np.testing.assert_allclose(model.predict(images, verbose=0), theirs, rtol=1e-5, atol=1e-7)


def test_a_saved_model_is_plain_keras(images, tmp_path):
    model = build("mlp")
    model.save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras", custom_objects={})
    assert all(type(layer).__module__.startswith("keras.") for layer in loaded.layers)
    np.testing.assert_array_equal(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0)
    )
