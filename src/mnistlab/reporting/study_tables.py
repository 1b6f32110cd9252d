"""A study as rows of text: for a terminal of 80 columns, a notebook, the page, and trials as CSV.

Accuracies are written in percent, their differences in points (a hundredth of accuracy), learning
rates with three digits. What does not exist is written as a dash, never as a number.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from mnistlab.comparing.results import (
    ArmResult,
    Difference,
    StudyRecords,
    StudyResult,
    Summary,
    TrialRecord,
)
from mnistlab.reporting.tables import Table, duration

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable

NOTHING = "–"
EDGE = "†"
NARROWEST = 12  # characters of a name on one line, however narrow the terminal
PAIRS_SHOWN = 21  # on a terminal: all pairs of 7 arms
ROLES = ("tuning", "tuned", "default")


@dataclass(frozen=True)
class TrialRow:
    """One line of `trials.csv`: a trial, its `role` in the study, its values after the last epoch.

    `role` is tuning, tuned or default, or two of them with a plus. What there is not is None.
    """

    arm: str
    role: str
    seed: int
    learning_rate: float
    state: str
    epochs: int
    loss: float | None
    accuracy: float | None
    val_loss: float | None
    val_accuracy: float | None
    test_accuracy: float | None
    test_loss: float | None
    test_n: int
    seconds: float
    compile_seconds: float
    error: str
    key: str


# --- numbers --------------------------------------------------------------------------------


def rate(value: float, on_edge: bool = False) -> str:
    """Write a learning rate, marked if it is at the end of the grid.

    >>> rate(0.00316), rate(3.16e-05, on_edge=True)
    ('0.00316', '3.16e-05†')
    """
    return f"{value:.3g}" + EDGE * on_edge


def accuracy(summary: Summary | None, expected: int | None = None) -> str:
    """Write a mean in percent with half its interval, and n unless it is as `expected`.

    >>> accuracy(Summary(0.97, 0.01, 3, (0.9452, 0.9948)))
    '97.00 ± 2.48 (3)'
    """
    if summary is None:
        return NOTHING
    half = (summary.interval[1] - summary.interval[0]) / 2
    text = f"{100 * summary.mean:.2f}" + (f" ± {100 * half:.2f}" if math.isfinite(half) else "")
    return text if summary.n == expected else f"{text} ({summary.n})"


def points(value: float) -> str:
    """Write a difference of accuracies in points, with its sign.

    >>> points(0.00123), points(float("nan"))
    ('+0.12', '–')
    """
    return f"{100 * value:+.2f}" if math.isfinite(value) else NOTHING


def span(interval: tuple[float, float]) -> str:
    """Write an interval of differences in points.

    >>> span((-0.0003, 0.0027))
    '-0.03 to +0.27'
    """
    return " to ".join(map(points, interval)) if math.isfinite(interval[0]) else NOTHING


def probability(p: float) -> str:
    """Write a p-value.

    >>> probability(0.00391), probability(1e-9), probability(float("nan"))
    ('0.0039', '<0.0001', '–')
    """
    if not math.isfinite(p):
        return NOTHING
    return "<0.0001" if p < 0.0001 else f"{p:.4f}"


# --- tables ---------------------------------------------------------------------------------


def final_seeds(result: StudyResult) -> int:
    """Return how many final trials an arm has at its tuned rate, at most."""
    return max((len(arm.tuned) for arm in result.records.arms), default=0)


def has_default(result: StudyResult) -> bool:
    """Say whether anything was run at Keras' default rates beside the tuned ones."""
    return any(arm.default for arm in result.records.arms)


def is_tuned(result: StudyResult) -> bool:
    """Say whether the arms' learning rates were tuned."""
    return any(arm.sensitivity for arm in result.arms)


def study_table(result: StudyResult) -> Table:
    """Return a row an arm: rate, test accuracy there and at the default rate, lost and all trials.

    In the title is how many seeds a mean is over; a cell says so where it is over fewer.
    """
    n = final_seeds(result)
    tuned = "tuned rate" if is_tuned(result) else "rate"
    rows: list[tuple[str, ...]] = [
        ("arm", tuned, "test acc. %", "at default %", "diverged", "trials")
    ]
    for arm in result.arms:
        chosen = rate(arm.learning_rate, arm.on_edge)
        accuracies = (accuracy(arm.test_accuracy, n), accuracy(arm.at_default, n))
        rows.append((arm.name, chosen, *accuracies, _lost(arm), str(arm.trials)))
    if not has_default(result):
        rows = [row[:3] + row[4:] for row in rows]
    title = f"{result.records.axis}: mean ± half of the 95 % interval, n = {n} seeds"
    return Table(title, rows[0], tuple(rows[1:]))


