"""Every error a user of mnistlab can meet.

```
MnistlabError                 something that was expected to go wrong; exit code 1
├── InputError                what was given, or where, cannot be used; exit code 2
│   ├── UnknownNameError      no such optimizer, data set, model, ... (with a suggestion)
│   ├── OptionError           an option's value is out of its range
│   ├── DataError             a data file is not what it should be
│   ├── RunError              a run folder is missing, taken, in use or tampered with
│   ├── StudyError            a study's file is of another kind or version, in use or damaged
│   ├── StorageError          a file could not be written: disk full, folder read-only
│   └── MissingExtraError     an optional package is needed; names the install command
└── SourceError               a data set could not be had from any source
```

A message says what was received, what is accepted and how to mend it, in one or two lines.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

STYLES = re.compile("\x1b\\[[0-9;]*m")
MEANT = 4
"""More letters than these, and all names that hold them are meant as much."""


def brief(error: object, most: int = 300) -> str:
    """Give what an error of another library says as one line of at most `most` characters.

    Such an error may quote a damaged file's contents, of whatever length, with line ends and with
    what would steer a terminal.
    """
    said = " ".join(STYLES.sub("", str(error)).split())
    said = "".join(each if each.isprintable() else "?" for each in said)
    return said if len(said) <= most else f"{said[: most - 3]}..."


class MnistlabError(Exception):
    """Base of all errors that mnistlab raises on purpose."""

    exit_code = 1


class InputError(MnistlabError):
    """What was given, or the place it was to go, cannot be used."""

    exit_code = 2


class UnknownNameError(InputError):
    """A name is not among those that can be given."""

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        """Say which `kind` of name was not found, the nearest known one, and all of them."""
        known = list(known)
        near = [each for each in known if len(name) > MEANT and name.lower() in each.lower()][:3]
        near = near or difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.5)
        guess = f"; did you mean {' or '.join(map(repr, near))}?" if near else "."
        listed = f"Known: {', '.join(known)}." if known else ""
        super().__init__(" ".join(filter(None, [f"unknown {kind} '{name}'{guess}", listed, hint])))


class OptionError(InputError):
    """An option's value is out of its range."""


class DataError(InputError):
    """A data file is not what it should be."""


class RunError(InputError):
    """A run folder is missing, taken, in use or tampered with."""


class StudyError(InputError):
    """A study's file is of another kind or version, in use or damaged."""


class StorageError(InputError):
    """A file could not be written."""


class MissingExtraError(InputError):
    """An optional package is needed."""

    def __init__(self, what: str, extra: str) -> None:
        """Name the command that installs `extra`."""
        super().__init__(f"{what} needs the extra '{extra}': pip install 'mnistlab[{extra}]'")


class SourceError(MnistlabError):
    """A data set could not be had from any source."""
