"""A study as one page: a `StudyResult` → figures, tables, sentences → a self-contained HTML file.

The sentences of "How this was made" say what was done, from the trials themselves, in words that
can be cited. As in a run's page there is no script and no network: pictures are data URIs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mnistlab.comparing.results import Difference, StudyRecords, StudyResult
from mnistlab.comparing.statistics import ALPHA
from mnistlab.errors import MissingExtraError, UnknownNameError
from mnistlab.files import storage_errors, write_atomic
from mnistlab.reporting import study_figures as figures
from mnistlab.reporting import study_tables as tables
from mnistlab.reporting.page import Shown, data_uri, render
from mnistlab.reporting.study_rows import progress_rows
from mnistlab.reporting.tables import duration

SENTENCES = 10  # verdicts written out; more are counted

REFERENCES = (
    "D. Choi et al. (2019), On empirical comparisons of optimizers for deep learning,"
    " arXiv:1910.05446: every arm tuned alike.",
    "V. Godbole et al. (2023), Deep learning tuning playbook: scientific, nuisance and fixed"
    " settings.",
    "Student (1908), The probable error of a mean, Biometrika 6, 1-25: the intervals.",
    "R. A. Fisher (1935), The design of experiments, section 21; E. J. G. Pitman (1937),"
    " Significance tests which may be applied to samples from any populations, JRSS Suppl. 4:"
    " the permutation test.",
    "S. Holm (1979), A simple sequentially rejective multiple test procedure, Scandinavian"
    " Journal of Statistics 6, 65-70.",
    "J. Dodge et al. (2019), Show your work: improved reporting of experimental results, EMNLP:"
    " expected best for a budget.",
)

STATISTICS = (
    "Means have Student's 95 % interval over seeds. Two arms are compared by their differences,"
    " seed by seed, over the seeds that both completed: the mean difference with Student's"
    " interval, and the exact two-sided paired permutation test of the mean (all changes of sign),"
    " with Holm's correction for {pairs}; the intervals are not corrected. “Better” is p < 0.05"
    " after Holm; “no difference above 0.1 points”, that the whole interval lies within ±0.1"
    " points; “can't tell”, all else."
)
LIMITS = (
    "A trial that diverged is a result: it is counted and shown, and no accuracy is made up for"
    " it. Only where a rate is chosen or an expected best computed does it count as chance (10 %).",
    "The spread is that of training: all seeds share the same training, validation and test"
    " images. Seconds are wall-clock on the machine named below, compiling apart.",
)


def write_study_report(result: StudyResult, folder: Path) -> Path:
    """Write `report.html`, `trials.csv` and `figures/NAME.svg|png|csv`; return the page's path.

    Each file appears whole or not at all. Raises StorageError where they cannot be written.
    """
    pictures = folder / "figures"
    with storage_errors(pictures):
        pictures.mkdir(parents=True, exist_ok=True)
    drawn = figures.draw_study(result)
    for name, figure in drawn.items():
        write_atomic(pictures / f"{name}.svg", figure.svg)
        write_atomic(pictures / f"{name}.png", figure.png)
        write_atomic(pictures / f"{name}.csv", figure.csv)
    write_atomic(folder / "trials.csv", tables.trials_csv(result.records))
    page = folder / "report.html"
    write_atomic(page, render_study(result, drawn))
    return page


def study_picture(result: StudyResult, name: str) -> figures.Drawn:
    """Draw one figure by its name. Raises UnknownNameError for one that the study has not."""
    drawn = figures.draw_figure(result, name) if name in figures.FIGURES else None
    if drawn is None:
        has = [each for each, (_, compute, _) in figures.FIGURES.items() if compute(result)]
        raise UnknownNameError("figure", name, has)
    return drawn


def trials_frame(records: StudyRecords) -> Any:
    """Return every trial as a pandas DataFrame, with the columns of `trials.csv`.

    Raises MissingExtraError where pandas is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise MissingExtraError("a data frame", "pandas") from None
    return pandas.DataFrame(tables.trial_rows(records))


def render_study(result: StudyResult, drawn: Mapping[str, figures.Drawn]) -> str:
    """Return the page, complete, with the figures of `drawn` (see `figures.draw_study`)."""
    return render("study.html.j2", page_content(result, drawn))


