"""A command's options out of the settings' fields: one source of configuration."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar, get_type_hints

import typer

from mnistlab.cli.completion import of_setting
from mnistlab.training.settings import TrainSettings

Command = TypeVar("Command", bound=Callable[..., None])


def settings_options(
    leave_out: tuple[str, ...] = (), **changed: Any
) -> Callable[[Command], Command]:
    """Give a command, in the place of its `**options`, an option for each field of TrainSettings.

    But those to `leave_out`; `changed` has another `typer.Option` for some.
    """

    def give(command: Command) -> Command:
        signature = inspect.signature(command)
        hints = get_type_hints(command, include_extras=True)
        own = [
            each.replace(kind=each.KEYWORD_ONLY, annotation=hints[name])
            for name, each in signature.parameters.items()
            if each.kind is not each.VAR_KEYWORD
        ]
        parameters = [*_settings_parameters(leave_out, changed), *own]
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        return command

    return give


def is_typed(context: typer.Context, name: str) -> bool:
    """Say whether the option was given on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _settings_parameters(
    leave_out: tuple[str, ...], changed: dict[str, Any]
) -> list[inspect.Parameter]:
    types = get_type_hints(TrainSettings)
    made = []
    for each in fields(TrainSettings):
        if each.name not in leave_out:
            complete = of_setting(each.name)
            usual = typer.Option(each.default, help=each.metadata["help"], autocompletion=complete)
            option = changed.get(each.name, usual)
            kind = inspect.Parameter.KEYWORD_ONLY
            made.append(
                inspect.Parameter(each.name, kind, default=option, annotation=types[each.name])
            )
    return made
