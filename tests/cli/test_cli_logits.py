"""`--last-activation linear`: trained on logits, saved with probabilities, scored as trained."""

from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "binary_crossentropy"])
def test_trained_on_logits_and_saved_with_probabilities(inside, glyphs, tmp_path, loss):
    import keras

    done = inside(
        "train", "--dataset", glyphs, "--model", "mlp:hidden=16", "--loss", loss,
        "--last-activation", "linear", "--learning-rate", "0.01", "--epochs", "2",
        "--out", "run", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert document["config"]["last_activation"] == "linear"
    assert document["test"]["accuracy"] > 0.2
    model = keras.saving.load_model(tmp_path / "run" / "model.keras")
    with np.load(glyphs) as arrays:
        images, labels = arrays["x_test"], arrays["y_test"]
    outputs = model.predict(images, verbose=0)
    assert outputs.min() >= 0
    assert outputs.max() <= 1
    if loss.startswith("sparse"):
        np.testing.assert_allclose(outputs.sum(1), 1, atol=1e-5)
    assert (outputs.argmax(1) == labels).mean() == document["test"]["accuracy"]
    again = inside("test", "run", "--json")
    assert again.code == 0, again.err
    tested = json.loads(again.out)["test"]
    assert tested["accuracy"] == document["test"]["accuracy"]
    assert tested["loss"] == pytest.approx(document["test"]["loss"], rel=1e-6)


def test_logits_go_on_after_a_stop(inside, glyphs, weights_of, tmp_path):
    words = ["--dataset", glyphs, "--model", "mlp:hidden=16", "--last-activation", "linear"]
    assert inside("train", *words, "--epochs", "1", "--out", "one").code == 0
    assert inside("train", *words, "--epochs", "2", "--out", "two").code == 0
    settings = tmp_path / "one" / "settings.json"
    stored = json.loads(settings.read_text())
    stored["settings"]["epochs"] = 2
    settings.write_text(json.dumps(stored))
    for name in ("metrics.json", "model.keras"):
        (tmp_path / "one" / name).unlink()
    done = inside("train", "--resume", "one")
    assert done.code == 0, done.err
    resumed, whole = weights_of(tmp_path / "one"), weights_of(tmp_path / "two")
    for name, values in whole.items():
        np.testing.assert_array_equal(values, resumed[name], name)


def test_a_bad_pair_is_one_line_and_leaves_no_folder(inside, glyphs, tmp_path):
    done = inside("train", "--dataset", glyphs, "--loss", "hinge", "--last-activation", "softmax")
    assert done.code == 2
    assert done.out == ""
    assert "'softmax' does not fit the loss 'hinge'" in done.err
    assert "Accepted: linear." in done.err
    assert len(done.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
