"""A question: an axis, its arms, and how much is spent on them, before and after data are seen."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mnistlab.comparing import plan as planning
from mnistlab.comparing.budget import Pace, Size, given_up, shrink
from mnistlab.comparing.plan import Arm
from mnistlab.data import Dataset, classes_apart
from mnistlab.errors import MissingExtraError, OptionError, UnknownNameError
from mnistlab.training.settings import TrainSettings

VALIDATION = 1 / 6
"""Of the training images, unless said otherwise: MNIST's 10,000."""

OF_A_TRIAL: dict[str, Any] = {"devices": 1, "batch_norm": "running", "views": 1}
"""Settings that are not the recipe's: a trial has one core, and training alone is compared."""


@dataclass(frozen=True)
class Question:
    """What is asked, before data and Keras are loaded."""

    axis: str
    arms: Sequence[Arm]
    protocol: planning.Protocol
    budget: float | None = None
    quick: bool = False
    out: Path | None = None
    command: str = ""
    workers: int | None = None
    """Trials at once; one a core unless given."""
    ray: str | None = None
    """The address of the Ray cluster that runs the trials, or "local" to start one here."""

    def check(self) -> Question:
        """Return it. Raises OptionError for a budget or a number of workers that cannot be, and
        MissingExtraError."""
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise OptionError(f"budget is {self.budget:g} s; it must be above 0")
        if self.workers is not None and not 0 < self.workers <= 1024:
            raise OptionError(f"workers is {self.workers}; it must be from 1 to 1024")
        if self.ray is not None and importlib.util.find_spec("ray") is None:
            raise MissingExtraError("a study on Ray", "ray")
        return self

    @property
    def settings(self) -> TrainSettings:
        """The first arm's."""
        return self.arms[0].settings

    @property
    def size(self) -> Size:
        """How large a study it asks for."""
        tuned = planning.is_tuned(self.axis)
        return Size(len(self.arms), tuned, self.settings.epochs, self.protocol)

    def resized(self, size: Size) -> Question:
        """Ask for a study of another size."""
        arms = [replace(a, settings=replace(a.settings, epochs=size.epochs)) for a in self.arms]
        return replace(self, arms=arms, protocol=size.protocol)


def base_settings(axis: str, given: Mapping[str, Any]) -> TrainSettings:
    """Make the settings that all arms share: of the model's recipe, but for those given.

    The axis itself is not among them.

    Raises OptionError for a setting that is not one, or that a comparison decides itself.
    """
    own = planning.AXES.get(axis)
    if own is not None and own in given:
        raise OptionError(f"the axis is {axis}; leave out --{own.replace('_', '-')}")
    if "learning_rate" in given:
        raise OptionError("the learning rate is tuned for each arm; or compare learning-rate")
    if settled := OF_A_TRIAL.keys() & given.keys():
        raise OptionError(f"a comparison settles {', '.join(sorted(settled))} itself; leave it out")
    try:
        base = TrainSettings.of(**{"validation": VALIDATION, **given})
    except TypeError as error:
        raise OptionError(str(error).partition("() ")[2] or str(error)) from None
    base = replace(base, learning_rate=None, **OF_A_TRIAL)
    if not base.validation:
        raise OptionError("validation is 0; rates are chosen on it, so some must be held out")
    return base


def make_protocol(
    axis: str, amounts: Mapping[str, int | None], seed: int, quick: bool
) -> planning.Protocol:
    """Make the protocol of the `amounts` that were given; the rest as is usual, or quick."""
    chosen = {name: value for name, value in amounts.items() if value is not None}
    if not planning.is_tuned(axis) and chosen.keys() & {"rates", "tuning_seeds"}:
        raise OptionError(f"{axis} has nothing to tune; leave out --rates and --tuning-seeds")
    usual = planning.QUICK if quick else planning.Protocol()
    return replace(usual, **chosen, seed=seed).check()  # type: ignore[arg-type]


def ray_address(on: str | None, address: str | None) -> str | None:
    """Give `Question.ray` of where trials shall run: here, on "ray", or at a cluster's address.

    Raises UnknownNameError for another place, OptionError for an empty address.
    """
    if on not in (None, "ray"):
        raise UnknownNameError("place to run trials", on, ["ray"])
    if address is not None and not address.strip():
        raise OptionError("the address of the Ray cluster is empty; give host:6379, or auto")
    return address or ("local" if on else None)


def with_counted_validation(question: Question, dataset: Dataset) -> Question:
    """Turn a fraction held out into a number of images."""
    held_out = question.settings.validation
    if held_out < 1:
        held_out = float(max(1, round(len(dataset.x_train) * held_out)))
    _check_classes_held_out(dataset, int(held_out))
    arms = [replace(a, settings=replace(a.settings, validation=held_out)) for a in question.arms]
    return replace(question, arms=arms)


def _check_classes_held_out(dataset: Dataset, count: int) -> None:
    """Raise OptionError where a class is only among the images held out, or only outside them."""
    for said in classes_apart(dataset, count).values():
        raise OptionError(said)


def within_budget(question: Question, pace: Pace | None) -> tuple[Question, list[str]]:
    """Shrink the question to its budget, where it has one; say what that, or quick, gives up."""
    size = asked = question.size
    if question.quick:
        asked = replace(asked, epochs=TrainSettings.epochs, protocol=planning.Protocol())
    if question.budget is not None and pace is not None:
        size, _ = shrink(size, question.budget, pace)
    return question.resized(size), given_up(asked, size)
