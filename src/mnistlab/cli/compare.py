"""`mnistlab compare`: part two of the tutorial, done fairly."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli import completion
from mnistlab.cli.console import print_json, results, say
from mnistlab.cli.interrupts import ended_by_interrupt
from mnistlab.cli.options import is_typed, settings_options

if TYPE_CHECKING:
    from mnistlab.comparing.question import Question
    from mnistlab.study import Study

NARROWEST = 60
"""Columns that a study's tables need."""


# Long for its options, each with its help; what it does is in the functions that it calls.
@settings_options(
    leave_out=("learning_rate", "seed", "devices", "batch_norm", "views"),
    validation=typer.Option(
        1 / 6, help="Held out to tune on: a fraction, or a number of images.", show_default="1/6"
    ),
)
def compare(
    context: typer.Context,
    axis: str = typer.Argument(
        help="optimizer, loss, activation, model, learning-rate, batch-size or normalize.",
        autocompletion=completion.axes,
    ),
    choices: list[str] = typer.Argument(
        None,
        help="Two or more, as `mnistlab list` names them; or all.",
        show_default=False,
        autocompletion=completion.choices,
    ),
    rates: int | None = typer.Option(None, help="Learning rates tried for each arm (11)."),
    tuning_seeds: int | None = typer.Option(None, help="Seeds at each rate (2)."),
    seeds: int | None = typer.Option(None, help="Final seeds, the pairs of the test (10)."),
    seed: int = typer.Option(1, help="The first final seed."),
    quick: bool = typer.Option(
        False,
        help="1 epoch, 7 rates, 1 tuning seed, 7 final seeds, none at the default rate, but what "
        "is given.",
    ),
    budget: float | None = typer.Option(
        None, help="Seconds to fit into: fewer epochs, then rates, then seeds."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the plan and run no trial of it."),
    workers: int | None = typer.Option(None, help="Trials at once; one a core unless given."),
    on: str | None = typer.Option(
        None, help="ray: run the trials on Ray, started for it on this machine (extra: ray)."
    ),
    address: str | None = typer.Option(
        None, help="Run them on the Ray cluster at this address, as host:6379; auto for one here."
    ),
    out: Path | None = typer.Option(
        None, help="Folder of the study; one in ./studies, found again, unless given."
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
    **options: Any,
) -> None:
    """Compare optimizers, losses, activations, ... by a protocol that can be believed.

    A fresh model for every trial, the same seeds in every arm, learning rates tuned with equal
    budgets on validation data, final trials on new seeds, tested once. Stop it at any time: the
    same command goes on.

    Example: mnistlab compare optimizer adam adagrad adadelta
    """
    question = _question(context, out, options)
    from mnistlab import study as studies
    from mnistlab.cli.train import load_dataset
    from mnistlab.comparing.start import start_keras

    with ended_by_interrupt():
        data, _ = load_dataset(question.settings)
        start_keras(question.settings.backend, computes=question.ray is None)
    if dry_run:
        _dry_run(question, data, json)
        return
    with studies.trial_progress(True) as on_trial:
        study = _run(question, data, on_trial)
    _show(study, json)


def _question(context: typer.Context, out: Path | None, given: dict[str, Any]) -> Question:
    """Make the question of the command's options; `given` are the settings among them.

    Raises InputError, nothing heavy imported.
    """
    from mnistlab.comparing import plan as planning
    from mnistlab.comparing import question as asking

    options = context.params
    axis, quick = options["axis"], options["quick"]
    given = {name: value for name, value in given.items() if is_typed(context, name)}
    if quick and not is_typed(context, "epochs"):
        given["epochs"] = planning.QUICK_EPOCHS
    base = asking.base_settings(axis, given).check()
    amounts = {"final_seeds": "seeds", "tuning_seeds": "tuning_seeds", "rates": "rates"}
    chosen = {name: options[option] for name, option in amounts.items()}
    protocol = asking.make_protocol(axis, chosen, options["seed"], quick)
    arms = planning.make_arms(axis, options["choices"] or [], base)
    return asking.Question(
        axis, arms, protocol, options["budget"], quick, out and out.absolute(),
        _command(context), options["workers"],
        asking.ray_address(options["on"], options["address"]),
    ).check()  # fmt: skip


def _command(context: typer.Context) -> str:
    """Write the command that was given, without what changes no number."""
    words = ["mnistlab", "compare", context.params["axis"], *(context.params["choices"] or [])]
    for name, value in context.params.items():
        if name in ("axis", "choices", "json", "dry_run", "workers", "on", "address", "out"):
            continue
        if is_typed(context, name):
            option = f"--{name.replace('_', '-')}"
            words += [option] if value is True else [option, str(value)]
    return shlex.join(words)


def _run(question: Question, data: Any, on_trial: Any) -> Study:
    from mnistlab import study as studies

    try:
        return studies.run_question(question, data, on_trial)
    except KeyboardInterrupt:
        say("\nstopped; what is finished is kept: the same command goes on")
        raise


def _dry_run(question: Question, data: Any, json: bool) -> None:
    from mnistlab import study as studies
    from mnistlab.comparing import question as asking

    if question.out is not None:
        studies.check_folder(question.out)
    question = asking.with_counted_validation(question, data)
    with studies.checked_executor(question, data) as executor:
        pace = studies.measure_pace(question, None, executor)
    question, gave_up = asking.within_budget(question, pace)
    document = studies.describe(question, data, pace, gave_up)
    print_json(document) if json else _print_plan(document)


def _print_plan(plan: dict[str, Any]) -> None:
    """Print what would be done, in words and a table of the arms' learning rates."""
    from rich.table import Table

    tuned = bool(plan["tuning_seeds"])
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("arm", "learning rates tried", "Keras' default")[: 3 if tuned else 2]:
        table.add_column(title)
    for arm in plan["arms"]:
        rates = arm["rates"]
        tried = f"{len(rates)} from {rates[0]:g} to {rates[-1]:g}" if tuned else f"{rates[0]:g}"
        table.add_row(arm["name"], tried, *([f"{arm['default_rate']:g}"] if tuned else []))
    console = results()
    console.print(f"compare {plan['axis']}")
    console.print(table)
    for line in _plan_lines(plan, tuned):
        console.print(line, soft_wrap=True)


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _plan_lines(plan: dict[str, Any], tuned: bool) -> Iterator[str]:
    seeds = len(plan["final_seeds"])
    if tuned:
        yield (
            f"tuning: {_of(len(plan['tuning_seeds']), 'seed')} at each rate, judged on "
            f"{plan['validation']:,.0f} validation images"
        )
    new = _of(seeds, "new seed")
    yield f"final: {new} at {'the best' if tuned else 'each'} rate, tested once"
    if plan["at_default"]:
        yield f"       {seeds} at Keras' default rate, likewise"
    yield (
        f"{plan['trials']} trials of {_of(plan['epochs'], 'epoch')}, {plan['workers']} at once, "
        f"in {_of(plan['programs'], 'compiled program')}"
    )
    yield (
        f"expected: {plan['expected_seconds']:.0f} s on this machine from nothing "
        f"({plan['epoch_seconds']:.2f} s an epoch)"
        + (", more if a best rate lies on an edge" if tuned else "")
    )
    if seeds < plan["fewest_seeds"]:
        yield (
            f"beware: {seeds} seeds cannot tell {len(plan['arms'])} arms apart after Holm's "
            f"adjustment; --seeds {plan['fewest_seeds']} can"
        )
    yield from (f"given up: {each}" for each in plan["gave_up"])
    yield f"study: {plan['study']}"


def _show(study: Study, json: bool) -> None:
    if json:
        print_json(study.result.to_json())
    else:
        results(NARROWEST).print(study.table())
    _say_failed(study)
    say(f"study: {study.path}\nreport: {study.path / 'report.html'}")
    tuned = [arm.tuned for arm in study.result.records.arms]
    if any(trials and all(trial.state == "failed" for trial in trials) for trials in tuned):
        raise typer.Exit(1)


def _say_failed(study: Study) -> None:
    """Say how many trials broke, and why the first did."""
    arms = study.result.records.arms
    trials = [t for arm in arms for t in (*arm.tuning, *arm.tuned, *arm.default)]
    failed = {trial.key: trial for trial in trials if trial.state == "failed"}
    for first in list(failed.values())[:1]:
        say(
            f"trials that failed: {len(failed)}, the first of {first.arm} ({first.error}); "
            "the same command runs them again"
        )
