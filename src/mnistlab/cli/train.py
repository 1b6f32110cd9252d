"""`mnistlab train`: part one of the tutorial, and the test that it promised."""

from __future__ import annotations

import gc
import importlib
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli import BEGUN
from mnistlab.cli.console import EpochProgress, download_progress, print_json, results, say
from mnistlab.cli.interrupts import ended_by_interrupt, remembered_interrupt
from mnistlab.cli.options import is_typed, settings_options
from mnistlab.errors import OptionError
from mnistlab.training.settings import TrainSettings

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    from mnistlab.data import Dataset
    from mnistlab.training.runs import History, Run

# A small model trains as fast on one thread, and leaves the other cores to the report.
SINGLE_THREADED = ("mlp", "linear")


@settings_options()
def train(
    context: typer.Context,
    out: Path | None = typer.Option(
        None, help="Folder of the run; a new one in ./runs unless given."
    ),
    resume: Path | None = typer.Option(None, help="Go on with a run that was stopped."),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
    **options: Any,
) -> None:
    """Train a model, test it once, and keep all of it in a run's folder.

    Without options: the tutorial's model and settings, on MNIST. Other models are trained by
    their own recipes, but for the options given.

    Example: mnistlab train --model cnn-fast --epochs 2
    """
    if resume is not None:
        _refuse_others(context, [*options, "out"])
    from mnistlab.training.runs import Run

    run = Run.open(resume) if resume else None
    if run is not None and run.finished:
        from mnistlab.reporting.run_report import write_report

        say(f"{run.path} is finished already; nothing was trained")
        page = write_report(run)
    else:
        given = {name: value for name, value in options.items() if is_typed(context, name)}
        settings = run.settings if run else TrainSettings.of(**given).check()
        run, page = _train(run, out, settings)
    _show_result(run, json)
    say(f"run: {run.path}\nreport: {page}")


def _train(run: Run | None, out: Path | None, settings: TrainSettings) -> tuple[Run, Path]:
    """Train, test and report, in a new folder if there is no run yet; give it and its page."""
    from concurrent.futures import ThreadPoolExecutor

    from mnistlab.files import sha256
    from mnistlab.training.runs import Run

    with ThreadPoolExecutor(1) as pool:
        with ended_by_interrupt():
            loading = pool.submit(load_dataset, settings)
            start_keras(settings)
            dataset, load_seconds = loading.result()
            from mnistlab.training.train import check_devices, new_model

            if run is None:  # one that was begun goes on anywhere
                check_devices(settings)
            begun = time.perf_counter()
            model = new_model(settings, dataset)
            _warn_of_classes(settings, dataset)
            _warn_of_layers(settings, model)
        seconds = {"load": load_seconds, "build": time.perf_counter() - begun}
        run = run or Run.create(out, settings, _record(dataset, settings))
        run.check_data(dataset.digest)
        if settings.model_file:
            run.check_model_file(sha256(settings.model_file))
        drawing = _Drawing(pool, dataset)
        with run.locked():
            try:
                _train_and_test(run, dataset, model, seconds, drawing)
                # By now the drawing has imported it, Matplotlib and all, beside the training.
                from mnistlab.reporting.run_report import write_report

                return run, write_report(run, drawing.drawn())
            except KeyboardInterrupt:
                again = f"mnistlab train --resume {shlex.quote(str(run.path))}"
                say(f"\nstopped; go on with: {again}")
                raise


def _warn_of_layers(settings: TrainSettings, model: Any) -> None:
    """Say if the model that will be saved cannot be loaded again."""
    from mnistlab.models.own import foreign_layers

    if settings.model_file and (found := foreign_layers(model)):
        say(
            f"mnistlab: the model has layers that are not Keras' own or run code of their own "
            f"({', '.join(found)}): it is trained and saved, but `mnistlab test` and `export` "
            "cannot load it"
        )


def _warn_of_classes(settings: TrainSettings, dataset: Dataset) -> None:
    """Say if validation is blind to a class, or training."""
    from mnistlab.data import classes_apart
    from mnistlab.training.train import held_out_count

    if count := held_out_count(len(dataset.x_train), settings.validation):
        for said in classes_apart(dataset, count).values():
            say(f"mnistlab: {said}")


def _refuse_others(context: typer.Context, names: list[str]) -> None:
    """Raise OptionError if any of these options was given."""
    if given := [name for name in names if is_typed(context, name)]:
        listed = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise OptionError(f"--resume goes on with the run's own settings; leave out {listed}")


def load_dataset(settings: TrainSettings) -> tuple[Dataset, float]:
    """Load the data set that `settings` name; give it and the seconds that took."""
    from mnistlab.data import load

    begun = time.perf_counter()
    with download_progress() as progress:
        dataset = load(settings.dataset, classes=settings.classes, progress=progress)
    return dataset, time.perf_counter() - begun


