"""A run from its settings to a trained model in its folder; each epoch leaves a checkpoint."""

from __future__ import annotations

import inspect
import math
import random
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from mnistlab.data import Dataset
from mnistlab.errors import OptionError, RunError, UnknownNameError
from mnistlab.files import atomic_file, sha256
from mnistlab.models.backend import tensorflow_unsought
from mnistlab.models.functions import OPTIMIZERS, loss_choice
from mnistlab.models.initial import made_by_numpy
from mnistlab.models.spec import parse_spec
from mnistlab.models.zoo import (
    PixelStatistics,
    build,
    keras_loss,
    members_of,
    with_probabilities,
    without_probabilities,
)
from mnistlab.training.batch_norm import LARGEST_MEASURED, measure_batch_norm
from mnistlab.training.engine import epoch_order, fit
from mnistlab.training.environment import cores
from mnistlab.training.handover import HandOver
from mnistlab.training.runs import Checkpoint, History, Run
from mnistlab.training.settings import TrainSettings

WARMUP = 0.2
"""The share of steps in which a one-cycle rate rises, unless given."""

FEWEST_DEVICES = 2
"""As many a batch can be divided among anywhere, if need be on one core."""

OnEpoch = Callable[[int, dict[str, float]], None]
"""Called with the number of epochs done and the epoch's logs."""


@dataclass
class Trained:
    """A trained model, its history over all epochs, and where the seconds went."""

    model: keras.Model
    history: History
    seconds: dict[str, float] = field(default_factory=dict)


def new_model(settings: TrainSettings, dataset: Dataset) -> keras.Model:
    """Build the compiled model of `settings` with the initial weights of its seed.

    Raises all that can be wrong with the settings on this data: OptionError, UnknownNameError.
    """
    hold_out(dataset.x_train, dataset.y_train, settings.validation)
    set_seed(settings.seed)
    return build_compiled(settings, dataset)


def train(run: Run, dataset: Dataset, model: keras.Model, on_epoch: OnEpoch) -> Trained:
    """Train the run's `new_model` from its last checkpoint on.

    The test split is not touched. Raises RunError and StorageError; a KeyboardInterrupt leaves
    the last finished epoch to be resumed.
    """
    settings = run.settings
    members = members_of(model)
    history = _restore(run, members)
    built = time.perf_counter()
    x, y = dataset.x_train, encode(settings.loss, dataset.y_train, dataset.num_classes)
    split = hold_out(x, y, settings.validation)
    compiled, done = 0.0, len(history.get("loss", []))
    for number, member in enumerate(members):
        before = number * settings.epochs
        if done <= before + settings.epochs:
            keeper = _Checkpoints(run, members, before, history, on_epoch)
            own = replace(settings, seed=(settings.seed + number) % 2**32)
            compiled += _train_one(member, split, own, max(done - before, 0), keeper)
    if settings.batch_norm == "measured":
        images = split[0][0]
        # Drawn, as data in folders lie class by class, and a batch of one class has statistics of
        # its own.
        images = images[epoch_order(len(images), settings.epochs, settings.seed)[:LARGEST_MEASURED]]
        for member in members:
            measure_batch_norm(member, images)
    trained = time.perf_counter() - built - compiled
    return Trained(model, history, {"compile": compiled, "train": trained})


def _train_one(
    model: keras.Model,
    split: tuple[Any, Any],
    settings: TrainSettings,
    done: int,
    keeper: keras.callbacks.Callback,
) -> float:
    """Train one model on from `done` epochs; give the seconds spent on compiling."""
    if done == settings.epochs:  # stopped after its last: what `fit` does at its end is left to do
        model.optimizer.finalize_variable_values(model.trainable_weights)
        return 0.0
    (x, y), held_out = split
    fitted = fit(
        model, x, y, batch_size=settings.batch_size, epochs=settings.epochs, verbose=0,
        callbacks=[keeper], validation_data=held_out, initial_epoch=done, seed=settings.seed,
        validation_batch_size=1000, augment=settings.augment, devices=usable_devices(settings),
    )  # fmt: skip
    return float(getattr(fitted, "compile_seconds", 0.0))


def usable_devices(settings: TrainSettings) -> int:
    """Give how many devices to divide a batch among: those asked for.

    A recipe's number is of cores, and gives way where JAX has fewer devices, as with one GPU.
    """
    if settings.devices == 1 or settings.devices != TrainSettings.of(settings.model).devices:
        return settings.devices
    import jax

    return min(settings.devices, int(jax.device_count()))


