"""What a notebook shows of a training."""

from __future__ import annotations

import numpy as np
import pytest

import mnistlab
from mnistlab.training.runs import Run
from mnistlab.training.shown import history_html, table_html


def test_a_history_is_a_row_an_epoch():
    shown = history_html({"loss": [0.25, 0.125], "accuracy": [0.5, float("nan")]})
    assert shown == (
        "<table><tr><th>epoch</th><th>loss</th><th>accuracy</th></tr>"
        "<tr><td>1</td><td>0.25</td><td>0.5</td></tr>"
        "<tr><td>2</td><td>0.125</td><td>nan</td></tr></table>"
    )


def test_text_is_escaped():
    assert "<b>" not in table_html(["<b>"], [["<b>&"]])


@pytest.mark.filterwarnings("ignore::mnistlab.training.handover.HandOver")
def test_fit_gives_a_history_that_a_notebook_shows():
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
    model.compile("sgd", "mse")
    history = mnistlab.fit(model, np.ones((8, 4)), np.ones((8, 2)), epochs=2, verbose=0)
    assert history._repr_html_() == history_html(history.history)
    assert history._repr_html_().count("<tr>") == 3


def test_a_run_is_shown_with_its_test_and_its_epochs(finished_run):
    shown = Run.open(finished_run)._repr_html_()
    accuracy = Run.open(finished_run).document("metrics.json")["test"]["accuracy"]
    assert f"{accuracy:.2%} right" in shown
    assert shown.count("<tr>") == 1 + 3 + 1 + 3
    assert "<th>val_accuracy</th>" in shown


def test_a_run_without_an_epoch_is_shown(run_folder):
    for name in ("metrics.json", "history.csv"):
        (run_folder / name).unlink()
    assert "right" not in Run.open(run_folder)._repr_html_()
