"""A study from its plan to its records: tune each arm, extend where needed, train the finals.

What is in the study's file is not run again, so a study that was killed goes on, and one that is
asked for more (seeds, arms, rates) runs what is missing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from mnistlab.comparing import plan as planning
from mnistlab.comparing.plan import Arm, Trial
from mnistlab.comparing.results import ArmRecords, StudyRecords, TrialRecord
from mnistlab.comparing.statistics import best_rate
from mnistlab.comparing.store import Store
from mnistlab.errors import StudyError
from mnistlab.files import reading


class Executor(Protocol):
    """What runs trials: this machine, or Ray."""

    workers: int
    """Trials at once."""

    def run(self, trials: Sequence[tuple[str, Trial]]) -> Iterator[Sequence[TrialRecord]]:
        """Yield the records of all trials, in any order, those of one batch together."""
        ...


class OnTrial(Protocol):
    """Hears of progress."""

    def __call__(self, phase: str, done: int, total: int) -> None:
        """`done` of `total` trials of `phase` are in the study's file."""
        ...


@dataclass(frozen=True)
class Task:
    """What a study is to do, decided; all but the trials' results."""

    axis: str
    arms: Sequence[Arm]
    protocol: planning.Protocol
    data_digest: str
    versions: dict[str, str]
    command: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    """quick, budget, gave_up: for the report."""

    @property
    def shared(self) -> dict[str, Any]:
        """The settings that all arms share, without the axis."""
        settings = self.arms[0].settings.to_json()
        dropped = {planning.AXES[self.axis], "seed", "learning_rate"}
        if self.axis == "loss":
            dropped.add("last_activation")
        return {name: value for name, value in settings.items() if name not in dropped}

    @property
    def question(self) -> tuple[str, str, dict[str, Any]]:
        """What a study is about, whatever its arms and however much is spent on them."""
        shared = {name: value for name, value in self.shared.items() if name != "epochs"}
        return self.axis, self.data_digest, shared

    def to_json(self) -> dict[str, Any]:
        """Give what the study's file keeps of it: enough to make its report again."""
        return {
            "axis": self.axis,
            "arms": [
                {
                    "name": arm.name,
                    "settings": arm.settings.to_json(),
                    "rates": arm.rates,
                    "default_rate": arm.default_rate,
                    "fingerprint": arm.fingerprint,
                }
                for arm in self.arms
            ],
            "protocol": asdict(self.protocol),
            "data_digest": self.data_digest,
            "versions": self.versions,
            "command": self.command,
            "notes": self.notes,
        }

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Task:
        """Read what `to_json` gave. Raises TypeError, KeyError or an InputError if it is amiss."""
        from mnistlab.training.settings import TrainSettings

        arms = [
            planning.Arm(
                arm["name"], TrainSettings.from_json(arm["settings"]),
                (float(arm["rates"][0]), float(arm["rates"][1])), float(arm["default_rate"]),
                fingerprint=arm["fingerprint"],
            )
            for arm in document["arms"]
        ]  # fmt: skip
        protocol = planning.Protocol(**document["protocol"]).check()
        rest = {k: document[k] for k in ("data_digest", "versions", "command", "notes")}
        budget = rest["notes"].get("budget")
        if not (budget is None or 0 < budget < math.inf):
            raise ValueError(f"its budget is {budget}")
        return cls(document["axis"], arms, protocol, **rest)


def run_study(task: Task, store: Store, executor: Executor, on_trial: OnTrial) -> StudyRecords:
    """Commit the plan, run what is missing of `task`; give all of its records.

    Raises whatever stops it (KeyboardInterrupt, StorageError): finished trials are kept.
    StudyError where the trials that are there cannot be gone on with; nothing is written then.
    """
    begun = time.perf_counter()
    ran = _Runner(task, store, executor, on_trial)
    with reading(store.path, StudyError):
        ran.book.grids()
    store.add_plan(task.to_json())
    grids = ran.tune()
    ran.finish(grids)
    return gather(task, store, {"total": time.perf_counter() - begun})


def gather(task: Task, store: Store, seconds: dict[str, float] | None = None) -> StudyRecords:
    """Collect the records of `task` from the study's file; missing trials are left out."""
    book = _Book(task, store.trials())
    grids = book.grids()
    arms = [book.arm_records(place, rates) for place, rates in enumerate(grids)]
    spent = sum(r.seconds for r in book.used.values())
    compiled = sum(r.compile_seconds for r in book.used.values())
    return StudyRecords(
        axis=task.axis,
        arms=tuple(arms),
        settings=task.shared,
        plan={
            **asdict(task.protocol),
            "rates": grids,
            "tuning_seeds": task.protocol.seeds_of_tuning if planning.is_tuned(task.axis) else [],
            "final_seeds": task.protocol.seeds_of_finals,
            "extensions": book.extensions,
            "epochs": task.arms[0].settings.epochs,
            "gave_up": [],
            "quick": False,
            "budget": None,
            **task.notes,
        },
        versions=task.versions,
        command=task.command,
        path=str(store.path.parent),
        seconds={"trials": spent, "compile": compiled, **(seconds or {})},
    )


