"""What the tutorial's two posts ran and printed, and what a replay of them holds. No Keras here.

The cells stand in the posts' order. Part two compiles the model of part one again and again and
never builds another, so every cell trains on from where the one before it stopped.

That Keras is 2.2, told by its progress lines (`acc`, microseconds a step). Its defaults, from its
`optimizers.py`: Adam 0.001; Adagrad 0.01, accumulators from 0; Adadelta 1.0, rho 0.95; epsilon
1e-7 in all three. Its Adagrad divides by sqrt(a) + epsilon, today's by sqrt(a + epsilon). Today's
with epsilon 1e-14 is the same where a is 0 and where a is large, and never differs by more than a
factor of sqrt(2), which matters only where sqrt(a) is near 1e-7.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Quantity = Literal["loss", "accuracy"]


@dataclass(frozen=True)
class Cell:
    """One training cell of the posts: its optimizer, and the figures it printed, one an epoch."""

    name: str
    optimizer: str
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]


PART_ONE = Cell("part one", "adam", (0.2667, 0.1104, 0.0744), (0.9229, 0.9659, 0.9770))
PART_TWO = (
    Cell("adam", "adam", (0.0159, 0.0126, 0.0123), (0.9945, 0.9957, 0.9956)),
    Cell("adagrad", "adagrad", (0.0049, 4.2605e-4, 2.2515e-4), (0.9984, 1.0, 1.0)),
    Cell("adadelta", "adadelta", (1.9908e-4, 1.1549e-4, 7.7711e-5), (1.0, 1.0, 1.0)),
)
CELLS = (PART_ONE, *PART_TWO)
TARGET = PART_TWO[0].loss[0]
"""The training loss at which part two begins."""


@dataclass(frozen=True)
class Recipe:
    """An optimizer as `TrainSettings` names it; without a rate, Keras' own default."""

    optimizer: str
    learning_rate: float | None = None


@dataclass(frozen=True)
class Scenario:
    """One way to run part two: with whose defaults, and from which model."""

    name: str
    title: str
    recipes: Mapping[str, Recipe]
    hidden: bool = False
    """Whether it begins after the epochs that the posts do not show, or right after part one."""


KERAS_2 = {
    "adam": Recipe("adam:epsilon=1e-07", 0.001),
    "adagrad": Recipe("adagrad:initial_accumulator_value=0.0,epsilon=1e-14", 0.01),
    "adadelta": Recipe("adadelta:rho=0.95,epsilon=1e-07", 1.0),
}
TODAY = {name: Recipe(name) for name in KERAS_2}
SCENARIOS = (
    Scenario("then", "that Keras", KERAS_2),
    Scenario("today", "today's Keras", TODAY),
    Scenario("hidden", "+ hidden epochs", KERAS_2, hidden=True),
)


@dataclass(frozen=True)
class CellRecord:
    """One cell as run here: a value an epoch, and the test split after the last."""

    cell: str
    optimizer: str
    learning_rate: float
    loss: tuple[float, ...]
    accuracy: tuple[float, ...]
    test_accuracy: float


@dataclass(frozen=True)
class HiddenEpochs:
    """Part one's Adam trained on and on, until its loss is where part two begins."""

    loss: tuple[float, ...]
    """A value an epoch from the first of part one; the last is the first at or below the target,
    unless `first` is None."""
    first: int | None
    """That epoch, from 1; None where the search ended before it."""
    test_accuracy: float | None
    """Of the model just before that epoch."""

    @property
    def hidden(self) -> int | None:
        """How many epochs the model had that neither post shows."""
        return None if self.first is None else hidden_epochs(self.first)


@dataclass(frozen=True)
class SeedRecord:
    """Everything of one seed; `scenarios` maps a scenario's name to part two's cells."""

    seed: int
    part_one: CellRecord
    search: HiddenEpochs
    scenarios: Mapping[str, tuple[CellRecord, ...]]


