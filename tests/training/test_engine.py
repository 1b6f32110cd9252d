"""The engine follows `model.fit`, from the same weights and the same batch order."""

from __future__ import annotations

import gc
import warnings
import weakref
from functools import partial

import keras
import numpy as np
import pytest

from mnistlab.data import load
from mnistlab.errors import OptionError
from mnistlab.models import functions
from mnistlab.training.engine import epoch_order, fit
from mnistlab.training.handover import HandOver
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import build_compiled, encode, set_seed

layers = keras.layers
on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="the engine is JAX's")
N, CLASSES = 70, 4  # 70 = 4 batches of 16 and a smaller one of 6


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (N, 6, 5), dtype=np.uint8)
    return x, (x[:, 0, 0] // 64).astype("int32")


def mlp(*extra, last="softmax"):
    return keras.Sequential(
        [
            keras.Input((6, 5), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.UnitNormalization(axis=1),
            layers.Flatten(),
            layers.Dense(8, activation="tanh"),
            *extra,
            layers.Dense(CLASSES, activation=last),
        ]
    )


def convolutional():
    return keras.Sequential(
        [
            keras.Input((6, 5), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Reshape((6, 5, 1)),
            layers.Conv2D(3, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(CLASSES, activation="softmax"),
        ]
    )


def functional():
    entry = keras.Input((6, 5), dtype="uint8")
    flat = layers.Flatten()(layers.Rescaling(1 / 255)(entry))
    hidden = layers.Dense(8, activation="relu")(flat)
    joined = layers.Concatenate()([hidden, flat])
    return keras.Model(entry, layers.Dense(CLASSES, activation="softmax")(joined))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(CLASSES, activation="softmax")

    def call(self, x):
        return self.dense(keras.ops.reshape(keras.ops.cast(x, "float32") / 255, (-1, 30)))


class OwnStep(keras.Model):
    """A model whose train step logs something of its own."""

    def train_step(self, state, data):
        logs, state = super().train_step(state, data)
        return {**logs, "twice": 2 * logs["loss"]}, state


def own_step():
    entry = keras.Input((6, 5), dtype="uint8")
    flat = layers.Flatten()(layers.Rescaling(1 / 255)(entry))
    return OwnStep(entry, layers.Dense(CLASSES, activation="softmax")(flat))


def compiled(make, optimizer="sgd", loss="sparse_categorical_crossentropy", **options):
    keras.utils.set_random_seed(7)
    model = make()
    optimizer = optimizer() if callable(optimizer) else optimizer
    metrics = options.pop("metrics", ["accuracy"])
    model.compile(optimizer=optimizer, loss=loss, metrics=metrics, **options)
    return model


def both(make, data, epochs=3, fit_options=lambda: {}, **options):
    """Train with `model.fit` and with the engine; give (model, history) of both."""
    results = []
    for train in (lambda model, *a, **k: model.fit(*a, **k), fit):
        model = compiled(make, **options)
        keras.utils.set_random_seed(11)
        with warnings.catch_warnings():
            warnings.simplefilter("error", HandOver)
            history = train(model, *data, batch_size=16, epochs=epochs, verbose=0, **fit_options())
        results.append((model, history.history))
    return results


def assert_same(results, tolerance=2e-5):
    (theirs, their_history), (ours, our_history) = results
    assert our_history.keys() == their_history.keys()
    for name in their_history:
        np.testing.assert_allclose(
            our_history[name], their_history[name], rtol=tolerance, atol=1e-6
        )
    for a, b in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=tolerance, atol=tolerance)
    for a, b in zip(ours.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=tolerance)


def of_table(name):
    """Make an optimizer at the middle of its rates, with the options of its fair start."""
    choice = functions.OPTIMIZERS[name]
    rate = float(np.sqrt(np.prod(choice.rates)))
    return getattr(keras.optimizers, choice.class_name)(rate, **choice.fair)


OPTIMIZERS = {
    **{name: partial(of_table, name) for name in functions.OPTIMIZERS},
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "decoupled decay": lambda: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    "muon decay": lambda: keras.optimizers.Muon(0.01, weight_decay=0.1, adam_weight_decay=0.2),
    "schedule": lambda: keras.optimizers.SGD(
        keras.optimizers.schedules.CosineDecay(0.3, decay_steps=12)
    ),
    "clipnorm": lambda: keras.optimizers.Adam(0.01, clipnorm=0.05),
    "global clipnorm": lambda: keras.optimizers.SGD(0.1, global_clipnorm=0.05),
    "clipvalue": lambda: keras.optimizers.SGD(0.1, clipvalue=0.01),
    "weight decay": lambda: keras.optimizers.SGD(0.1, weight_decay=0.05),
    "ema": lambda: keras.optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5),
    "ema overwrite": lambda: keras.optimizers.Adam(
        0.01, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=4
    ),
    "accumulation": lambda: keras.optimizers.SGD(0.1, gradient_accumulation_steps=2),
}


@on_jax
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_follows_fit_with_every_optimizer(name, data):
    results = both(mlp, data, optimizer=OPTIMIZERS[name])
    assert np.isfinite(results[1][1]["loss"]).all()
    assert_same(results)


@on_jax
@pytest.mark.parametrize(
    "loss", ["categorical_crossentropy", "mean_squared_error", "kl_divergence", "categorical_hinge"]
)
def test_follows_fit_with_one_hot_losses(loss, data):
    x, y = data
    assert_same(both(mlp, (x, np.eye(CLASSES, dtype="float32")[y]), loss=loss))


MODELS = {
    "mlp": mlp,
    "batch normalization": lambda: mlp(layers.BatchNormalization(momentum=0.5)),
    "dropout": lambda: mlp(layers.Dropout(0.5, seed=3)),
    "noise": lambda: mlp(layers.GaussianNoise(0.3, seed=3)),
    "regularized": lambda: mlp(layers.Dense(5, kernel_regularizer="l2")),
    "activity regularized": lambda: mlp(layers.Dense(5, activity_regularizer="l1")),
    "constrained": lambda: mlp(layers.Dense(5, kernel_constraint=keras.constraints.MaxNorm(0.5))),
    "frozen layer": lambda: mlp(layers.Dense(5, trainable=False)),
    "convolutional": convolutional,
    "functional": functional,
    "subclassed": Subclassed,
    "own train step": own_step,
}


@on_jax
@pytest.mark.parametrize("name", MODELS)
def test_follows_fit_with_every_kind_of_model(name, data):
    assert_same(both(MODELS[name], data))


@on_jax
@pytest.mark.slow
def test_follows_fit_on_cnn_fast_by_its_recipe(glyphs):
    """Convolutions, BatchNormalization, smoothed labels, Adam at a rate that rises and falls."""
    digits, settings = load(glyphs), TrainSettings.of("cnn-fast")
    y = encode(settings.loss, digits.y_train, digits.num_classes)
    options = {"batch_size": settings.batch_size, "epochs": settings.epochs, "verbose": 0}
    results = []
    for train in (lambda model, *a, **k: model.fit(*a, **k), fit):
        set_seed(settings.seed)
        model = build_compiled(settings, digits)
        set_seed(11)
        history = train(model, digits.x_train, y, **options)
        results.append((model, history.history))
    # Adam turns the rounding of a gradient near 0 into a share of a step, which is up to 0.02.
    assert_same(results, tolerance=5e-4)


@on_jax
def test_dropout_drops_the_share_it_should(data):
    # Not only the same as fit: over 3 x 70 images half of the units are off.
    model = compiled(lambda: mlp(layers.Dropout(0.5, seed=3)))
    before = np.asarray(model.layers[-2].seed_generator.state)
    fit(model, *data, batch_size=16, epochs=2, verbose=0)
    assert not np.array_equal(before, np.asarray(model.layers[-2].seed_generator.state))
    inputs = np.ones((500, 8), "float32")
    kept = np.asarray(model.layers[-2](inputs, training=True)) > 0
    assert abs(kept.mean() - 0.5) < 0.03


FIT_OPTIONS = {
    "sample weights": lambda: {"sample_weight": np.linspace(0, 2, N)},
    "class weights": lambda: {"class_weight": {0: 3.0, 2: 0.5}},
    "validation split": lambda: {"validation_split": 0.3},
    "validation data": lambda: {"validation_data": _held_out(), "validation_batch_size": 7},
    "validation weights": lambda: {"validation_data": (*_held_out(), np.linspace(0, 2, 20))},
    "validation frequency": lambda: {"validation_data": _held_out(), "validation_freq": 2},
    "validation epochs": lambda: {"validation_data": _held_out(), "validation_freq": [1, 3]},
    "no shuffling": lambda: {"shuffle": False},
    "initial epoch": lambda: {"initial_epoch": 1},
    "reduce on plateau": lambda: {
        "validation_split": 0.3,
        "callbacks": [keras.callbacks.ReduceLROnPlateau(patience=0, min_delta=10, verbose=0)],
    },
    "scheduler": lambda: {
        "callbacks": [keras.callbacks.LearningRateScheduler(lambda e, r: r * 0.5)]
    },
}


def _held_out():
    rng = np.random.default_rng(5)
    return rng.integers(0, 256, (20, 6, 5), dtype=np.uint8), rng.integers(0, CLASSES, 20)


@on_jax
@pytest.mark.parametrize("name", FIT_OPTIONS)
def test_follows_fit_with_every_argument(name, data):
    assert_same(both(mlp, data, fit_options=FIT_OPTIONS[name]))


@on_jax
def test_follows_fit_on_dicts_of_several_inputs(data):
    x, y = data

    def two_inputs():
        a, b = keras.Input((6, 5), name="a"), keras.Input((3,), name="b")
        joined = layers.Concatenate()([layers.Flatten()(a), b])
        return keras.Model({"a": a, "b": b}, layers.Dense(CLASSES, activation="softmax")(joined))

    inputs = {"a": x / 255, "b": np.random.default_rng(0).random((N, 3))}
    assert_same(both(two_inputs, (inputs, y)))


@on_jax
def test_follows_fit_over_several_fits_and_a_new_compile(data):
    results = []
    for train in (lambda model, *a, **k: model.fit(*a, **k), fit):
        model = compiled(mlp, optimizer="adam")
        keras.utils.set_random_seed(11)
        first = train(model, *data, batch_size=16, epochs=1, verbose=0).history
        train(model, *data, batch_size=16, epochs=1, verbose=0)
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        last = train(model, *data, batch_size=32, epochs=2, verbose=0).history
        model.layers[3].trainable = False
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        train(model, *data, batch_size=32, epochs=1, verbose=0)
        results.append(
            (model, {f"{k}{i}": v for i, h in enumerate((first, last)) for k, v in h.items()})
        )
    assert_same(results)


@on_jax
def test_the_model_is_left_as_it_was_but_for_its_weights(data):
    model = compiled(mlp)
    fit(model, *data, batch_size=16, verbose=0)
    assert "stateless_call" not in vars(model)
    assert model.predict(data[0], verbose=0).shape == (N, CLASSES)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        clone.predict(data[0], verbose=0), model.predict(data[0], verbose=0)
    )


@on_jax
def test_one_program_serves_all_epochs_and_later_fits(data):
    from mnistlab.training.epoch import EpochProgram

    model = compiled(mlp)
    first = fit(model, *data, batch_size=16, epochs=3, verbose=0)
    again = fit(model, *data, batch_size=16, epochs=3, verbose=0)
    assert first.compile_seconds > 0
    assert again.compile_seconds == 0
    assert len(EpochProgram._kept[model]._compiled) == 1


@on_jax
def test_callbacks_hear_what_fit_tells_them(data, tmp_path):
    heard = []
    for train in (lambda model, *a, **k: model.fit(*a, **k), fit):
        calls = []

        class Listener(keras.callbacks.Callback):
            def __getattribute__(self, name, calls=calls):
                if name.startswith("on_") and "batch" not in name:
                    calls.append(name)
                return super().__getattribute__(name)

        model = compiled(mlp)
        keras.utils.set_random_seed(1)
        stem = tmp_path / str(len(heard))
        callbacks = [
            Listener(),
            keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs, calls=calls: calls.append((epoch, sorted(logs)))
            ),
            keras.callbacks.CSVLogger(f"{stem}.csv"),
            keras.callbacks.ModelCheckpoint(f"{stem}-{{epoch}}.weights.h5", save_weights_only=True),
        ]
        options = {"batch_size": 16, "epochs": 2, "verbose": 0, "validation_split": 0.2}
        train(model, *data, callbacks=callbacks, **options)
        heard.append(calls)
    assert heard[0] == heard[1]
    theirs, ours = ((tmp_path / f"{i}.csv").read_text().splitlines() for i in (0, 1))
    assert [line.split(",")[0] for line in ours] == [line.split(",")[0] for line in theirs]
    model.load_weights(tmp_path / "1-1.weights.h5")


