"""`mnistlab list`: what can be named, with its reference and its trap. Loads no Keras."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from mnistlab.cli.completion import listed, of_names
from mnistlab.cli.console import print_json, results, say
from mnistlab.models import functions

KINDS = {
    "optimizers": "optimizer",
    "losses": "loss",
    "activations": "activation",
    "models": "model",
    "normalizations": "normalization",
    "datasets": "data set",
}
"""What can be listed, and what one of it is called."""

Record = dict[str, Any]


def list_(
    kind: str | None = typer.Argument(
        None,
        help=f"One of {', '.join(KINDS)}; all of their names without.",
        show_default=False,
        autocompletion=of_names(KINDS),
    ),
    name: str | None = typer.Argument(
        None, help="The one to show in full.", show_default=False, autocompletion=listed
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """List what can be named, a line each; of one NAME all that is known.

    Example: mnistlab list optimizers adagrad
    """
    if kind is None:
        _print_names(json)
        return
    functions.check_name("kind", kind, KINDS)
    found = records(kind)
    if name is not None:
        functions.check_name(KINDS[kind], name, [record["name"] for record in found])
        found = [record for record in found if record["name"] == name]
    if json:
        print_json(found)
    elif name is not None:
        _print_facts(facts(kind, found[0]))
    else:
        _print_table(kind, found)


def _print_names(json: bool) -> None:
    names = {kind: [record["name"] for record in records(kind)] for kind in KINDS}
    if json:
        print_json(names)
        return
    for kind, each in names.items():
        results().print(f"{kind}: {', '.join(each)}", soft_wrap=True)


def records(kind: str) -> list[Record]:
    """Give all of a kind: its name, what it does, its reference, and what is known of its kind."""
    if kind == "datasets":
        return _datasets()
    table = getattr(functions, kind.upper())
    return [{"name": name, **asdict(choice)} for name, choice in table.items()]


def _datasets() -> list[Record]:
    from mnistlab.data import catalogue

    return [
        {
            "name": entry.name,
            "what": entry.description,
            "reference": entry.reference,
            "trap": "",
            "refused": "",
            "licence": entry.licence,
            "train": entry.n_train,
            "test": entry.n_test,
            "cached": entry.cached,
        }
        for entry in catalogue()
    ]


def facts(kind: str, record: Record) -> list[tuple[str, str]]:
    """Say in words all that is known of one, a label and a text each; what is empty is left out."""
    of_kind = _FACTS.get(kind)
    told = [
        (KINDS[kind], record["name"]),
        ("what", record["what"]),
        *(of_kind(record) if of_kind else ()),
        ("trap", record["trap"]),
        ("refused", record["refused"]),
        ("reference", record["reference"]),
    ]
    return [(label, text) for label, text in told if text]


def _of_optimizer(record: Record) -> list[tuple[str, str]]:
    low, high = record["rates"]
    fair = ", ".join(f"{name}={value}" for name, value in record["fair"].items())
    return [
        ("in Keras", f"keras.optimizers.{record['class_name']}"),
        ("learning rate", f"{record['default_rate']:g} in Keras; try {low:g} to {high:g}"),
        ("fair start", fair),
    ]


def _of_loss(record: Record) -> list[tuple[str, str]]:
    last = ", ".join(record["last_activations"])
    return [
        ("in Keras", f"keras.losses.{record['name']}"),
        ("labels", record["target"]),
        ("last layer", "" if record["refused"] else f"{last} (the first unless asked)"),
        ("logits", "with linear: from_logits=True" if record["from_logits"] else ""),
        ("needs", record["needs"]),
    ]


def _of_activation(record: Record) -> list[tuple[str, str]]:
    return [
        ("in Keras", f"keras.activations.{record['name']}"),
        ("initializer", record["initializer"]),
    ]


def _of_dataset(record: Record) -> list[tuple[str, str]]:
    return [
        ("images", f"{record['train']:,} to train, {record['test']:,} to test"),
        ("licence", record["licence"]),
        ("here", "yes" if record["cached"] else f"no; mnistlab data get {record['name']}"),
    ]


_FACTS = {
    "optimizers": _of_optimizer,
    "losses": _of_loss,
    "activations": _of_activation,
    "datasets": _of_dataset,
}


def _print_table(kind: str, found: list[Record]) -> None:
    from rich import box
    from rich.table import Table

    console = results()
    longest = max(len(record["name"]) for record in found)
    drawn = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    least = longest if console.width >= 72 else None
    drawn.add_column(KINDS[kind], min_width=least, overflow="fold")
    drawn.add_column("what", ratio=1, overflow="fold")
    drawn.add_column("", min_width=7 if any(record["refused"] for record in found) else 4)
    for record in found:
        drawn.add_row(record["name"], record["what"], _mark(record))
    console.print(drawn)
    if any(_mark(record) for record in found):
        say(f"of one all that is known: mnistlab list {kind} {found[0]['name']}")


def _mark(record: Record) -> str:
    return "refused" if record["refused"] else "trap" if record["trap"] else ""


def _print_facts(told: list[tuple[str, str]]) -> None:
    from rich.table import Table

    drawn = Table.grid(padding=(0, 2))
    drawn.add_column()
    drawn.add_column(overflow="fold")
    for label, text in told:
        drawn.add_row(label, text)
    results().print(drawn)
