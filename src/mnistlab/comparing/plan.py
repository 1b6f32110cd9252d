"""What a study will do, before it does it: arms, learning rates, seeds, trials. No Keras here.

    axis and choices → `Arm`s, each with the range of learning rates that is its own
    `Protocol`       → how many rates, seeds and epochs; what a budget made of them
    `Trial`          → the settings of one training, and the key under which it is kept

The protocol is that of Choi et al. (2019), "On empirical comparisons of optimizers for deep
learning", and of Google's tuning playbook: the axis is scientific, the learning rate a nuisance
that each arm has tuned with the same number of trials, all else is fixed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mnistlab.errors import OptionError, UnknownNameError
from mnistlab.models import functions
from mnistlab.models.spec import Spec, parse_spec
from mnistlab.training.settings import TrainSettings, absolute

AXES: dict[str, str] = {
    "optimizer": "optimizer",
    "loss": "loss",
    "activation": "activation",
    "model": "model",
    "learning-rate": "learning_rate",
    "batch-size": "batch_size",
    "normalize": "normalize",
}
"""What can be compared, and the setting that it is."""

TUNING_SEEDS_FROM = 1_000_000
"""Added to the study's seed: tuning and final trials share no seed."""
LARGEST_STEP = 10.0
"""Between rates that are added: of a grid of few rates three steps of its own go far astray."""
EXTENSION = 3
"""Rates added to every arm where a best rate lies on the edge of its grid."""

Build = Callable[[TrainSettings, Any], Any]
"""(settings, dataset) → a compiled Keras model, its optimizer built."""


@dataclass(frozen=True)
class Arm:
    """One of the things compared."""

    name: str
    settings: TrainSettings
    """With no learning rate, but on the learning-rate axis."""
    rates: tuple[float, float] = (0.0, 0.0)
    """Lowest and highest of the learning-rate grid."""
    default_rate: float = 0.0
    build: Build | None = None
    """The user's own."""
    fingerprint: str = ""
    """Of the code that is the user's own: a callable's, a `path.py:function`'s."""


