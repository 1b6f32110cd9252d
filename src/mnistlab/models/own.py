"""The user's own model: a function in a file, called and held to what a model has to be."""

from __future__ import annotations

import runpy
import sys
from contextlib import redirect_stdout
from typing import Any

import keras

from mnistlab.errors import OptionError, brief


def load_own(path: str, last_activation: str, classes: int) -> keras.Model:
    """Call the function in `path/to/file.py:function`; give the model that it builds.

    It takes no arguments and gives a Keras model from raw images (n, 28, 28) to (n, classes),
    whose last layer ends in `last_activation`.

    Raises OptionError for a file or function that is not there, and for what is no such model.
    """
    model = _call(path)
    if not isinstance(model, keras.Model):
        raise OptionError(f"{path} gave {type(model).__name__}, not a Keras model")
    try:
        with redirect_stdout(sys.stderr):
            shape = model.compute_output_shape((None, 28, 28))
            if not model.built:  # a Sequential without its Input
                model.build((None, 28, 28))
            # Layers may raise what their shapes do not tell; nothing is computed.
            some = keras.KerasTensor((2, 28, 28), "float32")
            keras.Operation.compute_output_spec(model, some, training=True)
    except Exception as error:  # noqa: BLE001  # whatever the user's layers raise
        said = str(error).rpartition("Error encountered:")[2]  # in what Keras makes of it
        raise OptionError(
            f"{path}: the model does not take images (n, 28, 28): {brief(said)}"
        ) from None
    if tuple(shape) != (None, classes):
        raise OptionError(f"{path}: the model gives {shape}, not (None, {classes})")
    activation = getattr(model.layers[-1], "activation", None)
    ends = getattr(activation, "__name__", None)
    if ends is not None and ends != last_activation:
        raise OptionError(
            f"{path}: the model ends in {ends}, the loss is given {last_activation}; say "
            f"--last-activation {ends}, or choose another loss"
        )
    return model


def foreign_layers(model: keras.Model) -> list[str]:
    """Name the classes of layers that a saved model cannot be loaded with: the user's, Lambda."""
    layers = [type(layer) for layer in model._flatten_layers(include_self=False)]
    return sorted(
        {
            each.__name__
            for each in layers
            if each is keras.layers.Lambda or not each.__module__.startswith("keras.")
        }
    )


def _call(path: str) -> Any:
    file, _, name = path.rpartition(":")
    try:
        with redirect_stdout(sys.stderr):  # where results go, nothing else does
            found = runpy.run_path(file)
    except OSError as error:
        raise OptionError(f"{file} cannot be read: {error.strerror}") from None
    except (Exception, SystemExit) as error:  # noqa: BLE001  # whatever the user's file raises
        raise OptionError(f"{file} fails: {type(error).__name__}: {brief(error)}") from None
    if not callable(found.get(name)):
        raise OptionError(f"{file} has no function '{name}'")
    try:
        with redirect_stdout(sys.stderr):
            return found[name]()
    except (Exception, SystemExit) as error:  # noqa: BLE001
        raise OptionError(f"{path} fails: {type(error).__name__}: {brief(error)}") from None
