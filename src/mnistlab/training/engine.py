"""fit: Keras' `model.fit` around the compiled epoch — callbacks, validation, History.

State is Keras' own variables, read before and written back after every epoch, so that callbacks
see the model as they know it. Limits: JAX backend, arrays in memory, epoch-level callbacks; the
rest goes to `model.fit` (`handover.py`). An interrupt is answered at the end of the epoch.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from mnistlab.errors import OptionError
from mnistlab.models.augmentation import NONE, Augmentation, parse_augmentation
from mnistlab.training.handover import HandOver, reason_to_hand_over
from mnistlab.training.shown import history_html

if TYPE_CHECKING:
    from mnistlab.training.epoch import EpochProgram, Order
    from mnistlab.training.prepared import Arrays, Prepared


OWN_ARGUMENTS = ("model", "seed", "augment", "devices")
"""What `fit` takes and `model.fit` does not."""


# Long for a signature and a docstring that are those of model.fit.
def fit(  # noqa: PLR0913  # the signature is model.fit's
    model: keras.Model,
    x: Any = None,
    y: Any = None,
    batch_size: int | None = None,
    epochs: int = 1,
    verbose: Any = "auto",
    callbacks: Any = None,
    validation_split: float = 0.0,
    validation_data: Any = None,
    shuffle: Any = True,
    class_weight: dict[int, float] | None = None,
    sample_weight: Any = None,
    initial_epoch: int = 0,
    steps_per_epoch: int | None = None,
    validation_steps: int | None = None,
    validation_batch_size: int | None = None,
    validation_freq: Any = 1,
    *,
    seed: int | None = None,
    augment: str | Augmentation = NONE,
    devices: int = 1,
) -> keras.callbacks.History:
    """Train a compiled Keras model, as `model.fit` does with the same arguments, but faster.

    From the same weights and the same state of `numpy.random` (`keras.utils.set_random_seed`)
    it takes the same batches in the same order as `model.fit` on JAX, and follows it to float
    tolerance. With `seed`, which `model.fit` lacks, the order of epoch e depends on (seed, e)
    alone, so that training can be taken up again at any epoch. What cannot be compiled goes to
    `model.fit`, with a `HandOver` warning that says why.

    Args:
        model: a compiled `keras.Model`.
        x: arrays (n, ...), or a dict or list of such.
        y: targets (n, ...), likewise.
        seed: makes the batch order, and how images are varied, functions of (seed, epoch) alone.
        augment: how images, uint8 (n, h, w) or (n, h, w, 1), are varied as they are trained on:
            amounts as in "shift=2,rotate=10".
        devices: divides each batch among so many of JAX's devices.

    Returns: the `keras.callbacks.History`, with the keys and values of `model.fit`'s, and the
    seconds spent on compiling in `compile_seconds` (where the engine did the work).

    Raises: what `model.fit` raises for the same arguments; OptionError for a batch size below 1
    (there a StopIteration without a word), for amounts that cannot be, for images that cannot be
    varied, for more devices than there are, and for `augment` or `devices` where `model.fit` has to
    do the work.
    """
    arguments = {name: value for name, value in locals().items() if name not in OWN_ARGUMENTS}
    if batch_size is not None and batch_size < 1:
        raise OptionError(f"batch_size is {batch_size}; it must be at least 1")
    augmentation = parse_augmentation(augment) if isinstance(augment, str) else augment
    reason = _reason(model, arguments)
    if reason is not None:
        if augmentation or devices > 1:
            raise OptionError(f"augment and devices are for the compiled epoch only: {reason}")
        warnings.warn(f"trained by model.fit: {reason}", HandOver, stacklevel=2)
        return _shown(model.fit(**_seeded(arguments, seed)))
    if augmentation:
        _check_images(x)
    from mnistlab.training.epoch import EpochProgram

    (x, y, sample_weight), validation_data = split_validation(
        (x, y, sample_weight), validation_split, validation_data
    )
    arrays = pack(x, y, weigh_classes(y, class_weight, sample_weight))
    size = batch_size or 32
    first = _first_batch(arrays, size, shuffle and seed is None)
    program = EpochProgram.of(model, first, augmentation, devices)
    varied = bool(augmentation)
    batches = Batches(
        program.prepare(arrays, varied, trains=True), size, bool(shuffle), seed, varied
    )
    held_out = None
    if validation_data is not None:
        prepared = program.prepare(pack(*validation_data))
        held_out = Batches(prepared, validation_batch_size or size)
    listed = callbacks
    if not isinstance(callbacks, keras.callbacks.CallbackList):
        listed = keras.callbacks.CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            verbose=verbose,
            epochs=epochs,
            steps=batches.steps,
            model=model,
        )
    loop = _Loop(model, program, batches, held_out, validation_freq, listed)
    compiled_before = program.compile_seconds
    history = loop.run(range(initial_epoch, epochs))
    history.compile_seconds = program.compile_seconds - compiled_before
    return _shown(history)


def _shown(history: keras.callbacks.History) -> keras.callbacks.History:
    """Have a notebook show a history as a table."""
    history._repr_html_ = partial(history_html, history.history)
    return history


@dataclass
class _Loop:
    """One fit under way."""

    model: keras.Model
    program: EpochProgram
    batches: Batches
    held_out: Batches | None
    validation_freq: int | Sequence[int]
    callbacks: Any

    def run(self, epochs: range) -> keras.callbacks.History:
        """Train through `epochs`, calling what `model.fit` calls, in its order."""
        model, logs = self.model, {}
        model.stop_training = False
        self.callbacks.on_train_begin()
        try:
            for epoch in epochs:
                self.callbacks.on_epoch_begin(epoch)
                logs = self.epoch(epoch)
                self.callbacks.on_epoch_end(epoch, logs)
                if model.stop_training:
                    break
        finally:
            if epochs.stop > 0:
                model.optimizer.finalize_variable_values(model.trainable_weights)
        self.callbacks.on_train_end(logs=logs)
        return model.history

    def epoch(self, epoch: int) -> dict[str, float]:
        """Train one epoch and evaluate on the held-out data, where that is due."""
        logs = self.program.train(self.batches.data, self.batches.order(epoch))
        if self.held_out is not None and self._due(epoch):
            self.callbacks.on_test_begin()
            held_out = self.program.test(self.held_out.data, self.held_out.order(epoch))
            self.callbacks.on_test_end(held_out)
            logs.update({f"val_{name}": value for name, value in held_out.items()})
        return logs

    def _due(self, epoch: int) -> bool:
        if isinstance(self.validation_freq, int):
            return (epoch + 1) % self.validation_freq == 0
        return epoch + 1 in self.validation_freq


@dataclass
class Batches:
    """Data on the device and the index matrices that cut them into batches."""

    data: Prepared
    batch_size: int
    shuffle: bool = False
    seed: int | None = None
    varied: bool = False

    @property
    def n(self) -> int:
        """The number of examples."""
        count: int = keras.tree.flatten(self.data.shapes)[0].shape[0]
        return count

    @property
    def steps(self) -> int:
        """The number of batches, the smaller last one counted."""
        return math.ceil(self.n / self.batch_size)

    def order(self, epoch: int, seed: int | None = None) -> Order:
        """Give an epoch's order; `seed` takes the place of the batches' own."""
        seed = self.seed if seed is None else seed
        indices = epoch_order(self.n, epoch, seed) if self.shuffle else np.arange(self.n)
        indices = indices.astype(np.int32)
        whole = self.n - self.n % self.batch_size
        last = indices[whole:] if whole < self.n else None
        key = _key(epoch, seed) if self.varied else None
        return indices[:whole].reshape(-1, self.batch_size), last, key


def epoch_order(n: int, epoch: int, seed: int | None) -> np.ndarray:
    """Permute range(n): from `numpy.random`'s state, as Keras does, or from (seed, epoch)."""
    if seed is None:
        return np.random.permutation(n)
    return np.random.default_rng([seed, epoch]).permutation(n)


