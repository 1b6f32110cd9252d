"""A batch divided among devices trains as on one; here the devices are two of the CPU's cores.

JAX counts its devices once, when it starts, so it starts anew in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache

import jax
import keras
import numpy as np
import pytest

from mnistlab.training.environment import cores

pytestmark = pytest.mark.skipif(keras.config.backend() != "jax", reason="the engine is JAX's")

SCRIPT = """
import json, sys
import numpy as np
from mnistlab.models.backend import use_backend
keras = use_backend("jax", devices=2)
import jax
from mnistlab.errors import OptionError
from mnistlab.training.engine import fit
from mnistlab.training.epoch import EpochProgram
from mnistlab.training.train import set_seed

layers = keras.layers
CLASSES = 4
assert len(jax.devices()) == 2
use_backend("jax", devices=3)  # too late, which is no failure
assert len(jax.devices()) == 2

def mlp():
    return [layers.Flatten(), layers.Dense(8, activation="tanh")]

def convolutional():
    return [
        layers.Reshape((6, 5, 1)),
        layers.Conv2D(3, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.5),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
        layers.Flatten(),
    ]

def compiled(body):
    set_seed(7)
    first = [keras.Input((6, 5), dtype="uint8"), layers.Rescaling(1 / 255)]
    model = keras.Sequential([*first, *body(), layers.Dense(CLASSES, activation="softmax")])
    optimizer = keras.optimizers.SGD(0.1, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model

def data(n):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (n, 6, 5), dtype=np.uint8)
    return x, (x[:, 0, 0] // 64).astype("int32")

def train(body, n, batch_size, **options):
    model = compiled(body)
    options = {"epochs": 3, "verbose": 0, "seed": 1, **options}
    history = fit(model, *data(n), batch_size=batch_size, **options).history
    return model, history

def case(body, n, batch_size, devices, **options):
    if "augment" not in options:
        options["validation_data"] = data(21)
    model, history = train(body, n, batch_size, devices=devices, **options)
    programs = EpochProgram._kept[model]._compiled.items()
    exchanges = ["all-reduce" in one.as_text() for key, one in programs if "train_step" in key]
    return {
        "history": history,
        "weights": [np.asarray(v.value).tolist() for v in model.variables],
        "state": [np.asarray(v.value).tolist() for v in model.optimizer.variables],
        "lies on": len(model.trainable_variables[0].value.sharding.device_set),
        "exchanges": any(exchanges),
        "predicts": model.predict(data(5)[0], verbose=0).tolist(),
    }

def refused(devices):
    try:
        train(mlp, 64, 16, devices=devices)
    except OptionError as error:
        return str(error)

def first_two_then_one():
    model, _ = train(mlp, 64, 16, devices=2, epochs=1)
    fit(model, *data(64), batch_size=16, epochs=3, initial_epoch=1, verbose=0, seed=1)
    return [np.asarray(v.value).tolist() for v in model.variables]

body, cases = convolutional if sys.argv[1] == "convolutional" else mlp, json.loads(sys.argv[2])
print(json.dumps({
    "cases": [
        [case(body, n, size, devices, **options) for devices in (1, 2)]
        for n, size, options in cases
    ],
    "refused": {devices: refused(devices) for devices in (0, 3)},
    "first two then one": first_two_then_one(),
}))
"""

CASES = {
    "mlp": {
        "even batches": (64, 16, {}),
        "odd batches": (75, 15, {}),
    },
    "mlp, more": {
        "an odd last batch": (71, 16, {}),
        "varied images": (70, 16, {"augment": "shift=1,rotate=10"}),
    },
    "convolutional": {
        "an odd last batch": (71, 16, {}),
        "odd batches, an even last one": (70, 15, {}),
    },
}
"""Body of the model → how many images, images a batch, and what else is asked of `fit`."""

EACH = [
    pytest.param(body, name, marks=() if body == "mlp" else pytest.mark.slow)
    for body, cases in CASES.items()
    for name in cases
]


@cache
def run(body):
    """Run SCRIPT for all cases of a body."""
    words = [sys.executable, "-W", "error", "-c", SCRIPT, body]
    done = subprocess.run(
        [*words, json.dumps(list(CASES[body].values()))],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def results(body, name):
    """Give what came of a case on one device and on two."""
    return run(body)["cases"][list(CASES[body]).index(name)]


@pytest.mark.parametrize(("body", "name"), EACH)
def test_two_devices_train_as_one(body, name):
    one, two = results(body, name)
    assert (one["lies on"], two["lies on"]) == (1, 2)
    assert one["history"].keys() == two["history"].keys()
    for key, values in one["history"].items():
        np.testing.assert_allclose(two["history"][key], values, rtol=1e-5, atol=1e-6)
    for kind in ("weights", "state"):
        assert len(two[kind]) == len(one[kind])
        for a, b in zip(two[kind], one[kind], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)
    np.testing.assert_allclose(two["predicts"], one["predicts"], rtol=1e-4, atol=2e-6)


@pytest.mark.parametrize(("body", "name"), EACH)
def test_a_batch_is_divided_where_it_can_be(body, name):
    """What two devices each sum over their half they have to exchange."""
    one, two = results(body, name)
    n, size, _ = CASES[body][name]
    assert one["exchanges"] is False
    assert two["exchanges"] is (size % 2 == 0 or n % size % 2 == 0 < n % size)


def test_a_training_can_go_on_with_fewer_devices():
    one, _ = results("mlp", "even batches")
    for a, b in zip(run("mlp")["first two then one"], one["weights"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)


def test_more_devices_than_there_are_or_none_are_refused():
    for asked, message in run("mlp")["refused"].items():
        assert message.startswith(f"devices is {asked}; JAX has 2 here")
        assert "jax_num_cpu_devices" in message


def test_train_from_the_shell_on_two_devices(command, glyphs, tmp_path, weights_of):
    """The tutorial's model, which the command starts on one thread, with and without."""
    for devices in (1, 2):
        done = command("train", "--dataset", glyphs, "--epochs", "1", "--devices", devices,
                       "--out", f"on-{devices}")  # fmt: skip
        assert done.returncode == 0, done.stderr
    one, two = (weights_of(tmp_path / f"on-{devices}") for devices in (1, 2))
    assert one.keys() == two.keys()
    for name, values in one.items():
        np.testing.assert_allclose(two[name], values, rtol=1e-3, atol=1e-5, err_msg=name)
    settings = json.loads((tmp_path / "on-2" / "settings.json").read_text())
    assert "--devices 2" in settings["command"]


def test_more_devices_than_cores_are_wrong_use(command, glyphs, tmp_path):
    if jax.default_backend() != "cpu":
        pytest.skip("devices are GPUs here")
    many = len(cores()) + 2
    wrong = command("train", "--dataset", glyphs, "--devices", str(many), "--out", "run")
    assert wrong.returncode == 2
    assert wrong.stderr == f"mnistlab: devices is {many}; this machine has {many - 2} cores\n"
    assert not (tmp_path / "run").exists()


def test_no_devices_from_the_shell_are_wrong_use(inside, glyphs):
    wrong = inside("train", "--dataset", glyphs, "--devices", "0")
    assert wrong.code == 2
    assert "devices is 0; it must be from 1 to 1024" in wrong.err
    assert len(wrong.err.splitlines()) == 1
