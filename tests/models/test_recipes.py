"""Models by their recipes, schedules and smoothed labels by their formulas, one's own models."""

from __future__ import annotations

import json
import math
import os
import shlex
import subprocess
import sys
from dataclasses import fields, replace

import keras
import numpy as np
import pytest

from mnistlab.data import load
from mnistlab.errors import InputError, OptionError, UnknownNameError
from mnistlab.models.functions import LOSSES, MODELS, OPTIMIZERS
from mnistlab.models.recipes import RECIPES, Recipe, recipe_of
from mnistlab.models.zoo import build, keras_loss, members_of
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import build_compiled, make_optimizer, make_schedule

on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="what recipes ask of JAX")


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


# Recipes are settings.


def test_a_recipe_has_fields_and_defaults_of_the_settings():
    defaults = {each.name: each.default for each in fields(TrainSettings)}
    for each in fields(Recipe):
        assert defaults[each.name] == each.default, each.name
    assert RECIPES.keys() <= MODELS.keys()
    assert recipe_of("mlp") == Recipe()


@on_jax
@pytest.mark.parametrize("name", MODELS)
def test_settings_are_those_of_the_recipe_but_for_what_is_given(name):
    settings = TrainSettings.of(name)
    settings.check_values()
    recipe = recipe_of(name).settings()
    assert {key: getattr(settings, key) for key in recipe} == recipe
    assert TrainSettings.of(f"{name}:option=1") == replace(settings, model=f"{name}:option=1")
    given = {"epochs": 7, "learning_rate": 0.5, "augment": "none", "batch_size": 32, "seed": 9}
    assert TrainSettings.of(name, **given) == replace(settings, **given)


def test_without_a_model_they_are_the_tutorials():
    assert TrainSettings.of() == TrainSettings()
    assert TrainSettings.of(epochs=9) == TrainSettings(epochs=9)


def test_a_wrong_model_is_named():
    for name in ("lenett", "lenett:option=1"):
        with pytest.raises(UnknownNameError, match="did you mean 'lenet'"):
            TrainSettings.of(name).check_values()
    with pytest.raises(OptionError, match="key=value"):
        TrainSettings.of("mlp:256").check_values()


@pytest.mark.skipif(keras.config.backend() == "jax", reason="what other backends lack")
def test_on_other_backends_a_recipe_says_what_to_leave_out():
    with pytest.raises(OptionError, match="--augment none"):
        TrainSettings.of("lenet").check_values()
    with pytest.raises(OptionError, match="--devices 1"):
        TrainSettings.of("cnn-fast").check_values()
    TrainSettings.of("lenet", augment="none", devices=1).check_values()


def read_again(command):
    """Read a command as the command line does; give its settings."""
    from typer.main import get_command

    from mnistlab.cli.app import app
    from mnistlab.cli.options import is_typed

    mnistlab, train, *words = shlex.split(command)
    assert (mnistlab, train) == ("mnistlab", "train")
    context = get_command(app).commands["train"].make_context("train", words)
    given = {name: value for name, value in context.params.items() if is_typed(context, name)}
    return TrainSettings.of(**given)


@pytest.mark.parametrize("name", [*MODELS, "cnn-fast:filters=4x8x8", "own models/a.py:make"])
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"epochs": 7},
        {"batch_size": 32, "augment": "none", "devices": 1, "label_smoothing": 0.0},
        {"learning_rate": 1 / 3, "schedule": "one-cycle:warmup=0.3", "optimizer": "sgd"},
        {"backend": "jax", "dataset": "/a b/c.npz", "validation": 0.25, "classes": 4},
    ],
    ids=str,
)
def test_the_command_gives_the_settings_again(name, given):
    settings = TrainSettings.of(name, **given)
    assert read_again(settings.command()) == settings


def test_the_command_of_a_recipes_model_has_what_differs_only():
    assert TrainSettings().command() == "mnistlab train"
    assert TrainSettings.of("lenet").command() == "mnistlab train --model lenet"
    usual = TrainSettings.of("lenet", epochs=3).command()
    assert usual == "mnistlab train --model lenet --epochs 3"