@dataclass(frozen=True)
class Replay:
    """The whole replay."""

    settings: dict[str, Any]
    most_epochs: int
    seeds: tuple[SeedRecord, ...]
    target: float = TARGET
    seconds: dict[str, float] = field(default_factory=dict)

    def cells(self, scenario: str, cell: str) -> tuple[CellRecord, ...]:
        """Give a cell's records, one a seed; those of part one whatever the scenario."""
        if cell == PART_ONE.name:
            return tuple(record.part_one for record in self.seeds)
        return tuple(
            each
            for record in self.seeds
            for each in record.scenarios.get(scenario, ())
            if each.cell == cell
        )

    def spread(self, scenario: str, cell: str, quantity: Quantity, epoch: int) -> Spread:
        """Give the spread over the seeds of `quantity` in the cell's epoch, counted from 0."""
        return spread(getattr(r, quantity)[epoch] for r in self.cells(scenario, cell))

    def test_spread(self, scenario: str, cell: str) -> Spread:
        """Give the spread of the test accuracy after a cell."""
        return spread(record.test_accuracy for record in self.cells(scenario, cell))

    def start_spread(self, scenario: Scenario) -> Spread:
        """Give the spread of the test accuracy of the models that part two begins with."""
        if not scenario.hidden:
            return self.test_spread(scenario.name, PART_ONE.name)
        found = (record.search.test_accuracy for record in self.seeds)
        return spread(value for value in found if value is not None)

    def to_json(self) -> dict[str, Any]:
        """Give plain values: the posts' figures, ours beside them, and every seed's."""
        return {
            "settings": self.settings,
            "n": len(self.seeds),
            "target": self.target,
            "most_epochs": self.most_epochs,
            "posts": [asdict(cell) for cell in CELLS],
            "scenarios": [asdict(scenario) for scenario in SCENARIOS],
            "ours": [self._ours(cell, s) for cell in CELLS for s in SCENARIOS],
            "seeds": [_seed_document(record) for record in self.seeds],
            "seconds": self.seconds,
        }

    def _ours(self, cell: Cell, scenario: Scenario) -> dict[str, Any]:
        epochs = range(len(cell.loss))
        document: dict[str, Any] = {"cell": cell.name, "scenario": scenario.name}
        for quantity in ("loss", "accuracy"):
            spreads = [self.spread(scenario.name, cell.name, quantity, e) for e in epochs]
            document[quantity] = [asdict(each) for each in spreads]
        if cell is PART_ONE:
            test = self.start_spread(scenario)
        else:
            test = self.test_spread(scenario.name, cell.name)
        return {**document, "test_accuracy": asdict(test)}


@dataclass(frozen=True)
class Spread:
    """Mean, standard deviation (n - 1; NaN of one value), least and most of n values."""

    mean: float
    sd: float
    least: float
    most: float
    n: int


def spread(values: Iterable[float]) -> Spread:
    """Summarise values; what is not finite makes the mean so too. Of none, all is NaN.

    >>> spread([1.0, 2.0, 3.0])
    Spread(mean=2.0, sd=1.0, least=1.0, most=3.0, n=3)
    """
    found = list(values)
    if not found or not all(map(math.isfinite, found)):
        return Spread(math.nan, math.nan, math.nan, math.nan, len(found))
    sd = statistics.stdev(found) if len(found) > 1 else math.nan
    return Spread(statistics.fmean(found), sd, min(found), max(found), len(found))


def first_at_or_below(losses: Sequence[float], target: float) -> int | None:
    """Find the first epoch, counted from 1, whose loss is at or below `target`.

    >>> first_at_or_below([0.3, 0.02, 0.01, 0.02], 0.02)
    2
    """
    return next((e for e, loss in enumerate(losses, start=1) if loss <= target), None)


def hidden_epochs(first: int) -> int:
    """Count the epochs between part one and epoch `first`; none if it is one of part one's.

    >>> hidden_epochs(15)
    11
    """
    return max(first - 1 - len(PART_ONE.loss), 0)


def _seed_document(record: SeedRecord) -> dict[str, Any]:
    document = asdict(record)
    document["search"]["hidden"] = record.search.hidden
    return document
