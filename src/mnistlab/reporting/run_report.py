"""A run's folder → its pictures and its page, from the records alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnistlab.evaluation.scores import Scores
from mnistlab.files import storage_errors, write_atomic
from mnistlab.reporting.report import RunReport, draw, render_html
from mnistlab.training.runs import Run


def run_report(run: Run) -> RunReport:
    """Collect what the report of a finished run shows. Raises RunError for one unfinished."""
    metrics, about = run.document("metrics.json"), run.document("settings.json")
    arrays = run.load_arrays()
    settings = run.settings
    with run.reading("metrics.json"):
        return RunReport(
            title=f"{Path(settings.dataset).name} · {settings.model}",
            command=_text(about["command"]),
            settings={k: _shown(v) for k, v in settings.to_json().items() if v is not None},
            versions=about["versions"],
            seconds=metrics["seconds"],
            history={k: v for k, v in run.read_history().items() if k != "seconds"},
            scores=_scores(metrics),
            class_names=tuple(metrics["class_names"]),
            class_counts=metrics["class_counts"],
            samples=arrays["samples"],
            mistake_images=arrays["mistakes"],
            weights=arrays.get("first_layer"),
        )


def write_report(run: Run, drawn: Mapping[str, bytes] | None = None) -> Path:
    """Draw a finished run's figures and page into its folder; give the page's path.

    What `drawn` has already is taken from there (see `report.draw`).
    """
    report = run_report(run)
    with run.reading("metrics.json"):
        pngs = draw(report, drawn)
        html = render_html(report, pngs)
    figures = run.path / "figures"
    with storage_errors(figures):
        figures.mkdir(exist_ok=True)
    for name, png in pngs.items():
        write_atomic(figures / f"{name}.png", png)
    page = run.path / "report.html"
    write_atomic(page, html)
    return page


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is not text")
    return value


def _scores(metrics: Mapping[str, Any]) -> Scores:
    scores, classes = Scores.from_json(metrics["test"]), len(metrics["class_names"])
    if scores.confusion.shape != (classes, classes) or len(scores.per_class) != classes:
        raise ValueError("the confusion matrix is not one of its classes")
    return scores


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
