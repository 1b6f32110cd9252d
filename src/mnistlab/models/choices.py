"""What is known of a choice: one dataclass for each kind, filled in by the tables beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Target = Literal["sparse", "one-hot"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What can be named: what it does, where it comes from, and what to beware of.

    `trap` is a line on how it misleads, `refused` the reason why it cannot be used; both may be
    empty.
    """

    what: str
    reference: str
    trap: str = ""
    refused: str = ""


@dataclass(frozen=True, kw_only=True)
class OptimizerChoice(Choice):
    """An optimizer: Keras' class and default rate, and what a fair comparison needs.

    `rates` are the lowest and highest of a log grid of learning rates; of the tutorial's model at
    batch 32 the best one lies well inside. `fair` are the options of a fair start.
    """

    class_name: str
    default_rate: float
    rates: tuple[float, float]
    fair: Mapping[str, float | bool] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LossChoice(Choice):
    """A loss: how labels are encoded for it, and what the last layer must give it.

    `last_activations` are those that fit, first the one that is used unless another is asked for.
    Where `from_logits`, the linear one means that the loss itself applies softmax or sigmoid.
    `needs` says what the loss takes, in words, for whoever asks for an activation that does not
    fit.
    """

    target: Target
    last_activations: tuple[str, ...]
    needs: str
    from_logits: bool = False
    smooths: bool = False
    """Whether Keras' loss takes label smoothing."""

    @property
    def last_activation(self) -> str:
        """The last layer's activation, unless another is asked for."""
        return self.last_activations[0]


@dataclass(frozen=True, kw_only=True)
class ActivationChoice(Choice):
    """An activation; `initializer` is the one made for it, where Keras' own is not."""

    initializer: str = ""
