"""Epochs without the inputs that are 0 in all images: the same epochs, and only where they are."""

from __future__ import annotations

import keras
import numpy as np
import pytest

if keras.config.backend() != "jax":
    pytest.skip("the engine is JAX's", allow_module_level=True)

from mnistlab.training import unlit
from mnistlab.training.engine import fit
from mnistlab.training.epoch import EpochProgram
from mnistlab.training.train import set_seed

layers, optimizers = keras.layers, keras.optimizers
N, HEIGHT, WIDTH, CLASSES = 70, 6, 5, 4
UNLIT = np.array([0, 3, 4, 17, 29])  # of the 30 pixels, row by row


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (N, HEIGHT, WIDTH), dtype=np.uint8)
    y = (x[:, 2, 2] // 64).astype("int32")
    x.reshape(N, -1)[:, UNLIT] = 0
    return x, y


def lit_everywhere(x):
    """Give the images with the pixels lit that are not in x."""
    other = x.copy()
    other.reshape(N, -1)[:, UNLIT] = 255
    return other


def mlp(*before, hidden=8, **options):
    return keras.Sequential([
        keras.Input((HEIGHT, WIDTH), dtype="uint8"),
        *(before or (layers.Rescaling(1 / 255), layers.UnitNormalization(axis=1))),
        layers.Flatten(),
        layers.Dense(hidden, activation="tanh", name="first", **options),
        layers.Dense(CLASSES, activation="softmax"),
    ])  # fmt: skip


def compiled(model, optimizer="adam"):
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def trained(optimizer, data, model=mlp):
    """Train a new model; give it, its first kernel before, and whether inputs were left out."""
    set_seed(3)
    made = compiled(model(), optimizer())
    before = np.array(made.get_layer("first").kernel)
    history = fit(made, *data, batch_size=16, epochs=3, seed=1, verbose=0).history
    return made, before, history


def lit(model, x):
    """Give what is left of the inputs of a model that was trained; None for all."""
    first = EpochProgram._kept[model]._first
    return None if first is None else first.lit(x)


OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "Adam": lambda: optimizers.Adam(0.01, amsgrad=True),
    "Adagrad": lambda: optimizers.Adagrad(0.1),
    "Adadelta": lambda: optimizers.Adadelta(1.0),
    "Adamax": lambda: optimizers.Adamax(0.01),
    "Nadam": lambda: optimizers.Nadam(0.01, global_clipnorm=0.5),
    "RMSprop": lambda: optimizers.RMSprop(0.01, momentum=0.9, centered=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_epochs_are_the_same(name, data, monkeypatch):
    model, before, history = trained(OPTIMIZERS[name], data)
    left = lit(model, data[0])
    np.testing.assert_array_equal(left, np.setdiff1d(np.arange(30), UNLIT))
    kernel = np.array(model.get_layer("first").kernel)
    np.testing.assert_array_equal(kernel[UNLIT], before[UNLIT])  # to the bit
    assert np.abs(kernel[left] - before[left]).min(axis=1).max() > 0
    monkeypatch.setattr(unlit.FirstKernel, "of", classmethod(lambda *_: None))
    whole, _, expected = trained(OPTIMIZERS[name], data)
    for found, wanted in zip(model.weights, whole.weights, strict=True):
        np.testing.assert_allclose(np.array(found), np.array(wanted), rtol=1e-4, atol=1e-5)
    slots = zip(model.optimizer.variables, whole.optimizer.variables, strict=True)
    for found, wanted in slots:
        np.testing.assert_allclose(np.array(found), np.array(wanted), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-5)


def test_every_optimizer_is_tried():
    assert {each.__name__ for each in unlit.BY_GRADIENTS} == set(OPTIMIZERS)


def test_shapes_are_as_they_were(data):
    model, *_ = trained(OPTIMIZERS["Adam"], data)
    first = model.get_layer("first")
    assert first.kernel.shape == (30, 8)
    assert {v.shape for v in model.optimizer.variables} >= {(30, 8), (8,), (8, CLASSES)}
    assert model.predict(data[0], verbose=0).shape == (N, CLASSES)
    with pytest.raises(ValueError, match="incompatible"):
        first(np.zeros((1, 25), "float32"))


def test_pixels_that_only_held_out_images_have_count_there(data):
    """Their weights are those of the beginning, as they are without any of this."""
    x, y = data
    other = lit_everywhere(x)
    set_seed(3)
    model = compiled(mlp(), optimizers.Adam(0.01))
    history = fit(
        model, x, y, batch_size=16, epochs=2, validation_data=(other, y), seed=1, verbose=0
    )
    assert len(lit(model, x)) == 25
    found = model.evaluate(other, y, verbose=0, return_dict=True)
    assert history.history["val_loss"][-1] == pytest.approx(found["loss"], rel=1e-5)
    assert found["loss"] != pytest.approx(model.evaluate(x, y, verbose=0)[0], rel=1e-5)


STAY_WHOLE = {
    "weight decay": (mlp, lambda: optimizers.AdamW()),
    "weight decay of Adam": (mlp, lambda: optimizers.Adam(weight_decay=0.01)),
    "averaged weights": (mlp, lambda: optimizers.SGD(use_ema=True)),
    "norms of a kernel": (mlp, lambda: optimizers.Lamb()),
    "regularizer": (lambda: mlp(kernel_regularizer="l2"), optimizers.Adam),
    "constraint": (lambda: mlp(kernel_constraint=keras.constraints.UnitNorm()), optimizers.Adam),
    "an offset": (lambda: mlp(layers.Rescaling(1 / 255, -0.5)), optimizers.Adam),
    "several steps' gradients": (mlp, lambda: optimizers.SGD(gradient_accumulation_steps=2)),
}


@pytest.mark.parametrize("case", STAY_WHOLE)
def test_where_weights_move_by_themselves_nothing_is_left_out(case, data):
    model, optimizer = STAY_WHOLE[case]
    made, *_ = trained(optimizer, data, model)
    assert lit(made, data[0]) is None


def test_two_kernels_of_one_shape_stay_whole(data):
    made = compiled(mlp(hidden=30))
    made.pop()
    made.add(layers.Dense(30, activation="tanh"))
    made.add(layers.Dense(CLASSES, activation="softmax"))
    fit(compiled(made), *data, epochs=1, verbose=0)
    assert lit(made, data[0]) is None


def test_what_the_optimizer_has_kept_is_not_lost(data):
    """Trained on other images before, weights go on moving without a gradient."""
    x, y = data
    other = lit_everywhere(x)
    set_seed(3)
    model = compiled(mlp(), optimizers.Adam(0.01))
    fit(model, other, y, epochs=1, verbose=0)
    before = np.array(model.get_layer("first").kernel)
    fit(model, x, y, epochs=1, verbose=0)
    assert lit(model, x) is None
    assert (np.array(model.get_layer("first").kernel)[UNLIT] != before[UNLIT]).all()


def test_programs_share_data_unless_an_optimizer_has_kept_something(data):
    def preparation(optimizer, *images):
        model = compiled(mlp(), optimizer)
        for x in images:
            fit(model, x, data[1], epochs=1, verbose=0)
        first = iter([(0, 0, [(data[0][:16], data[1][:16])])])
        return EpochProgram.of(model, first).preparation

    new = preparation(optimizers.Adam())
    assert preparation(optimizers.SGD(momentum=0.9))[1] == new[1]
    assert preparation(optimizers.Lamb())[1] != new[1]
    before = preparation(optimizers.Adam(), lit_everywhere(data[0]))
    assert before[1] not in (new[1], preparation(optimizers.Lamb())[1])


def test_marks_move_as_pixels_do():
    x = np.zeros((3, 2, 3), np.uint8)
    x[1, 0, 2] = 7
    before = layers.Permute((2, 1)), layers.Reshape((3, 2))
    model = keras.Sequential([
        keras.Input((2, 3), dtype="uint8"), layers.Rescaling(1 / 255), *before, layers.Flatten(),
        layers.Dense(3, name="first"), layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    fit(compiled(model), x, np.array([0, 1, 0]), epochs=1, verbose=0)
    assert lit(model, x).tolist() == [4]  # row 2, column 0 of the turned image


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "longdouble", "int32"])
def test_images_of_any_numbers(dtype, data):
    x, y = data
    model = keras.Sequential([
        keras.Input((HEIGHT, WIDTH)), layers.Flatten(), layers.Dense(8, name="first"),
        layers.Dense(CLASSES, "softmax"),
    ])  # fmt: skip
    x = x.astype(dtype)
    fit(compiled(model), x, y, epochs=1, verbose=0)
    left = lit(model, x)
    assert left is None if dtype == "longdouble" else len(left) == 25


def test_images_already_flat(data):
    x, y = data
    flat = (x.reshape(N, -1) / 255).astype("float32")
    model = keras.Sequential([
        keras.Input((30,)), layers.Dense(8, name="first"), layers.Dense(CLASSES, "softmax"),
    ])  # fmt: skip
    before = np.array(model.get_layer("first").kernel)
    history = fit(compiled(model), flat, y, epochs=3, verbose=0).history["loss"]
    assert len(lit(model, flat)) == 25
    assert history[-1] < history[0]
    np.testing.assert_array_equal(np.array(model.get_layer("first").kernel)[UNLIT], before[UNLIT])


def test_a_loop_without_them_has_nothing_more_around_it(data, monkeypatch):
    """Of more than a few operations XLA sends some to a pool of one thread, and trials wait."""

    def around_the_loop():
        model, *_ = trained(OPTIMIZERS["Adam"], data)
        programs = EpochProgram._kept[model]._compiled
        (text,) = [found.as_text() for key, found in programs.items() if "train_step" in key]
        entry = text[text.index("\nENTRY") :].split("\n}")[0]
        assert " while(" in entry
        return sum(" get-tuple-element(" not in line for line in entry.splitlines()), model

    count, model = around_the_loop()
    assert len(lit(model, data[0])) == 25
    monkeypatch.setattr(unlit.FirstKernel, "of", classmethod(lambda *_: None))
    assert count <= around_the_loop()[0]