@dataclass(frozen=True)
class Protocol:
    """How much is spent on each arm."""

    rates: int = 11
    tuning_seeds: int = 2
    final_seeds: int = 10
    at_default: bool = True
    extensions: int = 2
    seed: int = 1

    def check(self) -> Protocol:
        """Return it. Raises OptionError for numbers that make no study."""
        limits = {"rates": (2, 101), "tuning_seeds": (1, 100), "final_seeds": (2, 1000)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                shown = {"final_seeds": "seeds"}.get(name, name.replace("_", "-"))
                raise OptionError(f"{shown} is {value}; it must be from {low} to {high}")
        if not 0 <= self.seed < TUNING_SEEDS_FROM - self.final_seeds:
            raise OptionError(f"seed is {self.seed}; it must be from 0 to {TUNING_SEEDS_FROM:,}")
        return self

    @property
    def seeds_of_tuning(self) -> list[int]:
        """The seeds of tuning trials."""
        return [TUNING_SEEDS_FROM + self.seed + i for i in range(self.tuning_seeds)]

    @property
    def seeds_of_finals(self) -> list[int]:
        """The seeds of final trials."""
        return [self.seed + i for i in range(self.final_seeds)]


QUICK = Protocol(rates=7, tuning_seeds=1, final_seeds=7, at_default=False)
QUICK_EPOCHS = 1
"""With this many epochs: an answer in a tenth of the time, to a coarser question."""


@dataclass(frozen=True)
class Trial:
    """One training of a study."""

    arm: Arm
    seed: int
    learning_rate: float
    tested: bool
    """Whether the test split is scored at the end: final trials only."""

    @property
    def settings(self) -> TrainSettings:
        """What `mnistlab train` would take to train the same."""
        return replace(self.arm.settings, seed=self.seed, learning_rate=self.learning_rate)

    @property
    def program(self) -> str:
        """What is equal for trials that share a program: all but seed, learning rate, epochs.

        A schedule is compiled in, with its rate and its length.
        """
        fixed = replace(self.settings, seed=0)
        if self.arm.settings.schedule == "constant":
            fixed = replace(fixed, learning_rate=None, epochs=1)
        return json.dumps([fixed.to_json(), self.arm.fingerprint], sort_keys=True)

    def key(self, data_digest: str, versions: dict[str, str]) -> str:
        """Hash all that the trial's numbers depend on."""
        about = {
            "settings": self.settings.to_json(),
            "arm": self.arm.fingerprint,
            "tested": self.tested,
            "data": data_digest,
            "versions": {k: v for k, v in versions.items() if k in DEPENDS_ON},
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:32]


DEPENDS_ON = ("mnistlab", "keras", "jax", "jaxlib", "tensorflow", "tensorflow-cpu", "torch")
"""Packages whose other version makes other numbers."""


def make_arms(axis: str, choices: Sequence[Any], base: TrainSettings) -> list[Arm]:
    """Make the arms of `axis`; `choices` are names, numbers as text, or ["all"].

    Raises UnknownNameError or OptionError for an axis, a choice, or a set of them that cannot be
    compared.
    """
    if axis not in AXES:
        raise UnknownNameError("axis", axis, AXES)
    names = [str(choice) for choice in choices]
    if names == ["all"]:
        names = every_choice(axis)
    if not names:
        raise OptionError(f"nothing to compare; name two or more, as in: {_example(axis)}")
    if len(names) == 1:
        raise OptionError(
            f"one arm ('{names[0]}') is no comparison; name two or more, as in: {_example(axis)}"
        )
    if "all" in names:
        raise OptionError("'all' stands for every choice; give it alone")
    if axis == "activation" and _named(base.model).name == "linear":
        raise OptionError("the model 'linear' has no hidden layer whose activation could differ")
    _refuse_duplicates(names)
    return [make_arm(axis, name, base) for name in names]


def every_choice(axis: str) -> list[str]:
    """List what `all` stands for: what fits this task, refused choices left out."""
    known: dict[str, Iterable[str]] = {
        "optimizer": functions.OPTIMIZERS,
        "loss": (name for name, loss in functions.LOSSES.items() if not loss.refused),
        "activation": (name for name, each in functions.ACTIVATIONS.items() if not each.refused),
        "model": (name for name in functions.MODELS if name != functions.ENSEMBLE),
        "normalize": functions.NORMALIZATIONS,
    }
    if axis not in known:
        raise OptionError(f"'all' means nothing for {axis}; name values, as in: {_example(axis)}")
    return list(known[axis])


def make_arm(axis: str, name: str, base: TrainSettings) -> Arm:
    """Make one arm, its values checked."""
    value: Any = name
    if axis in ("learning-rate", "batch-size"):
        kind = float if axis == "learning-rate" else int
        try:
            value = kind(name)
        except ValueError:
            what = "a number" if axis == "learning-rate" else "a whole number"
            raise OptionError(f"{axis} '{name}' is not {what}") from None
    if axis == "model":
        value = absolute(name)
    settings = replace(base, **{AXES[axis]: value})
    settings = replace(settings, last_activation=_last_activation(settings))
    settings.check_values()
    if _named(settings.model).name == functions.ENSEMBLE:
        raise OptionError("an ensemble is many trainings, a trial is one; compare its member")
    spec = parse_spec(settings.optimizer)
    if "learning_rate" in spec.options:
        raise OptionError(
            f"'{settings.optimizer}': the learning rate is tuned for every arm; to compare given "
            "ones: mnistlab compare learning-rate 0.001 0.01"
        )
    choice = functions.OPTIMIZERS[spec.name]
    own = _fingerprint(settings.model)
    if axis == "learning-rate":
        return Arm(name, settings, (value, value), value, fingerprint=own)
    if axis == "optimizer":
        settings = replace(settings, optimizer=fair_spec(settings.optimizer))
    return Arm(name, settings, choice.rates, choice.default_rate, fingerprint=own)


def _fingerprint(model: str) -> str:
    """Hash the file of the user's own model; "" for others, and for none, of which building says
    what is wrong."""
    path = Path(model.rpartition(":")[0])
    if not functions.is_own(model) or not path.is_file():
        return ""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _last_activation(settings: TrainSettings) -> str | None:
    """Prefer logits: what they do not clip, training can mend."""
    if settings.last_activation is not None:
        return settings.last_activation
    return functions.preferred_last_activation(settings.loss)


def fair_spec(optimizer: str) -> str:
    """Add to an optimizer's spec the options of a fair start, where it leaves them open.

    >>> fair_spec("adamw:beta_1=0.8")
    'adamw:beta_1=0.8,weight_decay=0.0'
    """
    spec = parse_spec(optimizer)
    options = {**spec.options}
    for name, value in functions.OPTIMIZERS[spec.name].fair.items():
        options.setdefault(name, value)
    text = ",".join(f"{name}={_plain(value)}" for name, value in options.items())
    return f"{spec.name}:{text}" if text else spec.name


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def grid(rates: tuple[float, float], count: int) -> list[float]:
    """Space `count` learning rates evenly on a log scale, rounded to three digits.

    >>> grid((1e-4, 1e-1), 4)
    [0.0001, 0.001, 0.01, 0.1]
    """
    return [_rounded(rate) for rate in np.geomspace(*rates, count)]


def extend(rates: Sequence[float], downwards: bool) -> list[float]:
    """Give EXTENSION more rates beyond one end of a grid, at its own spacing, or ten times apart.

    >>> extend([0.001, 0.01, 0.1], downwards=False)
    [1.0, 10.0, 100.0]
    >>> extend([0.001, 1.0], downwards=True)
    [0.0001, 1e-05, 1e-06]
    """
    ordered = sorted(rates)
    step = min((ordered[-1] / ordered[0]) ** (1 / (len(ordered) - 1)), LARGEST_STEP)
    edge = ordered[0] if downwards else ordered[-1]
    return [_rounded(edge * step ** (-i if downwards else i)) for i in range(1, EXTENSION + 1)]


def tuning_trials(arms: Sequence[Arm], rates: Sequence[list[float]], plan: Protocol) -> list[Trial]:
    """List tuning trials, arms by turns, so that no arm has the machine's better hours."""
    trials = [
        Trial(arm, seed, rate, tested=False)
        for place in range(max(map(len, rates)))
        for seed in plan.seeds_of_tuning
        for arm, own in zip(arms, rates, strict=True)
        for rate in own[place : place + 1]
    ]
    return list(dict.fromkeys(trials))


def final_trials(arms: Sequence[Arm], rates: Sequence[float], plan: Protocol) -> list[Trial]:
    """List final trials at one rate an arm, arms by turns."""
    return [
        Trial(arm, seed, rate, tested=True)
        for seed in plan.seeds_of_finals
        for arm, rate in zip(arms, rates, strict=True)
    ]


def is_tuned(axis: str) -> bool:
    """Say whether each arm's learning rate is tuned: but where it is what is compared."""
    return axis != "learning-rate"


def trial_count(arms: int, plan: Protocol, tuned: bool) -> int:
    """Count the trials of a study without extensions."""
    finals = plan.final_seeds * (1 + plan.at_default) if tuned else plan.final_seeds
    return arms * (finals + plan.rates * plan.tuning_seeds * tuned)


def _refuse_duplicates(names: list[str]) -> None:
    seen: dict[Any, str] = {}
    for name in names:
        spec = _named(name)
        same = (_number_or_text(spec.name), *sorted(spec.options.items()))
        if same in seen:
            raise OptionError(f"'{name}' is given twice (as '{seen[same]}'); arms must differ")
        seen[same] = name


def _named(text: str) -> Spec:
    """Read a choice; the user's own `path.py:function` has no options."""
    return Spec(text, {}) if functions.is_own(text) else parse_spec(text)


def _number_or_text(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def _example(axis: str) -> str:
    examples = {
        "optimizer": "adam adagrad adadelta",
        "loss": "sparse_categorical_crossentropy mean_squared_error",
        "activation": "relu tanh gelu",
        "model": "mlp linear",
        "learning-rate": "0.0003 0.001 0.003",
        "batch-size": "32 128",
        "normalize": "columns scale",
    }
    return f"mnistlab compare {axis} {examples[axis]}"


def _rounded(rate: float) -> float:
    return float(f"{rate:.3g}")