@pytest.mark.parametrize(
    ("optimizer", "rate"), [("adam", 0.001), ("sgd", 0.01), ("sgd:learning_rate=0.3", 0.3)]
)
def test_the_command_writes_what_none_stands_for(optimizer, rate):
    """A recipe's model with the tutorial's settings: there is no word for None."""
    again = read_again(TrainSettings("mnist", "cnn-fast", optimizer).command())
    meant = {"learning_rate": rate, "last_activation": "softmax"}
    assert again == TrainSettings("mnist", "cnn-fast", optimizer, **meant)


def test_with_another_loss_goes_what_the_recipe_has_for_its_own():
    settings = TrainSettings.of("cnn-fast", loss="kl_divergence", backend="jax")
    assert (settings.label_smoothing, settings.last_activation) == (0.0, None)
    assert settings.schedule == TrainSettings.of("cnn-fast").schedule
    settings.check_values()
    assert read_again(settings.command()).loss == "kl_divergence"


def test_an_optimizers_own_rate_goes_before_the_recipes():
    settings = TrainSettings.of("cnn-fast", optimizer="sgd:learning_rate=0.3")
    assert settings.learning_rate is None
    assert read_again(settings.command()).learning_rate == 0.3
    assert TrainSettings.of("cnn-fast", optimizer="sgd").learning_rate == 0.02


def test_two_learning_rates_are_refused():
    for rate in (None, 0.1):
        TrainSettings(optimizer="sgd:learning_rate=0.1", learning_rate=rate).check()
    with pytest.raises(OptionError, match=r"learning-rate is 0\.2, and the optimizer is 'sgd:"):
        TrainSettings(optimizer="sgd:learning_rate=0.1", learning_rate=0.2).check()


# Models.


def dense(inputs, units):
    return inputs * units + units


def convolution(size, channels, filters):
    return size * size * channels * filters + filters


# Of the maps, by the number of convolutions.
LAST_SIDE = {1: 12, 2: 4, 3: 3, 4: 2, 5: 1}
LAST_SIDE_OF_BEST = {1: 13, 2: 11, 3: 5, 4: 3, 5: 3}


def cnn(*filters, inputs=4, sides=LAST_SIDE):
    """Blocks of 2x2 pixels, 3x3 convolutions without bias: 14 → 12 → 5 → 3 places a side."""
    channels = (inputs, *filters)
    kernels = sum(9 * a * b for a, b in zip(channels, filters, strict=False))
    normalization = sum(4 * count for count in filters)  # gamma, beta, mean, variance
    return kernels + normalization + dense(sides[len(filters)] ** 2 * filters[-1], 10)


def best(*filters):
    """3x3 on all pixels: 28 → 26, pooled 13 → 11 → 11, pooled 5 → 3 → 3 places a side."""
    return cnn(*filters, inputs=1, sides=LAST_SIDE_OF_BEST)


CNN_BEST = best(32, 64, 64, 96, 112)
PARAMETERS = {
    "mlp": dense(784, 128) + dense(128, 128) + dense(128, 10),
    "linear": dense(784, 10),
    # LeCun et al. 1998: 28 → 14 after the first pool, 10 after the second convolution, then 5.
    "lenet": convolution(5, 1, 6) + convolution(5, 6, 16)
    + dense(5 * 5 * 16, 120) + dense(120, 84) + dense(84, 10),
    "cnn-fast": cnn(16, 32, 64),
    "cnn-best": CNN_BEST,
    "ensemble": 5 * CNN_BEST,
    "mlp:hidden=7x5": dense(784, 7) + dense(7, 5) + dense(5, 10),
    "cnn-fast:filters=4x8": cnn(4, 8),
    "cnn-fast:filters=4": cnn(4),
    "cnn-fast:filters=4x8x16x16x8": cnn(4, 8, 16, 16, 8),
    "cnn-best:filters=4": best(4),
    "cnn-best:filters=4x8x16": best(4, 8, 16),
    "cnn-best:filters=4x8x16x16x8": best(4, 8, 16, 16, 8),
    "cnn-best:filters=4x8,deskew=true": best(4, 8) + 9 * 4,
    "ensemble:members=2": 2 * CNN_BEST,
    "ensemble:members=3,filters=4x8": 3 * best(4, 8),
}  # fmt: skip


def built(name):
    """Build a model as its recipe says."""
    settings = TrainSettings.of(name)
    return build(
        name,
        normalize=settings.normalize,
        loss=settings.loss,
        last_activation=settings.last_activation,
    )


