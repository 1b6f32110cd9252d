"""Every loss with every last layer that fits it, and every activation, learns drawn glyphs."""

from __future__ import annotations

import warnings

import keras
import numpy as np
import pytest

from mnistlab.data import load
from mnistlab.models.functions import ACTIVATIONS, LOSSES, preferred_last_activation
from mnistlab.training.engine import fit
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import build_compiled, encode, quiet_hand_over, set_seed

CHANCE = 0.1
PAIRS = [
    (loss, last)
    for loss, choice in LOSSES.items()
    if not choice.refused
    for last in choice.last_activations
]
LABELLED = {
    name: ACTIVATIONS[name].trap for name in ("sparsemax",) if keras.__version__.startswith("3.15.")
}
"""What does not learn here, and the reason that the table gives."""


@pytest.fixture(scope="module")
def data(glyphs):
    return load(glyphs)


def accuracy_after(data, **options):
    """Train a small model for five epochs; give the accuracy over the last."""
    set_seed(0)
    settings = TrainSettings(normalize="scale", **options)
    model = build_compiled(settings, data)
    y = encode(settings.loss, data.y_train, data.num_classes)
    with warnings.catch_warnings():
        quiet_hand_over(keras.config.backend())
        history = fit(model, data.x_train, y, batch_size=20, epochs=5, verbose=0, seed=0).history
    assert set(history) == {"loss", "accuracy"}
    assert np.isfinite(history["loss"]).all()
    right = history["accuracy"][-1] * len(y)
    assert right == pytest.approx(round(right), abs=1e-3)
    return history["accuracy"][-1]


@pytest.mark.parametrize(("loss", "last"), PAIRS)
def test_every_loss_learns_with_every_last_layer_that_fits(data, loss, last):
    assert accuracy_after(data, model="linear", loss=loss, last_activation=last) > 2 * CHANCE


@pytest.mark.parametrize("name", [n for n, choice in ACTIVATIONS.items() if not choice.refused])
def test_every_activation_learns(data, name):
    last = preferred_last_activation(TrainSettings.loss)
    options = {"model": "mlp:hidden=32", "activation": name, "last_activation": last}
    learns = accuracy_after(data, **options) > 2 * CHANCE
    assert learns != ("learns nothing" in LABELLED.get(name, ""))
