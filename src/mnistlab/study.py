"""`mnistlab.compare`: a study from a question to its report, for the command and for notebooks.

>>> study = mnistlab.compare("optimizer", ["adam", "adagrad"])    # doctest: +SKIP
>>> study.table()                                                 # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any

from mnistlab.comparing import plan as planning
from mnistlab.comparing.budget import Pace
from mnistlab.comparing.own import own_arms
from mnistlab.comparing.plan import Arm, Trial
from mnistlab.comparing.question import (
    Question,
    base_settings,
    make_protocol,
    ray_address,
    with_counted_validation,
    within_budget,
)
from mnistlab.comparing.results import StudyResult, TrialRecord
from mnistlab.comparing.start import start_keras
from mnistlab.comparing.study import Executor, OnTrial, Task, gather, run_study
from mnistlab.errors import OptionError, StudyError
from mnistlab.files import locked, reading, storage_errors

if TYPE_CHECKING:
    from mnistlab.comparing.store import Store
    from mnistlab.data import Dataset


@dataclass(frozen=True, repr=False)
class Study:
    """A study that is done."""

    path: Path
    result: StudyResult

    def table(self) -> Any:
        """Give the table of arms and differences: text in a terminal, HTML in a notebook."""
        from mnistlab.reporting.study_tables import StudyTable

        return StudyTable(self.result)

    def plot(self, name: str = "test-accuracy") -> Any:
        """Give one of the report's figures by its name, as a picture that a notebook shows."""
        from mnistlab.reporting.study_report import study_picture

        return study_picture(self.result, name)

    def report(self) -> Path:
        """Write `report.html`, `figures/` and `trials.csv` in the study's folder; give the page."""
        from mnistlab.reporting.study_report import write_study_report

        return write_study_report(self.result, self.path)

    def to_frame(self) -> Any:
        """Give all trials as a pandas DataFrame, a row a trial, of plain columns."""
        from mnistlab.reporting.study_report import trials_frame

        return trials_frame(self.result.records)

    def __repr__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        html: str = self.table()._repr_html_()
        return html


# Long for its options and what is to be said of each.
def compare(  # noqa: PLR0913  # as the command's options
    axis: str,
    choices: Sequence[Any] | Mapping[str, Any],
    *,
    dataset: Any = "mnist",
    seeds: int | None = None,
    tuning_seeds: int | None = None,
    rates: int | None = None,
    seed: int = 1,
    quick: bool = False,
    budget: float | None = None,
    out: str | Path | None = None,
    workers: int | None = None,
    on: str | None = None,
    address: str | None = None,
    progress: bool = True,
    **settings: Any,
) -> Study:
    """Compare the `choices` of one axis by the protocol of `docs/comparing.md`.

    Args:
        axis: optimizer, loss, activation, model, learning-rate, batch-size or normalize.
        choices: names as `mnistlab list` gives them, or "all"; or a dict of name → name or your
            own callable: for optimizers `f(learning_rate) → keras.optimizers.Optimizer`, for
            models `f() → keras.Model` from uint8 images (n, 28, 28) to class outputs.
        dataset: a name, a path, or `((x_train, y_train), (x_test, y_test))`.
        seeds, tuning_seeds, rates: final seeds (10), seeds (2) and rates (11) to tune with.
        on, address: "ray" for trials on a Ray started here; the address of a Ray cluster.
        settings: what all arms share, by the names of `mnistlab train`: epochs, batch_size, ...

    Returns: the `Study`, its records in `out` (or ./studies), which is gone on with if it exists.

    Raises: InputError for what cannot be compared; nothing is written then.
    """
    from mnistlab.data import Dataset, from_arrays, load
    from mnistlab.models.backend import default_backend

    amounts = {"final_seeds": seeds, "tuning_seeds": tuning_seeds, "rates": rates}
    protocol = make_protocol(axis, amounts, seed, quick)
    given = {"epochs": planning.QUICK_EPOCHS, **settings} if quick else settings
    if isinstance(dataset, str | Path):
        base = base_settings(axis, {**given, "dataset": str(dataset)}).check()
        arms = own_arms(axis, choices, base)
        loaded = load(dataset, classes=base.classes)
    else:
        loaded = dataset() if callable(dataset) else dataset
        loaded = loaded if isinstance(loaded, Dataset) else from_arrays(loaded)
        base = base_settings(axis, given)
        base = replace(base, dataset=loaded.name, backend=base.backend or default_backend())
        arms = own_arms(axis, choices, base)
    question = Question(
        axis, arms, protocol, budget, quick, Path(out) if out else None, workers=workers,
        ray=ray_address(on, address),
    ).check()  # fmt: skip
    start_keras(base.backend, computes=question.ray is None)
    with trial_progress(progress) as on_trial:
        return run_question(question, loaded, on_trial)


