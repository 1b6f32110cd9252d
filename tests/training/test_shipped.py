"""The models that come with the package are those of their cards."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import mnistlab
from mnistlab.data import load
from mnistlab.errors import RunError
from mnistlab.files import sha256
from mnistlab.reading.network import FOLDER as READERS
from mnistlab.reading.network import load_network
from mnistlab.training.runs import Run
from mnistlab.training.shipped import FILES, FOLDER


@pytest.fixture(scope="module")
def mnist():
    return load("mnist")


def test_it_is_small_and_whole():
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(FILES)
    assert (FOLDER / "model.keras").stat().st_size <= 1_000_000
    run = Run.open(FOLDER)
    assert run.finished
    assert run.document("settings.json")["data"]["digest"] == load("mnist").digest


def test_it_says_on_the_test_split_what_its_records_say(mnist):
    recorded = Run.open(FOLDER).document("metrics.json")["test"]
    said = mnistlab.load_model().predict(mnist.x_test, batch_size=500, verbose=0)
    right = int((said.argmax(axis=1) == mnist.y_test).sum())
    assert abs(right - recorded["accuracy"] * recorded["n"]) <= 1  # float order may turn a tie


def test_the_readers_network_is_the_one_of_its_card_and_knows_the_test_digits(mnist):
    about = json.loads((READERS / "about.json").read_text())
    assert about["sha256"] == sha256(READERS / "digits.onnx")
    assert 0.5 < about["temperature"] < 2
    said = load_network().shares(mnist.x_test[:2000]).argmax(axis=1)
    assert (said == mnist.y_test[:2000]).mean() > 0.985


def test_any_run_can_be_loaded_and_a_tampered_one_cannot(run_folder, tmp_path):
    model = mnistlab.load_model(run_folder)
    assert model.predict(np.zeros((2, 28, 28), np.uint8), verbose=0).shape == (2, 10)
    shutil.copytree(FOLDER, tmp_path / "shipped")
    with (tmp_path / "shipped" / "model.keras").open("ab") as opened:
        opened.write(b"x")
    with pytest.raises(RunError, match="SHA-256"):
        mnistlab.load_model(tmp_path / "shipped")
    with pytest.raises(RunError, match="does not exist"):
        mnistlab.load_model(tmp_path / "nothing")
