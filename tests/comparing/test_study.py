"""The order of a study, with an executor whose results are a formula: no Keras."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from mnistlab.comparing.plan import EXTENSION, Arm, Protocol, Trial, make_arms
from mnistlab.comparing.results import StudyRecords, TrialRecord
from mnistlab.comparing.statistics import analyse
from mnistlab.comparing.store import FILE, Store
from mnistlab.comparing.study import Task, gather, run_study
from mnistlab.errors import StudyError
from mnistlab.training.settings import TrainSettings

BASE = TrainSettings(validation=100, backend="jax", epochs=2)
SMALL = Protocol(rates=5, tuning_seeds=2, final_seeds=4)
VERSIONS = {"keras": "3.15.1"}


class Killed(BaseException):
    """As a kill -9 between two trials."""


@dataclass
class Formula:
    """Accuracy falls off on both sides of the arm's best rate, and varies with the seed."""

    best: dict[str, float]
    dies_after: int = 10**9
    ran: list[str] = field(default_factory=list)
    diverges_above: float = math.inf
    fails: bool = False

    def run(self, trials: Sequence[tuple[str, Trial]]) -> Iterator[list[TrialRecord]]:
        for key, trial in reversed(trials):  # in any order
            if len(self.ran) == self.dies_after:
                raise Killed
            self.ran.append(key)
            yield [self.record(key, trial)]

    def record(self, key: str, trial: Trial) -> TrialRecord:
        off = math.log10(trial.learning_rate / self.best[trial.arm.name])
        accuracy = round(0.97 - 0.005 * off * off + 0.0001 * (trial.seed % 7), 4)
        diverged = trial.learning_rate > self.diverges_above
        history = {
            name: [math.nan if diverged else accuracy] * 2
            for name in ("loss", "accuracy", "val_loss", "val_accuracy")
        }
        state = "failed" if self.fails else "diverged" if diverged else "complete"
        tested = accuracy if trial.tested and state == "complete" else None
        return TrialRecord(
            key, trial.arm.name, trial.seed, trial.learning_rate, state,
            {} if self.fails else {**history, "seconds": [0.5, 0.5]}, tested, None,
            10_000 * (tested is not None), 100, 1.0, 0.0, "broke" if self.fails else "",
        )  # fmt: skip


def arms(*names: str) -> list[Arm]:
    return [replace(arm, rates=(1e-3, 1e-1)) for arm in make_arms("optimizer", names, BASE)]


def task(*names: str, protocol: Protocol = SMALL) -> Task:
    return Task("optimizer", arms(*names), protocol, "digest", VERSIONS, "mnistlab compare")


def quiet(phase: str, done: int, total: int) -> None:
    pass


def run(folder: Path, what: Task, executor: Formula) -> StudyRecords:
    folder.mkdir(exist_ok=True)
    with Store(folder) as store:
        records = run_study(what, store, executor, quiet)
        assert repr(gather(what, store).arms) == repr(records.arms)
    return records


def test_each_arm_is_tuned_and_tested_at_its_best_and_at_its_default(tmp_path: Path) -> None:
    executor = Formula({"adam": 0.01, "sgd": 0.01})
    records = run(tmp_path, task("adam", "sgd"), executor)
    for arm in records.arms:
        assert arm.rate == 0.01
        assert not arm.on_edge
        assert [r.seed for r in arm.tuned] == [1, 2, 3, 4] == [r.seed for r in arm.default]
        assert all(r.test_accuracy is None for r in arm.tuning)
        assert all(r.test_accuracy is not None for r in arm.tuned)
    # SGD's default is its best rate: those trials are one and the same.
    _, sgd = records.arms
    assert sgd.tuned == sgd.default
    assert len(executor.ran) == len(set(executor.ran)) == 2 * 10 + 8 + 4


def test_a_best_rate_on_the_edge_widens_every_arm_alike(tmp_path: Path) -> None:
    records = run(tmp_path, task("adam", "sgd"), Formula({"adam": 0.01, "sgd": 1.0}))
    adam, sgd = records.arms
    assert records.plan["extensions"] == 1
    assert len(adam.tuning) == len(sgd.tuning) == (5 + EXTENSION) * 2
    assert sgd.rate == 1.0
    assert not sgd.on_edge


def test_an_edge_that_no_extension_passes_is_flagged(tmp_path: Path) -> None:
    records = run(tmp_path, task("adam", "sgd"), Formula({"adam": 0.01, "sgd": 1e9}))
    adam, sgd = records.arms
    assert records.plan["extensions"] == SMALL.extensions
    assert len(adam.tuning) == len(sgd.tuning)
    assert (adam.on_edge, sgd.on_edge) == (False, True)


