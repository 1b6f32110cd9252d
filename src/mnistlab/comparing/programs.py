"""What trials share that differ only in seed and learning rate: a model, its compiled epochs, data.

A trial is a loop that hands a state through the program's epochs. No Keras variable is touched,
so threads can run trials of one program at once, and a trial's numbers are those of
`mnistlab.fit` on one thread, whatever runs beside it. What cannot be compiled (other backends, an
optimizer that finishes its weights after training) is trained by `fit`, one after another.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from mnistlab.comparing.plan import Trial
from mnistlab.data import Dataset
from mnistlab.models.augmentation import parse_augmentation
from mnistlab.models.replaced import TRACING
from mnistlab.training.engine import Batches, fit
from mnistlab.training.handover import reason_to_hand_over
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import build_compiled, encode, hold_out, set_seed

VALIDATION_BATCH = 1000
LOGS = ("loss", "accuracy", "val_loss", "val_accuracy")

Logs = dict[str, float]
History = dict[str, list[float]]
Tested = tuple[float, float, int]
"""Accuracy, loss and n on the test split."""
OnEpoch = Callable[[], None]
"""Called after every epoch of a trial; what it raises ends the trial."""


class Splits:
    """The data of a study, put on the device once for all programs."""

    def __init__(self, dataset: Dataset) -> None:
        """Hold `dataset`; nothing is moved before it is asked for."""
        self.dataset = dataset
        self._on_device: dict[Any, Any] = {}

    def arrays(self, settings: TrainSettings, split: str) -> tuple[Any, Any]:
        """Give images uint8 (n, 28, 28) and encoded labels of train, val or test."""
        data = self.dataset
        if split == "test":
            return data.x_test, encode(settings.loss, data.y_test, data.num_classes)
        y = encode(settings.loss, data.y_train, data.num_classes)
        train, held_out = hold_out(data.x_train, y, settings.validation)
        images, labels = train if split == "train" else held_out
        return images, labels

    def prepared(self, epochs: Any, settings: TrainSettings, split: str) -> Any:
        """Give the split as the compiled epochs want it; shared with who wants the same."""
        x, y = self.arrays(settings, split)
        place = (split, settings.validation if split != "test" else 0)
        trains = split == "train"
        raw = trains and bool(epochs.augmentation)
        how = None if raw else epochs.preparation
        images = self._once((*place, how), lambda: epochs.prepare((x,), raw, trains))
        labels = self._once((*place, y.ndim, "labels"), lambda: keras.ops.convert_to_tensor(y))
        return images.beside(labels)

    def _once(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._on_device:
            self._on_device[key] = make()
        return self._on_device[key]


class Program:
    """One compiled model, whatever the seed and the learning rate."""

    def __init__(self, trial: Trial, splits: Splits) -> None:
        """Build the template model and move its data; the epochs compile when they first run."""
        self._splits, self._settings = splits, trial.settings
        self._build = trial.arm.build or build_compiled
        self._initial: dict[int, Any] = {}
        self._alone = threading.Lock()
        self.model = self._new_model(trial.seed)
        self._scheduled = trial.settings.schedule != "constant"
        self.by_fit = _reason_for_fit(self.model, self._scheduled)
        if self.by_fit is None:
            self._start_engine()

    def _start_engine(self) -> None:
        from mnistlab.training.epoch import EpochProgram

        size = self._settings.batch_size
        x, y = self._splits.arrays(self._settings, "train")
        first = iter([(0, 0, [(x[:size], y[:size])])])
        augmentation = parse_augmentation(self._settings.augment)
        self.epochs = EpochProgram.of(self.model, first, augmentation)
        self._batches = {
            "train": self._batches_of("train", size),
            "val": self._batches_of("val", VALIDATION_BATCH),
            "test": self._batches_of("test", VALIDATION_BATCH),
        }
        self.model.reset_metrics()
        self._metrics = [np.asarray(v.value) for v in self.model.metrics_variables]
        rate = self.model.optimizer._learning_rate
        slots = self.model.optimizer.variables
        # None where it is a schedule, which is compiled in.
        self._rate_at = next((i for i, slot in enumerate(slots) if slot is rate), None)

    def _batches_of(self, split: str, size: int) -> Batches:
        prepared = self._splits.prepared(self.epochs, self._settings, split)
        trains = split == "train"
        varied = trains and bool(self.epochs.augmentation)
        return Batches(prepared, size, shuffle=trains, varied=varied)

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        n = len(self._splits.arrays(self._settings, "train")[0])
        return math.ceil(n / self._settings.batch_size)

    @property
    def compilations(self) -> int:
        """How many epochs were compiled for it: one to train, one to validate, one to test."""
        return 0 if self.by_fit else self.epochs.compilations

    @property
    def compile_seconds(self) -> float:
        """What the calling thread has spent on that, or on waiting for another to."""
        return 0.0 if self.by_fit else self.epochs.compile_seconds

    def run(self, trial: Trial, on_epoch: OnEpoch) -> tuple[History, Tested | None]:
        """Train `trial`; give its history, and its test where it is a tested one.

        The history ends with the epoch whose loss is not finite, and then there is no test.
        """
        if self.by_fit is not None:
            with self._alone:
                return self._run_fit(trial, on_epoch)
        return self._run_compiled(trial, on_epoch)

    def _run_compiled(self, trial: Trial, on_epoch: OnEpoch) -> tuple[History, Tested | None]:
        history: History = {name: [] for name in (*LOGS, "seconds")}
        weights, others, slots = self._initial_state(trial)
        for epoch in range(trial.settings.epochs):
            begun = time.perf_counter() - self.compile_seconds
            order = self._order("train", trial.seed, epoch)
            state = (weights, others, slots, self._metrics)
            (weights, others, slots, _), logs = self.epochs.run("train_step", state, *order)
            trained, validated = _floats(logs), None
            if _is_validated(trial, epoch):
                (weights, others), validated = self._evaluate("val", weights, others)
            _append(history, trained, validated, time.perf_counter() - self.compile_seconds - begun)
            on_epoch()
            if not math.isfinite(trained["loss"]):
                return history, None
        return history, self._test(weights, others) if trial.tested else None

    def run_together(
        self, trials: Sequence[Trial], on_epoch: OnEpoch
    ) -> list[tuple[History, Tested | None]]:
        """Train `trials`, of as many epochs each, as one vectorised program: for a GPU."""
        seeds = [trial.seed for trial in trials]
        state = _stacked([(*self._initial_state(trial), self._metrics) for trial in trials])
        metrics = state[-1]
        histories: list[History] = [{n: [] for n in (*LOGS, "seconds")} for _ in trials]
        for epoch in range(trials[0].settings.epochs):
            begun = time.perf_counter() - self.compile_seconds
            order = self._orders("train", seeds, epoch)
            state = (*state[:3], metrics)
            state, logs = self.epochs.run_many("train_step", state, *order)
            trained = _rows(logs)
            validated: Sequence[Logs | None] = [None] * len(trials)
            if _is_validated(trials[0], epoch):
                (weights, others), validated = self._evaluate_all(
                    "val", state[0], state[1], metrics
                )
                state = (weights, others, *state[2:])
            seconds = (time.perf_counter() - self.compile_seconds - begun) / len(trials)
            for history, one, other in zip(histories, trained, validated, strict=True):
                if all(map(math.isfinite, history["loss"])):
                    _append(history, one, other, seconds)
            on_epoch()
        return self._tested_all(trials, histories, state, metrics)

    def _tested_all(
        self, trials: Sequence[Trial], histories: list[History], state: Any, metrics: Any
    ) -> list[tuple[History, Tested | None]]:
        n = self._batches["test"].n
        whole = [all(map(math.isfinite, history["loss"])) for history in histories]
        wanted = [t.tested and complete for t, complete in zip(trials, whole, strict=True)]
        if not any(wanted):
            return [(history, None) for history in histories]
        _, found = self._evaluate_all("test", state[0], state[1], metrics)
        tested = [(round(logs["accuracy"] * n) / n, logs["loss"], n) for logs in found]
        return [
            (history, each if asked else None)
            for history, each, asked in zip(histories, tested, wanted, strict=True)
        ]

    def _evaluate_all(
        self, split: str, weights: Any, others: Any, metrics: Any
    ) -> tuple[tuple[Any, Any], list[Logs]]:
        count = len(metrics[0])
        order = self._orders(split, [0] * count, 0)
        state, logs = self.epochs.run_many("test_step", (weights, others, metrics), *order)
        return (state[0], state[1]), _rows(logs)

    def _orders(self, split: str, seeds: Sequence[int], epoch: int) -> tuple[Any, Any]:
        batches = self._batches[split]
        orders = [batches.order(epoch, seed) for seed in seeds]
        together = (None if p[0] is None else np.stack(p) for p in zip(*orders, strict=True))
        return batches.data, tuple(together)

    def _order(self, split: str, seed: int, epoch: int) -> tuple[Any, Any]:
        batches = self._batches[split]
        return batches.data, batches.order(epoch, seed)

    def _evaluate(self, split: str, weights: Any, others: Any) -> tuple[tuple[Any, Any], Logs]:
        """Give the same weights back, as those given are donated, and the logs."""
        given = (weights, others, self._metrics)
        state, logs = self.epochs.run("test_step", given, *self._order(split, 0, 0))
        return (state[0], state[1]), _floats(logs)

    def _test(self, weights: Any, others: Any) -> Tested:
        _, logs = self._evaluate("test", weights, others)
        n = self._batches["test"].n
        return round(logs["accuracy"] * n) / n, logs["loss"], n

    def _initial_state(self, trial: Trial) -> tuple[Any, Any, list[Any]]:
        """Give the state that a new model of the trial's seed begins with, and its own rate."""
        with self._alone:
            if trial.seed not in self._initial:
                model = self._new_model(trial.seed)
                groups = (
                    model.trainable_variables,
                    model.non_trainable_variables,
                    model.optimizer.variables,
                )
                self._initial[trial.seed] = [[np.asarray(v.value) for v in g] for g in groups]
        weights, others, slots = self._initial[trial.seed]
        slots = list(slots)
        if self._rate_at is not None:
            slots[self._rate_at] = np.asarray(trial.learning_rate, slots[self._rate_at].dtype)
        return weights, others, slots

    def _new_model(self, seed: int) -> Any:
        with TRACING:
            set_seed(seed)
            return self._build(self._settings, self._splits.dataset)

    def _run_fit(self, trial: Trial, on_epoch: OnEpoch) -> tuple[History, Tested | None]:
        model = self._new_model(trial.seed)
        if not self._scheduled:
            model.optimizer.learning_rate = trial.learning_rate
        history: History = {name: [] for name in (*LOGS, "seconds")}
        x, y = self._splits.arrays(self._settings, "train")
        fit(
            model, x, y, batch_size=self._settings.batch_size, epochs=trial.settings.epochs,
            verbose=0, validation_data=self._splits.arrays(self._settings, "val"),
            validation_batch_size=VALIDATION_BATCH, seed=trial.seed,
            validation_freq=1 if trial.tested else trial.settings.epochs,
            callbacks=[_Recorder(history, on_epoch)], augment=self._settings.augment,
        )  # fmt: skip
        if not trial.tested or not math.isfinite(history["loss"][-1]):
            return history, None
        x, y = self._splits.arrays(self._settings, "test")
        logs = model.evaluate(x, y, batch_size=VALIDATION_BATCH, verbose=0, return_dict=True)
        return history, (round(logs["accuracy"] * len(x)) / len(x), float(logs["loss"]), len(x))