def page_content(result: StudyResult, drawn: Mapping[str, figures.Drawn]) -> dict[str, Any]:
    """Return all that the page's template prints, computed: text, tables and pictures."""
    records = result.records
    return {
        "title": title(result),
        "headline": headline(result),
        "verdicts": verdicts(result),
        "notes": tables.notes(result),
        "numbers": numbers(result),
        "arms": tables.study_table(result),
        "differences": tables.differences_table(result),
        "remarks": tables.remarks(result),
        "tuning": tables.tuning_table(result),
        "target": tables.target_table(result),
        "protocol": protocol(result),
        "references": REFERENCES,
        "command": records.command,
        "settings": [(k, _plain(v)) for k, v in records.settings.items() if v is not None],
        "versions": list(records.versions.items()),
        "loss_axis": records.axis == "loss",
        "pictures": {
            name.replace("-", "_"): _shown(figure, alt(name, result))
            for name, figure in drawn.items()
        },
    }


# --- words ----------------------------------------------------------------------------------


def title(result: StudyResult) -> str:
    """Name what was compared, and on what."""
    settings = result.records.settings
    about = [f"{len(result.arms)} arms by {result.records.axis}"]
    if settings.get("dataset"):
        about.append(Path(str(settings["dataset"])).name)
    if settings.get("model") and result.records.axis != "model":
        about.append(str(settings["model"]))
    return " · ".join(about)


def headline(result: StudyResult) -> str:
    """Say the outcome: of two arms the verdict, of more how many pairs were told apart."""
    if len(result.differences) == 1:
        verdict = result.differences[0].verdict.split(";")[0]
        return verdict[:1].upper() + verdict[1:] if verdict.startswith("can't") else verdict
    apart = sum(d.p_holm < ALPHA for d in result.differences)
    pairs = len(result.differences)
    return f"{apart or 'None'} of {pairs} pairs told apart"


def verdicts(result: StudyResult) -> tuple[str, ...]:
    """Return a sentence a pair; of many pairs how many have which verdict."""
    if len(result.differences) <= SENTENCES:
        return tuple(_sentence(d) for d in result.differences)
    others = Counter(d.verdict.split(";")[0] for d in result.differences if not d.p_holm < ALPHA)
    apart = len(result.differences) - others.total()
    counted = [f"{count} pairs: {verdict}" for verdict, count in others.most_common()]
    better = [f"{apart} pairs: one better than the other"] if apart else []
    return (*better, *counted)


def _sentence(d: Difference) -> str:
    said = f"{d.a} and {d.b}: {d.verdict}"
    numbers = [f"{tables.points(d.mean)} points"] if d.n else []
    if (interval := tables.span(d.interval)) != tables.NOTHING:
        numbers.append(f"95 % interval {interval}")
    if (p := tables.probability(d.p_holm)) != tables.NOTHING:
        numbers.append(f"p {p if p.startswith('<') else '= ' + p} after Holm")
    numbers.append(f"n\u00a0=\u00a0{d.n}")
    return f"{said} ({', '.join(numbers)})."


def numbers(result: StudyResult) -> list[tuple[str, str]]:
    """Return the size of the study and its times."""
    trials = _trials(result)
    lost = sum(trial.state != "complete" for trial in trials)
    counts = {"trials": len(trials), "final seeds": tables.final_seeds(result)}
    if lost:
        counts["diverged or failed"] = lost
    shown = [(name, f"{count:,}") for name, count in counts.items()]
    return shown + [
        # The trials' time is of all commands; what the clock says, of the last alone.
        (f"{'last command' if name == 'total' else name}, time", duration(value))
        for name, value in result.records.seconds.items()
    ]


def _trials(result: StudyResult) -> list[Any]:
    arms = result.records.arms
    every = [t for a in arms for t in (*a.tuning, *a.tuned, *a.default)]
    return list({trial.key: trial for trial in every}.values())


def protocol(result: StudyResult) -> tuple[str, ...]:
    """Return how the study was made, a paragraph an item."""
    tuning = _tuning(result) if tables.is_tuned(result) else "No learning rate was tuned."
    pairs = len(result.differences)
    tests = STATISTICS.format(pairs="the 1 pair" if pairs == 1 else f"the {pairs} pairs")
    return _pairing(result), tuning, _finals(result), tests, *LIMITS


