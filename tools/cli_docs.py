"""`docs/cli.md` out of the commands' own help: written with --write, compared with --check."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer

from mnistlab.cli.app import app
from tools.pages import keep

HEAD = """# The command

Generated from the commands' help by `make docs`; the gate holds it against the code.
Exit codes: 0 done; 1 failed; 2 wrong use, or files, data or a disk that cannot be used; 130
interrupted. Results go to stdout, messages and progress to stderr.
"""


def page() -> str:
    """Render the whole page: for each command its help, its arguments and options."""
    return HEAD + "".join(_section(*each) for each in _commands("mnistlab", _root()))


def _root() -> Any:
    return typer.main.get_command(app)


def _commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    for part, child in getattr(command, "commands", {}).items():
        yield from _commands(f"{name} {part}", child)
    if not hasattr(command, "commands"):
        yield name, command


def _section(name: str, command: Any) -> str:
    text, example = _help(command)
    arguments_first = sorted(command.params, key=lambda each: each.param_type_name != "argument")
    rows = "".join(_row(each) for each in arguments_first if each.name != "help")
    return (
        f"\n## `{name}`\n\n{text}\n\n```sh\n{example}\n```\n\n"
        f"| argument or option | meaning | default |\n|---|---|---|\n{rows}"
    )


def _help(command: Any) -> tuple[str, str]:
    """Split a command's help into its text and its example."""
    text, _, example = inspect.cleandoc(command.help).partition("Example:")
    if not example:
        raise ValueError(f"{command.name} has no example in its help")
    return text.strip(), example.strip()


def _row(parameter: Any) -> str:
    names = ", ".join(o for o in parameter.opts if o.startswith("-")) or parameter.name.upper()
    said = getattr(parameter, "show_default", None)
    default = said if isinstance(said, str) else parameter.default
    shown = "" if default is None or default is False or default is ... else f"`{default}`"
    return f"| `{names}` | {parameter.help} | {shown} |\n"


if __name__ == "__main__":
    raise SystemExit(keep("docs/cli.md", page()))
