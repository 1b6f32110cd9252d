"""Leave out of an epoch the inputs that are 0 in all its images.

MNIST lights 717 of its 784 pixels. In a Dense layer that sees the pixels, the weights of the others
have gradients of 0, and an optimizer that moves by gradients alone leaves them where they began.
So the epoch without them is the same epoch, and a shorter one: the kernel, and what the optimizer
keeps for it, go through the loop without those rows. Not so where weights move by themselves
(decay, averages, constraints) or by norms over a whole kernel (Lamb).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import jax
import keras
import numpy as np

from mnistlab.models.replaced import replaced

optimizers = keras.optimizers

BY_GRADIENTS = (
    optimizers.SGD,
    optimizers.Adam,
    optimizers.Adagrad,
    optimizers.Adadelta,
    optimizers.Adamax,
    optimizers.Nadam,
    optimizers.RMSprop,
)
"""Where a weight stays that has had no gradient but 0; exactly these classes."""
FROM_ANYWHERE = (optimizers.Adagrad,)
"""Of them, where it stays whatever the optimizer has kept for it."""
SETTINGS = ("weight_decay", "use_ema", "gradient_accumulation_steps", "loss_scale_factor")
"""With one of these it may not."""
CACHED, FEWEST = 1000, 50
"""Images whose inputs are left out at once, so that they stay in the cache, and the fewest."""


@dataclass(frozen=True)
class FirstKernel:
    """A model's first kernel, (inputs, units), and what its optimizer keeps of that shape."""

    layer: Any
    slots: list[Any]
    places: list[tuple[int, int]]
    """Where they are in a state: number of the group, and number in the group."""
    fixed: Any
    """The layers before it, all without weights, or None."""
    any_slots: bool

    @classmethod
    def of(cls, model: Any, fixed: Any) -> FirstKernel | None:
        """Find it in a compiled, built model; None where rows cannot be left out."""
        optimizer = model.optimizer
        before = len(fixed.layers) if fixed is not None else 0
        if type(model) is not keras.Sequential or len(model.layers) <= before:
            return None
        layer = model.layers[before]
        if not _is_plain(layer) or type(optimizer) not in BY_GRADIENTS:
            return None
        if any(getattr(optimizer, name, None) for name in SETTINGS):
            return None
        groups = model.trainable_variables, optimizer.variables
        alike = [
            (group, number)
            for group, variables in zip((0, 2), groups, strict=True)
            for number, variable in enumerate(variables)
            if tuple(variable.shape) == tuple(layer.kernel.shape)
        ]
        # Of one shape with another layer's kernel, slots cannot be told apart.
        if [place for place in alike if place[0] == 0] != [(0, _place(layer.kernel, groups[0]))]:
            return None
        slots = [optimizer.variables[number] for group, number in alike if group == 2]
        return cls(layer, slots, alike, fixed, type(optimizer) in FROM_ANYWHERE)

    def lit(self, x: Any) -> np.ndarray | None:
        """Give the numbers of the inputs, int32, that are not 0 in all of x; None for all.

        `x` (n, ...) of integers or floats is as it goes into the fixed layers.
        """
        x = np.ascontiguousarray(x)
        if x.itemsize > 8:  # longer floats: no integers of that length
            return None
        bits = x.view(f"u{x.itemsize}")  # -0.0 counts as lit, which is no harm
        found = np.bitwise_or.reduce(bits, axis=0) != 0
        moved = _through(self.fixed, found[None])
        if moved is None or moved.all() or not moved.any():
            return None
        if not self._stay(~moved[0]):
            return None
        return np.flatnonzero(moved[0]).astype(np.int32)

    @property
    def untouched(self) -> bool:
        """Say whether the optimizer has kept nothing yet that moves a weight."""
        return self._stay(slice(None))

    def _stay(self, rows: Any) -> bool:
        return self.any_slots or not any(np.asarray(s.value)[rows].any() for s in self.slots)

    def narrowed(self, state: Any, lit: Any) -> Any:
        """Give `state` without the rows that are not `lit`; those of `state` are not donated."""
        return self._changed(state, lambda whole, _: np.asarray(whole)[..., lit, :], state)

    def widened(self, state: Any, lit: Any, whole: Any) -> Any:
        """Give `state` with the rows of `whole` that are not `lit`."""
        return self._changed(state, lambda rows, full: _with_rows(full, lit, rows), whole)

    def compile_widening(self, lit: Any) -> None:
        """Compile what `widened` needs, ahead of it."""
        whole = np.zeros(self.layer.kernel.shape, self.layer.kernel.dtype)
        _with_rows(whole, lit, whole[: len(lit)])

    def _changed(self, state: Any, change: Any, beside: Any) -> Any:
        groups = [list(group) for group in state]
        for group, number in self.places:
            groups[group][number] = change(groups[group][number], beside[group][number])
        return tuple(groups)

    @contextmanager
    def of_rows(self, count: int) -> Iterator[None]:
        """While tracing, let kernel and slots have so many rows: Keras checks shapes."""
        places: list[tuple[Any, str, Any]] = [
            (variable, "_shape", lambda shape: (count, *shape[1:]))
            for variable in (self.layer.kernel, *self.slots)
        ]
        any_width = keras.layers.InputSpec(min_ndim=2)
        with replaced(*places, (self.layer, "_input_spec", lambda _: any_width)):
            yield


def _set_rows(whole: Any, lit: Any, rows: Any) -> Any:
    return whole.at[..., lit, :].set(rows)


_with_rows = jax.jit(_set_rows)
"""Give an array (..., inputs, units) with other rows of these numbers; not waited for."""


def take_lit(past_fixed: Callable[[Any], Any], x: Any, lit: Any) -> Any:
    """Give the `lit` inputs (n, lit) of `past_fixed(x)`."""

    def some(images: Any) -> Any:
        return past_fixed(images).at[:, lit].get(mode="promise_in_bounds")

    part = math.gcd(len(x), CACHED)
    if part < FEWEST:
        return some(x)
    return jax.lax.map(some, x.reshape(-1, part, *x.shape[1:])).reshape(len(x), -1)


def _is_plain(layer: Any) -> bool:
    if type(layer) is not keras.layers.Dense or not layer.trainable:
        return False
    extras = ("kernel_regularizer", "kernel_constraint", "lora_enabled", "quantization_mode")
    return not any(getattr(layer, name, None) for name in extras)


def _place(variable: Any, among: list[Any]) -> int:
    return next((number for number, other in enumerate(among) if other is variable), -1)


def _through(fixed: Any, lit: np.ndarray) -> np.ndarray | None:
    """Move marks (1, ...) as fixed layers move pixels, to (1, inputs); None if 0 is not kept."""
    layers = keras.layers
    for layer in fixed.layers if fixed is not None else ():
        if isinstance(layer, layers.Rescaling):
            if np.any(layer.offset):
                return None
        elif isinstance(layer, layers.Permute):
            lit = lit.transpose(0, *layer.dims)
        elif isinstance(layer, layers.Flatten | layers.Reshape):
            lit = lit.reshape(1, *layer.output.shape[1:])
    return lit if lit.ndim == 2 else None