def check_devices(settings: TrainSettings) -> None:
    """Raise OptionError for more devices than there are GPUs, or cores where there is none.

    Two are let pass anywhere: recipes ask for them.
    """
    if settings.devices <= FEWEST_DEVICES:
        return
    import jax

    on_cpu = jax.default_backend() == "cpu"
    here, what = (len(cores()), "cores") if on_cpu else (jax.device_count(), "GPUs")
    if settings.devices > here:
        raise OptionError(f"devices is {settings.devices}; this machine has {here} {what}")


def set_seed(seed: int) -> None:
    """Do what `keras.utils.set_random_seed` does, on JAX without importing TensorFlow for it.

    Keras draws the seeds of initializers and dropout from Python's `random`; its own function
    imports TensorFlow and torch, where they are installed, to seed them too (5 s).
    """
    if keras.config.backend() != "jax":
        keras.utils.set_random_seed(seed)
        return
    random.seed(seed)
    np.random.seed(seed)


def build_compiled(settings: TrainSettings, dataset: Dataset) -> keras.Model:
    """Build and compile the model that `settings` name."""
    pixels = None
    if settings.normalize == "standardize":
        pixels = PixelStatistics(float(dataset.x_train.mean()), float(dataset.x_train.std()))
        if not pixels.std:
            raise OptionError("normalize=standardize: all pixels of the training images are equal")
    with made_by_numpy():
        model = build(
            settings.model,
            normalize=settings.normalize,
            activation=settings.activation,
            loss=settings.loss,
            last_activation=settings.last_activation,
            classes=dataset.num_classes,
            pixels=pixels,
        )
        for member in members_of(model):
            compile_model(member, settings, images=len(dataset.x_train))
    return model


def compile_model(
    model: keras.Model,
    settings: TrainSettings,
    optimizer: Any = None,
    loss: Any = None,
    *,
    images: int = 0,
) -> None:
    """Compile `model` with the optimizer and loss of `settings`, unless others are given.

    Its weights stay. `images`, needed where the rate is scheduled, are those of the training
    split, before any are held out.
    """
    target = loss_choice(settings.loss).target
    accuracy = "sparse_categorical_accuracy" if target == "sparse" else "categorical_accuracy"
    metric = keras.metrics.MeanMetricWrapper(getattr(keras.metrics, accuracy), name="accuracy")
    model.compile(
        optimizer=optimizer or make_optimizer(settings, images),
        loss=loss or keras_loss(settings.loss, settings.last_activation, settings.label_smoothing),
        metrics=[metric],
    )
    model.optimizer.build(model.trainable_variables)


def make_optimizer(settings: TrainSettings, images: int = 0) -> keras.optimizers.Optimizer:
    """Make the optimizer of `settings`, its learning rate scheduled over `images` an epoch.

    Raises OptionError for options it does not take.
    """
    spec = parse_spec(settings.optimizer)
    options = dict(spec.options)
    make = getattr(keras.optimizers, OPTIMIZERS[spec.name].class_name)
    _check_options(settings.optimizer, options, inspect.signature(make).parameters)
    if settings.learning_rate is not None:
        options["learning_rate"] = settings.learning_rate
    if isinstance(options.get("learning_rate"), int):  # Keras takes no 1 for 1.0
        options["learning_rate"] = float(options["learning_rate"])
    if settings.schedule != "constant":
        usual = OPTIMIZERS[spec.name].default_rate
        options["learning_rate"] = make_schedule(
            settings, options.get("learning_rate", usual), images
        )
    try:
        return make(**options)
    except (TypeError, ValueError) as error:
        raise OptionError(f"the optimizer '{settings.optimizer}' cannot be made: {error}") from None


def make_schedule(settings: TrainSettings, rate: float, images: int) -> Any:
    """Make Keras' schedule of the learning rate over all steps of a training, `rate` its most."""
    kept = images - held_out_count(images, settings.validation)
    steps = math.ceil(kept / settings.batch_size) * settings.epochs
    name, options = parse_spec(settings.schedule)
    if name == "cosine":
        return keras.optimizers.schedules.CosineDecay(rate, steps)
    warmup = max(1, round(steps * options.get("warmup", WARMUP)))
    return keras.optimizers.schedules.CosineDecay(
        rate / 25, max(1, steps - warmup), warmup_target=rate, warmup_steps=warmup
    )


