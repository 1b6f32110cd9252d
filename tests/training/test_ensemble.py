"""An ensemble's members are trained each by itself, resumed to the bit, and averaged as logits."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import keras
import numpy as np
import pytest

from mnistlab.data import load
from mnistlab.errors import OptionError
from mnistlab.models.zoo import build, members_of
from mnistlab.training.engine import fit
from mnistlab.training.runs import Run
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import (
    build_compiled,
    encode,
    new_model,
    save_model,
    set_seed,
    train,
    variables_of,
)

pytestmark = pytest.mark.skipif(keras.config.backend() != "jax", reason="its recipe is JAX's")
SETTINGS = TrainSettings.of(
    "ensemble:members=2",
    epochs=2,
    augment="shift=1",
    devices=1,
    batch_size=100,
    seed=3,
    batch_norm="running",
)


@pytest.fixture(scope="module")
def data(glyphs):
    return load(glyphs)


def weights(model):
    return [np.asarray(v.value) for v in model.variables]


def trained(run, data, on_epoch=lambda done, logs: None):
    return train(run, data, new_model(run.settings, data), on_epoch)


@pytest.fixture(scope="module")
def finished(data, glyphs, tmp_path_factory):
    settings = replace(SETTINGS, dataset=str(glyphs)).check()
    record = {"versions": {}, "data": {"name": data.name, "digest": data.digest}}
    run = Run.create(tmp_path_factory.mktemp("ensemble") / "run", settings, record)
    return run, trained(run, data)


def test_members_are_trained_each_by_itself(data, finished):
    set_seed(SETTINGS.seed)
    alone = members_of(build_compiled(SETTINGS, data))[1]
    y = encode(SETTINGS.loss, data.y_train, 10)
    fit(
        alone, data.x_train, y, batch_size=100, epochs=2, verbose=0, seed=SETTINGS.seed + 1,
        augment="shift=1",
    )  # fmt: skip
    for a, b in zip(weights(alone), weights(members_of(finished[1].model)[1]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("stopped_after", [1, 2, 3])
def test_resumed_to_the_bit(data, finished, tmp_path, stopped_after):
    run = Run.create(tmp_path / "run", finished[0].settings, finished[0].document("settings.json"))

    def stop(done, logs):
        if done == stopped_after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(run, data, stop)
    again = trained(run, data)
    assert [len(values) for values in again.history.values()] == [4] * len(again.history)
    assert again.history["loss"] == finished[1].history["loss"]
    for a, b in zip(
        variables_of(members_of(again.model)), variables_of(members_of(finished[1].model)),
        strict=True,
    ):  # fmt: skip
        np.testing.assert_array_equal(a.value, b.value)


def test_saved_it_gives_the_softmax_of_mean_logits_in_plain_keras(data, finished):
    run, ended = finished
    save_model(ended.model, run)
    x = data.x_test[:20]
    logits = np.mean([np.asarray(m(x)) for m in members_of(ended.model)], axis=0)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.save(run.path / "x.npy", x)
    code = (
        "import sys, keras, numpy as np; model = keras.saving.load_model(sys.argv[1]);"
        "np.save(sys.argv[3], model.predict(np.load(sys.argv[2]), verbose=0));"
        "assert 'mnistlab' not in sys.modules"
    )
    places = [str(run.path / name) for name in ("model.keras", "x.npy", "p.npy")]
    subprocess.run([sys.executable, "-c", code, *places], check=True, timeout=120)
    np.testing.assert_allclose(np.load(places[2]), shares, atol=1e-5)


@pytest.mark.parametrize("spec", ["members=1", "members=101", "members=a", "hidden=3"])
def test_nonsense_is_refused(spec):
    with pytest.raises(OptionError, match="ensemble"):
        build(f"ensemble:{spec}")


def test_compare_does_not_take_it():
    from mnistlab.comparing.plan import every_choice, make_arms

    assert "ensemble" not in every_choice("model")
    with pytest.raises(OptionError, match="ensemble"):
        make_arms("model", ["mlp", "ensemble"], TrainSettings(validation=0.1))