class _Recorder(keras.callbacks.Callback):
    """Keeps the history of a fit, and ends it where the loss is not finite."""

    def __init__(self, history: History, on_epoch: OnEpoch) -> None:
        super().__init__()
        self.history, self.on_done = history, on_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = dict(logs or {})
        validated = None
        if "val_loss" in logs:
            validated = {name: logs[f"val_{name}"] for name in ("loss", "accuracy")}
        _append(self.history, logs, validated, time.perf_counter() - self.begun)
        self.on_done()
        self.model.stop_training = not math.isfinite(logs["loss"])


def _stacked(states: Sequence[Any]) -> Any:
    """Stack nested lists of arrays along a new first axis."""
    return keras.tree.map_structure(lambda *values: np.stack(values), *states)


def _rows(logs: Any) -> list[Logs]:
    """Turn {name: values (n,)} into n logs."""
    columns = {name: np.asarray(values) for name, values in logs.items()}
    count = len(next(iter(columns.values())))
    return [{name: float(values[i]) for name, values in columns.items()} for i in range(count)]


def _floats(logs: Any) -> Logs:
    return {name: float(value) for name, value in logs.items()}


def _is_validated(trial: Trial, epoch: int) -> bool:
    """Say whether `epoch` of `trial` is followed by a validation: of a tuning trial, the last."""
    return trial.tested or epoch == trial.settings.epochs - 1


def _append(history: History, trained: Logs, validated: Logs | None, seconds: float) -> None:
    row = {"loss": trained["loss"], "accuracy": trained["accuracy"], "seconds": seconds}
    if validated is not None:
        row |= {"val_loss": validated["loss"], "val_accuracy": validated["accuracy"]}
    for name, value in row.items():
        history[name].append(float(value))


def _reason_for_fit(model: Any, scheduled: bool) -> str | None:
    """Say why trials of `model` go through `fit`, or None."""
    optimizer = model.optimizer
    own_end = type(optimizer).finalize_variable_values
    if optimizer.use_ema or own_end is not keras.optimizers.Optimizer.finalize_variable_values:
        return "its optimizer finishes the weights after training"
    if not scheduled and not isinstance(optimizer._learning_rate, keras.Variable):
        return "its learning rate is a schedule of its own"
    return reason_to_hand_over(model, [np.zeros(1)], None, ())
