"""BatchNormalization measured anew: by NumPy's means, on all backends, and from the shell."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from mnistlab.training.batch_norm import BATCH, MOST_BATCHES, measure_batch_norm
from mnistlab.training.runs import Run

on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="its recipe is JAX's")


def small(inner=None):
    """Images, whose pixels are normalised, then a dense layer's two outputs."""
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            layers.Rescaling(1 / 255),
            layers.BatchNormalization(momentum=0.9, name="first"),
            layers.Flatten(),
            *([inner] if inner is not None else []),
            layers.Dense(2, name="dense"),
            layers.BatchNormalization(momentum=0.7, name="second"),
        ]
    )


def kept(layer):
    return [keras.ops.convert_to_numpy(v) for v in (layer.moving_mean, layer.moving_variance)]


def images_of(n):
    return np.random.default_rng(0).integers(0, 256, (n, 28, 28), dtype=np.uint8)


def batch_means(values):
    """The mean over whole batches of each batch's mean and variance, the last axis kept."""
    whole = values[: len(values) // BATCH * BATCH] if len(values) >= BATCH else values
    batches = np.split(whole, max(1, len(whole) // BATCH))
    axes = tuple(range(values.ndim - 1))
    return [np.mean([getattr(b, of)(axis=axes) for b in batches], axis=0) for of in ("mean", "var")]


@pytest.mark.parametrize("n", [7, 2500])
def test_statistics_are_the_means_of_those_of_batches(n):
    model, images = small(), images_of(n)
    weights = [keras.ops.convert_to_numpy(v) for v in model.trainable_variables]
    measure_batch_norm(model, images)
    for found, expected in zip(
        kept(model.get_layer("first")), batch_means(images / 255.0), strict=True
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-4)
    # What comes to the second layer was normalised by each batch's own statistics.
    total = np.zeros(2)
    starts = range(0, max(1, n // BATCH) * BATCH, BATCH)
    for start in starts:
        batch = images[start : start + BATCH] / 255.0
        normal = (batch - batch.mean((0, 1))) / np.sqrt(batch.var((0, 1)) + 1e-3)
        total += (normal.reshape(len(batch), -1) @ weights[2] + weights[3]).var(0)
    np.testing.assert_allclose(kept(model.get_layer("second"))[1], total / len(starts), rtol=1e-3)
    assert [model.get_layer(name).momentum for name in ("first", "second")] == [0.9, 0.7]
    for before, variable in zip(weights, model.trainable_variables, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), before)


def test_no_more_than_so_many_are_looked_at():
    images = np.zeros(((MOST_BATCHES + 1) * BATCH, 28, 28), np.uint8)
    images[MOST_BATCHES * BATCH :] = 255
    model = small()
    measure_batch_norm(model, images)
    assert not kept(model.get_layer("first"))[0].any()


def test_layers_within_a_model_within():
    inner = keras.Sequential([keras.Input((784,)), keras.layers.BatchNormalization(name="within")])
    images = images_of(50)
    measure_batch_norm(small(inner), images)
    assert kept(inner.get_layer("within"))[1].mean() == pytest.approx(1, abs=0.05)  # normalised


def test_a_model_without_any_stays_as_it_is():
    model = keras.Sequential([keras.Input((28, 28), dtype="uint8"), keras.layers.Flatten()])
    measure_batch_norm(model, images_of(3))
    assert model.count_params() == 0


@on_jax
def test_from_the_shell_and_resumed_after_the_last_epoch(
    inside, glyphs, tmp_path, weights_of, monkeypatch
):
    words = ["train", "--dataset", glyphs, "--model", "cnn-fast", "--devices", "1", "--seed", "3"]
    for how in ("running", "measured"):
        assert inside(*words, "--batch-norm", how, "--out", how).code == 0
    running, measured = (weights_of(tmp_path / how) for how in ("running", "measured"))
    changed = {key for key in running if not np.array_equal(running[key], measured[key])}
    assert len(changed) == 6  # of three layers, mean and variance
    settings = json.loads((tmp_path / "measured" / "settings.json").read_text())
    assert "--batch-norm measured" in settings["command"]

    # Stopped between its last checkpoint and its end, it comes to the same.
    def stop(*_):
        raise KeyboardInterrupt

    import mnistlab.training.train as train

    with monkeypatch.context() as patched:
        patched.setattr(train, "measure_batch_norm", stop)
        assert inside(*words, "--batch-norm", "measured", "--out", "stopped").code == 130
    assert not Run.open(tmp_path / "stopped").finished
    assert inside("train", "--resume", "stopped").code == 0
    again = weights_of(tmp_path / "stopped")
    assert all(np.array_equal(again[key], measured[key]) for key in measured)


def test_what_it_cannot_be(inside, glyphs):
    wrong = inside("train", "--dataset", glyphs, "--batch-norm", "measurd")
    assert wrong.code == 2
    assert "did you mean 'measured'" in wrong.err


@on_jax
def test_data_that_lie_class_by_class_are_measured_mixed(
    glyph_images, tmp_path, inside, monkeypatch
):
    """Of one class in a batch, what differs between classes would be missing from the variance."""
    import mnistlab.training.train as train

    images, labels = glyph_images(600, 1)
    order = np.argsort(labels, kind="stable")
    images[:, 0, 0] = labels
    data = {"x_test": images[:100], "y_test": labels[:100]}
    np.savez(tmp_path / "sorted.npz", x_train=images[order], y_train=labels[order], **data)
    given = []
    monkeypatch.setattr(train, "measure_batch_norm", lambda model, images: given.append(images))
    words = ["--model", "cnn-fast", "--devices", "1", "--batch-norm", "measured"]
    assert inside("train", "--dataset", "sorted.npz", *words).code == 0
    assert len(given[0]) == 600
    for begin in range(0, 600, 100):
        assert len(np.unique(given[0][begin : begin + 100, 0, 0])) == 10
