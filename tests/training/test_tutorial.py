"""The tutorial's job on real MNIST comes out as the tutorial's: a floor and a ceiling."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from mnistlab.data import load, normalize_columns
from mnistlab.evaluation.testing import first_layer, score_model
from mnistlab.training.engine import fit
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import build_compiled, encode, set_seed

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def mnist():
    return load("mnist")


@pytest.fixture(scope="module")
def trained(mnist):
    settings = TrainSettings()
    set_seed(settings.seed)
    model = build_compiled(settings, mnist)
    targets = encode(settings.loss, mnist.y_train, 10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *a, **k: None)
        history = fit(model, mnist.x_train, targets, epochs=3, verbose=0, seed=settings.seed)
    return model, history.history


def test_history_and_accuracy_are_the_tutorials(mnist, trained):
    model, history = trained
    scores = score_model(model, mnist, "sparse_categorical_crossentropy")
    assert 0.24 < history["loss"][0] < 0.29
    assert 0.974 < history["accuracy"][-1] < 0.981
    assert 0.965 < scores.accuracy < 0.98
    assert scores.n == 10_000
    assert scores.accuracy_interval[0] < scores.accuracy < scores.accuracy_interval[1]


def test_scores_are_what_keras_evaluates(mnist, trained):
    model, _ = trained
    scores = score_model(model, mnist, "sparse_categorical_crossentropy")
    loss, accuracy = model.evaluate(mnist.x_test, mnist.y_test, batch_size=1000, verbose=0)
    assert scores.accuracy == pytest.approx(accuracy, abs=1e-6)
    assert scores.loss == pytest.approx(loss, rel=1e-5)


def test_raw_images_give_what_the_tutorials_normalised_images_give(mnist, trained):
    model, _ = trained
    tail = keras.Sequential([keras.Input((28, 28)), *model.layers[2:]])
    theirs = tail.predict(normalize_columns(mnist.x_test[:500]), verbose=0)
    np.testing.assert_allclose(
        model.predict(mnist.x_test[:500], verbose=0), theirs, rtol=1e-4, atol=1e-6
    )


def test_first_layer_weights_are_pictures(trained):
    model, _ = trained
    weights = first_layer(model)
    kernel = keras.ops.convert_to_numpy(model.get_layer("hidden_1").kernel)
    assert weights.shape == (128, 28, 28)
    assert weights[5, 3, 4] == kernel[3 * 28 + 4, 5]