@on_jax
def test_early_stopping_stops_and_restores(data):
    model = compiled(mlp, optimizer=lambda: keras.optimizers.SGD(0.0))
    before = model.get_weights()
    stop = keras.callbacks.EarlyStopping(
        patience=2, restore_best_weights=True, monitor="loss", min_delta=0.01
    )
    history = fit(model, *data, batch_size=16, epochs=50, verbose=0, callbacks=[stop])
    assert len(history.history["loss"]) == 3
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class PerBatch(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        pass


def _eager():
    return compiled(mlp, run_eagerly=True)


HANDED_OVER = {
    "batch callback": (lambda: compiled(mlp), {"callbacks": [PerBatch()]}, "PerBatch"),
    "batch lambda": (
        lambda: compiled(mlp),
        {"callbacks": [keras.callbacks.LambdaCallback(on_train_batch_end=lambda b, logs: None)]},
        "LambdaCallback",
    ),
    "steps": (lambda: compiled(mlp), {"steps_per_epoch": 2}, "steps_per_epoch"),
    "batch shuffling": (lambda: compiled(mlp), {"shuffle": "batch"}, "shuffle='batch'"),
    "eager": (_eager, {}, "run_eagerly"),
}


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_size_below_1_is_refused(size, data):
    with pytest.raises(OptionError, match=f"batch_size is {size}; it must be at least 1"):
        fit(compiled(mlp), *data, batch_size=size, verbose=0)


@on_jax
@pytest.mark.parametrize("name", HANDED_OVER)
def test_hands_over_and_says_so(name, data):
    make, options, word = HANDED_OVER[name]
    with pytest.warns(HandOver, match=word):
        history = fit(make(), *data, batch_size=16, verbose=0, **options)
    assert history.history["loss"][0] > 0


@on_jax
def test_hands_over_generators(data):
    x, y = data

    class Sequence(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return x[:16], y[:16]

    with pytest.warns(HandOver, match="Sequence"):
        fit(compiled(mlp), Sequence(), verbose=0)


@pytest.mark.skipif(keras.config.backend() == "jax", reason="other backends hand over")
def test_other_backends_hand_over_and_train(data):
    with pytest.warns(HandOver, match=keras.config.backend()):
        history = fit(compiled(mlp), *data, batch_size=16, epochs=3, verbose=0, seed=5)
    assert len(history.history["loss"]) == 3


def test_with_a_seed_training_can_be_taken_up_at_any_epoch(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HandOver)
        whole, halves = compiled(mlp, "adam"), compiled(mlp, "adam")
        fit(whole, *data, batch_size=16, epochs=4, verbose=0, seed=9)
        fit(halves, *data, batch_size=16, epochs=2, verbose=0, seed=9)
        fit(halves, *data, batch_size=16, epochs=4, initial_epoch=2, verbose=0, seed=9)
    for a, b in zip(whole.get_weights(), halves.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_epoch_order_is_a_permutation_of_seed_and_epoch():
    order = epoch_order(100, 3, seed=1)
    assert sorted(order) == list(range(100))
    assert np.array_equal(order, epoch_order(100, 3, seed=1))
    assert not np.array_equal(order, epoch_order(100, 4, seed=1))
    assert not np.array_equal(order, epoch_order(100, 3, seed=2))


@on_jax
@pytest.mark.parametrize("cut", [slice(0, -1), slice(0, 0)])
def test_bad_arrays_raise_what_keras_raises(cut, data):
    x, y = data[0][cut], data[1][: 0 if cut.stop == 0 else None]
    raised = []
    for train in (lambda model, *a, **k: model.fit(*a, **k), fit):
        model = compiled(mlp)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HandOver)
            with pytest.raises((ValueError, StopIteration)) as caught:
                train(model, x, y, verbose=0)
        raised.append((caught.type, str(caught.value)))
    assert raised[0] == raised[1]


@on_jax
def test_a_program_does_not_keep_its_model_alive(data):
    model = compiled(mlp)
    fit(model, *data, batch_size=16, verbose=0)
    gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_an_uncompiled_model_raises_what_keras_raises(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HandOver)
        with pytest.raises(ValueError, match="compile"):
            fit(mlp(), *data, verbose=0)