def test_damaged_trials_are_not_gone_on_with(tmp_path: Path) -> None:
    run(tmp_path, task("adam", "sgd"), Formula({"adam": 0.01, "sgd": 0.01}))
    with closing(sqlite3.connect(tmp_path / FILE)) as opened:
        opened.execute("UPDATE trials SET learning_rate = 12345")
        opened.commit()
    damaged = (tmp_path / FILE).read_bytes()
    executor = Formula({"adam": 0.01, "sgd": 0.01})
    with pytest.raises(StudyError, match="is damaged"), Store(tmp_path) as store:
        run_study(task("adam", "sgd"), store, executor, quiet)
    assert executor.ran == []
    assert (tmp_path / FILE).read_bytes() == damaged


@pytest.mark.parametrize("dies_after", [0, 1, 7, 19, 20, 26, 31])
def test_killed_anywhere_it_goes_on_to_the_same_end(tmp_path: Path, dies_after: int) -> None:
    best = {"adam": 0.01, "sgd": 1.0}
    whole = Formula(best)
    undisturbed = run(tmp_path / "whole", task("adam", "sgd"), whole)
    first = Formula(best, dies_after=dies_after)
    with pytest.raises(Killed):
        run(tmp_path / "killed", task("adam", "sgd"), first)
    second = Formula(best)
    resumed = run(tmp_path / "killed", task("adam", "sgd"), second)
    assert resumed.arms == undisturbed.arms
    assert repr(analyse(resumed).differences) == repr(analyse(undisturbed).differences)
    assert sorted(first.ran + second.ran) == sorted(whole.ran)


def test_asking_for_more_runs_only_what_is_missing(tmp_path: Path) -> None:
    best = {"adam": 0.01, "sgd": 0.01, "lion": 0.01}
    run(tmp_path, task("adam", "sgd"), Formula(best))
    more = Formula(best)
    wider = replace(SMALL, final_seeds=6)
    records = run(tmp_path, task("adam", "sgd", "lion", protocol=wider), more)
    assert [len(arm.tuned) for arm in records.arms] == [6, 6, 6]
    adam, sgd, lion = (2 + 2, 2, 10 + 6 + 6)
    assert len(more.ran) == adam + sgd + lion
    again = Formula(best)
    run(tmp_path, task("adam", "sgd", "lion", protocol=wider), again)
    assert again.ran == []


def test_a_failed_trial_is_run_again(tmp_path: Path) -> None:
    best = {"adam": 0.01, "sgd": 0.01}
    run(tmp_path, task("adam", "sgd"), Formula(best, fails=True))
    again = Formula(best)
    records = run(tmp_path, task("adam", "sgd"), again)
    assert all(r.state == "complete" for arm in records.arms for r in arm.tuned)


def test_diverged_rates_are_kept_and_not_chosen(tmp_path: Path) -> None:
    executor = Formula({"adam": 0.03, "sgd": 0.03}, diverges_above=0.02)
    adam, _ = run(tmp_path, task("adam", "sgd"), executor).arms
    assert adam.rate == 0.01
    assert {r.learning_rate for r in adam.tuning if r.state == "diverged"} == {0.0316, 0.1}


def test_an_arm_against_itself_differs_by_nothing(tmp_path: Path) -> None:
    one, _ = arms("adam", "sgd")
    twins = [one, replace(one, name="adam again")]
    records = run(
        tmp_path,
        Task("optimizer", twins, SMALL, "digest", VERSIONS),
        Formula({"adam": 0.01, "adam again": 0.01}),
    )
    (difference,) = analyse(records).differences
    assert (difference.mean, difference.p) == (0, 1)
    assert [arm.name for arm in analyse(records).arms] == ["adam", "adam again"]


def test_a_learning_rate_axis_has_nothing_to_tune(tmp_path: Path) -> None:
    made = make_arms("learning-rate", ["0.01", "0.1"], BASE)
    what = Task("learning-rate", made, SMALL, "digest", VERSIONS)
    executor = Formula({"0.01": 0.01, "0.1": 0.01})
    slow, fast = run(tmp_path, what, executor).arms
    assert len(executor.ran) == 8
    assert (slow.rate, fast.rate) == (0.01, 0.1)
    assert slow.tuning == slow.default == ()


def test_a_task_comes_back_from_json() -> None:
    what = task("adam", "sgd:momentum=0.9")
    assert Task.from_json(what.to_json()) == what