def _pairing(result: StudyResult) -> str:
    shared = {"model": ", as far as shapes agree", "batch-size": ", though cut at other places"}
    extra = shared.get(result.records.axis, "")
    return (
        f"Each of the {len(_trials(result)):,} trials trained a fresh model. The same seed gives"
        f" the same initial weights and the same order of images in every arm{extra}: arms are"
        " compared seed by seed. All else was the same for all arms: see the settings below."
    )


def _tuning(result: StudyResult) -> str:
    sizes = sorted({len(arm.sensitivity) for arm in result.arms})
    count = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    seeds = {t.seed for arm in result.records.arms for t in arm.tuning}
    times = result.records.plan.get("extensions", 0)
    extended = {0: "not needed here", 1: "here once"}.get(times, f"here {times} times")
    return (
        f"The learning rate was tuned for every arm with the same effort: {count} rates on a log"
        f" scale over the arm's own range, with {_seeds(seeds)} each, judged by mean accuracy on"
        " the validation split after the last epoch, averaged with that of the neighbouring rates"
        " (weights 1, 2, 1). A rate of which a trial diverged was chosen"
        " only if every rate had one. Where a best rate lies at an end, the grids of all arms are"
        f" extended alike: {extended}."
    )


def _finals(result: StudyResult) -> str:
    seeds = {t.seed for arm in result.records.arms for t in arm.tuned}
    images = max((t.test_n for t in _trials(result)), default=0)
    ran, chosen = "Every arm was run", ""
    if tables.is_tuned(result):
        rates = (
            "The chosen rate and Keras' default were"
            if tables.has_default(result)
            else "The chosen rate was"
        )
        ran = f"{rates} then run anew"
        chosen = " Intervals are over seeds at the chosen rates; tuned anew, an arm may be run at"
        chosen += " a rate beside its own."
    return (
        f"{ran} with {_seeds(seeds)}. Each of these trials was tested once, after its last epoch,"
        f" on {images:,} test images; nothing was chosen by that.{chosen}"
    )


def _seeds(seeds: set[int]) -> str:
    """Name seeds: how many, and which.

    >>> _seeds({3, 1, 2}), _seeds({7})
    ('3 seeds (1 to 3)', '1 seed (7)')
    """
    ordered = sorted(seeds)
    if not ordered:
        return "no seeds"
    if len(ordered) > 1 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{len(ordered)} seeds ({ordered[0]} to {ordered[-1]})"
    return f"{len(ordered)} seed{'s' * (len(ordered) > 1)} ({', '.join(map(str, ordered))})"


def alt(name: str, result: StudyResult) -> str:
    """Say in words what a figure shows, numbers first, for who cannot see it."""
    if name == figures.TEST:
        said = [f"{a.name} {tables.accuracy(a.test_accuracy)}" for a in result.arms]
        return f"Test accuracy in percent, mean ± half interval (seeds): {', '.join(said)}."
    if name == figures.FOREST:
        rows = tables.differences_table(result, SENTENCES).rows
        return (
            f"Differences in points: {', '.join(f'{row[0]} {row[1]} [{row[2]}]' for row in rows)}."
        )
    if name == figures.SENSITIVITY:
        said = [f"{a.name} best at {tables.rate(a.learning_rate)}" for a in result.arms]
        return f"Validation accuracy against the learning rate: {', '.join(said)}."
    if name == figures.EXPECTED:
        said = [
            f"{a.name} from {100 * a.expected_best[0]:.2f} to {100 * a.expected_best[-1]:.2f} %"
            for a in result.arms
            if a.expected_best
        ]
        return f"Expected best validation accuracy of one rate and of all: {', '.join(said)}."
    last = {row.arm: row for row in progress_rows(result)}.values()
    said = [f"{r.arm} {100 * r.val_accuracy:.2f} % after {duration(r.seconds)}" for r in last]
    what = {figures.CURVES: "Learning curves", figures.PROGRESS: "Validation accuracy over time"}
    return f"{what[name]}; at the end {', '.join(said) or 'nothing'}."


def _shown(figure: figures.Drawn, words: str) -> Shown:
    return Shown(data_uri("image/svg+xml", figure.svg), words, figure.width, figure.height)


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
