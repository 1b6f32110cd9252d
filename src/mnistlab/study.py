"""`mnistlab.compare`: a study from a question to its report, for the command and for notebooks.

>>> study = mnistlab.compare("optimizer", ["adam", "adagrad"])    # doctest: +SKIP
>>> study.table()                                                 # doctest: +SKIP
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from mnistlab.comparing import plan as planning
from mnistlab.comparing.budget import Pace, Size, shrink
from mnistlab.comparing.plan import Arm, Trial
from mnistlab.comparing.results import StudyResult, TrialRecord
from mnistlab.comparing.study import OnTrial, Task, gather, run_study
from mnistlab.errors import OptionError, StudyError, UnknownNameError
from mnistlab.files import storage_errors
from mnistlab.training.settings import TrainSettings

if TYPE_CHECKING:
    from mnistlab.comparing.executor import LocalExecutor
    from mnistlab.comparing.store import Store
    from mnistlab.data import Dataset

VALIDATION = 1 / 6
"""Of the training images, unless said otherwise: MNIST's 10,000."""


@dataclass(frozen=True)
class Question:
    """What is asked, before data and Keras are loaded."""

    axis: str
    arms: Sequence[Arm]
    protocol: planning.Protocol
    budget: float | None = None
    quick: bool = False
    out: Path | None = None
    command: str = ""
    workers: int | None = None
    """Trials at once; one a core unless given."""

    def check(self) -> Question:
        """Return it. Raises OptionError for a budget or a number of workers that cannot be."""
        if self.budget is not None and not 0 < self.budget < float("inf"):
            raise OptionError(f"budget is {self.budget:g} s; it must be above 0")
        if self.workers is not None and not 0 < self.workers <= 1024:
            raise OptionError(f"workers is {self.workers}; it must be from 1 to 1024")
        return self

    @property
    def settings(self) -> TrainSettings:
        """The first arm's."""
        return self.arms[0].settings

    @property
    def size(self) -> Size:
        """How large a study it asks for."""
        tuned = planning.is_tuned(self.axis)
        return Size(len(self.arms), tuned, self.settings.epochs, self.protocol)

    def resized(self, size: Size) -> Question:
        """Ask for a study of another size."""
        arms = [replace(a, settings=replace(a.settings, epochs=size.epochs)) for a in self.arms]
        return replace(self, arms=arms, protocol=size.protocol)


