"""Arms, grids, trials and keys: worked by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnistlab.comparing.plan import (
    AXES,
    EXTENSION,
    Protocol,
    Trial,
    every_choice,
    extend,
    final_trials,
    grid,
    make_arms,
    trial_count,
    tuning_trials,
)
from mnistlab.errors import InputError, UnknownNameError
from mnistlab.training.settings import TrainSettings

BASE = TrainSettings(validation=100, backend="jax")
SMALL = Protocol(rates=3, tuning_seeds=2, final_seeds=2)


@pytest.mark.parametrize(
    ("axis", "choices", "says"),
    [
        ("optimizer", [], "nothing to compare"),
        ("optimizer", ["adam"], "one arm"),
        ("optimizer", ["adam", "adam"], "given twice"),
        (
            "optimizer",
            ["sgd:momentum=0.9,nesterov=true", "sgd:nesterov=true,momentum=0.9"],
            "twice",
        ),
        ("learning-rate", ["0.1", "1e-1"], "given twice"),
        ("optimizer", ["adam", "adm"], "did you mean 'adam'"),
        ("optimizer", ["adam", "sgd:learning_rate=0.1"], "tuned for every arm"),
        ("optimiser", ["adam", "sgd"], "did you mean 'optimizer'"),
        ("learning-rate", ["all"], "'all' means nothing"),
        ("learning-rate", ["0.1", "fast"], "not a number"),
        ("learning-rate", ["0.1", "-1"], "above 0"),
        ("batch-size", ["32", "0"], "batch-size is 0"),
        ("batch-size", ["32", "64.5"], "not a whole number"),
        ("model", ["mlp", "own.py"], "say which of its functions: own.py:make"),
        ("loss", ["poisson", "ctc"], "does not fit"),
        ("activation", ["relu", "glu"], "does not fit"),
    ],
)
def test_nonsense_is_refused(axis: str, choices: list[str], says: str) -> None:
    with pytest.raises(InputError, match=says):
        make_arms(axis, choices, BASE)


@pytest.mark.parametrize("axis", [a for a in AXES if a not in ("learning-rate", "batch-size")])
def test_all_names_every_choice_that_fits(axis: str) -> None:
    arms = make_arms(axis, ["all"], BASE)
    assert [arm.name for arm in arms] == every_choice(axis)
    for arm in arms:
        assert arm.rates[0] < arm.rates[1]


def test_arms_differ_in_the_axis_alone() -> None:
    adam, sgd = make_arms("optimizer", ["adam", "sgd:momentum=0.9"], BASE)
    assert replace(sgd.settings, optimizer="adam") == adam.settings
    assert sgd.settings.optimizer == "sgd:momentum=0.9"


def test_weight_decay_is_off_unless_it_is_asked_for() -> None:
    off, on = make_arms("optimizer", ["adamw", "adamw:weight_decay=0.01"], BASE)
    assert off.settings.optimizer == "adamw:weight_decay=0.0"
    assert on.settings.optimizer == "adamw:weight_decay=0.01"


def test_logits_are_preferred() -> None:
    ours, squares = make_arms("loss", ["categorical_crossentropy", "mean_squared_error"], BASE)
    assert ours.settings.last_activation == "linear"
    assert squares.settings.last_activation == "softmax"


def test_a_grid_is_even_on_a_log_scale_and_is_extended_at_its_own_spacing() -> None:
    assert grid((1e-3, 1.0), 7) == [0.001, 0.00316, 0.01, 0.0316, 0.1, 0.316, 1.0]
    assert extend([0.01, 0.1, 1.0], downwards=True) == [0.001, 1e-4, 1e-5]
    assert len(extend([0.01, 0.1], downwards=False)) == EXTENSION


def test_every_arm_gets_the_same_trials_on_the_same_seeds() -> None:
    arms = make_arms("optimizer", ["adam", "sgd"], BASE)
    tuning = tuning_trials(arms, [grid(arm.rates, 3) for arm in arms], SMALL)
    finals = final_trials(arms, [0.1, 0.2], SMALL)
    assert len(tuning) + 2 * len(finals) == trial_count(2, SMALL, tuned=True) == 2 * (6 + 4)
    for trials in (tuning, finals):
        by_arm = [[t.seed for t in trials if t.arm is arm] for arm in arms]
        assert by_arm[0] == by_arm[1]
    assert not {t.seed for t in tuning} & {t.seed for t in finals}
    assert [t.arm.name for t in tuning[:4]] == ["adam", "sgd", "adam", "sgd"]


def test_a_key_depends_on_what_the_numbers_depend_on() -> None:
    arm, other = make_arms("optimizer", ["adam", "sgd"], BASE)
    trial = Trial(arm, 1, 0.1, tested=True)
    versions = {"keras": "3.15.1", "processor": "A"}
    key = trial.key("data", versions)
    assert trial.key("data", {**versions, "processor": "B"}) == key
    assert replace(trial, arm=replace(arm, name="again")).key("data", versions) == key
    others = [
        replace(trial, seed=2).key("data", versions),
        replace(trial, learning_rate=0.2).key("data", versions),
        replace(trial, tested=False).key("data", versions),
        replace(trial, arm=other).key("data", versions),
        replace(trial, arm=replace(arm, fingerprint="x")).key("data", versions),
        trial.key("other data", versions),
        trial.key("data", {"keras": "3.16.0"}),
    ]
    assert len({key, *others}) == 1 + len(others)


def test_trials_of_one_arm_share_a_program() -> None:
    arm, other = make_arms("optimizer", ["adam", "sgd"], BASE)
    programs = {Trial(arm, seed, rate, seed == 1).program for seed in (1, 2) for rate in (1.0, 2.0)}
    longer = replace(arm, settings=replace(arm.settings, epochs=9))
    assert programs == {Trial(longer, 5, 0.1, False).program}
    assert Trial(other, 1, 1.0, False).program not in programs


@pytest.mark.parametrize(
    "change",
    [{"rates": 1}, {"tuning_seeds": 0}, {"final_seeds": 0}, {"final_seeds": 1}, {"seed": -1}],
)
def test_a_protocol_without_seeds_or_rates_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(InputError):
        replace(Protocol(), **change).check()


def test_an_unknown_axis_is_a_name_error() -> None:
    with pytest.raises(UnknownNameError, match="Known: optimizer"):
        make_arms("colour", ["red", "blue"], BASE)


def test_all_stands_alone() -> None:
    with pytest.raises(InputError, match="give it alone"):
        make_arms("optimizer", ["all", "sgd"], BASE)


def test_activations_of_a_model_without_a_hidden_layer_are_refused() -> None:
    with pytest.raises(InputError, match="no hidden layer"):
        make_arms("activation", ["relu", "tanh"], replace(BASE, model="linear"))
