"""What the compiled epoch cannot do, in words: such a fit is handed to `model.fit`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np

_BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
)


class HandOver(UserWarning):
    """Says that a fit runs as Keras' own `model.fit`, and why."""


def reason_to_hand_over(
    model: keras.Model, data: Any, validation_data: Any, callbacks: Iterable[Any]
) -> str | None:
    """Say why `model.fit` must do this fit, or None where the compiled epoch can.

    `data` and `validation_data` are nestings of dicts, lists and tuples of what was given.
    """
    if keras.config.backend() != "jax":
        return f"the {keras.config.backend()} backend has no compiled epoch"
    if not (model.run_eagerly or model.jit_compile) and (uncompiled := _uncompiled(model)):
        return f"{uncompiled} cannot be compiled by XLA"
    if model.run_eagerly or not model.jit_compile:
        return "the model was compiled with run_eagerly=True or jit_compile=False"
    if keras.distribution.distribution() is not None:
        return "a keras.distribution is set"
    reason = _reason_in_data(_leaves(data), _leaves(validation_data))
    if reason is not None:
        return reason
    for callback in callbacks:
        if _needs_batches(callback):
            return f"{type(callback).__name__} is called after every batch"
    return None


def _uncompiled(model: keras.Model) -> str | None:
    """Name the first layer that keeps Keras from compiling a model of its own accord."""
    for layer in model._flatten_layers(include_self=False):
        if not getattr(layer, "supports_jit", True):
            return f"the layer {type(layer).__name__}"
    return None


def _reason_in_data(trained_on: list[Any], held_out: list[Any]) -> str | None:
    for leaf in trained_on + held_out:
        if not is_array(leaf):
            return f"data of type {type(leaf).__name__} are not arrays in memory"
    for leaves in (trained_on, held_out):
        if len({len(leaf) for leaf in leaves}) > 1:
            return "the data differ in length"  # Keras has the message for it
    if not trained_on or not len(trained_on[0]):
        return "there are no data"
    if too_large(trained_on + held_out):
        return "the data are larger than the device's memory"
    return None


def _leaves(data: Any) -> list[Any]:
    return [leaf for leaf in keras.tree.flatten(data) if leaf is not None]


def is_array(leaf: Any) -> bool:
    """Tell whether `leaf` is a dense numeric array that can lie on the device."""
    if not hasattr(leaf, "__array__") or not getattr(leaf, "shape", None):
        return False
    return bool(np.issubdtype(np.dtype(leaf.dtype), np.number) or leaf.dtype == bool)


def too_large(leaves: list[Any]) -> bool:
    """Tell whether the arrays would not fit beside the model on an accelerator's memory."""
    import jax

    device = jax.local_devices()[0]
    limit = (device.memory_stats() or {}).get("bytes_limit") if device.platform != "cpu" else None
    return bool(limit) and sum(leaf.nbytes for leaf in leaves) > 0.5 * float(limit or 0)


def _needs_batches(callback: Any) -> bool:
    if isinstance(callback, keras.callbacks.ProgbarLogger):
        return False
    if isinstance(callback, keras.callbacks.ModelCheckpoint):
        return bool(callback.save_freq != "epoch")
    return any(
        hook in vars(callback)
        or getattr(type(callback), hook) is not getattr(keras.callbacks.Callback, hook)
        for hook in _BATCH_HOOKS
    )
