"""`docs/functions.md` out of the tables of what can be named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from mnistlab.models.choices import ActivationChoice, Choice, LossChoice, OptimizerChoice
from mnistlab.models.functions import ACTIVATIONS, LOSSES, MODELS, NORMALIZATIONS, OPTIMIZERS
from tools.pages import keep

HEAD = """# What can be named

Generated from `src/mnistlab/models` by `make docs`; the gate holds it against the code, and the
tests hold the code against Keras. `mnistlab list` prints the same. What is marked *refused* cannot
be chosen; a trap is a line on how a choice misleads.
"""
OPTIMIZER_TEXT = """
Options are written after the name, as in `sgd:momentum=0.9,nesterov=true`. The rates to try are
the log grid that `mnistlab compare` tunes on; on the tutorial's model at batch 32 the best one lies
well inside. A fair start is what `compare` adds to each arm unless it is given.
"""
LOSS_TEXT = """
The last layer and the loss belong together: `mnistlab train` takes the first of those that fit,
`--last-activation` another of them, and any other is refused with the reason. *logits* means that
with `linear` the loss applies softmax or sigmoid itself (`from_logits=True`), which keeps the
gradient of confident errors; `mnistlab compare` prefers it. The saved model gives probabilities all
the same.
"""
ACTIVATION_TEXT = """
For the hidden layers. The initializer is the one made for the activation, where that is not Keras'
`glorot_uniform`; mnistlab builds all layers with the latter.
"""


def page() -> str:
    """Render the whole page."""
    return "".join(
        [
            HEAD,
            _section("Optimizers", OPTIMIZER_TEXT, _optimizers(OPTIMIZERS)),
            _section("Losses", LOSS_TEXT, _losses(LOSSES)),
            _section("Activations", ACTIVATION_TEXT, _activations(ACTIVATIONS)),
            _section("Models", "", _plain(MODELS)),
            _section("Normalizations", "", _plain(NORMALIZATIONS)),
        ]
    )


def _section(title: str, text: str, rows: Iterable[tuple[str, ...]]) -> str:
    header, *body = rows
    lines = [header, tuple("---" for _ in header), *body]
    return f"\n## {title}\n{text}\n" + "".join(map(_row, lines))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |\n"


def _optimizers(table: Mapping[str, OptimizerChoice]) -> Iterable[tuple[str, ...]]:
    yield "name", "what", "Keras' rate", "rates to try", "fair start", "trap", "reference"
    for name, one in table.items():
        low, high = one.rates
        fair = ", ".join(f"`{option}={value}`" for option, value in one.fair.items())
        rates = (f"{one.default_rate:g}", f"{low:g} to {high:g}")
        yield f"`{name}`", one.what, *rates, fair, _trap(one), _linked(one.reference)


def _losses(table: Mapping[str, LossChoice]) -> Iterable[tuple[str, ...]]:
    yield "name", "what", "labels", "last layer", "needs", "trap", "reference"
    for name, one in table.items():
        last = ", ".join(
            f"`{each}` (logits)" if one.from_logits and each == "linear" else f"`{each}`"
            for each in one.last_activations
        )
        feeding = (one.target, "" if one.refused else last, one.needs)
        yield f"`{name}`", one.what, *feeding, _trap(one), _linked(one.reference)


def _activations(table: Mapping[str, ActivationChoice]) -> Iterable[tuple[str, ...]]:
    yield "name", "what", "initializer", "trap", "reference"
    for name, one in table.items():
        initializer = f"`{one.initializer}`" if one.initializer else ""
        yield f"`{name}`", one.what, initializer, _trap(one), _linked(one.reference)


def _plain(table: Mapping[str, Choice]) -> Iterable[tuple[str, ...]]:
    yield "name", "what", "trap", "reference"
    for name, one in table.items():
        yield f"`{name}`", one.what, _trap(one), _linked(one.reference)


def _trap(one: Choice) -> str:
    return f"*refused*: {one.refused}" if one.refused else one.trap


def _linked(reference: str) -> str:
    """Make a link of each address, called by where it leads."""
    return re.sub(r"https?://(?:www\.)?([^/]+)[^\s;,]*", lambda m: f"[{m[1]}]({m[0]})", reference)


if __name__ == "__main__":
    raise SystemExit(keep("docs/functions.md", page()))
