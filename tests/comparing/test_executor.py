"""Trials through shared programs: the engine's numbers, whatever runs beside them."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest
from tests.conftest import draw_glyphs

from mnistlab.comparing.executor import LocalExecutor
from mnistlab.comparing.plan import Trial, make_arms
from mnistlab.comparing.results import TrialRecord
from mnistlab.data import Dataset, from_arrays
from mnistlab.training.engine import fit
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import encode, hold_out, new_model

pytestmark = pytest.mark.filterwarnings("ignore::mnistlab.training.handover.HandOver")
on_jax = pytest.mark.skipif(keras.config.backend() != "jax", reason="the engine is JAX's")
BASE = TrainSettings(validation=100, backend=keras.config.backend(), epochs=2, batch_size=16)
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")


@pytest.fixture(scope="module")
def data() -> Dataset:
    return from_arrays((draw_glyphs(500, 1), draw_glyphs(200, 2)))


def trials_of(*optimizers: str, seeds: int = 2, rates: tuple[float, ...] = (0.001, 0.01)) -> list:
    arms = make_arms("optimizer", optimizers, BASE)
    made = [Trial(a, s, r, tested=True) for s in range(seeds) for r in rates for a in arms]
    return [(str(place), trial) for place, trial in enumerate(made)]


def numbers(record: TrialRecord) -> object:
    return ({k: record.history[k] for k in CURVES}, record.test_accuracy, record.test_loss)


def ran(executor: LocalExecutor, trials: list) -> list[TrialRecord]:
    return [record for batch in executor.run(trials) for record in batch]


def by_key(records: list[TrialRecord]) -> dict[str, object]:
    return {r.key: numbers(r) for r in records}


def test_alone_in_a_batch_on_one_core_or_two_a_trial_is_the_same(data: Dataset) -> None:
    trials = trials_of("adam", "sgd:momentum=0.9")
    one = by_key(ran(LocalExecutor(data, workers=1), trials))
    two = by_key(ran(LocalExecutor(data, workers=2), trials))
    again = by_key(ran(LocalExecutor(data, workers=2), trials[::-1]))
    alone = by_key(ran(LocalExecutor(data, workers=1), trials[-1:]))
    assert one == two == again
    assert one[trials[-1][0]] == alone[trials[-1][0]]
    assert len({repr(each) for each in one.values()}) == len(trials)


@pytest.mark.parametrize("optimizer", ["adam", "schedule_free_adamw", "ftrl", "sgd:use_ema=true"])
def test_a_trial_has_the_numbers_of_fit(data: Dataset, optimizer: str) -> None:
    ((key, trial), *_) = trials_of(optimizer, "nadam", seeds=1, rates=(0.01,))
    (record,) = ran(LocalExecutor(data, workers=2), [(key, trial)])
    settings = trial.settings
    model = new_model(settings, data)
    y = encode(settings.loss, data.y_train, 10)
    train, held_out = hold_out(data.x_train, y, settings.validation)
    history = fit(
        model, *train, batch_size=16, epochs=2, verbose=0, seed=settings.seed,
        validation_data=held_out, validation_batch_size=1000,
    ).history  # fmt: skip
    assert {k: record.history[k] for k in CURVES} == {k: history[k] for k in CURVES}
    predicted = model.predict(data.x_test, verbose=0).argmax(1)
    assert record.test_accuracy == np.mean(predicted == data.y_test)
    assert record.test_n == 200


@on_jax
def test_one_program_serves_all_rates_seeds_and_lengths(data: Dataset) -> None:
    executor = LocalExecutor(data, workers=2)
    trials = trials_of("adam", "sgd", seeds=3, rates=(1e-3, 1e-2, 1e-1))
    longer = trials[0][1]
    arm = replace(longer.arm, settings=replace(longer.arm.settings, epochs=3))
    assert len(ran(executor, [*trials, ("longer", replace(longer, arm=arm))])) == 19
    assert len(executor.programs) == 2
    assert executor.compilations == 2 * 3  # to train, to validate, to test


def test_divergence_is_a_result(data: Dataset) -> None:
    ((key, trial), *_) = trials_of("sgd", "adam", seeds=1, rates=(1e30,))
    (record,) = ran(LocalExecutor(data), [(key, trial)])
    assert record.state == "diverged"
    assert record.test_accuracy is None
    assert len(record.history["loss"]) <= 2


def test_a_trial_that_breaks_is_a_result_and_the_others_go_on(data: Dataset) -> None:
    first, second = trials_of("adam", "sgd", seeds=1, rates=(0.01,))

    def broken(settings: object, dataset: object) -> keras.Model:
        raise RuntimeError("no memory\nsecond line")

    arm = replace(first[1].arm, build=broken, fingerprint="broken")
    executor = LocalExecutor(data, workers=2)
    records = ran(executor, [(first[0], replace(first[1], arm=arm)), second])
    failed, whole = sorted(records, key=lambda record: record.state, reverse=True)
    assert (failed.state, failed.error) == ("failed", "RuntimeError: no memory")
    assert whole.state == "complete"


def test_who_stops_listening_stops_the_trials(data: Dataset) -> None:
    executor = LocalExecutor(data, workers=1)
    running = executor.run(trials_of("adam", "sgd", seeds=20))
    next(running)
    running.close()
    assert len(executor.programs) <= 2


@on_jax
def test_vectorised_trials_have_the_same_numbers_to_float_tolerance(data: Dataset) -> None:
    trials = trials_of("adam", "sgd", seeds=3, rates=(0.001, 1e30))
    alone = {r.key: r for r in ran(LocalExecutor(data, workers=1), trials)}
    executor = LocalExecutor(data, workers=4, vectorised=True)
    together = {r.key: r for r in ran(executor, trials)}
    assert executor.compilations == 2 * 3
    assert together.keys() == alone.keys()
    for key, record in together.items():
        other = alone[key]
        assert record.state == other.state
        for name in CURVES:
            np.testing.assert_allclose(
                record.history[name], other.history[name], rtol=1e-3, atol=0.011
            )
        assert (record.test_accuracy is None) == (other.test_accuracy is None)
        if record.test_accuracy is not None:
            assert abs(record.test_accuracy - other.test_accuracy) <= 0.01


@pytest.mark.parametrize("vectorised", [False, True])
def test_a_tuning_trial_is_validated_once_to_the_same_numbers(
    data: Dataset, vectorised: bool
) -> None:
    ((key, tested), *_) = trials_of("adam", "sgd", seeds=1, rates=(0.01,))
    tuning = replace(tested, tested=False)
    executor = LocalExecutor(data, workers=2, vectorised=vectorised)
    (whole,) = ran(executor, [(key, tested)])
    (record,) = ran(executor, [(key, tuning)])
    assert (record.test_accuracy, record.test_n) == (None, 0)
    assert record.history["val_accuracy"] == whole.history["val_accuracy"][-1:]
    assert record.history["loss"] == whole.history["loss"]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_no_trial_takes_less_than_no_time(data: Dataset, workers: int) -> None:
    executor = LocalExecutor(data, workers=workers)
    records = ran(executor, trials_of("adam", "sgd", seeds=4))
    for record in records:
        assert record.seconds > 0
        assert record.compile_seconds >= 0
        assert all(seconds > 0 for seconds in record.history["seconds"])
        assert sum(record.history["seconds"]) <= record.seconds
    on_jax = keras.config.backend() == "jax"
    assert (sum(record.compile_seconds for record in records) > 0) == on_jax
