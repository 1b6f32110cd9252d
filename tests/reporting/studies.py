"""Studies made up for tests: trials with known numbers, and what `analyse` makes of them."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np

from mnistlab.comparing.results import ArmRecords, StudyRecords, StudyResult, TrialRecord
from mnistlab.comparing.statistics import analyse, best_rate
from mnistlab.reporting.study_figures import draw_study

RATES = tuple(float(f"{10 ** (k / 2 - 5):.3g}") for k in range(11))
FINAL_SEEDS = tuple(range(1, 11))
TUNING_SEEDS = (1_000_001, 1_000_002)
NAMES = (
    "adam", "adagrad", "adadelta", "sgd:momentum=0.9,nesterov=true", "rmsprop", "adamw", "adamax",
    "adafactor", "nadam", "ftrl", "lion", "lamb", "muon", "schedule_free_adamw",
)  # fmt: skip
HOSTILE = "<script>alert('x')</script> & $5_x"


def trial(arm, seed, rate, accuracy, epochs=3, tested=True):
    """A trial that ends at `accuracy`; NaN is one that diverged in its second epoch."""
    lost = math.isnan(accuracy)
    error = 1 - (0.1 if lost else accuracy)
    reached = [1 - error * 1.8 ** (epochs - e) / 1.0 for e in range(1, epochs + 1)]
    reached = [max(value, 0.1) for value in reached]
    history = {
        "loss": [3 * (1 - a) for a in reached],
        "accuracy": [a - 0.001 for a in reached],
        "val_loss": [3.2 * (1 - a) for a in reached],
        "val_accuracy": reached,
        "seconds": [0.4 + 0.001 * seed % 1 for _ in reached],
    }
    if lost:
        history = {name: [*values[:1], math.nan] for name, values in history.items()}
    return TrialRecord(
        key=f"{arm}/{seed}/{rate:g}",
        arm=arm,
        seed=seed,
        learning_rate=rate,
        state="diverged" if lost else "complete",
        history=history,
        test_accuracy=None if lost or not tested else round(accuracy, 4),
        test_loss=None if lost or not tested else 0.08,
        test_n=10_000,
        steps_per_epoch=1688,
        seconds=1.3,
        compile_seconds=0.25,
    )


def arm(name, place, seeds=FINAL_SEEDS, lost=(), tuned=True, at_default=True):
    """An arm whose best rate is near 10 ** (-3 + place / 2); rates of 1 and `lost` diverge."""
    rng = np.random.default_rng(place)
    level = 0.978 - 0.0012 * (place % 5)
    middle = -3 + (place % 5) / 2

    def reaches(rate):
        return max(0.1, level - 0.02 * (math.log10(rate) - middle) ** 2)

    def noise():
        return float(rng.normal(0, 0.0009))

    tuning = tuple(
        trial(name, seed, rate, math.nan if rate >= 1 else reaches(rate) + noise(), tested=False)
        for rate in RATES
        for seed in TUNING_SEEDS
    )
    rate, on_edge = best_rate(tuning) if tuned else (RATES[place], False)
    finals = tuple(
        trial(name, seed, rate, math.nan if seed in lost else reaches(rate) + noise())
        for seed in seeds
    )
    default = finals  # the same trials, if the best rate is the default one
    if rate != 0.001:
        default = tuple(trial(name, seed, 0.001, reaches(0.001) + noise()) for seed in seeds)
    return ArmRecords(
        name, 0.001, rate, on_edge, tuning if tuned else (), finals, default if at_default else ()
    )


def records(arms, axis="optimizer", **plan):
    """A study's records with settings, plan and versions as they are."""
    settings = {"dataset": "mnist", "model": "mlp", "epochs": 3, "learning_rate": None}
    return StudyRecords(
        axis=axis,
        arms=tuple(arms),
        settings={**settings, "batch_size": 32, "validation": 6000},
        plan={
            "extensions": 2,
            "final_seeds": [1, 2],
            "quick": False,
            "budget": None,
            "gave_up": (),
            **plan,
        },
        versions={"mnistlab": "0.1.0", "keras": "3.15.1", "cores": "2"},
        command="mnistlab compare optimizer adam adagrad",
        path="studies/one",
        seconds={"load": 0.2, "total": 93.4},
    )


@cache
def study(count=3, names=NAMES, **plan) -> StudyResult:
    """A study of so many arms; of the second, two seeds diverged."""
    arms = [arm(name, i, lost=(3, 7) * (i == 1)) for i, name in enumerate(names[:count])]
    return analyse(records(arms, **plan))


def hopeless(count=3) -> StudyResult:
    """A study whose last arm learns nothing: its tests are at chance."""
    result = study(count)
    *others, last = result.records.arms
    flat = [replace(t, test_accuracy=0.1 + 0.0001 * t.seed) for t in last.tuned]
    last = replace(last, tuned=tuple(flat), default=())
    return analyse(replace(result.records, arms=(*others, last)))


def untuned() -> StudyResult:
    """A study of learning rates: nothing tuned, nothing at a default rate."""
    arms = [arm(f"{RATES[i]:g}", i, tuned=False, at_default=False) for i in (3, 4, 5)]
    return analyse(records(arms, "learning-rate"))


def all_lost() -> StudyResult:
    """Two arms of which one never completes."""
    lost = arm("sgd", 1, lost=FINAL_SEEDS, at_default=False)
    return analyse(records([arm("adam", 0, at_default=False), lost]))


def brief() -> StudyResult:
    """Two arms, two seeds, one epoch; the second arm has a loss below zero."""
    arms = []
    for i, name in enumerate(("adam", "sgd")):
        made = arm(name, i, seeds=(1, 2), at_default=False)
        tuned = [trial(name, t.seed, made.rate, t.test_accuracy, epochs=1) for t in made.tuned]
        if i:
            tuned = [replace(t, history={**t.history, "loss": [-0.9]}) for t in tuned]
        arms.append(replace(made, tuned=tuple(tuned)))
    return analyse(records(arms))


CASES = {
    "2 arms": lambda: study(2),
    "3 arms": study,
    "14 arms": lambda: study(14),
    "at chance": hopeless,
    "all lost": all_lost,
    "hostile": lambda: study(2, names=(HOSTILE, "お_$x$" * 9)),
    "rates": untuned,
    "one epoch, two seeds": brief,
}


@cache
def drawn(case):
    """One of CASES, and its figures; each is drawn once for all tests."""
    result = CASES[case]()
    return result, draw_study(result)