class _Book:
    """A task beside the trials that are in the study's file."""

    def __init__(self, task: Task, records: dict[str, TrialRecord]) -> None:
        self.task, self.records = task, records
        self.used: dict[str, TrialRecord] = {}
        self.extensions = 0

    def key(self, trial: Trial) -> str:
        return trial.key(self.task.data_digest, self.task.versions)

    def found(self, trials: Sequence[Trial]) -> tuple[TrialRecord, ...]:
        """Give the records of `trials` that are there, under the arms' present names."""
        there = []
        for trial in trials:
            record = self.records.get(self.key(trial))
            if record is not None:
                there.append(replace(record, arm=trial.arm.name))
                self.used[record.key] = record
        return tuple(there)

    def missing(self, trials: Sequence[Trial]) -> list[tuple[str, Trial]]:
        """List the trials that are to be run: not there, or failed."""
        keyed = {self.key(trial): trial for trial in trials}
        return [
            (key, trial)
            for key, trial in keyed.items()
            if key not in self.records or self.records[key].state == "failed"
        ]

    def first_grids(self) -> list[list[float]]:
        """Give each arm's grid before any extension."""
        task = self.task
        if not planning.is_tuned(task.axis):
            return [[arm.default_rate] for arm in task.arms]
        return [planning.grid(arm.rates, task.protocol.rates) for arm in task.arms]

    def grids(self) -> list[list[float]]:
        """Give each arm's grid with the extensions that the records call for."""
        grids, self.extensions = self.first_grids(), 0
        while self.extensions < self.task.protocol.extensions:
            wider = self.extended(grids)
            if wider is None:
                break
            grids, self.extensions = wider, self.extensions + 1
        return grids

    def extended(self, grids: list[list[float]]) -> list[list[float]] | None:
        """Widen every arm's grid alike if any best rate lies on an edge; None if none does.

        An arm is widened at the end that is nearer to its best rate.
        """
        if not planning.is_tuned(self.task.axis):
            return None
        tuning = [self.tuning(place, rates) for place, rates in enumerate(grids)]
        wanted = [len(rates) * self.task.protocol.tuning_seeds for rates in grids]
        if any(len(found) < count for found, count in zip(tuning, wanted, strict=True)):
            return None
        best = [best_rate(found) for found in tuning]
        if not any(on_edge for _, on_edge in best):
            return None
        wider = []
        for rates, (rate, _) in zip(grids, best, strict=True):
            downwards = sorted(rates).index(rate) < len(rates) / 2
            wider.append(sorted([*rates, *planning.extend(rates, downwards)]))
        return wider

    def tuning(self, place: int, rates: list[float]) -> tuple[TrialRecord, ...]:
        """Give an arm's tuning trials that are there; none where nothing is tuned."""
        if not planning.is_tuned(self.task.axis):
            return ()
        return self.found(
            planning.tuning_trials([self.task.arms[place]], [rates], self.task.protocol)
        )

    def chosen(self, place: int, tuning: tuple[TrialRecord, ...]) -> tuple[float, bool]:
        """Give an arm's best rate, and whether it lies on the edge of its grid."""
        return best_rate(tuning) if tuning else (self.task.arms[place].default_rate, False)

    def finals(self, grids: list[list[float]]) -> list[Trial]:
        """List the final trials: at the tuned rates, then at the default ones."""
        task = self.task
        tuning = (self.tuning(place, rates) for place, rates in enumerate(grids))
        tuned = [self.chosen(place, found)[0] for place, found in enumerate(tuning)]
        trials = planning.final_trials(task.arms, tuned, task.protocol)
        return trials + self.at_default(task.arms)

    def at_default(self, arms: Sequence[Arm]) -> list[Trial]:
        task = self.task
        if not task.protocol.at_default or not planning.is_tuned(task.axis):
            return []
        return planning.final_trials(arms, [arm.default_rate for arm in arms], task.protocol)

    def arm_records(self, place: int, rates: list[float]) -> ArmRecords:
        arm, protocol = self.task.arms[place], self.task.protocol
        tuning = self.tuning(place, rates)
        rate, on_edge = self.chosen(place, tuning)
        finals = self.found(planning.final_trials([arm], [rate], protocol))
        default = self.found(self.at_default([arm]))
        return ArmRecords(arm.name, arm.default_rate, rate, on_edge, tuning, finals, default)


class _Runner:
    """Runs what is missing, phase by phase."""

    def __init__(self, task: Task, store: Store, executor: Executor, on_trial: OnTrial) -> None:
        self.task, self.store, self.executor, self.on_trial = task, store, executor, on_trial
        self.book = _Book(task, store.trials())

    def tune(self) -> list[list[float]]:
        """Run tuning trials and their extensions; give the grids."""
        grids = self.book.first_grids()
        if not planning.is_tuned(self.task.axis):
            return grids
        protocol = self.task.protocol
        for extension in range(protocol.extensions + 1):
            phase = "tuning" if not extension else "tuning, wider"
            self.run(phase, planning.tuning_trials(self.task.arms, grids, protocol))
            wider = self.book.extended(grids) if extension < protocol.extensions else None
            if wider is None:
                break
            grids = wider
        return grids

    def finish(self, grids: list[list[float]]) -> None:
        """Run the final trials."""
        self.run("final", self.book.finals(grids))

    def run(self, phase: str, trials: Sequence[Trial]) -> None:
        missing = self.book.missing(trials)
        sought = dict(missing)
        total = len({self.book.key(trial) for trial in trials})
        done = total - len(missing)
        self.on_trial(phase, done, total)
        if not missing:
            return
        for records in self.executor.run(missing):
            settings = [sought[record.key].settings.to_json() for record in records]
            self.store.add(records, settings, self.task.versions)
            self.book.records.update({record.key: record for record in records})
            done += len(records)
            self.on_trial(phase, done, total)
