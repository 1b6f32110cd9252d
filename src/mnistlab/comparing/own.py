"""Arms of the user's own: callables that make optimizers or models, beside named choices."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from mnistlab.comparing import plan as planning
from mnistlab.comparing.plan import Arm
from mnistlab.data import Dataset
from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.training.settings import TrainSettings


def own_arms(
    axis: str, choices: Sequence[Any] | Mapping[str, Any], base: TrainSettings
) -> list[Arm]:
    """Make arms of names, and of callables where `choices` is a dict."""
    if isinstance(choices, str):
        choices = [choices]
    if not isinstance(choices, Mapping):
        return planning.make_arms(axis, choices, base)
    if axis not in planning.AXES:
        raise UnknownNameError("axis", axis, planning.AXES)
    if len(choices) < 2:
        raise OptionError("one arm is no comparison; name two or more")
    return [_own_arm(axis, name, value, base) for name, value in choices.items()]


def _own_arm(axis: str, name: str, value: Any, base: TrainSettings) -> Arm:
    # One of Keras' objects: a model, too, can be called.
    if hasattr(value, "get_config") and not isinstance(value, type):
        raise OptionError(
            f"'{name}': {type(value).__name__} is one {axis}, and each trial needs its own; give a "
            "function that makes it"
        )
    if not callable(value):
        return replace(planning.make_arm(axis, str(value), base), name=name)
    if axis not in ("optimizer", "model"):
        raise OptionError(f"'{name}': {axis} takes names; callables make optimizers or models")
    _check_makes(axis, name, value)
    arm = planning.make_arm("optimizer", base.optimizer, base)
    build = _with_optimizer(value) if axis == "optimizer" else _with_model(value)
    return replace(arm, name=name, build=build, fingerprint=arm.fingerprint + _fingerprint(value))


def _check_makes(axis: str, name: str, make: Callable[..., Any]) -> None:
    """Raise OptionError where a function does not take what it will be given."""
    given, told = ([0.1], "the learning rate") if axis == "optimizer" else ([], "nothing")
    try:
        inspect.signature(make).bind(*given)
    except TypeError as error:
        raise OptionError(f"'{name}': the function has to take {told} ({error})") from None
    except ValueError:  # of a built-in one nothing is known
        return


def _with_optimizer(make: Callable[[float], Any]) -> planning.Build:
    def build(settings: TrainSettings, dataset: Dataset) -> Any:
        import keras

        from mnistlab.training.train import build_compiled, compile_model

        model = build_compiled(settings, dataset)
        made = make(settings.learning_rate or 0.001)
        if not isinstance(made, keras.optimizers.Optimizer):
            raise OptionError(f"{make!r} gave {made!r}, which is not a Keras optimizer")
        compile_model(model, settings, made)
        return model

    return build


def _with_model(make: Callable[[], Any]) -> planning.Build:
    def build(settings: TrainSettings, dataset: Dataset) -> Any:
        from mnistlab.training.train import compile_model

        model = make()
        if model.compiled:  # its own optimizer and loss, our metric
            compile_model(model, settings, model.optimizer, model.loss)
        else:
            activation = getattr(model.layers[-1], "activation", None)
            last = getattr(activation, "__name__", "linear")
            settings = replace(settings, last_activation=last)
            compile_model(model, settings, images=len(dataset.x_train))
        return model

    return build


def _fingerprint(function: Callable[..., Any]) -> str:
    """Hash a function's source, or its code, with what it closes over: its trials' identity."""
    return hashlib.sha256(_told(function, set()).encode()).hexdigest()


def _told(value: Any, told: set[int]) -> str:
    """Write down a function or a class, a layer say, with all that its functions close over."""
    if not (inspect.isroutine(value) or inspect.isclass(value)):
        return repr(value)
    if id(value) in told:  # a method closes over its class
        return ""
    told.add(id(value))
    try:
        text = inspect.getsource(value)
    except (OSError, TypeError):
        code = getattr(value, "__code__", None)
        text = repr((code.co_code, code.co_consts)) if code else repr(value)
    inner = list(vars(value).values()) if inspect.isclass(value) else []
    inner = [each for each in inner if inspect.isfunction(each)]
    with suppress(ValueError):  # a cell that is still empty
        inner += [cell.cell_contents for cell in getattr(value, "__closure__", None) or ()]
    return repr((text, [_told(each, told) for each in inner]))
