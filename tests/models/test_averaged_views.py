"""Views of an image: a model's mean over it and its neighbours, saved, exported, from the shell."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

import mnistlab
from mnistlab.models.functions import VIEWS
from mnistlab.models.zoo import MOVES, build, with_probabilities, with_views

LOSS = "sparse_categorical_crossentropy"


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)


def moved(images, down, across):
    wide = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    return wide[:, 1 - down : 29 - down, 1 - across : 29 - across]


@pytest.mark.parametrize("views", VIEWS)
def test_it_is_the_mean_over_the_images_moved(views, images, tmp_path):
    model = build("mlp:hidden=16", normalize="scale", last_activation="linear")
    near = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if abs(y) + abs(x) <= views // 4]
    assert len(near) == views
    each = [model.predict(moved(images, *by), verbose=0) for by in near]
    seen = with_views(model, views)
    expected = np.mean(each, axis=0)
    np.testing.assert_allclose(seen.predict(images, verbose=0), expected, rtol=1e-4, atol=1e-6)
    assert (seen is model) == (views == 1)
    assert seen.count_params() == model.count_params()
    with_probabilities(seen, LOSS, "linear").save(tmp_path / "m.keras")
    loaded = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    shares = np.exp(expected) / np.exp(expected).sum(1, keepdims=True)
    for given in (images, images.astype("float32")):
        np.testing.assert_allclose(loaded.predict(given, verbose=0), shares, rtol=1e-4, atol=1e-6)


class Own(keras.Model):
    """A user's own class of models."""

    def __init__(self):
        super().__init__()
        self.flatten, self.dense = keras.layers.Flatten(), keras.layers.Dense(10)

    def call(self, images):
        return self.dense(self.flatten(keras.ops.cast(images, "float32")) / 255)


def test_models_of_ones_own(images):
    floats = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]
    )
    own = Own()
    own(images.astype("float32"))
    for model in (floats, own):
        each = [model.predict(moved(images, *by).astype("float32"), verbose=0) for by in MOVES[:5]]
        said = with_views(model, 5).predict(images, verbose=0)
        np.testing.assert_allclose(said, np.mean(each, axis=0), rtol=1e-3, atol=1e-3)


def test_no_optimizer_is_saved_beside_the_weights(images, tmp_path):
    model = build("mlp:hidden=16", normalize="scale")
    model.compile("adam", LOSS)
    model.fit(images, np.zeros(len(images)), verbose=0)
    for name, kept in (("plain", keras.Model(model.inputs[0], model.outputs[0])),
                       ("seen", with_views(model, 9))):  # fmt: skip
        kept.save(tmp_path / f"{name}.keras")
    sizes = [(tmp_path / f"{name}.keras").stat().st_size for name in ("plain", "seen")]
    assert sizes[1] < sizes[0] + 40_000  # of the views' layers; two moments would be 100,000


def test_from_the_shell_tested_by_what_is_saved(inside, glyphs, tmp_path):
    words = "--model mlp:hidden=16 --normalize scale --epochs 1 --views 5 --out run --json"
    done = inside("train", "--dataset", glyphs, *words.split())
    assert done.code == 0
    document = json.loads(done.out)
    assert document["config"]["views"] == 5
    data = mnistlab.data.load(glyphs)
    says = mnistlab.load_model(tmp_path / "run").predict(data.x_test, verbose=0).argmax(1)
    assert document["test"]["accuracy"] == pytest.approx((says == data.y_test).mean())
    tested = json.loads(inside("test", "run", "--json").out)
    assert tested["test"]["accuracy"] == document["test"]["accuracy"]
    assert tested["test"]["loss"] == pytest.approx(document["test"]["loss"], rel=1e-5)


def test_exported_with_its_views(command, glyphs):
    for needed in ("torch", "onnx"):
        pytest.importorskip(needed)
    words = "--model mlp:hidden=16 --normalize scale --epochs 1 --views 9 --out run"
    assert command("train", "--dataset", glyphs, *words.split()).returncode == 0
    done = command("export", "run", "digits.onnx", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["greatest_difference"] < 1e-5


def test_how_many_they_cannot_be(inside, glyphs):
    wrong = inside("train", "--dataset", glyphs, "--views", "4")
    assert (wrong.code, "views is 4; it must be one of 1, 5, 9" in wrong.err) == (2, True)