def run_question(question: Question, dataset: Dataset, on_trial: OnTrial) -> Study:
    """Answer `question` on `dataset`, Keras running: run what is missing, write the report."""
    from mnistlab.comparing.statistics import analyse

    question = with_counted_validation(question, dataset)
    folder = question.out or default_folder(question, dataset)
    with checked_executor(question, dataset) as executor, opened(folder) as store:
        refuse_another_question(store, make_task(question, dataset, []))
        pace = None
        if question.budget is not None:
            pace = measure_pace(question, store, executor)
        question, gave_up = within_budget(question, pace)
        task = make_task(question, dataset, gave_up)
        records = run_study(task, store, executor, on_trial)
    study = Study(folder, analyse(records))
    study.report()
    return study


def open_study(folder: Path) -> Study:
    """Read the study in `folder`, as far as it got. Raises StudyError where there is none."""
    from mnistlab.comparing.statistics import analyse
    from mnistlab.comparing.store import FILE, Store

    if not (folder / FILE).is_file():
        raise StudyError(f"{folder} has no {FILE}; give a folder that `mnistlab compare` made")
    with Store(folder) as store:
        task = last_task(store)
        if task is None:
            raise StudyError(f"{folder / FILE} has no plan: nothing was begun")
        with reading(store.path, StudyError):
            return Study(folder, analyse(gather(task, store)))


def last_task(store: Store) -> Task | None:
    """Read what was last asked of a study, None if nothing was. Raises StudyError."""
    plan = store.last_plan()
    with reading(store.path, StudyError):
        return None if plan is None else Task.from_json(plan)


def refuse_another_question(store: Store, task: Task) -> None:
    """Raise StudyError where the study is about something else than `task`."""
    before = last_task(store)
    if before is not None and before.question != task.question:
        raise StudyError(
            f"{store.path.parent} holds another study ({before.command or before.axis}) and is "
            "left as it is; choose another --out"
        )


def make_task(question: Question, dataset: Dataset, gave_up: list[str]) -> Task:
    """Decide what is done, with the versions that it is done with."""
    from mnistlab.training.environment import versions

    notes = {"quick": question.quick, "budget": question.budget, "gave_up": gave_up}
    return Task(
        question.axis, question.arms, question.protocol, dataset.digest, versions(),
        question.command, notes,
    )  # fmt: skip


@contextmanager
def checked_executor(question: Question, dataset: Dataset) -> Iterator[Executor]:
    """Give the executor, once every arm's model was built to hear of what cannot be.

    Raises OptionError for an arm whose model cannot be, or a Ray that cannot be worked with.
    """
    from mnistlab.comparing.executor import LocalExecutor

    executor = LocalExecutor(dataset, question.workers)
    for arm in question.arms:
        try:
            executor.program(Trial(arm, question.protocol.seed, arm.default_rate, tested=False))
        except (MemoryError, RuntimeError) as error:  # JAX's RESOURCE_EXHAUSTED is the latter
            said = " ".join(str(error).split()) or type(error).__name__
            raise OptionError(f"{arm.name}: its model cannot be made here: {said:.200}") from error
    if question.ray is None:
        yield executor
        return
    from mnistlab.comparing.ray_executor import on_ray

    del executor
    with on_ray(question.ray, dataset, question.workers) as elsewhere:
        yield elsewhere


