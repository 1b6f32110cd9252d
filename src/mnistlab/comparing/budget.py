"""How long a study will take, and what to leave out of it to make it fit a budget of seconds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from mnistlab.comparing.plan import Protocol, trial_count
from mnistlab.errors import OptionError

OVERHEAD_SECONDS = 4.0
"""Statistics and report."""
FEWEST_RATES, FEWEST_FINALS = 5, 7
"""Below seven seeds no exact test of three arms can reach p < 0.05 after Holm."""


@dataclass(frozen=True)
class Pace:
    """What was measured on this machine, or read from the trials that are there."""

    epoch_seconds: float
    """Of one trial, with as many at once as will be."""
    compile_seconds: float
    """Of one program."""
    workers: int


@dataclass(frozen=True)
class Size:
    """What a study's time depends on."""

    arms: int
    tuned: bool
    epochs: int
    protocol: Protocol

    @property
    def trials(self) -> int:
        """Trials without extensions."""
        return trial_count(self.arms, self.protocol, self.tuned)

    def seconds(self, pace: Pace) -> float:
        """Give the seconds that are to be expected from nothing."""
        training = self.trials * self.epochs * pace.epoch_seconds / pace.workers
        programs = self.arms if self.tuned else 1
        return training + programs * pace.compile_seconds / pace.workers + OVERHEAD_SECONDS


def shrink(size: Size, budget: float, pace: Pace) -> tuple[Size, list[str]]:
    """Make `size` fit `budget` seconds: fewer epochs first, then rates, then seeds.

    Give what is left, and what that gives up. Raises OptionError where even the smallest study
    does not fit.
    """
    smallest = size
    for smaller in _steps_down(size):
        smallest = smaller
        if smaller.seconds(pace) <= budget:
            return smaller, given_up(size, smaller)
    raise OptionError(
        f"a budget of {budget:g} s is too small: the smallest study of these {size.arms} arms "
        f"({smallest.trials} trainings of 1 epoch) takes about {smallest.seconds(pace):.0f} s here"
    )


def _steps_down(size: Size) -> Iterator[Size]:
    """Yield ever smaller studies, the given one first."""
    yield size
    for epochs in range(size.epochs - 1, 0, -1):
        size = replace(size, epochs=epochs)
        yield size
    protocol = size.protocol
    for rates in range(protocol.rates - 2, FEWEST_RATES - 1, -2) if size.tuned else ():
        protocol = replace(protocol, rates=rates)
        yield replace(size, protocol=protocol)
    if size.tuned:
        for change in ({"tuning_seeds": 1}, {"at_default": False}):
            protocol = replace(protocol, **change)
            yield replace(size, protocol=protocol)
    for seeds in range(protocol.final_seeds - 1, FEWEST_FINALS - 1, -1):
        protocol = replace(protocol, final_seeds=seeds)
        yield replace(size, protocol=protocol)


def given_up(asked: Size, left: Size) -> list[str]:
    """Say in words what `left` lacks of `asked`."""
    a, b = asked.protocol, left.protocol
    said = [(asked.epochs, left.epochs, "epochs a training")]
    if asked.tuned:
        said.append((a.rates, b.rates, "learning rates an arm"))
        said.append((a.tuning_seeds, b.tuning_seeds, "seeds to tune with"))
    said.append((a.final_seeds, b.final_seeds, "final seeds"))
    words = [
        f"{few} {what.replace('s ', ' ', 1) if few == 1 else what}, not {many}"
        for many, few, what in said
        if few < many
    ]
    if asked.tuned and a.at_default and not b.at_default:
        words.append("no trials at Keras' default learning rates")
    return words
