"""One run as one page: a `RunReport` → pictures (`draw`) → a self-contained HTML file.

The page needs no network and no script: pictures are data URIs, and its own policy forbids all
else. All text from outside (names, settings, the command) is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnistlab.evaluation.scores import Scores
from mnistlab.reporting import figures, tables
from mnistlab.reporting.calibration_figure import calibration, calibration_text
from mnistlab.reporting.page import png_shown, render

# Also the file names (with .png) beside a run's report.
SAMPLES, CURVES, CONFUSION = "sample-sheet", "learning-curves", "confusion-matrix"
MISTAKES, WEIGHTS, CALIBRATION = "worst-mistakes", "first-layer", "calibration"
TEMPLATE = "run.html.j2"
PICTURES = (CURVES, CONFUSION, MISTAKES, SAMPLES, WEIGHTS, CALIBRATION)


@dataclass(frozen=True, eq=False)
class RunReport:
    """All that a run's report shows.

    `seconds` maps load, build, compile, train, ... to seconds. `history` is Keras' (empty if the
    run was not trained here). `class_counts` maps "train" and "test" to a count a class. `samples`
    is uint8 (C, k, 28, 28); `mistake_images` uint8 (m, 28, 28), in the order of `scores.mistakes`;
    `weights` float32 (units, 28, 28), or None if the first layer does not see pixels.
    """

    title: str
    command: str
    settings: Mapping[str, str]
    versions: Mapping[str, str]
    seconds: Mapping[str, float]
    history: Mapping[str, Sequence[float]]
    scores: Scores
    class_names: tuple[str, ...]
    class_counts: Mapping[str, Sequence[int]]
    samples: npt.NDArray[np.uint8]
    mistake_images: npt.NDArray[np.uint8]
    weights: npt.NDArray[np.float32] | None = None


def draw_samples(
    samples: npt.NDArray[np.uint8],
    class_names: Sequence[str],
    class_counts: Mapping[str, Sequence[int]],
) -> dict[str, bytes]:
    """Draw what is known before training; in a thread, while the model compiles."""
    return {SAMPLES: figures.sample_sheet(samples, class_names, class_counts["train"])}


def draw_training(
    history: Mapping[str, Sequence[float]], weights: npt.NDArray[np.float32] | None
) -> dict[str, bytes]:
    """Draw what is known before the test; in a thread, while the model is tested."""
    return {name: make() for name, make in _of_training(history, weights).items()}


def draw(report: RunReport, drawn: Mapping[str, bytes] | None = None) -> dict[str, bytes]:
    """Return name → PNG for all of a run's pictures, in the order of the page.

    What `drawn` has already (see `draw_samples`, `draw_training`) is not drawn again. There are
    no learning curves without history and no first layer without weights.
    """
    scores, names, drawn = report.scores, report.class_names, drawn or {}
    makers: dict[str, Callable[[], bytes]] = {
        **_of_training(report.history, report.weights),
        CONFUSION: lambda: figures.confusion_matrix(scores.confusion, names),
        MISTAKES: lambda: figures.mistakes(report.mistake_images, scores.mistakes, names),
        SAMPLES: lambda: draw_samples(report.samples, names, report.class_counts)[SAMPLES],
        CALIBRATION: lambda: calibration(scores.calibration, scores.expected_calibration_error),
    }
    return {
        name: drawn[name] if name in drawn else makers[name]()
        for name in PICTURES
        if name in makers
    }


def _of_training(
    history: Mapping[str, Sequence[float]], weights: npt.NDArray[np.float32] | None
) -> dict[str, Callable[[], bytes]]:
    makers: dict[str, Callable[[], bytes]] = {}
    if figures.curve_panels(history):
        makers[CURVES] = lambda: figures.learning_curves(history)
    if weights is not None:
        makers[WEIGHTS] = lambda: figures.first_layer(weights)
    return makers


def render_html(report: RunReport, pngs: Mapping[str, bytes]) -> str:
    """Return the page, complete; of the pictures those that `pngs` has (see `draw`)."""
    return render(TEMPLATE, page_content(report, pngs))


def page_content(report: RunReport, pngs: Mapping[str, bytes]) -> dict[str, Any]:
    """Return all that the page's template prints, computed: text, tables and pictures."""
    scores = report.scores
    return {
        "title": report.title,
        "command": report.command,
        "accuracy": tables.percent(scores.accuracy),
        "interval": f"{100 * scores.accuracy_interval[0]:.2f} to"
        f" {100 * scores.accuracy_interval[1]:.2f}\N{NO-BREAK SPACE}%",
        "n": f"{scores.n:,}",
        "wrong": f"{scores.wrong:,}",
        "invalid": f"{scores.invalid:,}" if scores.invalid else "",
        "loss": tables.number(scores.loss),
        "seconds": [(name, tables.duration(value)) for name, value in report.seconds.items()],
        "classes": tables.class_table(scores),
        "pairs": tables.confused_pairs(scores),
        "counts": _count_table(report),
        "settings": list(report.settings.items()),
        "versions": list(report.versions.items()),
        "shown_mistakes": len(report.mistake_images),
        "pictures": {
            name.replace("-", "_"): png_shown(png, _alt(name, report)) for name, png in pngs.items()
        },
    }


def _count_table(report: RunReport) -> tables.Table:
    """Return how many examples of each class each split has."""
    splits = tuple(report.class_counts)
    columns = (report.class_names, *(map("{:,}".format, report.class_counts[s]) for s in splits))
    return tables.Table("examples a class", ("class", *splits), tuple(zip(*columns, strict=True)))


def _alt(name: str, report: RunReport) -> str:
    """Say in words what a picture shows, numbers first, for who cannot see it."""
    scores = report.scores
    if name == CURVES:
        last = [
            f"{line} {panel.title} {figures.last_value(panel.title, values[-1])}"
            for panel in figures.curve_panels(report.history)
            for line, values in panel.lines.items()
        ]
        return "Learning curves; at the end " + ", ".join(last) + "."
    if name == CONFUSION:
        rows = tables.confused_pairs(scores, 3).rows
        pairs = ", ".join(f"{true} taken for {said} {n} times" for true, said, n, _ in rows)
        return (
            f"Confusion matrix; most often {pairs}." if rows else "Confusion matrix; no mistakes."
        )
    if name == CALIBRATION:
        error = calibration_text(scores.expected_calibration_error)
        return f"Accuracy against confidence; {error}."
    return {
        SAMPLES: "Training images picked at random, a row a class.",
        MISTAKES: "The mistakes made with the most confidence, each with its caption.",
        WEIGHTS: "The weights of the first layer as pictures, red positive, blue negative.",
    }[name]
