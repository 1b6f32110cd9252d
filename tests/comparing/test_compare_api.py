"""`mnistlab.compare`, as a notebook calls it: own optimizers, own models, own arrays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.conftest import draw_glyphs

import mnistlab
from mnistlab.comparing.own import _fingerprint
from mnistlab.comparing.results import TrialRecord
from mnistlab.comparing.store import Store
from mnistlab.errors import DataError, OptionError, UnknownNameError
from mnistlab.study import open_study

FEW: dict[str, Any] = {
    "rates": 3, "tuning_seeds": 1, "seeds": 3, "epochs": 1, "model": "linear", "progress": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def data() -> Any:
    return draw_glyphs(400, 1), draw_glyphs(150, 2)


def own_model() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((28, 28), dtype="uint8"),
            keras.layers.Rescaling(1 / 255),
            keras.layers.Flatten(),
            keras.layers.Dense(16, activation="tanh"),
            keras.layers.Dense(10),
        ]
    )


def test_own_optimizers_beside_named_ones(data: Any, tmp_path: Path) -> None:
    made: list[float] = []

    def slow(rate: float) -> keras.optimizers.Optimizer:
        made.append(rate)
        return keras.optimizers.Adam(rate, beta_1=0.99)

    study = mnistlab.compare(
        "optimizer", {"adam": "adam", "slow": slow}, dataset=data, out=tmp_path / "s", **FEW
    )
    assert made
    assert [arm.name for arm in study.result.arms] == ["adam", "slow"]
    adam, own = study.result.arms
    assert adam.test_accuracy is not None
    assert own.test_accuracy is not None
    assert adam.test_accuracy.n == own.test_accuracy.n == 3
    tuned = {r.seed: r.test_accuracy for r in study.result.records.arms[0].tuned}
    other = {r.seed: r.test_accuracy for r in study.result.records.arms[1].tuned}
    assert tuned.keys() == other.keys()
    assert tuned != other
    assert "slow" in str(study.table())
    assert "<table" in study.table()._repr_html_()
    assert study.plot("learning-rates")._repr_png_()[:4] == b"\x89PNG"
    assert study.report() == tmp_path / "s" / "report.html"


def test_the_same_optimizer_by_name_and_by_hand_is_the_same(data: Any, tmp_path: Path) -> None:
    study = mnistlab.compare(
        "optimizer",
        {"by name": "adam", "by hand": lambda rate: keras.optimizers.Adam(rate)},
        dataset=data, out=tmp_path / "s", **FEW,
    )  # fmt: skip
    (difference,) = study.result.differences
    assert difference.values == (0.0,) * 3
    assert difference.p == 1


@pytest.mark.parametrize(
    ("axis", "choices", "says"),
    [
        ("optimizer", {"mine": lambda: keras.optimizers.SGD()}, "has to take the learning rate"),
        ("model", {"mine": lambda size: own_model()}, "has to take nothing"),
        ("model", {"mine": own_model()}, "'mine': Sequential is one model, and each trial needs"),
        ("optimizer", {"mine": keras.optimizers.SGD()}, "SGD is one optimizer"),
    ],
)
def test_what_makes_no_arm(data: Any, axis: str, choices: Any, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        mnistlab.compare(
            axis,
            {"b": "adam" if axis == "optimizer" else "linear", **choices},
            dataset=data,
            progress=False,
        )


def test_labels_that_are_no_numbers(data: Any, tmp_path: Path) -> None:
    (x, y), test = data
    with pytest.raises(DataError, match="whole numbers"):
        mnistlab.compare("loss", ["mse"], dataset=((x, y.astype(str)), test), out=tmp_path / "s")


def test_a_layer_is_told_by_what_its_call_closes_over() -> None:
    def make(scale: float) -> Any:
        class Scaled(keras.layers.Layer):
            def call(self, x: Any) -> Any:
                return scale * x

        return lambda: keras.Sequential([Scaled()])

    assert _fingerprint(make(1.0)) == _fingerprint(make(1.0))
    assert _fingerprint(make(1.0)) != _fingerprint(make(2.0))


def test_own_models_compiled_or_not(data: Any, tmp_path: Path) -> None:
    def compiled() -> keras.Model:
        model = own_model()
        model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    def bad() -> keras.Model:
        model = own_model()
        model.layers[-1].activation = keras.activations.tanh
        return model

    few = {k: v for k, v in FEW.items() if k != "model"} | {"epochs": 3}
    study = mnistlab.compare(
        "model", {"plain": own_model, "compiled": compiled, "linear": "linear"},
        dataset=data, out=tmp_path / "s", **few,
    )  # fmt: skip
    with pytest.raises(OptionError, match="does not fit"):
        mnistlab.compare("model", {"a": bad, "b": "linear"}, dataset=data, **few)
    plain, whole, _ = study.result.arms
    assert plain.test_accuracy == whole.test_accuracy
    assert plain.test_accuracy is not None
    assert plain.test_accuracy.mean > 0.3


def test_a_trial_without_memory_is_counted_and_run_again(data: Any, tmp_path: Path) -> None:
    # Not a list: what a callable closes over is part of its trials' keys.
    full = tmp_path / "full"
    full.touch()

    def trials() -> dict[str, TrialRecord]:
        if not (tmp_path / "s").exists():
            return {}
        with Store(tmp_path / "s") as store:
            return store.trials()

    def hungry(rate: float) -> keras.optimizers.Optimizer:
        if full.exists() and any(record.test_n for record in trials().values()):
            raise MemoryError  # of all final trials but those that came first
        return keras.optimizers.Adam(rate)

    choices, found = {"adam": "adam", "hungry": hungry}, []
    for _ in range(2):
        mnistlab.compare("optimizer", choices, dataset=data, out=tmp_path / "s", **FEW)
        found.append(trials())
        full.unlink(missing_ok=True)
    first, again = found
    failed = [record for record in first.values() if record.state == "failed"]
    assert {(record.arm, record.error) for record in failed} == {("hungry", "MemoryError: ")}
    assert {record.state for record in again.values()} == {"complete"}
    # Seconds and all: what was complete is not run again.
    assert all(repr(again[k]) == repr(r) for k, r in first.items() if r.state == "complete")


def test_a_model_without_memory_is_refused_in_a_line(data: Any, tmp_path: Path) -> None:
    def huge() -> keras.Model:
        raise MemoryError("of 14 GiB\nthere is less")

    few = {k: v for k, v in FEW.items() if k != "model"}
    with pytest.raises(OptionError, match=r"^huge: its model cannot be made here: of 14 GiB there"):
        mnistlab.compare(
            "model", {"huge": huge, "linear": "linear"}, dataset=data, out=tmp_path / "s", **few
        )
    assert not (tmp_path / "s").exists()


def test_a_study_is_opened_again_as_it_was(data: Any, tmp_path: Path) -> None:
    study = mnistlab.compare("optimizer", ["adam", "sgd"], dataset=data, out=tmp_path / "s", **FEW)
    again = open_study(tmp_path / "s")
    assert repr(again.result.arms) == repr(study.result.arms)
    assert again.result.differences == study.result.differences


def test_a_frame_has_a_row_a_trial(data: Any, tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    study = mnistlab.compare("optimizer", ["adam", "sgd"], dataset=data, out=tmp_path / "s", **FEW)
    frame = study.to_frame()
    assert len(frame) == sum(arm.trials for arm in study.result.arms)
    assert {"arm", "seed", "learning_rate", "state", "test_accuracy"} <= set(frame.columns)


@pytest.mark.parametrize(
    ("axis", "choices", "settings", "error", "says"),
    [
        ("optimizer", {"one": "adam"}, {}, OptionError, "one arm"),
        ("loss", {"a": lambda: 1, "b": "poisson"}, {}, OptionError, "takes names"),
        ("colour", {"a": "b", "c": "d"}, {}, UnknownNameError, "axis"),
        ("optimizer", ["adam", "sgd"], {"speed": 3}, OptionError, "speed"),
        ("optimizer", ["adam", "sgd"], {"learning_rate": 3}, OptionError, "tuned"),
        ("optimizer", ["adam", "sgd"], {"views": 9}, OptionError, "settles views itself"),
        ("optimizer", ["adam", "sgd"], {"seeds": 0}, OptionError, "seeds"),
        ("optimizer", ["adam", "sgd"], {"budget": -1}, OptionError, "budget"),
    ],
)
def test_nonsense_is_refused(
    data: Any, tmp_path: Path, axis: str, choices: Any, settings: Any, error: Any, says: str
) -> None:
    with pytest.raises(error, match=says):
        mnistlab.compare(axis, choices, dataset=data, out=tmp_path / "s", **{**FEW, **settings})
    assert not (tmp_path / "s").exists()


def test_a_study_shows_itself_as_its_table(data: Any, tmp_path: Path) -> None:
    study = mnistlab.compare("optimizer", ["adam", "sgd"], dataset=data, out=tmp_path / "s", **FEW)
    assert repr(study) == str(study.table())


def test_what_is_no_optimizer_is_said(data: Any, tmp_path: Path) -> None:
    arms = {"adam": "adam", "three": lambda rate: 3}
    with pytest.raises(OptionError, match="not a Keras optimizer"):
        mnistlab.compare("optimizer", arms, dataset=data, out=tmp_path / "s", **FEW)


def test_data_sorted_by_class_are_not_tuned_on_one_class(data: Any, tmp_path: Path) -> None:
    (x, y), test = data
    order = np.argsort(y, kind="stable")
    with pytest.raises(OptionError, match=r"none of class 0, .* are held out; shuffle"):
        mnistlab.compare("optimizer", ["adam", "sgd"], dataset=((x[order], y[order]), test), **FEW)
    alone = np.where(y == 9, 0, y).astype(np.uint8)
    alone[-1] = 9
    with pytest.raises(OptionError, match="none of class 9 are left"):
        mnistlab.compare("optimizer", ["adam", "sgd"], dataset=((x, alone), test), **FEW)
