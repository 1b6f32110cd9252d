"""step → epoch: Keras' own train step, scanned over an epoch in one compiled program.

    step    `model.train_step(state, batch)`: loss, gradients, optimizer, metrics, all Keras'
    epoch   `jax.lax.scan` of the step over an index matrix (steps, batch_size), data on the
            device, state donated; then the smaller last batch, if there is one

What an image goes through before the first weight is left out of the loop (`prepared.py`). Where
images are varied (`augment.py`), they are so after they are gathered and before the first layer.

On several devices the state lies on each, a batch is divided among them, and the compiler adds
what has to be exchanged: sums of gradients, BatchNormalization's means. The numbers are those of
one device but for the order of summation.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, ClassVar

import jax
import keras
import numpy as np

from mnistlab.errors import OptionError
from mnistlab.models import convolutions, initial
from mnistlab.models.augmentation import Augmentation
from mnistlab.models.replaced import TRACING
from mnistlab.training.augment import augment
from mnistlab.training.prepared import Arrays, Preparation, Prepared, same_objects, shape_of

State = tuple[list[Any], ...]
"""Values of trainable, non-trainable, (to train) optimizer, and metric variables, in the order
of Keras' JAX trainer: metrics last."""

Order = tuple[Any, Any, Any]
"""int32 indices of whole batches (steps, batch_size), those of a smaller last one or None, and the
key uint32 (2,) by which images are varied, or None."""

PLAIN = Augmentation()
IN_ORDER: Any = {"xla_cpu_scheduler_type": "CPU_SCHEDULER_TYPE_MEMORY_OPTIMIZED"}
"""How XLA orders what an epoch computes: its other way, for many operations at once, makes one of a
small model longer on two threads."""


