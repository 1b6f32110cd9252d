"""`mnistlab compare`: part two of the tutorial, done fairly."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mnistlab.cli.console import download_progress, print_json, results, say

if TYPE_CHECKING:
    from mnistlab.study import Question, Study

BASE = ("dataset", "model", "optimizer", "loss", "last_activation", "activation", "normalize",
        "epochs", "batch_size", "validation", "classes", "backend")  # fmt: skip


def compare(
    context: typer.Context,
    axis: str = typer.Argument(
        help="optimizer, loss, activation, model, learning-rate, batch-size or normalize."
    ),
    choices: list[str] = typer.Argument(
        None, help="Two or more, as `mnistlab list` names them; or all.", show_default=False
    ),
    dataset: str = typer.Option("mnist", help="A data set's name, or a path to your own."),
    model: str = typer.Option("mlp", help="What all arms share: see mnistlab train --help."),
    optimizer: str = typer.Option("adam", help="Likewise."),
    loss: str = typer.Option("sparse_categorical_crossentropy", help="Likewise."),
    last_activation: str | None = typer.Option(
        None, help="The last layer's; the one that fits the loss, as logits, unless given."
    ),
    activation: str = typer.Option("relu", help="Likewise."),
    normalize: str = typer.Option("columns", help="Likewise."),
    epochs: int = typer.Option(3, help="Epochs of every trial; with --quick 1."),
    batch_size: int = typer.Option(32, help="Images per step."),
    validation: float = typer.Option(
        1 / 6, help="Held out to tune on: a fraction, or a number of images.", show_default="1/6"
    ),
    classes: int | None = typer.Option(None, help="Classes of your own IDX or NPZ."),
    rates: int | None = typer.Option(None, help="Learning rates tried for each arm (11)."),
    tuning_seeds: int | None = typer.Option(None, help="Seeds at each rate (2)."),
    seeds: int | None = typer.Option(None, help="Final seeds, the pairs of the test (10)."),
    seed: int = typer.Option(1, help="The first final seed."),
    quick: bool = typer.Option(False, help="7 rates, 1 tuning seed, 7 final seeds, 1 epoch."),
    budget: float | None = typer.Option(
        None, help="Seconds to fit into: fewer epochs, then rates, then seeds."
    ),
    dry_run: bool = typer.Option(False, "--dry-run", help="Print the plan and run no trial."),
    workers: int | None = typer.Option(None, help="Trials at once; one a core unless given."),
    backend: str | None = typer.Option(None, help="jax, tensorflow or torch."),
    out: Path | None = typer.Option(
        None, help="Folder of the study; one in ./studies, found again, unless given."
    ),
    json: bool = typer.Option(False, "--json", help="Print the result as one JSON document."),
) -> None:
    """Compare optimizers, losses, activations, ... by a protocol that can be believed.

    A fresh model for every trial, the same seeds in every arm, learning rates tuned with equal
    budgets on validation data, final trials on new seeds, tested once. Stop it at any time: the
    same command goes on.

    Example: mnistlab compare optimizer adam adagrad adadelta
    """
    given = {name: context.params[name] for name in BASE if name != "validation"}
    given["validation"] = validation
    question = _question(context, given)
    from mnistlab import study as studies
    from mnistlab.data import load

    with download_progress() as progress:
        data = load(question.settings.dataset, classes=classes, progress=progress)
    studies.start_keras(question.settings.backend)
    if dry_run:
        _dry_run(question, data, json)
        return
    with studies.trial_progress(True) as on_trial:
        study = _run(question, data, on_trial)
    _show(study, json)


def _question(context: typer.Context, given: dict[str, Any]) -> Question:
    """Make the question of the command's options. Raises InputError, nothing heavy imported."""
    from mnistlab import study as studies
    from mnistlab.comparing import plan as planning

    options = context.params
    axis, quick = options["axis"], options["quick"]
    defaults: dict[str | None, Any] = {p.name: p.default for p in context.command.params}
    # What the axis decides is no option, unless it was given.
    own = planning.AXES.get(axis)
    if own in given and given[own] == defaults.get(own):
        del given[own]
    if quick and given["epochs"] == defaults["epochs"]:
        given["epochs"] = 1
    base = studies.base_settings(axis, given).check()
    protocol = studies.make_protocol(
        options["seeds"], options["tuning_seeds"], options["rates"], options["seed"], quick
    )
    arms = planning.make_arms(axis, options["choices"] or [], base)
    out = options["out"]
    return studies.Question(
        axis, arms, protocol, options["budget"], quick, out and out.absolute(),
        _command(context, defaults), options["workers"],
    ).check()  # fmt: skip


def _command(context: typer.Context, defaults: dict[str | None, Any]) -> str:
    """Write the command that was given, without what changes no number."""
    words = ["mnistlab", "compare", context.params["axis"], *(context.params["choices"] or [])]
    for name, value in context.params.items():
        if name in ("axis", "choices", "json", "dry_run", "workers", "out"):
            continue
        if value is not None and value != defaults.get(name):
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

    question = studies.with_counted_validation(question, data)
    executor = studies.checked_executor(question, data)
    pace = studies.measure_pace(question, None, executor)
    question, gave_up = studies.within_budget(question, pace)
    document = studies.describe(question, data, pace, gave_up)
    if json:
        print_json(document)
        return
    _print_plan(document)


def _print_plan(plan: dict[str, Any]) -> None:
    """Print what would be done, in words and a table of the arms' learning rates."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("arm", "learning rates tried", "Keras' default"):
        table.add_column(title)
    for arm in plan["arms"]:
        rates = arm["rates"]
        tried = f"{len(rates)} from {rates[0]:g} to {rates[-1]:g}" if rates[1:] else f"{rates[0]:g}"
        table.add_row(arm["name"], tried, f"{arm['default_rate']:g}")
    console = results()
    console.print(f"compare {plan['axis']}")
    console.print(table)
    seeds = len(plan["final_seeds"])
    for line in (
        f"tuning: {len(plan['tuning_seeds'])} seeds at each rate, judged on "
        f"{plan['validation']:,.0f} validation images"
        if plan["tuning_seeds"]
        else "",
        f"final: {seeds} new seeds at the best rate, tested once",
        f"       {seeds} at Keras' default rate, likewise" if plan["at_default"] else "",
        f"{plan['trials']} trials of {plan['epochs']} epochs, {plan['workers']} at once, "
        f"in {plan['programs']} compiled programs",
        f"expected: {plan['expected_seconds']:.0f} s on this machine "
        f"({plan['epoch_seconds']:.2f} s an epoch), more if a best rate lies on an edge",
        *(f"given up for the budget: {each}" for each in plan["gave_up"]),
        f"study: {plan['study']}",
    ):
        if line:
            console.print(line, soft_wrap=True)


def _show(study: Study, json: bool) -> None:
    if json:
        print_json(study.result.to_json())
    else:
        results().print(study.table())
    say(f"study: {study.path}\nreport: {study.path / 'report.html'}")