def _key(epoch: int, seed: int | None) -> np.ndarray:
    """Draw what images are varied by: from `numpy.random`'s state, or (seed, epoch)."""
    if seed is None:
        return np.random.randint(0, 2**32, 2, np.uint32)
    return np.array([seed, epoch], np.uint32)


def _check_images(x: Any) -> None:
    """Raise OptionError unless x is raw images, which can be varied."""
    shape = tuple(getattr(x, "shape", ()))
    if len(shape) not in (3, 4) or shape[3:] not in ((), (1,)) or x.dtype != np.uint8:
        given = f"{x.dtype} {shape}" if shape else type(x).__name__
        raise OptionError(f"augment is for uint8 images (n, h, w) or (n, h, w, 1); x is {given}")


def split_validation(data: Any, fraction: float, given: Any) -> tuple[Any, Any]:
    """Cut the last `fraction` off (x, y, sample_weight) to validate on, unless some is given."""
    if given is not None or not fraction:
        return data, given
    n = len(keras.tree.flatten(data)[0])
    cut = math.floor(n * (1 - fraction))

    def part(of: slice) -> Any:
        return keras.tree.map_structure(lambda a: a[of], data, none_is_leaf=False)

    return part(slice(cut)), part(slice(cut, None))


def weigh_classes(y: Any, class_weight: dict[int, float] | None, sample_weight: Any) -> Any:
    """Turn {class: weight} into a weight for each example (n,) float32, as Keras does."""
    if class_weight is None:
        return sample_weight
    labels = np.asarray(y)
    labels = labels.argmax(-1) if labels.ndim > 1 and labels.shape[-1] > 1 else labels.reshape(-1)
    weights = np.ones(len(labels), keras.config.floatx())
    for label, weight in class_weight.items():
        weights[labels == label] = weight
    return weights