@dataclass(frozen=True)
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

    def _repr_html_(self) -> str:
        html: str = self.table()._repr_html_()
        return html


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
        settings: what all arms share, by the names of `mnistlab train`: epochs, batch_size, ...

    Returns: the `Study`, its records in `out` (or ./studies), which is gone on with if it exists.

    Raises: InputError for what cannot be compared; nothing is written then.
    """
    from mnistlab.data import Dataset, from_arrays, load
    from mnistlab.models.backend import default_backend

    protocol = make_protocol(seeds, tuning_seeds, rates, seed, quick)
    given = {**settings, "epochs": settings.get("epochs", 1 if quick else 3)}
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
        axis, arms, protocol, budget, quick, Path(out) if out else None, workers=workers
    ).check()
    start_keras(base.backend)
    with trial_progress(progress) as on_trial:
        return run_question(question, loaded, on_trial)


def base_settings(axis: str, given: Mapping[str, Any]) -> TrainSettings:
    """Make the settings that all arms share; the axis itself is not among them.

    Raises OptionError for a setting that is not one, or that a comparison decides itself.
    """
    own = planning.AXES.get(axis)
    if own is not None and own in given:
        raise OptionError(f"the axis is {axis}; leave out --{own.replace('_', '-')}")
    if "learning_rate" in given:
        raise OptionError("the learning rate is tuned for each arm; or compare learning-rate")
    try:
        base = TrainSettings(**{"validation": VALIDATION, **given})
    except TypeError as error:
        raise OptionError(str(error).partition("() ")[2] or str(error)) from None
    if not base.validation:
        raise OptionError("validation is 0; rates are chosen on it, so some must be held out")
    return base


def make_protocol(
    seeds: int | None, tuning_seeds: int | None, rates: int | None, seed: int, quick: bool
) -> planning.Protocol:
    """Make the protocol of what was given; the rest as is usual, or quick."""
    given = {"final_seeds": seeds, "tuning_seeds": tuning_seeds, "rates": rates}
    usual = planning.QUICK if quick else planning.Protocol()
    chosen = {name: value for name, value in given.items() if value is not None}
    return replace(usual, **chosen, seed=seed).check()  # type: ignore[arg-type]


def run_question(question: Question, dataset: Dataset, on_trial: OnTrial) -> Study:
    """Answer `question` on `dataset`, Keras running: run what is missing, write the report."""
    from mnistlab.comparing.statistics import analyse

    question = with_counted_validation(question, dataset)
    executor = checked_executor(question, dataset)
    folder = question.out or default_folder(question, dataset)
    with opened(folder) as store:
        gave_up: list[str] = []
        if question.budget is not None:
            question, gave_up = within_budget(question, measure_pace(question, store, executor))
        task = make_task(question, dataset, gave_up)
        store.add_plan(task.to_json())
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
        plan = store.last_plan()
        if plan is None:
            raise StudyError(f"{folder / FILE} has no plan: nothing was begun")
        try:
            task = Task.from_json(plan)
        except (TypeError, KeyError, ValueError, IndexError, AttributeError) as error:
            raise StudyError(f"{folder / FILE} is damaged: {error!r:.200}") from None
        return Study(folder, analyse(gather(task, store)))


def make_task(question: Question, dataset: Dataset, gave_up: list[str]) -> Task:
    """Decide what is done, with the versions that it is done with."""
    from mnistlab.training.environment import versions

    notes = {"quick": question.quick, "budget": question.budget, "gave_up": gave_up}
    return Task(
        question.axis, question.arms, question.protocol, dataset.digest, versions(),
        question.command, notes,
    )  # fmt: skip


def with_counted_validation(question: Question, dataset: Dataset) -> Question:
    """Turn a fraction held out into a number of images."""
    held_out = question.settings.validation
    if held_out < 1:
        held_out = float(max(1, round(len(dataset.x_train) * held_out)))
    arms = [replace(a, settings=replace(a.settings, validation=held_out)) for a in question.arms]
    return replace(question, arms=arms)


def checked_executor(question: Question, dataset: Dataset) -> LocalExecutor:
    """Make the executor and build every arm's model, to hear of what cannot be built.

    Raises OptionError for an arm whose model cannot be.
    """
    from mnistlab.comparing.executor import LocalExecutor

    executor = LocalExecutor(dataset, question.workers)
    for arm in question.arms:
        executor.program(Trial(arm, question.protocol.seed, arm.default_rate, tested=False))
    return executor


def measure_pace(question: Question, store: Store | None, executor: LocalExecutor) -> Pace:
    """Take the pace from trials of the first arm that are there, or run an epoch of it."""
    name = question.arms[0].name
    known = [r for r in store.trials().values() if r.arm == name] if store else []
    compiled = [r.compile_seconds for r in known if r.compile_seconds]
    if not known:
        arm = replace(question.arms[0], settings=replace(question.settings, epochs=1))
        probes = [Trial(arm, seed, arm.default_rate, False) for seed in range(executor.workers)]
        known = list(executor.run([(str(probe.seed), probe) for probe in probes]))
        compiled = [r.compile_seconds for r in known]
    return Pace(_epoch_seconds(known), max(compiled, default=1.0), executor.workers)


def _epoch_seconds(records: list[TrialRecord]) -> float:
    epochs = [s for r in records if r.state == "complete" for s in r.history["seconds"]]
    return median(epochs) if epochs else 1.0


def within_budget(question: Question, pace: Pace) -> tuple[Question, list[str]]:
    """Shrink the question to its budget, where it has one; say what was given up."""
    if question.budget is None:
        return question, []
    size, gave_up = shrink(question.size, question.budget, pace)
    return question.resized(size), gave_up


def describe(
    question: Question, dataset: Dataset, pace: Pace, gave_up: list[str]
) -> dict[str, Any]:
    """Give the plan as plain values: what `--dry-run` prints."""
    size, tuned = question.size, planning.is_tuned(question.axis)
    protocol = question.protocol
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
    """Open or make the study in `folder`, for one process at a time."""
    import filelock

    from mnistlab.comparing.store import Store

    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = filelock.FileLock(folder / ".lock", timeout=0)
        try:
            lock.acquire()
        except filelock.Timeout:
            raise StudyError(f"{folder} is being worked on by another process") from None
    try:
        with Store(folder) as store:
            yield store
    finally:
        lock.release()


def start_keras(backend: str | None) -> None:
    """Import Keras for trials: on JAX, one thread to a program, and what it compiles kept."""
    from mnistlab.data import cache_dir
    from mnistlab.models.backend import cache_compilations, default_backend, use_backend

    backend = backend or default_backend()
    use_backend(backend, threads=1, run_inline=True)
    if backend == "jax":
        cache_compilations(cache_dir() / "compiled")
    from mnistlab.training.train import quiet_hand_over

    quiet_hand_over(backend)


def own_arms(
    axis: str, choices: Sequence[Any] | Mapping[str, Any], base: TrainSettings
) -> list[Arm]:
    """Make arms of names, and of callables where `choices` is a dict."""
    if isinstance(choices, str):
        choices = [choices]
    if not isinstance(choices, Mapping):
        return planning.make_arms(axis, choices, base)
    if axis not in planning.AXES:
        raise UnknownNameError("axis", axis, planning.AXES)
    if len(choices) < 2:
        raise OptionError("one arm is no comparison; name two or more")
    return [_own_arm(axis, name, value, base) for name, value in choices.items()]


def _own_arm(axis: str, name: str, value: Any, base: TrainSettings) -> Arm:
    if not callable(value):
        return replace(planning.make_arm(axis, str(value), base), name=name)
    if axis not in ("optimizer", "model"):
        raise OptionError(f"'{name}': {axis} takes names; callables make optimizers or models")
    arm = planning.make_arm("optimizer", base.optimizer, base)
    build = _with_optimizer(value) if axis == "optimizer" else _with_model(value)
    return replace(arm, name=name, build=build, fingerprint=_fingerprint(value))


def _with_optimizer(make: Callable[[float], Any]) -> planning.Build:
    def build(settings: TrainSettings, dataset: Dataset) -> Any:
        from mnistlab.training.train import build_compiled, compile_model

        model = build_compiled(settings, dataset)
        rate = settings.learning_rate
        compile_model(model, settings, make(rate if rate is not None else 0.001))
        return model

    return build


def _with_model(make: Callable[[], Any]) -> planning.Build:
    def build(settings: TrainSettings, dataset: Dataset) -> Any:
        from mnistlab.training.train import compile_model

        model = make()
        if model.compiled:  # its own optimizer and loss, our metric
            compile_model(model, settings, model.optimizer, model.loss)
        else:
            activation = getattr(model.layers[-1], "activation", None)
            last = getattr(activation, "__name__", "linear")
            compile_model(model, replace(settings, last_activation=last))
        return model

    return build


def _fingerprint(function: Callable[..., Any]) -> str:
    """Hash a function's source, or its code, with what it closes over: its trials' identity."""
    try:
        text = inspect.getsource(function)
    except (OSError, TypeError):
        code = getattr(function, "__code__", None)
        text = repr((code.co_code, code.co_consts)) if code else repr(function)
    closed = [repr(cell.cell_contents) for cell in getattr(function, "__closure__", None) or ()]
    return hashlib.sha256(repr((text, closed)).encode()).hexdigest()


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
        console=console, disable=not shown,
    )  # fmt: skip
    tasks: dict[str, Any] = {}

    def on_trial(phase: str, done: int, total: int) -> None:
        if phase not in tasks:
            tasks[phase] = bar.add_task(phase, total=total, completed=done)
            if shown and not (console.is_terminal or console.is_jupyter):
                console.print(f"{phase}: {total - done} trials to run, {done} there already")
        bar.update(tasks[phase], completed=done, total=total)

    with bar:
        yield on_trial