def test_every_model_is_counted():
    assert PARAMETERS.keys() >= MODELS.keys()
    assert PARAMETERS["lenet"] == 61_706  # as it is known


@pytest.mark.parametrize("name", PARAMETERS)
def test_models_have_the_parameters_that_they_should(name):
    model = built(name)
    assert (model.input_shape, model.output_shape) == ((None, 28, 28), (None, 10))
    assert model.inputs[0].dtype == "uint8"
    assert model.count_params() == PARAMETERS[name]


LOAD = """
import sys
import keras
import numpy as np
model = keras.saving.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0))
assert not any(name.startswith("mnistlab") for name in sys.modules)
"""


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in ("mlp", "cnn-fast") else pytest.mark.slow) for n in MODELS],
)
def test_a_saved_model_is_plain_keras_and_predicts_the_same(name, images, tmp_path):
    rng, model = np.random.default_rng(1), built(name)
    for variable in model.variables:  # the moving averages too, which begin at 0 and 1
        variable.assign(numpy(variable.value) + rng.uniform(0, 0.1, variable.shape))
    expected = model.predict(images, verbose=0)
    assert (images.dtype, expected.shape) == (np.uint8, (len(images), 10))
    assert np.isfinite(expected).all()
    logits = TrainSettings.of(name).last_activation == "linear"
    assert np.allclose(expected.sum(1), 1, atol=1e-5) is not logits
    model.save(tmp_path / "m.keras")
    np.save(tmp_path / "images.npy", images)
    words = [tmp_path / file for file in ("m.keras", "images.npy", "said.npy")]
    env = {**os.environ, "KERAS_BACKEND": keras.config.backend()}
    done = subprocess.run([sys.executable, "-c", LOAD, *words], env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    np.testing.assert_allclose(np.load(tmp_path / "said.npy"), expected, rtol=1e-5, atol=1e-6)


def sides_of(name):
    """The sides of the maps after each convolution and each pool."""
    kept = ("convolution", "pool")
    layers = built(name).layers
    return [layer.output.shape[1] for layer in layers if layer.name.startswith(kept)]


def test_a_cheaper_best_network_crops_and_pools_before_it_normalises():
    name = "cnn-best:filters=4x8x8x8x8"
    assert sides_of(name) == [26, 13, 11, 11, 5, 3, 3]
    assert sides_of(f"{name},crop=1,pool_first=true") == [24, 12, 10, 10, 5, 3, 3]
    layers = [layer.name for layer in built(f"{name},pool_first=true").layers]
    for number in (1, 3):
        place = layers.index(f"pool_{number}")
        assert layers[place - 1] == f"convolution_{number}"
        assert layers[place + 1] == f"normalization_{number}"


def test_what_is_cropped_is_not_seen(images):
    model = built("cnn-best:filters=4x8,crop=2")
    other = images.copy()
    other[:, :2], other[:, -2:], other[:, :, :2], other[:, :, -2:] = 255, 255, 255, 255
    np.testing.assert_array_equal(model.predict(other, verbose=0), model.predict(images, verbose=0))
    other[:, 2] = 255
    assert not np.allclose(model.predict(other, verbose=0), model.predict(images, verbose=0))


@pytest.mark.parametrize("option", ["crop=5", "crop=-1", "crop=true", "crop=a", "pool_first=1",
                                    "crop=1.0", "pool_first=yes", "deskew=1",
                                    "deskew=no"])  # fmt: skip
def test_other_ways_to_make_it_cheaper_are_refused(option):
    with pytest.raises(OptionError, match=option.partition("=")[0]):
        built(f"cnn-best:{option}")


@pytest.mark.parametrize("name", ["cnn-fast:filters=4xx8", "cnn-best:filters=0", "lenet:depth=3",
                                  "cnn-fast:filters=2000", "ensemble:members=1",
                                  "ensemble:filters=0"])  # fmt: skip
def test_wrong_options_of_models_are_refused(name):
    with pytest.raises(OptionError, match=r"filters|depth|members"):
        built(name)


# Schedules.


def one_cycle(step, rate, steps, warmup):
    if step < warmup:
        return rate / 25 + (rate - rate / 25) * step / warmup
    return rate * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))) / 2