def pack(x: Any, y: Any = None, sample_weight: Any = None) -> Arrays:
    """Make the tuple that Keras' train step unpacks."""
    if sample_weight is not None:
        return (x, y, sample_weight)
    return (x,) if y is None else (x, y)


def _first_batch(arrays: Arrays, batch_size: int, permute: bool) -> Iterator[tuple[int, int, Any]]:
    """Yield a batch to build variables from; `permute` as Keras, which shuffles to get at it."""
    if permute:
        np.random.permutation(len(keras.tree.flatten(arrays)[0]))
    from mnistlab.training.prepared import as_keras_casts

    def begin(array: Any) -> Any:
        return as_keras_casts(array[:batch_size])

    yield 0, 0, [keras.tree.map_structure(begin, arrays, none_is_leaf=False)]


def _reason(model: keras.Model, arguments: dict[str, Any]) -> str | None:
    """Say why `model.fit` must do this fit, or None."""
    for name in ("steps_per_epoch", "validation_steps"):
        if arguments[name] is not None:
            return f"{name} is given"
    if not model.compiled:
        return "the model is not compiled"
    if arguments["shuffle"] == "batch":
        return "shuffle='batch'"
    if arguments["class_weight"] is not None and arguments["sample_weight"] is not None:
        return "class_weight and sample_weight are both given"
    callbacks = arguments["callbacks"]
    listed = getattr(callbacks, "callbacks", None) or keras.tree.flatten(callbacks or [])
    fraction = arguments["validation_split"]
    data = [arguments["x"], arguments["y"], arguments["sample_weight"]]
    if not 0 <= fraction < 1 or (fraction and len(keras.tree.flatten(data)[0]) * fraction < 1):
        return f"validation_split={fraction}"
    return reason_to_hand_over(model, data, arguments["validation_data"], listed)


def _seeded(arguments: dict[str, Any], seed: int | None) -> dict[str, Any]:
    """Replace shuffled arrays by batches in the order of (seed, epoch), for `model.fit`."""
    data = (arguments["x"], arguments["y"], arguments["sample_weight"])
    plain = all(isinstance(a, np.ndarray | None) for a in data)
    if seed is None or not plain or arguments["shuffle"] is not True:
        return arguments
    data, held_out = split_validation(
        data, arguments["validation_split"], arguments["validation_data"]
    )
    size, first = arguments["batch_size"] or 32, arguments["initial_epoch"]
    batches = _SeededBatches(pack(*data), size, seed, first)
    return arguments | {
        "x": batches,
        "y": None,
        "sample_weight": None,
        "batch_size": None,
        "shuffle": False,
        "validation_split": 0.0,
        "validation_data": held_out,
        "validation_batch_size": arguments["validation_batch_size"] or size,
    }


class _SeededBatches(keras.utils.PyDataset):
    """Batches of arrays in the engine's order, for Keras' own fit on other backends."""

    def __init__(self, arrays: Any, batch_size: int, seed: int, epoch: int) -> None:
        super().__init__()
        self.arrays, self.batch_size, self.seed, self.epoch = arrays, batch_size, seed, epoch
        self.order = epoch_order(len(arrays[0]), epoch, seed)

    def __len__(self) -> int:
        return math.ceil(len(self.order) / self.batch_size)

    def __getitem__(self, index: int) -> Any:
        chosen = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        return tuple(a[chosen] for a in self.arrays)

    def on_epoch_end(self) -> None:
        self.epoch += 1
        self.order = epoch_order(len(self.order), self.epoch, self.seed)
