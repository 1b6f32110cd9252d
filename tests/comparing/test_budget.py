"""What a study leaves out to fit a budget."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mnistlab.comparing.budget import OVERHEAD_SECONDS, Pace, Size, given_up, shrink
from mnistlab.comparing.plan import QUICK, Protocol
from mnistlab.errors import OptionError

PACE = Pace(epoch_seconds=1.0, compile_seconds=2.0, workers=2)
WHOLE = Size(arms=3, tuned=True, epochs=3, protocol=Protocol())


def test_expected_seconds_are_trials_times_epochs_over_workers() -> None:
    assert WHOLE.trials == 3 * (11 * 2 + 10 + 10) == 126
    assert WHOLE.seconds(PACE) == 126 * 3 * 1.0 / 2 + 3 * 2.0 / 2 + OVERHEAD_SECONDS


def test_what_fits_is_left_alone() -> None:
    assert shrink(WHOLE, 1000, PACE) == (WHOLE, [])


def test_epochs_go_before_rates_and_rates_before_seeds() -> None:
    left, words = shrink(WHOLE, 140, PACE)
    assert (left.epochs, left.protocol) == (2, WHOLE.protocol)
    assert words == ["2 epochs a training, not 3"]
    left, words = shrink(WHOLE, 60, PACE)
    assert left.epochs == 1
    assert left.protocol.rates < 11
    assert left.protocol.final_seeds == 10
    left, words = shrink(WHOLE, 27, PACE)
    assert left.protocol.final_seeds < 10
    assert any("final seeds, not 10" in word for word in words)
    assert "no trials at Keras' default learning rates" in words


@pytest.mark.parametrize("budget", [26, 30, 50, 80, 130, 200])
def test_what_is_left_fits(budget: float) -> None:
    left, _ = shrink(WHOLE, budget, PACE)
    assert left.seconds(PACE) <= budget
    assert left.protocol.final_seeds >= 7


def test_too_small_a_budget_says_what_it_takes() -> None:
    with pytest.raises(OptionError, match="takes about 25 s"):
        shrink(WHOLE, 5, PACE)


def test_a_quick_study_and_one_that_tunes_nothing_say_what_they_lack() -> None:
    quick = Size(arms=3, tuned=True, epochs=1, protocol=QUICK)
    assert given_up(WHOLE, quick) == [
        "1 epoch a training, not 3",
        "7 learning rates an arm, not 11",
        "1 seed to tune with, not 2",
        "7 final seeds, not 10",
        "no trials at Keras' default learning rates",
    ]
    rates = replace(WHOLE, tuned=False)
    assert given_up(rates, replace(quick, tuned=False)) == [
        "1 epoch a training, not 3",
        "7 final seeds, not 10",
    ]
    assert given_up(quick, WHOLE) == []