SCHEDULED = [  # settings, images, the rate, steps, those of the warm-up
    ({"schedule": "one-cycle", "batch_size": 100, "epochs": 10}, 1000, 0.02, 100, 20),
    ({"schedule": "one-cycle:warmup=0.5", "batch_size": 128, "epochs": 2}, 600, 0.1, 10, 5),
    ({"schedule": "one-cycle", "batch_size": 32, "epochs": 4, "validation": 0.25}, 640, 1, 60, 12),
    ({"schedule": "one-cycle", "batch_size": 32, "epochs": 5, "validation": 40.0}, 200, 1, 25, 5),
    ({"schedule": "cosine", "batch_size": 100, "epochs": 10}, 1000, 0.02, 100, 0),
    ({"schedule": "cosine", "batch_size": 64, "epochs": 2}, 100, 0.5, 4, 0),
]  # fmt: skip


@pytest.mark.parametrize(("options", "images", "rate", "steps", "warmup"), SCHEDULED, ids=str)
def test_schedules_follow_their_formula(options, images, rate, steps, warmup):
    schedule = make_schedule(TrainSettings(**options), rate, images)
    half = warmup + (steps - warmup) / 2
    ends = {0: rate / 25 if warmup else rate, warmup: rate, half: rate / 2, steps: 0}
    for step in (*ends, warmup / 2, steps - 1):
        expected = one_cycle(step, rate, steps, warmup)
        assert expected == pytest.approx(ends.get(step, expected), abs=1e-12)
        assert float(schedule(step)) == pytest.approx(expected, rel=1e-4, abs=1e-6 * rate), step
    last = rate * math.sin(math.pi / 2 / (steps - warmup)) ** 2  # not quite 0
    assert float(schedule(steps - 1)) == pytest.approx(last, rel=1e-3, abs=1e-6 * rate)


@pytest.mark.parametrize("rate", [None, 0.3])
@pytest.mark.parametrize("optimizer", ["sgd", "adam:beta_1=0.7"])
def test_the_optimizer_has_the_schedule_with_the_rate_as_its_most(optimizer, rate):
    settings = TrainSettings(optimizer=optimizer, learning_rate=rate, schedule="cosine")
    most = rate or OPTIMIZERS[optimizer.partition(":")[0]].default_rate
    made = make_optimizer(settings, images=64)
    assert float(numpy(made.learning_rate)) == pytest.approx(most)
    made.iterations.assign(3)  # of 2 steps an epoch, 3 epochs
    assert float(numpy(made.learning_rate)) == pytest.approx(most / 2)


@pytest.mark.parametrize(
    ("schedule", "says"),
    [
        ("cosin", "did you mean 'cosine'"),
        ("one-cycle:warmup=1.5", "share of the steps"),
        ("one-cycle:warmup=0", "share of the steps"),
        ("one-cycle:warm=0.1", "did you mean 'warmup'"),
        ("cosine:warmup=0.1", "unknown option of the schedule 'cosine'"),
    ],
)
def test_wrong_schedules_are_refused(schedule, says):
    with pytest.raises(InputError, match=says):
        TrainSettings(schedule=schedule).check_values()


# Smoothed labels.


@pytest.fixture
def labelled():
    """Logits (20, 10) and one-hot labels."""
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 3, (20, 10)).astype(np.float32)
    return logits, np.eye(10, dtype=np.float32)[rng.integers(0, 10, 20)]


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_a_smoothed_loss_is_the_cross_entropy_with_smoothed_targets(smoothing, labelled):
    logits, y = labelled
    wide = logits.astype(float)
    logs = wide - np.log(np.exp(wide).sum(1, keepdims=True))
    targets = (1 - smoothing) * y + smoothing / 10
    expected = -(targets * logs).sum(1)
    loss = keras_loss("categorical_crossentropy", "linear", smoothing)
    assert float(numpy(loss(y, logits))) == pytest.approx(expected.mean(), rel=1e-5)
    after = keras_loss("categorical_crossentropy", None, smoothing)
    probabilities = np.exp(logs).astype(np.float32)
    # Keras keeps probabilities from 1e-7 on; a function gives one for each example.
    given = np.mean(numpy(after(y, probabilities)))
    assert given == pytest.approx(expected.mean(), rel=1e-3)


