"""One parser in a process of its own: input after input, each within bounds of time and memory."""

from __future__ import annotations

import random
import resource
import sys
import time
import warnings
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.fuzzing import bend, hostile
from benchmarks.fuzzing.parsers import PARSERS, Parser
from mnistlab.errors import MnistlabError

EXECUTES = frozenset({
    "pickle.find_class", "os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen",
    "socket.connect", "os.remove", "shutil.rmtree",
})  # fmt: skip
"""Events of Python's audit hooks that no parser may cause."""


class Tried(NamedTuple):
    """One input: how it was made, and "accepted", "refused", or what is wrong."""

    number: int
    kind: str
    outcome: str
    seconds: float
    mib: float


def made_input(name: str, parser: Parser, seed: int, number: int) -> tuple[str, bytes]:
    """Make one input, the same for the same numbers; first all that have a purpose."""
    if number < len(parser.made):
        return "made", parser.made[number]
    rng = random.Random(f"{seed} {name} {number}")
    one = rng.choice(parser.whole)
    kind = rng.choice([*bend.PLAIN, "inside", "inside", "splice", "noise", "twice"])
    if kind == "inside":
        return kind, parser.inside(rng, one)
    if kind == "splice":
        return kind, bend.splice(rng, one, rng.choice([*parser.whole, *parser.made]))
    if kind == "noise":
        return kind, bend.noise(rng, parser.whole)
    if kind == "twice":
        return kind, bend.plainly(rng, bend.plainly(rng, one))
    return kind, bend.PLAIN[kind](rng, one)


def work(name: str, seed: int, numbers: range, folder: Path, pipe: Connection) -> None:
    """Try the inputs of `numbers`; send a Tried for each, None first when all is ready."""
    warnings.simplefilter("ignore")
    parser = PARSERS[name][0](folder)
    for whole in parser.whole:
        parser.read(whole)  # it is accepted, and all is imported
    executed = _listening(name)
    _bound(3 * parser.memory)
    pipe.send(None)
    for number in numbers:
        kind, content = made_input(name, parser, seed, number)
        pipe.send(_tried(parser, number, kind, content, executed, folder))
    pipe.close()


def _tried(
    parser: Parser, number: int, kind: str, content: bytes, executed: list[str], folder: Path
) -> Tried:
    executed.clear()
    before, begun = _memory(), time.monotonic()
    outcome = _outcome(parser, content)
    seconds, mib = time.monotonic() - begun, _memory(peak=True) - before
    if executed or (folder / "own" / hostile.RAN).exists():
        outcome = f"executed: {', '.join(sorted(set(executed)))}"
    elif mib * 2**20 > parser.memory:
        outcome = f"memory: {mib:.0f} MiB"
    elif seconds > parser.seconds:
        outcome = f"slow: {seconds:.1f} s"
    return Tried(number, kind, outcome, seconds, mib)


def _outcome(parser: Parser, content: bytes) -> str:
    try:
        parser.read(content)
    except MnistlabError as error:
        said = str(error)
        if not said or len(said.splitlines()) > 2 or len(said) > 2000:
            return f"unclear: {said:.300}"
        return "refused"
    except Exception as error:  # noqa: BLE001  # what is looked for
        return f"error: {_where(error)} {error!r:.200}"
    if parser.refuses_all and content not in parser.whole:
        return "opened though it was tampered with"
    return "accepted"


def _where(error: BaseException) -> str:
    """Name the last line of mnistlab's that an error came through."""
    trace, found = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if "mnistlab" in code.co_filename:
            found = f"{Path(code.co_filename).name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found


def _listening(name: str) -> list[str]:
    """Hear of what Python is about to execute; PDFs are rendered by a process of ours."""
    executed: list[str] = []
    own = {"subprocess.Popen", "os.posix_spawn", "os.fork"} if name.startswith("PDF") else set()
    ours = {"os.remove", "shutil.rmtree"} if "drawn" in name or "study" in name else set()
    watched = EXECUTES - own - ours

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event in watched:
            executed.append(event)

    sys.addaudithook(hear)
    return executed


def _bound(memory: int) -> None:
    """Bound the address space, so that nothing can take the machine's memory."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + memory,) * 2)


def _memory(peak: bool = False) -> float:
    """Give the resident MiB, or their peak since the last call without `peak`."""
    if not peak:
        Path("/proc/self/clear_refs").write_text("5")
    wanted = "VmHWM:" if peak else "VmRSS:"
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(wanted):
            return int(line.split()[1]) / 1024
    raise OSError("no memory in /proc/self/status")