def _lost(arm: ArmResult) -> str:
    """Count the final trials at the tuned rate that diverged or failed."""
    return str(arm.diverged) + (f", {arm.failed} failed" if arm.failed else "")


def differences_table(result: StudyResult, most: int | None = None) -> Table:
    """Return a row a pair of arms; of more than `most` pairs those with the arm of highest mean.

    A verdict is its first clause here; `remarks` has the rest, each once.
    """
    shown: Sequence[Difference] = result.differences
    title = "differences in test accuracy, paired by seed, in points"
    if most is not None and len(shown) > most:
        name = highest(result)
        shown = [d for d in shown if name in (d.a, d.b)]
        title += f": {len(shown)} of {len(result.differences)} pairs, those with {name}"
    rows = tuple(map(_difference_row, shown))
    return Table(title, ("pair", "points", "95 % interval", "p", "p (Holm)", "verdict"), rows)


def _difference_row(d: Difference) -> tuple[str, ...]:
    verdict = d.verdict.partition("; ")[0]
    p, p_holm = probability(d.p), probability(d.p_holm)
    return f"{d.a} − {d.b}", points(d.mean), span(d.interval), p, p_holm, verdict


def remarks(result: StudyResult) -> tuple[str, ...]:
    """Return what verdicts say after their first clause, each once."""
    said = (clause for d in result.differences for clause in d.verdict.split("; ")[1:])
    return tuple(f"{clause}." for clause in dict.fromkeys(said))


def highest(result: StudyResult) -> str:
    """Name the arm of the highest mean test accuracy; the first if there is none."""
    means = {arm.name: arm.test_accuracy.mean for arm in result.arms if arm.test_accuracy}
    return max(means, key=means.__getitem__) if means else result.arms[0].name


def tuning_table(result: StudyResult) -> Table:
    """Return what each arm's learning rate was chosen from."""
    rows = []
    for arm in result.arms:
        grid = arm.sensitivity
        if grid:
            trials = sum(len(point.values) + point.diverged for point in grid)
            lost = sum(point.diverged for point in grid)
            ends = (rate(grid[0].learning_rate), rate(grid[-1].learning_rate))
            chosen = rate(arm.learning_rate, arm.on_edge)
            rows.append((arm.name, str(len(grid)), *ends, str(trials), str(lost), chosen))
    header = ("arm", "rates", "lowest", "highest", "trials", "diverged", "chosen")
    return Table("tuning, on the validation split", header, tuple(rows))


def target_table(result: StudyResult) -> Table:
    """Return what it took to reach the target accuracy on validation; compiling apart."""
    rows = []
    for arm, records in zip(result.arms, result.records.arms, strict=True):
        epochs, seconds = arm.to_target, arm.seconds_to_target
        trials = {t.key: t for t in (*records.tuning, *records.tuned, *records.default)}
        compiling = math.fsum(t.compile_seconds for t in trials.values())
        rows.append(
            (
                arm.name,
                f"{arm.reached_target} of {len(records.tuned)}",
                f"{epochs.mean:.1f}" if epochs else NOTHING,
                f"{epochs.mean * arm.steps_per_epoch:,.0f}" if epochs else NOTHING,
                duration(seconds.mean) if seconds else NOTHING,
                duration(compiling),
            )
        )
    header = ("arm", "reached", "epochs", "steps", "seconds", "compiling, all trials")
    title = f"to {100 * result.target:.1f} % on validation, means over the trials that reach it"
    return Table(title, header, tuple(rows))


def notes(result: StudyResult) -> tuple[str, ...]:
    """Return what a reader of the tables must be told beside them."""
    told = []
    planned = len(result.records.plan.get("final_seeds", ()))
    least = min((len(arm.tuned) for arm in result.records.arms), default=0)
    if least < planned:
        told.append(f"Unfinished: {least} of {planned} final seeds in some arm; run it on.")
    if any(arm.on_edge for arm in result.arms):
        told.append(
            f"{EDGE} the best rate is the last of the grid, even after extending it: "
            "beyond it the arm may do better."
        )
    if lost := [
        f"{arm.name} ({arm.default_diverged})" for arm in result.arms if arm.default_diverged
    ]:
        told.append(f"Diverged at Keras' default rate: {', '.join(lost)}.")
    if result.records.plan.get("quick"):
        told.append("A quick study: a smaller plan, for a first look.")
    if given := words(result.records.plan.get("gave_up")):
        told.append(f"Given up: {given}.")
    return tuple(told)


def words(value: Any) -> str:
    """Join what a plan says in words, a text or several."""
    text = value if isinstance(value, str) else "; ".join(map(str, value or ()))
    return text.strip().rstrip(".")