@on_jax
def test_a_recipes_model_is_compiled_with_its_smoothing_and_schedule(glyphs):
    data = load(glyphs)
    settings = TrainSettings.of("cnn-fast")
    model = build_compiled(settings, data)
    assert model.loss.get_config()["label_smoothing"] == 0.1
    assert model.loss.get_config()["from_logits"] is True
    assert float(model.optimizer.learning_rate) == pytest.approx(settings.learning_rate / 25)
    model.optimizer.iterations.assign(1)  # of 5 steps of 128 images, the first rises
    assert float(model.optimizer.learning_rate) == pytest.approx(settings.learning_rate)


@pytest.mark.parametrize("loss", [n for n, c in LOSSES.items() if not (c.smooths or c.refused)])
def test_smoothing_with_a_loss_that_takes_none_is_refused(loss):
    with pytest.raises(OptionError, match=f"'{loss}' takes no label smoothing") as caught:
        TrainSettings(loss=loss, label_smoothing=0.1).check_values()
    assert "categorical_crossentropy" in str(caught.value)


@pytest.mark.parametrize("loss", [name for name, choice in LOSSES.items() if choice.smooths])
def test_losses_that_are_said_to_smooth_do(loss, labelled):
    _, y = labelled
    TrainSettings(loss=loss, label_smoothing=0.2).check_values()
    plain, smooth = (
        float(numpy(keras.ops.mean(keras_loss(loss, "linear", share)(y, 12 * y - 6))))
        for share in (0.0, 0.2)
    )
    assert smooth > 2 * plain  # to be so sure costs something


@pytest.mark.parametrize("share", [-0.1, 1.0, math.nan])
def test_a_share_out_of_range_is_refused(share):
    with pytest.raises(OptionError, match="label-smoothing"):
        TrainSettings(loss="categorical_crossentropy", label_smoothing=share).check_values()


# One's own model.

OWN = """
import keras

def make():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input({shape}, dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense({units}, activation={last!r}),
        ]
    )
"""


def own(shape=(28, 28), units=10, last="softmax"):
    return OWN.format(shape=shape, units=units, last=last)


@pytest.fixture
def written(tmp_path):
    """Write a file; give the model's name."""

    def write(text, function="make"):
        (tmp_path / "own.py").write_text(text)
        return f"{tmp_path / 'own.py'}:{function}"

    return write


@pytest.mark.parametrize(("last", "asked"), [("softmax", None), ("linear", "linear")])
def test_ones_own_model_is_built(last, asked, written, images):
    model = build(written(own(last=last)), last_activation=asked)
    assert model.count_params() == dense(784, 10)
    outputs = numpy(model(images))
    assert np.allclose(outputs.sum(1), 1, atol=1e-5) is (last == "softmax")


def test_ones_own_model_may_end_in_a_layer_that_has_no_activation(written, images):
    text = own(last="linear").replace("        ]\n", "            layers.Softmax(),\n        ]\n")
    outputs = numpy(build(written(text))(images))
    np.testing.assert_allclose(outputs.sum(1), 1, atol=1e-5)


def test_ones_own_model_is_trained_from_the_shell(written, inside, glyphs, tmp_path, images):
    written(own())
    done = inside("train", "--model", "own.py:make", "--dataset", glyphs, "--epochs", "1",
                  "--out", "run", "--json")  # fmt: skip
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["model"] == f"{tmp_path / 'own.py'}:make"  # found from any folder
    assert document["test"]["n"] == 200
    again = json.loads((tmp_path / "run" / "settings.json").read_text())["command"]
    assert read_again(again).to_json() == document["config"]
    (tmp_path / "own.py").unlink()  # what is saved stands for itself
    assert inside("test", "run").code == 0


def test_a_sequential_without_its_input_is_built(written):
    text = own().replace('            keras.Input((28, 28), dtype="uint8"),\n', "")
    assert "Input" not in text
    assert build(written(text)).count_params() == dense(784, 10)


def test_what_ones_own_file_prints_is_no_result(written, inside, glyphs):
    written(
        "print('of the file')\n" + own().replace("    return", "    print('hello')\n    return")
    )
    words = ["--model", "own.py:make", "--dataset", glyphs, "--epochs", "1", "--json"]
    done = inside("train", *words)
    assert json.loads(done.out)["test"]["n"] == 200
    assert {"of the file", "hello"} <= set(done.err.splitlines())