def measure_pace(question: Question, store: Store | None, executor: Executor) -> Pace:
    """Take each arm's pace from its trials that are there, or run an epoch of it."""
    known = list(store.trials().values()) if store else []
    new = [arm for arm in question.arms if not any(r.arm == arm.name for r in known)]
    probes = [Trial(_shortest(arm), 0, arm.default_rate, False) for arm in new]
    for found in executor.run([(probe.arm.name, probe) for probe in probes]):
        known += found
    epochs = {r.arm: [s for t in known if t.arm == r.arm for s in _seconds(t)] for r in known}
    paces = [median(epochs[arm.name] or [1.0]) for arm in question.arms]
    compiling = [r.compile_seconds for r in known if r.compile_seconds]
    return Pace(fmean(paces), max(compiling, default=1.0), executor.workers)


def _shortest(arm: Arm) -> Arm:
    return replace(arm, settings=replace(arm.settings, epochs=1))


def _seconds(record: TrialRecord) -> list[float]:
    return record.history["seconds"] if record.state == "complete" else []


def describe(
    question: Question, dataset: Dataset, pace: Pace, gave_up: list[str]
) -> dict[str, Any]:
    """Give the plan as plain values: what `--dry-run` prints."""
    from mnistlab.comparing.statistics import fewest_seeds

    size, tuned = question.size, planning.is_tuned(question.axis)
    protocol, arms = question.protocol, len(question.arms)
    return {
        "study": str(question.out or default_folder(question, dataset)),
        "axis": question.axis,
        "arms": [
            {
                "name": arm.name,
                "default_rate": arm.default_rate,
                "rates": planning.grid(arm.rates, protocol.rates) if tuned else [arm.default_rate],
            }
            for arm in question.arms
        ],
        "tuning_seeds": protocol.seeds_of_tuning if tuned else [],
        "final_seeds": protocol.seeds_of_finals,
        "fewest_seeds": fewest_seeds(arms * (arms - 1) // 2),
        "at_default": protocol.at_default and tuned,
        "epochs": question.settings.epochs,
        "validation": question.settings.validation,
        "trials": size.trials,
        "programs": len({Trial(arm, 0, 1.0, False).program for arm in question.arms}),
        "workers": pace.workers,
        "epoch_seconds": pace.epoch_seconds,
        "expected_seconds": size.seconds(pace),
        "gave_up": gave_up,
    }


def default_folder(question: Question, dataset: Dataset) -> Path:
    """Name a study after what all its arms share, so that asking for more finds it again."""
    shared = make_task(question, dataset, []).shared
    mark = hashlib.sha256(json.dumps([shared, dataset.digest], sort_keys=True).encode())
    stem = Path(question.settings.dataset).stem
    return Path("studies").absolute() / f"{question.axis}-{stem}-{mark.hexdigest()[:8]}"


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Open or make the study in `folder`, for one process at a time.

    Raises StudyError where the folder has other things in it, or another process works on it.
    """
    from mnistlab.comparing.store import Store

    check_folder(folder)
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, StudyError(f"{folder} is being worked on by another process")):
        with Store(folder) as store:
            yield store


def check_folder(folder: Path) -> None:
    """Raise StudyError where a file is in a study's place, or the folder has other things in it."""
    from mnistlab.comparing.store import FILE

    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file, and is left as it is; choose another --out")
    if not (folder / FILE).exists() and any(path.name != ".lock" for path in _listed(folder)):
        raise StudyError(
            f"{folder} is not a study's folder and not empty, and is left as it is; choose "
            "another --out"
        )


def _listed(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


@contextmanager
def trial_progress(shown: bool) -> Iterator[OnTrial]:
    """Show a bar of trials with the time that remains, in a terminal or a notebook (rich)."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True, highlight=False)
    bar = Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
        TimeElapsedColumn(), TimeRemainingColumn(elapsed_when_finished=True),
        console=console, disable=not shown, speed_estimate_period=3600,  # of long trials, too
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def on_trial(phase: str, done: int, total: int) -> None:
        if not tasks:
            bar.start()
        if phase not in tasks:
            tasks[phase] = bar.add_task(phase, total=total, completed=done)
            if shown and not (console.is_terminal or console.is_jupyter):
                console.print(f"{phase}: {total - done} trials to run, {done} there already")
        bar.update(tasks[phase], completed=done, total=total)

    try:
        yield on_trial
    finally:
        if tasks:
            bar.stop()
