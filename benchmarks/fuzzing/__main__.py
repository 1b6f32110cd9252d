"""Give every parser spoilt, lying and hostile files, and count what became of them.

`python -m benchmarks.fuzzing --inputs 100000`. Each parser works in a process of its own, with a
bound on the time and the memory of each input, that is started again if it dies. An input must be
accepted or refused by a MnistlabError of one or two lines; nothing in it may be executed. The HTTP
interface gets malformed requests over sockets. The record has counts by parser and kind, and every
failure with the number that makes it again: `--parser NAME --only NUMBER`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.fuzzing import hostile
from benchmarks.fuzzing.parsers import PARSERS
from benchmarks.fuzzing.worker import Tried, work
from benchmarks.record import circumstances, record_path, save
from benchmarks.serving.__main__ import peak_mib, places_taken, server
from benchmarks.serving.hostile import counted, post, requests, sent

HTTP = "HTTP"
HANGS, START = 90.0, 180.0
"""Seconds without a word after which a parser hangs: with an input, with its imports."""
MOST_FAILURES = 50
OUTCOMES = ("accepted", "refused", "failed")
SERVER_MIB = 2048


def samples(folder: Path) -> None:
    """Make the run and the study whose files are spoilt."""
    from tests.conftest import write_glyphs

    data = str(write_glyphs(folder / "glyphs.npz", 120, 60))
    common = ("--dataset", data, "--model", "mlp:hidden=8", "--epochs", "2", "--batch-size", "20")
    for words in (("train", "--out", folder / "run", "--validation", "0.2"),
                  ("compare", "optimizer", "adam", "sgd", "--out", folder / "study", "--rates", "3",
                   "--tuning-seeds", "1", "--seeds", "3")):  # fmt: skip
        command = [sys.executable, "-m", "mnistlab", *map(str, words), *common]
        subprocess.run(command, check=True, capture_output=True)


def fuzzed(name: str, seed: int, numbers: range, folder: Path) -> Iterator[Tried]:
    """Try the inputs of one parser, whatever becomes of its process."""
    at = numbers.start
    while at < numbers.stop:
        for tried in _until_it_ends(name, seed, range(at, numbers.stop), folder):
            yield tried
            at = tried.number + 1


def _until_it_ends(name: str, seed: int, numbers: range, folder: Path) -> Iterator[Tried]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(name, seed, numbers, folder, theirs), daemon=False)
    process.start()
    theirs.close()
    at, patience, ready = numbers.start, START, False
    while at < numbers.stop:
        begun = time.monotonic()
        try:
            tried = ours.recv() if ours.poll(patience) else "hang"
        except EOFError:
            process.join()
            tried = f"died: {process.exitcode}"
        if tried is None:
            ready, patience = True, HANGS
            continue
        if not ready:
            process.kill()
            raise RuntimeError(f"{name} does not start: {tried}")
        if isinstance(tried, str):
            yield Tried(at, "?", tried, time.monotonic() - begun, 0)
            break
        yield tried
        at = tried.number + 1
    process.kill()
    process.join()


def summed(found: Iterator[Tried]) -> dict[str, Any]:
    """Count outcomes by kind; list what is neither accepted nor refused."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    failures, slowest, most = [], 0.0, 0.0
    for tried in found:
        right = tried.outcome in ("accepted", "refused")
        kinds[tried.kind][tried.outcome if right else "failed"] += 1
        slowest, most = max(slowest, tried.seconds), max(most, tried.mib)
        if not right and len(failures) < MOST_FAILURES:
            failures.append({"number": tried.number, "kind": tried.kind, "outcome": tried.outcome})
    total = sum(kinds.values(), Counter[str]())
    return {
        "inputs": total.total(),
        **{outcome: total[outcome] for outcome in OUTCOMES},
        "slowest_seconds": round(slowest, 2),
        "most_mib": round(most, 1),
        "kinds": {kind: dict(counts) for kind, counts in sorted(kinds.items())},
        "failures": failures,
    }


def over_http(count: int, seed: int) -> dict[str, Any]:
    """Send malformed requests to a server of ours; count the answers by status."""
    whole = hostile.pictures("PNG")[0]
    with server() as (process, address):
        answers = counted(address, requests(count, seed, whole))
        alive = process.poll() is None
        after, taken = sent(address, post(whole), 30), places_taken(address)
        peak = peak_mib(process.pid)
    wrong = {
        "the server ended": not alive,
        "an error that was not foreseen": any(s[0] == "5" and s != "503" for s in answers),
        "an honest client is not served after": after != "200",
        "a place is still taken": taken > 0,
        f"more than {SERVER_MIB} MiB": peak > SERVER_MIB,
    }
    failures = [what for what, is_so in wrong.items() if is_so]
    accepted = answers.get("200", 0)
    return {"inputs": count, "accepted": accepted, "refused": count - accepted,
            "failed": len(failures), "most_mib": peak, "statuses": answers,
            "failures": failures}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz, print the summary, save the record; 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing", description=__doc__)
    parser.add_argument("--inputs", type=int, default=100_000, help="over all parsers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parser", choices=[*PARSERS, HTTP], help="this one alone")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="this input alone")
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    record = circumstances("fuzzing", [f"--inputs={options.inputs}", f"--seed={options.seed}"])
    begun, found = time.monotonic(), {}
    with tempfile.TemporaryDirectory(prefix="fuzzing-") as made:
        folder = Path(made)
        samples(folder)
        for name, numbers in _planned(options):
            if name == HTTP:
                found[name] = over_http(len(numbers), options.seed)
            else:
                found[name] = summed(fuzzed(name, options.seed, numbers, folder))
                shutil.rmtree(folder / "own", ignore_errors=True)
            print(name, json.dumps(found[name]), file=sys.stderr, flush=True)
    total = {k: sum(each[k] for each in found.values()) for k in ("inputs", *OUTCOMES)}
    record |= {"summary": total, "parsers": found, "seconds": round(time.monotonic() - begun)}
    if options.parser is None or options.out:
        save(record, options.out or record_path(record))
    print(json.dumps(total))
    return bool(total["failed"])


def _planned(options: argparse.Namespace) -> Iterator[tuple[str, range]]:
    """Give each parser with the numbers of its inputs."""
    left = options.inputs
    for name, (_, share) in PARSERS.items():
        count = -(-options.inputs * share // 1000)
        left -= count
        if options.parser == name:
            only = options.only
            yield name, range(options.inputs) if only is None else range(only, only + 1)
        elif options.parser is None:
            yield name, range(count)
    if options.parser in (None, HTTP):
        yield HTTP, range(options.inputs if options.parser else max(left, 0))


if __name__ == "__main__":
    sys.exit(main())
