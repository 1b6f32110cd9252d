"""arrays → on the device, past what comes before the first weight: done once, not in every step.

Left out of the loop are the layers before the first weight that give the same output for an image
each time (Rescaling, UnitNormalization, Flatten, ...): they are applied to the whole data once. So
are inputs that no image lights (`unlit.py`).

This is compiled and computed in a thread beside the tracing of the epoch, which has to know the
shapes alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import Any, NamedTuple

import jax
import keras
import numpy as np

from mnistlab.models.replaced import TRACING
from mnistlab.training.unlit import FirstKernel, take_lit

Arrays = Any
"""A nesting of dicts, lists and tuples of arrays with the same first dimension."""

# A layer that is exactly one of these, without weights, has no memory and no randomness.
FIXED_LAYERS = (
    keras.layers.Rescaling,
    keras.layers.UnitNormalization,
    keras.layers.Flatten,
    keras.layers.Reshape,
    keras.layers.Permute,
)
LARGEST_PREPARED_BYTES = 2 << 30


class Prepared(NamedTuple):
    """Data on the device, or under way there: (x,), (x, y) or (x, y, sample_weight)."""

    shapes: Arrays
    coming: Future[Arrays]
    past_fixed: bool = False
    """Whether x has gone through the model's fixed layers."""
    lit: Any = None
    """The numbers of the inputs that x has, int32; None for all."""

    @property
    def arrays(self) -> Arrays:
        """Wait for the data; raises what making them raised."""
        return self.coming.result()

    def beside(self, *more: Any) -> Prepared:
        """Give the same data, waited for, with more arrays after them."""
        return prepared((*self.arrays, *more), self.past_fixed, self.lit)


def prepared(arrays: Arrays, past_fixed: bool = False, lit: Any = None) -> Prepared:
    """Make `Prepared` of arrays that are there."""
    there: Future[Arrays] = Future()
    there.set_result(arrays)
    return Prepared(jax.tree.map(shape_of, arrays), there, past_fixed, lit)


class Preparation:
    """How data are prepared for one compiled, built model."""

    def __init__(self, model: keras.Model, sharding: Any = None) -> None:
        """Split the model; `sharding` says how the arrays lie on several devices."""
        self._sharding = sharding
        self._fixed, self.rest = _split_at_first_weight(model)
        # A GPU is not held up by the work that this saves.
        on_cpu = jax.default_backend() == "cpu"
        self.first = FirstKernel.of(model, self._fixed) if on_cpu else None
        self._apply = jax.jit(self._applied)
        self._lowered: dict[Any, tuple[Any, Callable[[], Any]]] = {}

    @property
    def identity(self) -> tuple[Any, ...]:
        """What is done to x: equal ones give equal arrays."""
        fixed = None if self._fixed is None else json.dumps(self._fixed.get_config()["layers"])
        if self.first is None or self.first.untouched:
            return fixed, self.first is not None
        return fixed, id(self)  # which inputs are left out is its optimizer's own affair

    def prepare(self, arrays: Arrays, raw: bool = False, trains: bool = False) -> Prepared:
        """Put `arrays` on the devices, x past the fixed layers where that fits in memory.

        `raw` keeps x as it is: images that are to be varied. Where they are what the model `trains`
        on, x has only the inputs that are not 0 in all of it, if that changes nothing.
        """
        x, *others = arrays
        if raw or not self._fits(x):
            return prepared(self._on_device(arrays))
        lit = self.first.lit(x) if trains and self.first is not None else None
        if self._fixed is None and lit is None:
            return prepared(self._on_device(arrays))
        others = self._on_device(tuple(others))
        comes, compiled = self._lower(self._shape_on_device(x), lit)

        def make() -> Arrays:
            return compiled()(self._on_device(x), lit), *others

        thread = ThreadPoolExecutor(1)
        coming = thread.submit(make)
        if lit is not None and self.first is not None:
            thread.submit(self.first.compile_widening, lit)
        thread.shutdown(wait=False)
        shapes = (comes, *jax.tree.map(shape_of, others))
        return Prepared(shapes, coming, self._fixed is not None, lit)

    def _on_device(self, arrays: Arrays) -> Arrays:
        return jax.device_put(jax.tree.map(as_keras_casts, arrays), self._sharding)

    def _shape_on_device(self, array: Any) -> jax.ShapeDtypeStruct:
        """Give the shape and dtype that an array will have there, and how it will lie."""
        array = np.asarray(array) if not isinstance(array, jax.Array) else array
        dtype = keras.config.floatx() if array.dtype.kind == "f" else array.dtype
        dtype = jax.dtypes.canonicalize_dtype(dtype)
        return jax.ShapeDtypeStruct(array.shape, dtype, sharding=self._sharding)

    def _lower(self, x: jax.ShapeDtypeStruct, lit: Any) -> tuple[Any, Callable[[], Any]]:
        """Trace the way past the fixed layers; give the shape that comes out, and what compiles.

        Both once for each shape of data.
        """
        key = x.shape, x.dtype, None if lit is None else len(lit)
        if key not in self._lowered:
            with TRACING:
                lowered = self._apply.lower(x, lit)
            self._lowered[key] = shape_of(lowered.out_info), cache(lowered.compile)
        return self._lowered[key]

    def _applied(self, x: Any, lit: Any) -> Any:
        past_fixed = self._fixed or (lambda x: x)
        return past_fixed(x) if lit is None else take_lit(past_fixed, x, lit)

    def _fits(self, x: Any) -> bool:
        """Say whether x fits in memory past the fixed layers."""
        if self._fixed is None:
            return True
        size: int = math.prod(self._fixed.output_shape[1:]) * len(x) * 4
        return size <= LARGEST_PREPARED_BYTES


def shape_of(array: Any) -> jax.ShapeDtypeStruct:
    """Give an array's shape and dtype alone."""
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def as_keras_casts(array: Any) -> Any:
    """Cast floats to `keras.config.floatx()`, as Keras' data adapters do; leave other types."""
    array = np.asarray(array) if not isinstance(array, jax.Array) else array
    return array.astype(keras.config.floatx(), copy=False) if array.dtype.kind == "f" else array


def _split_at_first_weight(model: keras.Model) -> tuple[Any, Any]:
    """Cut a Sequential into its fixed layers and the rest, which share its layers; or None."""
    if type(model) is not keras.Sequential:
        return None, None
    layers = model.layers
    count = next(
        (i for i, a in enumerate(layers) if type(a) not in FIXED_LAYERS or a.weights), len(layers)
    )
    if not 0 < count < len(layers):
        return None, None
    entry = model.inputs[0]
    fixed = keras.Sequential([keras.Input(entry.shape[1:], dtype=entry.dtype), *layers[:count]])
    middle = fixed.outputs[0]
    rest = keras.Sequential([keras.Input(middle.shape[1:], dtype=middle.dtype), *layers[count:]])
    same = same_objects(rest.trainable_variables, model.trainable_variables) and same_objects(
        rest.non_trainable_variables, model.non_trainable_variables
    )
    return (fixed, rest) if same else (None, None)


def same_objects(a: list[Any], b: list[Any]) -> bool:
    """Say whether two lists are of the very same objects."""
    return len(a) == len(b) and all(x is y for x, y in zip(a, b, strict=True))