class StudyTable:
    """Both tables and the notes: for rich to print, text in 80 columns, HTML in a notebook."""

    def __init__(self, result: StudyResult) -> None:
        """Show `result`."""
        self.result = result

    def __rich_console__(self, console: Console, options: Any) -> Iterator[RenderableType]:
        """Give rich what to print; long names and verdicts stand on several lines."""
        from rich.text import Text

        arms = study_table(self.result)
        pairs = differences_table(self.result, PAIRS_SHOWN)
        yield _tight(_fitted(arms, options.max_width, ("trials", "at default %")), flowing=("arm",))
        yield ""
        yield _tight(_fitted(pairs, options.max_width, ("p",)), flowing=("pair", "verdict"))
        for note in (*remarks(self.result), *notes(self.result)):
            yield Text(note)

    def __str__(self) -> str:
        from rich.console import Console

        stream = io.StringIO()
        Console(file=stream, width=80).print(self)
        return stream.getvalue()

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return study_table_html(self.result)


def _fitted(table: Table, width: int, spare: tuple[str, ...]) -> Table:
    """Leave out `spare` columns, one after another, where `width` has no room for names."""
    for name in spare:
        needed = sum(_width(table, i) + 2 for i in range(1, len(table.header)))
        if needed + min(_width(table, 0), NARROWEST) <= width or name not in table.header:
            break
        at = table.header.index(name)
        rows = tuple(row[:at] + row[at + 1 :] for row in table.rows)
        table = Table(table.title, table.header[:at] + table.header[at + 1 :], rows)
    return table


def _width(table: Table, column: int) -> int:
    """Give the width of a column; of verdicts, which flow, what is the least to be readable."""
    if table.header[column] == "verdict":
        return NARROWEST
    return max(len(row[column]) for row in (table.header, *table.rows))


def _tight(table: Table, flowing: tuple[str, ...]) -> RichTable:
    """Set a table with little air, whose `flowing` columns give way where it is too wide."""
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=Text(table.title), title_justify="left", box=box.SIMPLE_HEAD)
    drawn.show_edge, drawn.padding = False, (0, 1, 0, 0)
    for name in table.header:
        if name in flowing:
            drawn.add_column(Text(name), overflow="fold")
        else:
            drawn.add_column(Text(name), justify="right", no_wrap=True)
    for row in table.rows:
        drawn.add_row(*map(Text, row))
    return drawn


def study_table_html(result: StudyResult) -> str:
    """Return both tables and the notes as a piece of HTML, for a notebook's `_repr_html_`."""
    from mnistlab.reporting.page import render

    shown = [study_table(result), differences_table(result)]
    told = (*remarks(result), *notes(result))
    return render("tables.html.j2", {"tables": shown, "notes": told})


# --- CSV ------------------------------------------------------------------------------------


def csv_text(kind: type, rows: Iterable[Any]) -> str:
    """Write `rows`, instances of the dataclass `kind`, as CSV with its fields as header.

    Floats in full; None and what is not finite as an empty cell; lines end in a newline alone.
    """
    names = [each.name for each in fields(kind)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_cell(getattr(row, name)) for name in names] for row in rows)
    return stream.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return value


def trials_csv(records: StudyRecords) -> str:
    """Return every trial of a study as CSV, a row a trial; the columns are `TrialRow`'s."""
    return csv_text(TrialRow, trial_rows(records))


def trial_rows(records: StudyRecords) -> list[TrialRow]:
    """Return a row a trial, arm by arm, tuning first; one in two roles is one row."""
    rows = []
    for arm in records.arms:
        roles: dict[str, list[str]] = {}
        trials: dict[str, TrialRecord] = {}
        for role in ROLES:
            for trial in getattr(arm, role):
                trials[trial.key] = trial
                roles.setdefault(trial.key, []).append(role)
        rows += [_trial_row(trial, "+".join(roles[key])) for key, trial in trials.items()]
    return rows


def _trial_row(trial: TrialRecord, role: str) -> TrialRow:
    values: dict[str, Any] = {name: getattr(trial, name) for name in SAME}
    for name in LAST:
        values[name] = trial.history[name][-1] if trial.history.get(name) else None
    epochs = max(map(len, trial.history.values()), default=0)
    return TrialRow(role=role, epochs=epochs, **values)


LAST = ("loss", "accuracy", "val_loss", "val_accuracy")
SAME = (
    "arm", "seed", "learning_rate", "state", "test_accuracy", "test_loss", "test_n", "seconds",
    "compile_seconds", "error", "key",
)  # fmt: skip