def test_a_run_does_not_go_on_with_another_file_of_the_model(written, inside, glyphs, tmp_path):
    written(own())
    assert inside("train", "--model", "own.py:make", "--dataset", glyphs, "--epochs", "1",
                  "--out", "run").code == 0  # fmt: skip
    for name in ("metrics.json", "model.keras"):
        (tmp_path / "run" / name).unlink()
    written(own() + "# another\n")
    done = inside("train", "--resume", "run")
    assert done.code == 2
    assert "own.py:make is not what" in done.err
    written(own())
    assert inside("train", "--resume", "run").code == 0


@pytest.mark.parametrize("layer", ["layers.Lambda(lambda x: 2 * x)", "Doubled()"])
def test_it_is_said_that_a_model_will_not_load(layer, written, inside, glyphs):
    doubled = "class Doubled(keras.layers.Layer):\n    def call(self, x):\n        return 2 * x\n"
    text = own().replace("layers.Flatten(),", f"layers.Flatten(),\n            {layer},")
    written(text.replace("\ndef make", f"\n{doubled}\n\ndef make"))
    done = inside("train", "--model", "own.py:make", "--dataset", glyphs, "--epochs", "1",
                  "--out", "run")  # fmt: skip
    assert done.code == 0, done.err
    assert f"({layer.partition('(')[0].removeprefix('layers.')})" in done.err
    assert inside("test", "run").code == 2


FAILURES = {
    "no file": (None, "own.py cannot be read: No such file"),
    "no function": ("x = 1", "own.py has no function 'make'"),
    "no such function": ("def made(): pass", "own.py has no function 'make'"),
    "not a function": ("make = 3", "own.py has no function 'make'"),
    "not Python": ("def make(:", "own.py fails: SyntaxError"),
    "the file raises": ("1 / 0", "own.py fails: ZeroDivisionError: division by zero"),
    "the function raises": (
        "def make():\n    raise ValueError('no idea')",
        "own.py:make fails: ValueError: no idea",
    ),
    "the file exits": ("raise SystemExit('wrong data')", "own.py fails: SystemExit: wrong data"),
    "the function exits": (
        "import sys\ndef make():\n    sys.exit(5)",
        "own.py:make fails: SystemExit: 5",
    ),
    "it wants arguments": ("def make(classes): pass", "own.py:make fails: TypeError"),
    "not a model": ("def make():\n    return 3", "own.py:make gave int, not a Keras model"),
    "a layer raises": (
        own().replace("layers.Flatten(),", "layers.Flatten(), layers.RandomRotation(0.1),"),
        "does not take images (n, 28, 28): Exception encountered when calling RandomRotation",
    ),
    "other images": (own(shape=(32, 32)), "does not take images (n, 28, 28)"),
    "other classes": (own(units=7), "the model gives (None, 7), not (None, 10)"),
    "logits": (own(last="linear"), "ends in linear, the loss is given softmax; say "
               "--last-activation linear"),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_what_is_wrong_with_ones_own_model_is_said(failure, written, tmp_path):
    text, says = FAILURES[failure]
    name = written(text or "")
    if text is None:
        (tmp_path / "own.py").unlink()
    with pytest.raises(OptionError) as caught:
        build(name)
    assert says in str(caught.value)


def test_a_wrong_model_of_ones_own_is_exit_2_and_leaves_no_run(written, inside, glyphs, tmp_path):
    written(own(units=7))
    wrong = inside("train", "--model", "own.py:make", "--dataset", glyphs, "--out", "run")
    assert wrong.code == 2
    assert "(None, 7), not (None, 10)" in wrong.err
    assert len(wrong.err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_a_model_of_ones_own_that_is_called_ensemble_is_one_model():
    inputs = keras.Input((28, 28), dtype="uint8")
    last = keras.layers.Dense(10)(keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs)))
    model = keras.Model(inputs, last, name="ensemble")
    assert members_of(model) == [model]


@pytest.mark.parametrize(
    ("model", "name"), [("mlp", "mlp"), ("mlp:hidden=3", "mlp"), ("/a/b:c/own.py:wide", "wide")]
)
def test_a_models_name_is_without_options_and_paths(model, name):
    assert TrainSettings(model=model).model_name == name