def _check_options(optimizer: str, options: Mapping[str, Any], takes: Mapping[str, Any]) -> None:
    """Raise OptionError unless every option is one that is taken, and a number or a boolean."""
    known = [name for name in takes if name not in ("name", "kwargs")]
    for name, value in options.items():
        if name not in known:
            raise UnknownNameError(f"option of '{optimizer}'", name, known)
        if isinstance(value, str) or (value is None and takes[name].default is not None):
            raise OptionError(f"'{optimizer}': {name} is not a number, true or false")


def encode(loss: str, labels: np.ndarray, classes: int) -> np.ndarray:
    """Encode labels (n,) as `loss` wants them: int32 (n,) or one-hot float32 (n, classes)."""
    if loss_choice(loss).target == "sparse":
        return labels.astype(np.int32)
    encoded: np.ndarray = np.eye(classes, dtype=np.float32)[labels]
    return encoded


def hold_out(x: np.ndarray, y: np.ndarray, validation: float) -> tuple[Any, Any]:
    """Cut the last images off to validate on: a fraction below 1, or a number of images.

    Raises OptionError where nothing would be left to train or to validate on.
    """
    if not validation:
        return (x, y), None
    count = held_out_count(len(x), validation)
    if not 0 < count < len(x):
        raise OptionError(
            f"validation is {validation:g}; of {len(x)} images, 1 to {len(x) - 1} can be held out"
        )
    return (x[:-count], y[:-count]), (x[-count:], y[-count:])


def held_out_count(images: int, validation: float) -> int:
    """Count what is held out of `images`: a fraction of them below 1, or that number."""
    return int(validation) if validation >= 1 else round(images * validation)


def save_model(model: keras.Model, run: Run) -> dict[str, str]:
    """Write `model.keras`, from raw images to probabilities; give what `metrics.json` records.

    What was trained on logits gets its softmax or sigmoid, which `load_trained` takes away again.
    """
    settings = run.settings
    saved = with_probabilities(model, settings.loss, settings.last_activation)
    with atomic_file(run.path / "model.keras") as temporary, tensorflow_unsought():
        saved.save(temporary)
    return {"file": "model.keras", "sha256": sha256(run.path / "model.keras")}


def load_model(run: Run) -> keras.Model:
    """Load a run's model after its digest is checked. Nothing in the file is executed."""
    path = run.checked_model()
    try:
        with tensorflow_unsought():
            return keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # noqa: BLE001  # Keras, HDF5 and ZIP raise all sorts
        said = " ".join(str(error).split()) or type(error).__name__
        raise RunError(f"{path} cannot be loaded: {said:.300}") from None


def load_trained(run: Run) -> keras.Model:
    """Load a run's model as its loss takes it: logits, if it was trained on them."""
    return without_probabilities(load_model(run))


def variables_of(members: Sequence[keras.Model]) -> list[Any]:
    """List all that training changes: of each model its variables, then its optimizer's."""
    return [v for model in members for v in (*model.variables, *model.optimizer.variables)]


def _restore(run: Run, members: Sequence[keras.Model]) -> History:
    """Bring the models to the run's last checkpoint; give the history so far."""
    checkpoint = run.load_checkpoint()
    if checkpoint is None:
        return {}
    variables = variables_of(members)
    shapes = [tuple(v.shape) for v in variables]
    if shapes != [value.shape for value in checkpoint.variables]:
        raise RunError(f"{run.path / 'checkpoint.npz'} is of another model than settings.json")
    for variable, value in zip(variables, checkpoint.variables, strict=True):
        variable.assign(value)
    return checkpoint.history


class _Checkpoints(keras.callbacks.Callback):
    """After every epoch: the history grows by a row, a checkpoint is written, progress shown."""

    def __init__(
        self,
        run: Run,
        members: Sequence[keras.Model],
        before: int,
        history: History,
        on_epoch: OnEpoch,
    ) -> None:
        """Go on with `history`, `before` whose end other members were trained."""
        super().__init__()
        self.run, self.members, self.before = run, members, before
        self.history, self.on_epoch = history, on_epoch

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.begun = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = dict(logs or {})
        row = {**logs, "seconds": round(time.perf_counter() - self.begun, 4)}
        for name in ("loss", "accuracy", "val_loss", "val_accuracy", "seconds"):
            if name in row:
                self.history.setdefault(name, []).append(float(row[name]))
        values = [keras.ops.convert_to_numpy(v.value) for v in variables_of(self.members)]
        done = self.before + epoch + 1
        self.run.save_checkpoint(Checkpoint(done, values, self.history))
        self.on_epoch(done, logs)


def quiet_hand_over(backend: str) -> None:
    """Do not warn of what is no surprise: other backends train with `model.fit`."""
    if backend != "jax":
        warnings.simplefilter("ignore", HandOver)
