"""A replay of the posts as rows of text: their figures and ours, in 80 columns."""

from __future__ import annotations

import math

from mnistlab.comparing.posts import CELLS, PART_ONE, SCENARIOS, Quantity, Replay, Spread
from mnistlab.reporting.tables import Table

FAIR = (
    "Nothing here compares optimizers: each cell trains on from where the one before it stopped, "
    "at whatever rate its Keras gave, and is judged on the images it trains on. For a fresh model "
    "each, tuned rates, paired seeds and one test: mnistlab compare optimizer adam adagrad adadelta"
)


def replay_tables(replay: Replay) -> tuple[Table, ...]:
    """Return loss, accuracy, the test that the posts lack, and the epochs that they do not show."""
    return (
        figures_table(replay, "loss"),
        figures_table(replay, "accuracy"),
        table_of_tests(replay),
        hidden_table(replay),
    )


def figures_table(replay: Replay, quantity: Quantity) -> Table:
    """Return `quantity` in training, a row for each epoch that the posts print."""
    rows = []
    for cell in CELLS:
        for epoch, theirs in enumerate(getattr(cell, quantity)):
            ours = (replay.spread(s.name, cell.name, quantity, epoch) for s in SCENARIOS)
            cells = (with_spread(each, quantity) for each in ours)
            rows.append((f"{cell.name} {epoch + 1}", figure(theirs, quantity), *cells))
    title = f"training {quantity}: mean{_spread_words(replay)}"
    return Table(title, ("epoch", "the posts", *_titles()), tuple(rows))


def table_of_tests(replay: Replay) -> Table:
    """Return the test accuracy before part two and after each of its cells."""
    rows = [("before part two", *(_points(replay.start_spread(s)) for s in SCENARIOS))]
    for cell in CELLS[1:]:
        spreads = (replay.test_spread(s.name, cell.name) for s in SCENARIOS)
        rows.append((f"after {cell.name}", *map(_points, spreads)))
    title = f"test accuracy, %, which the posts do not show: mean{_spread_words(replay)}"
    return Table(title, ("model", *_titles()), tuple(rows))


def hidden_table(replay: Replay) -> Table:
    """Return, a row a seed, how long Adam trains to the loss at which part two begins."""
    rows = []
    for record in replay.seeds:
        found = record.search
        first = f"none in {len(found.loss)}" if found.first is None else str(found.first)
        loss = found.loss[-1 if found.first is None else found.first - 1]
        hidden = "?" if found.hidden is None else str(found.hidden)
        rows.append((str(record.seed), first, figure(loss, "loss"), hidden))
    title = f"part two begins at loss {figure(replay.target, 'loss')}; Adam gets there"
    header = ("seed", "in epoch", "at loss", "epochs in neither post")
    return Table(title, header, tuple(rows))


def hidden_sentence(replay: Replay) -> str:
    """Say how many epochs the post's model must have had before part two."""
    shown, target = len(PART_ONE.loss), figure(replay.target, "loss")
    found = sorted(r.search.first for r in replay.seeds if r.search.first is not None)
    if len(found) < len(replay.seeds):
        missing = len(replay.seeds) - len(found)
        return (
            f"{missing} of {len(replay.seeds)} seeds did not get to a loss of {target} in "
            f"{replay.most_epochs} epochs of Adam."
        )
    if found[-1] <= shown:
        return f"On these data the {shown} epochs of part one are enough for a loss of {target}."
    before = _range([max(first - 1, shown) for first in found])
    return (
        f"Part one shows {shown} epochs, but a training loss of {target} is first reached in epoch "
        f"{_range(found)}: before part two the post's model must have had about {before} epochs "
        f"of Adam, not {shown}."
    )


def with_spread(spread: Spread, quantity: Quantity) -> str:
    """Write mean and standard deviation; small losses share one power of ten.

    >>> with_spread(Spread(0.0744, 0.0012, 0.073, 0.0756, 3), "loss")
    '0.0744 ±0.0012'
    >>> with_spread(Spread(2.25e-4, 1.1e-5, 2.1e-4, 2.4e-4, 3), "loss")
    '(2.25±0.11)e-04'
    """
    if not spread.n:
        return "—"
    if not math.isfinite(spread.mean) or not math.isfinite(spread.sd):
        return figure(spread.mean, quantity)
    if not _is_small(spread.mean, quantity):
        return f"{spread.mean:.4f} ±{spread.sd:.4f}"
    power = math.floor(math.log10(spread.mean))
    return f"({spread.mean / 10**power:.2f}±{spread.sd / 10**power:.2f})e{power:03d}"


def figure(value: float, quantity: Quantity) -> str:
    """Write a figure as Keras' progress line does, with two decimals less where it is small."""
    if not math.isfinite(value):
        return "not finite"
    return f"{value:.2e}" if _is_small(value, quantity) else f"{value:.4f}"


def _is_small(value: float, quantity: Quantity) -> bool:
    return quantity == "loss" and 0 < value < 1e-3


def _points(spread: Spread) -> str:
    if not spread.n:
        return "—"
    sd = f" ±{100 * spread.sd:.2f}" if math.isfinite(spread.sd) else ""
    return f"{100 * spread.mean:.2f}{sd}"


def _titles() -> tuple[str, ...]:
    return tuple(scenario.title for scenario in SCENARIOS)


def _spread_words(replay: Replay) -> str:
    n = len(replay.seeds)
    return f" ± sd of {n} seeds" if n > 1 else " of one seed"


def _range(values: list[int]) -> str:
    return f"{values[0]}" if values[0] == values[-1] else f"{values[0]} to {values[-1]}"
