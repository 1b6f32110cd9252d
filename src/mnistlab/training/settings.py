"""One source of configuration: a frozen dataclass, from which come the command's options and
their help, the JSON beside the results, and the way to run the same thing again."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from mnistlab.errors import OptionError
from mnistlab.models.augmentation import AUGMENTATIONS, NONE, parse_augmentation
from mnistlab.models.backend import BACKENDS, default_backend
from mnistlab.models.functions import (
    BATCH_NORMS,
    LOSSES,
    MODELS,
    NORMALIZATIONS,
    OPTIMIZERS,
    SCHEDULES,
    VIEWS,
    check_activation,
    check_name,
    check_schedule,
    find_last_activation,
    is_own,
    loss_choice,
)
from mnistlab.models.recipes import recipe_of
from mnistlab.models.spec import parse_spec


def _option(default: Any, help: str) -> Any:
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True)
class TrainSettings:
    """What is trained and how. The defaults are the tutorial's."""

    dataset: str = _option(
        "mnist", "mnist, fashion-mnist, or a path to your own (IDX, NPZ, folder per class)."
    )
    model: str = _option(
        "mlp",
        f"One of {', '.join(MODELS)}, with options as in mlp:hidden=256x128, or your own: "
        "path/to/file.py:function. What is not given is taken from the model's recipe.",
    )
    optimizer: str = _option("adam", "A Keras optimizer; with options as in sgd:momentum=0.9.")
    learning_rate: float | None = _option(None, "The optimizer's own default, unless given.")
    schedule: str = _option(
        "constant",
        f"Of the learning rate: {', '.join(SCHEDULES)}; with options as in one-cycle:warmup=0.3.",
    )
    loss: str = _option(
        "sparse_categorical_crossentropy", "A Keras loss; the last layer follows from it."
    )
    label_smoothing: float = _option(
        0.0, "Share of each target given to all classes alike, for losses that take it."
    )
    activation: str = _option("relu", "A Keras activation for the hidden layers.")
    last_activation: str | None = _option(
        None,
        "The last layer's; the one that fits the loss, unless given. With linear, cross-entropies "
        "take logits.",
    )
    normalize: str = _option("columns", f"One of {', '.join(NORMALIZATIONS)}.")
    augment: str = _option(
        NONE, f"How images are varied: {', '.join(AUGMENTATIONS)}; as in shift=2,rotate=10."
    )
    epochs: int = _option(3, "How often the training images are gone through.")
    batch_size: int = _option(32, "Images per step.")
    validation: float = _option(
        0.0, "Held out of the training images: a fraction, or a number of images."
    )
    seed: int = _option(1, "Fixes initial weights, batch order and dropout.")
    classes: int | None = _option(
        None, "Number of classes of your own IDX or NPZ; 10 unless given."
    )
    devices: int = _option(
        1, "Divides each batch among so many GPUs, or cores where there is no GPU."
    )
    batch_norm: str = _option(
        "running",
        "BatchNormalization's means and variances in the end: running, as they were trained, or "
        "measured anew on training images that are not varied.",
    )
    views: int = _option(
        1,
        "The saved model's answer is the mean over so many views of an image: 1, or 5 or 9 that "
        "are moved by up to a pixel each way.",
    )
    backend: str | None = _option(
        None, "jax, tensorflow or torch (the last two are extras); KERAS_BACKEND, else jax."
    )

    @classmethod
    def of(cls, model: str = "mlp", **given: Any) -> TrainSettings:
        """Give the settings of a model's recipe, but those that are `given`.

        With another loss goes what the recipe has for its own, and its learning rate with an
        optimizer that is given one.
        """
        name = model.partition(":")[0].strip()  # of mlp:hidden=16, and of file.py:function
        recipe = recipe_of(name).settings()
        if given.get("loss", recipe["loss"]) != recipe["loss"]:
            del recipe["label_smoothing"], recipe["last_activation"]
        if _rate_of(given.get("optimizer", "")) is not None:
            del recipe["learning_rate"]
        return cls(model=model, **recipe | given)

    @property
    def model_name(self) -> str:
        """Give the model's name without its options: of one's own, that of its function."""
        return self.model.rpartition(":")[2] if is_own(self.model) else parse_spec(self.model).name

    @property
    def model_file(self) -> Path | None:
        """Give the user's file of the model, where it is one's own."""
        return Path(self.model.rpartition(":")[0]) if is_own(self.model) else None

    def check(self) -> TrainSettings:
        """Return these settings, with all paths made absolute and the backend named.

        Raises OptionError or UnknownNameError, without importing Keras.
        """
        from mnistlab.data import resolve  # with NumPy, which --help can do without

        self.check_values()
        own_rate = _rate_of(self.optimizer)
        if None not in (own_rate, self.learning_rate) and own_rate != self.learning_rate:
            raise OptionError(
                f"learning-rate is {self.learning_rate:g}, and the optimizer is "
                f"'{self.optimizer}'; give one rate"
            )
        try:
            self.dataset.encode()
        except UnicodeEncodeError:
            raise OptionError(f"the path {self.dataset!a} is not UTF-8; rename it") from None
        found = resolve(self.dataset)
        dataset = str(found.resolve()) if isinstance(found, Path) else found.name
        backend = self.backend or default_backend()
        return replace(self, dataset=dataset, model=absolute(self.model), backend=backend)

    def check_values(self) -> None:
        """Raise OptionError or UnknownNameError unless every name and number can be used."""
        if self.backend is not None or default_backend() not in BACKENDS:
            check_name("backend", self.backend or default_backend(), BACKENDS)
        if self.model.endswith(".py"):
            raise OptionError(
                f"model is {self.model}; say which of its functions: {self.model}:make"
            )
        if not is_own(self.model):
            check_name("model", parse_spec(self.model).name, MODELS)
        check_name("optimizer", parse_spec(self.optimizer).name, OPTIMIZERS)
        check_name("normalization", self.normalize, NORMALIZATIONS)
        check_activation(self.activation)
        find_last_activation(self.loss, self.last_activation)
        check_schedule(self.schedule)
        self._check_compiled()
        check_name("batch-norm", self.batch_norm, BATCH_NORMS)
        if self.views not in VIEWS:
            known = ", ".join(map(str, VIEWS))
            raise OptionError(f"views is {self.views}; it must be one of {known}")
        _check_range("epochs", self.epochs, 1, 1_000_000)
        _check_range("batch-size", self.batch_size, 1, 10_000_000)
        _check_range("seed", self.seed, 0, 2**32 - 1)
        if not 0 <= self.label_smoothing < 1:
            raise OptionError(f"label-smoothing is {self.label_smoothing}; from 0 to below 1")
        if self.label_smoothing and not loss_choice(self.loss).smooths:
            raise OptionError(
                f"the loss '{self.loss}' takes no label smoothing; these do: "
                + ", ".join(name for name, loss in LOSSES.items() if loss.smooths)
            )
        if self.learning_rate is not None and not 0 < self.learning_rate < float("inf"):
            raise OptionError(f"learning-rate is {self.learning_rate}; it must be above 0")
        count = self.validation
        if not (0 <= count < 1 or (count >= 1 and float(count).is_integer())):
            raise OptionError(
                f"validation is {count:g}; give a fraction from 0 to 1 or a number of images"
            )

    def _check_compiled(self) -> None:
        """Raise OptionError unless what only the compiled epoch can do is asked of JAX."""
        _check_range("devices", self.devices, 1, 1024)
        varied = bool(parse_augmentation(self.augment))
        backend = self.backend or default_backend()
        if backend != "jax" and (varied or self.devices > 1):
            asked = "augment" if varied else "devices"
            without = "--augment none" if varied else "--devices 1"
            raise OptionError(f"{asked} is for the jax backend; on {backend} give {without}")

    def command(self) -> str:
        """Write the command that runs these settings again."""
        words = ["mnistlab", "train"]
        usual = TrainSettings.of(self.model)
        for each in fields(self):
            value = getattr(self, each.name)
            changed = value != getattr(usual, each.name)
            if changed or (each.name == "model" and value != each.default):
                value = self._meant(each.name) if value is None else value
                words += [f"--{each.name.replace('_', '-')}", _plain(value)]
        return shlex.join(words)

    def _meant(self, name: str) -> Any:
        """Say what None stands for, where a model's recipe has something else."""
        if name == "last_activation":
            return find_last_activation(self.loss)
        spec = parse_spec(self.optimizer)
        return spec.options.get("learning_rate", OPTIMIZERS[spec.name].default_rate)

    def to_json(self) -> dict[str, Any]:
        """Give plain values, as they stand in `settings.json`."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> TrainSettings:
        """Read what `to_json` gave. Raises TypeError for keys or types that it never gives."""
        settings = cls(**values)
        for each in fields(cls):
            value, kinds = getattr(settings, each.name), str(each.type).split(" | ")
            given = "None" if value is None else type(value).__name__
            if given not in kinds and not (given == "int" and "float" in kinds):
                raise TypeError(f"{each.name} is {value!r:.80}, not {each.type}")
        settings.check_values()
        return settings


def _rate_of(optimizer: str) -> Any:
    """Give the learning rate that is written with an optimizer, as in sgd:learning_rate=0.1."""
    return parse_spec(optimizer).options.get("learning_rate")


def absolute(model: str) -> str:
    """Make the path of the user's own model absolute; others are as they are."""
    if not is_own(model):
        return model
    file, _, function = model.rpartition(":")
    return f"{Path(file).resolve()}:{function}"


def _plain(value: Any) -> str:
    """Write a value so that it is read back as it was."""
    whole = isinstance(value, float) and value.is_integer()
    return str(int(value)) if whole else str(value)


def _check_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise OptionError(f"{name} is {value}; it must be from {low} to {high}")
