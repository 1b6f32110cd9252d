"""Run the posts' cells in their order, on one model a seed, through the engine.

Part one → Adam on and on, to the loss at which part two begins → part two, once for each scenario,
each from the weights that the posts would have had there. Compiling again makes a new optimizer
and keeps the weights, as in the posts. Epochs are counted through, so that no two epochs of one
story see the same order of batches.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import keras
import numpy as np

from mnistlab.comparing.posts import (
    PART_ONE,
    PART_TWO,
    SCENARIOS,
    TARGET,
    CellRecord,
    HiddenEpochs,
    Recipe,
    Replay,
    Scenario,
    SeedRecord,
    first_at_or_below,
    hidden_epochs,
)
from mnistlab.data import Dataset
from mnistlab.evaluation.testing import score_model
from mnistlab.training.engine import fit
from mnistlab.training.settings import TrainSettings
from mnistlab.training.train import compile_model, encode, new_model

Weights = list[np.ndarray]

OnCell = Callable[[str, dict[str, float]], None]
"""Called after each cell with what it was and its last logs."""

CELLS_PER_SEED = 2 + len(SCENARIOS) * len(PART_TWO)
"""Part one, the search, and part two in every scenario."""


def replay(
    settings: TrainSettings,
    dataset: Dataset,
    seeds: Sequence[int],
    most_epochs: int,
    on_cell: OnCell,
) -> Replay:
    """Replay the posts once for each seed.

    `settings` are those of part one; `most_epochs` of Adam are trained in search of the loss
    at which part two begins.
    """
    records = tuple(
        replay_seed(replace(settings, seed=seed), dataset, most_epochs, on_cell) for seed in seeds
    )
    return Replay(settings.to_json(), most_epochs, records)


def replay_seed(
    settings: TrainSettings,
    dataset: Dataset,
    most_epochs: int,
    on_cell: OnCell,
    target: float = TARGET,
) -> SeedRecord:
    """Replay the posts with one seed."""
    story = Story(new_model(settings, dataset), settings, dataset, on_cell)
    part_one = story.train(PART_ONE.name, "part one", len(PART_ONE.loss))
    after_part_one = story.weights()
    search, before = story.search(part_one, target, most_epochs)
    scenarios = {}
    for scenario in SCENARIOS:
        epoch, weights = len(PART_ONE.loss), after_part_one
        if scenario.hidden:
            if search.first is None:
                continue
            epoch, weights = epoch + hidden_epochs(search.first), before
        story.go_back(epoch, weights)
        scenarios[scenario.name] = story.part_two(scenario)
    return SeedRecord(settings.seed, part_one, search, scenarios)


@dataclass
class Story:
    """One model, and how many epochs it has had."""

    model: keras.Model
    settings: TrainSettings
    dataset: Dataset
    on_cell: OnCell
    epoch: int = 0
    targets: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Encode the labels once."""
        data = self.dataset
        self.targets = encode(self.settings.loss, data.y_train, data.num_classes)

    def weights(self) -> Weights:
        """Copy the weights."""
        return list(self.model.get_weights())

    def go_back(self, epoch: int, weights: Weights) -> None:
        """Give the model the weights that it had after `epoch` epochs."""
        self.epoch = epoch
        self.model.set_weights(weights)

    def compile(self, recipe: Recipe) -> None:
        """Compile again, as the posts do: a new optimizer, the same weights."""
        settings = replace(
            self.settings, optimizer=recipe.optimizer, learning_rate=recipe.learning_rate
        )
        compile_model(self.model, settings)

    def part_two(self, scenario: Scenario) -> tuple[CellRecord, ...]:
        """Run part two's cells, one after the other, upon the model as it is."""
        records = []
        for cell in PART_TWO:
            self.compile(scenario.recipes[cell.optimizer])
            told = f"{cell.name}, {scenario.title}"
            records.append(self.train(cell.name, told, len(cell.loss)))
        return tuple(records)

    def train(self, cell: str, told: str, epochs: int) -> CellRecord:
        """Train for `epochs` with the optimizer at hand, test, and tell `on_cell` about it."""
        history = self._fit(epochs, [])
        optimizer, test = self.model.optimizer, self.test()
        record = CellRecord(
            cell,
            type(optimizer).__name__.lower(),
            round(float(optimizer.learning_rate), 9),
            tuple(history["loss"]),
            tuple(history["accuracy"]),
            test,
        )
        self._tell(told, {"loss": record.loss[-1], "test": test})
        return record

    def search(
        self, part_one: CellRecord, target: float, most_epochs: int
    ) -> tuple[HiddenEpochs, Weights]:
        """Train on with part one's Adam until an epoch's loss is at or below `target`.

        Returns: what was found, and the weights just before that epoch: those after part one,
        if the loss was as low already.
        """
        losses, kept = part_one.loss, _BeforeTarget(target)
        after_part_one, more = self.weights(), most_epochs - self.epoch
        first = first_at_or_below(losses, target)
        if first is None and more > 0:
            losses = (*losses, *self._fit(more, [kept])["loss"])
            first = first_at_or_below(losses, target)
        before = kept.weights if first is not None and kept.weights else after_part_one
        test = None
        if first is not None:
            self.go_back(len(part_one.loss) + hidden_epochs(first), before)
            test = self.test()
        self._tell(f"{len(losses)} epochs of Adam", {"loss": losses[-1]})
        return HiddenEpochs(losses, first, test), before

    def test(self) -> float:
        """Score the model on the test split."""
        return score_model(self.model, self.dataset, self.settings.loss).accuracy

    def _fit(self, epochs: int, callbacks: list[Any]) -> dict[str, list[float]]:
        fitted = fit(
            self.model, self.dataset.x_train, self.targets, batch_size=self.settings.batch_size,
            epochs=self.epoch + epochs, initial_epoch=self.epoch, verbose=0,
            callbacks=callbacks, seed=self.settings.seed,
        )  # fmt: skip
        history = {name: list(map(float, fitted.history[name])) for name in ("loss", "accuracy")}
        self.epoch += len(history["loss"])
        return history

    def _tell(self, what: str, logs: dict[str, float]) -> None:
        self.on_cell(f"seed {self.settings.seed}, {what}", logs)


class _BeforeTarget(keras.callbacks.Callback):
    """Stops after the first epoch at or below `target`, and keeps the weights from before it."""

    def __init__(self, target: float) -> None:
        super().__init__()
        self.target = target
        self.weights: Weights = []

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.weights = self.model.get_weights()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if (logs or {})["loss"] <= self.target:
            self.model.stop_training = True