class EpochProgram:
    """The compiled epochs of one compiled model: made once, kept while the model lives."""

    _kept: ClassVar[weakref.WeakKeyDictionary[Any, EpochProgram]] = weakref.WeakKeyDictionary()

    def __init__(
        self, model: keras.Model, augmentation: Augmentation = PLAIN, devices: int = 1
    ) -> None:
        """Split the model; nothing is compiled before it is run."""
        self._model: Any = weakref.ref(model)
        self.augmentation, self.devices = augmentation, devices
        self._identity = _identity(model)
        self._everywhere, self._divided = _shardings(devices)
        self._preparing = Preparation(model, self._everywhere)
        self._first = self._preparing.first
        self._jitted = jax.jit(
            self._epoch,
            static_argnums=(0, 1, 2),
            donate_argnums=3,
            in_shardings=self._everywhere,
            out_shardings=self._everywhere,
        )
        self._jitted_many = jax.jit(self._epochs, static_argnums=(0, 1, 2), donate_argnums=3)
        self._compiled: dict[Any, Any] = {}
        self._compiling = threading.Lock()
        self._clock = threading.local()

    @property
    def compile_seconds(self) -> float:
        """What the calling thread has spent on compiling so far, or on waiting for another to."""
        return getattr(self._clock, "seconds", 0.0)

    @property
    def compilations(self) -> int:
        """How many programs were compiled: one for each step and shape of data."""
        return len(self._compiled)

    @property
    def preparation(self) -> tuple[Any, ...]:
        """What `prepare` does to x: equal ones give equal arrays."""
        return self._preparing.identity

    @property
    def prepare(self) -> Callable[..., Prepared]:
        """Put data on the devices: `Preparation.prepare`."""
        return self._preparing.prepare

    @classmethod
    def of(
        cls,
        model: keras.Model,
        first_batch: Iterable[tuple[int, int, Any]],
        augmentation: Augmentation = PLAIN,
        devices: int = 1,
    ) -> EpochProgram:
        """Give the model's program, after building its variables for the shapes of a batch.

        `first_batch` is an iterator as Keras' own: (first step, last step, [arrays]). It is
        asked only if something has yet to be built.
        """
        # The one private call: Keras builds model, loss, metrics and optimizer inside its fit.
        with initial.made_by_numpy():
            model._symbolic_build(iterator=first_batch)
        program = cls._kept.get(model)
        if program is None or not program._is_for(model, augmentation, devices):
            program = cls._kept[model] = cls(model, augmentation, devices)
        return program

    def _is_for(self, model: keras.Model, augmentation: Augmentation, devices: int) -> bool:
        as_made = (self.augmentation, self.devices) == (augmentation, devices)
        return as_made and same_objects(self._identity, _identity(model))

    def train(self, data: Prepared, order: Order) -> dict[str, float]:
        """Train the model on the batches of `order`; give Keras' logs."""
        model = self._model()
        groups = [
            model.trainable_variables,
            model.non_trainable_variables,
            model.optimizer.variables,
            model.metrics_variables,
        ]
        return self._run_on_variables("train_step", groups, data, order)

    def test(self, data: Prepared, order: Order) -> dict[str, float]:
        """Evaluate the model on the same kind of batches; give Keras' logs."""
        model = self._model()
        groups = [
            model.trainable_variables,
            model.non_trainable_variables,
            model.metrics_variables,
        ]
        return self._run_on_variables("test_step", groups, data, order)

    def run(
        self, step: str, state: State, data: Prepared, order: Order
    ) -> tuple[State, dict[str, Any]]:
        """Run an epoch of `step`, train_step or test_step, from `state`; give the next, and logs.

        A function of its arguments alone: no variable of the model is read or written, and
        threads can call it at once. `state` is donated.
        """
        return self._call(self._jitted, step, state, data, order)

    def run_many(
        self, step: str, state: State, data: Prepared, order: Order
    ) -> tuple[State, dict[str, Any]]:
        """Run an epoch for many trainings at once, on the same data, as one vectorised program.

        As `run`, with a leading axis of trainings in all arrays of `state` and `order`, and in
        the logs. For a GPU; on a CPU it is slower than one after another.
        """
        return self._call(self._jitted_many, step, state, data, order)

    def _call(
        self, jitted: Any, step: str, state: State, data: Prepared, order: Order
    ) -> tuple[State, dict[str, Any]]:
        first = self._first if data.lit is not None else None
        # Not in the epoch's own program: of more than a few operations around its loop, XLA sends
        # some, and the loop, to its pool of one thread, where trials wait for each other.
        narrow = state if first is None else first.narrowed(state, data.lit)
        narrow, order = jax.device_put((narrow, order))
        compiled = self._compile(
            jitted, step, data.past_fixed, first is not None, narrow, data.shapes, *order
        )
        # JAX computes in the thread that asks only if all arrays are there: one that is still being
        # copied sends the epoch there too.
        jax.block_until_ready((narrow, order))
        end, logs = compiled(narrow, data.arrays, *order)
        return end if first is None else first.widened(end, data.lit, state), logs

    def _run_on_variables(
        self,
        step: str,
        groups: list[list[Any]],
        data: Prepared,
        order: Order,
    ) -> dict[str, float]:
        self._model().reset_metrics()
        state = tuple([v.value for v in group] for group in groups)
        if self.devices > 1:
            state = jax.device_put(state, self._everywhere)
        state, logs = self.run(step, state, data, order)
        # At once, before waiting for the values: the old ones are donated, and an interrupt
        # from here on finds a model that is whole.
        for group, values in zip(groups, state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        return {name: float(value) for name, value in jax.device_get(logs).items()}

    def _compile(self, jitted: Any, *arguments: Any) -> Any:
        """Compile the epoch for these arguments' shapes ahead of its run, so that it is timed."""
        step, past_fixed, narrow, _, *rest = arguments
        shapes = jax.tree.leaves(jax.tree.map(shape_of, rest))
        key = (jitted is self._jitted, step, past_fixed, narrow, *shapes, len(rest[0]))
        if key not in self._compiled:
            begun = time.perf_counter()
            with self._compiling:
                if key not in self._compiled:
                    with TRACING:
                        lowered = jitted.lower(*arguments)
                    self._compiled[key] = self._built(lowered)
            self._clock.seconds = self.compile_seconds + time.perf_counter() - begun
        return self._compiled[key]

    def _built(self, lowered: Any) -> Any:
        if self.devices == 1 and jax.default_backend() == "cpu":
            # A release of XLA may have no such option.
            with suppress(jax.errors.JaxRuntimeError):
                return lowered.compile(IN_ORDER)
        return lowered.compile()

    def _epoch(
        self, step: str, past_fixed: bool, narrow: bool, state: State, arrays: Arrays, *order: Any
    ) -> tuple[State, dict[str, Any]]:
        """The traced program; `narrow`, x and the state have only the inputs that are lit."""
        with ExitStack() as changed:
            if narrow and self._first is not None:
                changed.enter_context(self._first.of_rows(arrays[0].shape[-1]))
            changed.enter_context(self._forward(past_fixed))
            changed.enter_context(convolutions.patched())
            return self._steps(step, state, arrays, order)

    def _steps(
        self, step_name: str, state: State, arrays: Arrays, batches: Any
    ) -> tuple[State, dict[str, Any]]:
        """Scan over the whole batches of an order, then the smaller last one."""
        order, last, key = batches
        model = self._model()
        step = getattr(model, step_name)
        # Keras' own step logs the metrics' results, which need computing only once, at the end.
        own_logs = getattr(type(model), step_name) is not getattr(keras.Model, step_name)

        def body(state: State, numbered: Any) -> tuple[State, Any]:
            number, indices = numbered
            batch = self._varied(_take(arrays, self._divide(indices)), key, number)
            logs, state = step(state, batch)
            return tuple(map(list, state)), logs if own_logs else None

        logs: Any = None
        if len(order):
            state, every = jax.lax.scan(body, state, (np.arange(len(order)), order))
            logs = jax.tree.map(lambda values: values[-1], every)
        if last is not None:
            state, logs = body(state, (len(order), last))
        return state, logs if own_logs else _results(model, state[-1])

    def _epochs(
        self, step: str, past_fixed: bool, narrow: bool, state: State, arrays: Arrays, *orders: Any
    ) -> tuple[State, dict[str, Any]]:
        """The traced program for many trainings: `_epoch`, vectorised."""

        def one(state: State, *order: Any) -> tuple[State, dict[str, Any]]:
            return self._epoch(step, past_fixed, narrow, state, arrays, *order)

        many: tuple[State, dict[str, Any]] = jax.vmap(one)(state, *orders)
        return many

    def _divide(self, indices: Any) -> Any:
        """Divide a batch among the devices, where it can be: the smaller last one may not."""
        if self.devices == 1 or len(indices) % self.devices:
            return indices
        return jax.lax.with_sharding_constraint(indices, self._divided)

    def _varied(self, batch: Arrays, key: Any, number: Any) -> Arrays:
        """Vary the images of step `number`, if there is a key."""
        if key is None:
            return batch
        of_step = jax.random.fold_in(jax.random.wrap_key_data(key), number)
        return (augment(self.augmentation, of_step, batch[0]), *batch[1:])

    @contextmanager
    def _forward(self, past_fixed: bool) -> Iterator[None]:
        """While tracing, let the model's forward pass begin after its fixed layers."""
        if not past_fixed:
            yield
            return
        attributes = vars(self._model())
        attributes["stateless_call"] = self._preparing.rest.stateless_call
        try:
            yield
        finally:
            del attributes["stateless_call"]


def _shardings(devices: int) -> tuple[Any, Any]:
    """Give how arrays lie on `devices` of them: whole on each, and divided; None for one."""
    if devices == 1:
        return None, None
    found = jax.devices()
    if not 1 <= devices <= len(found):
        raise OptionError(
            f"devices is {devices}; JAX has {len(found)} here, and where it has no GPU as many as "
            "jax_num_cpu_devices says before it starts"
        )
    mesh = jax.sharding.Mesh(np.array(found[:devices]), ("batch",))
    named = [jax.sharding.PartitionSpec(), jax.sharding.PartitionSpec("batch")]
    everywhere, divided = (jax.sharding.NamedSharding(mesh, spec) for spec in named)
    return everywhere, divided


def _results(model: keras.Model, values: list[Any]) -> dict[str, Any]:
    mapping = list(zip(model.metrics_variables, values, strict=True))
    with keras.StatelessScope(state_mapping=mapping):
        return dict(model.get_metrics_result())


def _take(arrays: Arrays, indices: Any) -> Arrays:
    return jax.tree.map(lambda a: a.at[indices].get(mode="promise_in_bounds"), arrays)


def _identity(model: keras.Model) -> list[Any]:
    """List the objects that a program is compiled for: `compile` makes new metrics each time."""
    return [model.optimizer, *model.metrics, *model.trainable_variables]
