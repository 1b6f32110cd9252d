"""The commands, and how each ends: 0 done, 1 failed, 2 wrong use, 130 interrupted."""

from __future__ import annotations

import sys

import typer

from mnistlab.cli import compare, data, export, read, replay, report, serve, show, test, train
from mnistlab.cli import list as listing
from mnistlab.cli.console import say
from mnistlab.errors import InputError, MnistlabError

PATHS = ("--annotate", "--out", "--plot", "--resume")

app = typer.Typer(
    name="mnistlab",
    help="MNIST classification with Keras as an instrument: look, train, test, compare, read.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.command("show")(show.show)
app.command("train")(train.train)
app.command("test")(test.test)
app.command("compare")(compare.compare)
app.command("replay")(replay.replay)
app.command("list")(listing.list_)
app.command("read")(read.read)
app.command("serve")(serve.serve)
app.command("export")(export.export)
app.command("report")(report.report)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from mnistlab import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None: ...


def _check_no_path_is_empty(arguments: list[str]) -> None:
    """Refuse what an unset variable of the shell leaves: as a path it would be this folder."""
    for option in PATHS:
        words = zip(["", *arguments], [*arguments, "."], strict=True)
        if any(each == f"{option}=" or (each == option and not value) for each, value in words):
            raise InputError(f"what comes after {option} is empty; give a path")


def run(arguments: list[str] | None = None) -> int:
    """Run one command; give its exit code. No expected error leaves a traceback."""
    try:
        _check_no_path_is_empty(sys.argv[1:] if arguments is None else arguments)
        code = app(arguments, prog_name="mnistlab", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except MnistlabError as error:
        say(f"mnistlab: {error}")
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except (BrokenPipeError, SystemExit):
        return 0  # whoever read our output has enough; Typer makes a SystemExit of that
    except OSError as error:
        where = error.filename or "the output"
        say(f"mnistlab: {where}: {error.strerror or error}")
        return 2
    except Exception as error:
        # Typer's own errors (an unknown option, a value of the wrong type) differ in class from
        # version to version; all of them can format their message.
        if not hasattr(error, "format_message"):
            raise
        message = error.format_message()
        if message:  # empty where the help was printed, as there were no arguments
            said = message.rstrip(".")
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "mnistlab"
            say(f"mnistlab: {said}{'' if said.endswith('?') else '.'} See {command} --help.")
        return 2