def start_keras(settings: TrainSettings) -> None:
    """Import Keras on the backend of `settings`, with a cache for what it compiles."""
    from mnistlab.data import cache_dir
    from mnistlab.models.backend import cache_compilations, use_backend

    threads = 1 if settings.model_name in SINGLE_THREADED else None
    backend = settings.backend or "jax"
    use_backend(backend, threads=threads, devices=settings.devices)
    if backend == "jax":
        cache_compilations(cache_dir() / "compiled")
        _hand_over_in_a_line()
    # Imported here, beside the loading of the data, to be at hand when they are needed.
    import mnistlab.evaluation.testing
    import mnistlab.training.train

    # What was imported stays: looking through it for garbage costs 0.1 s each time.
    gc.freeze()
    mnistlab.training.train.quiet_hand_over(backend)


def _hand_over_in_a_line() -> None:
    """Say that a fit is handed to Keras' own in one line, without a place in our source."""
    import warnings

    from mnistlab.training.handover import HandOver

    show = warnings.showwarning

    def say_or_show(message: Any, category: Any, *where: Any, **more: Any) -> None:
        if issubclass(category, HandOver):
            say(f"mnistlab: {message}")
        else:
            show(message, category, *where, **more)

    warnings.showwarning = say_or_show


def _record(dataset: Dataset, settings: TrainSettings) -> dict[str, Any]:
    """Give what `settings.json` holds beside the settings."""
    from mnistlab.files import sha256
    from mnistlab.training.environment import versions

    record = {"versions": versions(), "data": {"name": dataset.name, "digest": dataset.digest}}
    file = settings.model_file
    return {**record, "model_file": {"digest": sha256(file)}} if file else record


class _Drawing:
    """What of the report is known before the result, drawn beside the training and the test."""

    def __init__(self, pool: ThreadPoolExecutor, dataset: Dataset) -> None:
        self.pool, self.dataset = pool, dataset
        self.parts: list[Future[dict[str, bytes]]] = []

    def begin(self) -> None:
        """Begin with what is known before training, unless begun."""
        if not self.parts:
            self.parts.append(self.pool.submit(self._draw_samples))

    def go_on(self, history: History, weights: Any) -> None:
        """Draw what is known after training."""
        from mnistlab.reporting.report import draw_training

        self.begin()
        curves = {name: values for name, values in history.items() if name != "seconds"}
        self.parts.append(self.pool.submit(draw_training, curves, weights))

    def drawn(self) -> dict[str, bytes]:
        """Wait for the pictures."""
        return {name: png for part in self.parts for name, png in part.result().items()}

    def _draw_samples(self) -> dict[str, bytes]:
        # Imported beside the training, for the model's file and the page.
        importlib.import_module("h5py")

        from mnistlab.data import class_counts
        from mnistlab.evaluation.testing import samples
        from mnistlab.reporting import page, run_report  # noqa: F401
        from mnistlab.reporting.figures import learning_curves
        from mnistlab.reporting.report import TEMPLATE, draw_samples

        page.compiled(TEMPLATE)
        learning_curves({"loss": [1.0, 0.5]})  # Matplotlib's first figure costs 0.2 s more
        data = self.dataset
        counts = {"train": class_counts(data.y_train, data.num_classes).tolist()}
        return draw_samples(samples(data), data.class_names, counts)


def _train_and_test(
    run: Run, dataset: Dataset, model: Any, seconds: dict[str, float], drawing: _Drawing
) -> None:
    from mnistlab.evaluation.testing import first_layer, save_records, score_model
    from mnistlab.models.zoo import members_of, with_views
    from mnistlab.training.train import save_model
    from mnistlab.training.train import train as train_run

    settings = run.settings
    epochs = settings.epochs * len(members_of(model))
    with EpochProgress(epochs) as shown, remembered_interrupt() as check:

        def on_epoch(done: int, logs: dict[str, float]) -> None:
            check()
            drawing.begin()
            shown.advance(done, logs)

        trained = train_run(run, dataset, model, on_epoch)
    begun = time.perf_counter()
    weights = first_layer(model)
    drawing.go_on(trained.history, weights)
    seen = with_views(trained.model, settings.views)
    scores = score_model(seen, dataset, settings.loss, settings.last_activation)
    now = time.perf_counter()
    saved = save_model(seen, run)
    seconds |= {
        **trained.seconds,
        "test": now - begun,
        "total": time.perf_counter() - BEGUN,
    }
    rounded = {name: round(value, 4) for name, value in seconds.items()}
    save_records(run, dataset, scores, weights, {"seconds": rounded, "model": saved})


def _show_result(run: Run, json: bool) -> None:
    """Print the result of a finished run, as a table or as the contract's JSON document."""
    from mnistlab.evaluation.scores import Scores
    from mnistlab.reporting.tables import print_table, run_table

    metrics, settings = run.document("metrics.json"), run.settings
    scores, seconds = Scores.from_json(metrics["test"]), metrics["seconds"]
    if not json:
        print_table(run_table(scores, seconds), results())
        return
    document = {
        "run": str(run.path),
        "dataset": settings.dataset,
        "model": settings.model,
        "config": settings.to_json(),
        "history": {k: v for k, v in run.read_history().items() if k != "seconds"},
        "test": {
            "loss": scores.loss,
            "accuracy": scores.accuracy,
            "n": scores.n,
            "accuracy_interval": list(scores.accuracy_interval),
        },
        "seconds": seconds,
    }
    print_json(document)
