"""Measure `mnistlab serve` under many clients, and then under hostile ones.

`python -m benchmarks.serving --help`. Clients send lines of MNIST test digits for a minute, each
the next as soon as it has its answer; then come bodies without end, bombs, pictures cut off, slow
clients and malformed requests, and after them an honest one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.record import ROOT, circumstances, record_path, save
from benchmarks.serving.hostile import Address, counted, png, post, requests, sent
from benchmarks.serving.load import Line, Outcome, driven, lines

PICTURES = 200
SETTLED = 10
"""Seconds after which memory should grow no more."""
TIMEOUT = 5
"""The server's patience with slow clients here."""
SLOW = 40
HUGE = 30_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the summary, save the record; 1 if something failed that must not."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.serving", description="Measure the server under load."
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--malformed", type=int, default=1000, help="malformed requests")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    names = ("seconds", "clients", "malformed", "seed")
    record = circumstances("serving", [f"--{name}={getattr(options, name):g}" for name in names])
    pictures = lines(PICTURES, options.seed)
    with server() as (process, address):
        record["load"] = load_test(process.pid, address, pictures, options.clients, options.seconds)
        record["hostile"] = hostile_test(process.pid, address, pictures[0], options)
        alive = process.poll() is None
    record["summary"] = {"failures": failures(record, alive)}
    save(record, options.out or record_path(record))
    print(json.dumps({name: record[name] for name in ("load", "hostile", "summary")}, indent=1))
    return bool(record["summary"]["failures"])


@contextmanager
def server() -> Iterator[tuple[subprocess.Popen[str], Address]]:
    """Run the command on a free port of loopback."""
    command = [sys.executable, "-m", "mnistlab", "serve", "--port=0", f"--timeout={TIMEOUT}"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        found = re.fullmatch(r"http://(.*):(\d+)", process.stdout.readline().strip())
        if found is None:
            raise RuntimeError("the server did not say where it listens")
        yield process, (found[1], int(found[2]))
    finally:
        process.terminate()
        process.wait(30)


def load_test(
    pid: int, address: Address, pictures: Sequence[Line], clients: int, seconds: float
) -> dict[str, Any]:
    """Drive honest clients; count answers, and watch the server's memory."""
    memory = {"start": resident_mib(pid)}

    def note() -> None:
        memory["settled"] = resident_mib(pid)

    timer = threading.Timer(min(SETTLED, seconds / 2), note)
    timer.start()
    outcome = driven(address, pictures, clients, seconds)
    timer.join()
    memory["end"] = resident_mib(pid)
    return {**described(outcome), "resident_mib": memory, "peak_mib": peak_mib(pid)}


def described(outcome: Outcome) -> dict[str, Any]:
    """Give requests, answers by status, latencies and rightness."""
    served = outcome.statuses["200"]
    busy = outcome.statuses["503"]
    total = outcome.statuses.total()
    return {
        "requests": total,
        "statuses": dict(sorted(outcome.statuses.items())),
        "other_errors": total - served - busy,
        "a_second": round(served / outcome.elapsed, 1),
        "p50_seconds": quantile(outcome.seconds, 0.5),
        "p99_seconds": quantile(outcome.seconds, 0.99),
        "texts_right": round(outcome.right / served, 4) if served else None,
    }


def quantile(values: Sequence[float], share: float) -> float | None:
    """Give the least value that so great a share of all does not exceed.

    >>> quantile([3.0, 1.0, 2.0, 4.0], 0.5)
    2.0
    """
    if not values:
        return None
    return round(sorted(values)[max(0, math.ceil(share * len(values)) - 1)], 4)


def hostile_test(
    pid: int, address: Address, line: Line, options: argparse.Namespace
) -> dict[str, Any]:
    """Do what no honest client does; then see that an honest one is served."""
    whole = line.content
    chunked = b"POST /api/read HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    single = {
        "a length of a terabyte": post(b"", length=10**12),
        "30 MB": post(bytes(HUGE)),
        "30 MB in chunks": chunked + b"%x\r\n" % HUGE + bytes(HUGE) + b"\r\n0\r\n\r\n",
        "a bomb of 50,000 x 50,000": post(png(50_000, 50_000)),
        "a picture cut off": post(whole[: len(whole) // 2]),
    }
    answers = {name: sent(address, payload, 30) for name, payload in single.items()}
    half = post(whole)[: -len(whole) // 2]
    with ThreadPoolExecutor(SLOW) as pool:
        slow = list(pool.map(lambda _: sent(address, half, 4 * TIMEOUT), range(SLOW)))
    answers[f"{SLOW} slow clients"] = ", ".join(sorted(set(slow)))
    return {
        "answers": answers,
        "malformed": counted(address, requests(options.malformed, options.seed, whole)),
        "places_taken_after": places_taken(address),
        "an_honest_one_after": sent(address, post(whole), 30),
        "resident_mib_after": resident_mib(pid),
        "peak_mib": peak_mib(pid),
    }


def places_taken(address: Address) -> int:
    """Give the places that are taken when those that can be left have been left."""
    ends = time.monotonic() + 3 * TIMEOUT
    while True:
        with urlopen(f"http://{address[0]}:{address[1]}/healthz", timeout=30) as answer:
            taken = int(json.load(answer)["taken"])
        if not taken or time.monotonic() > ends:
            return taken
        time.sleep(0.1)


def failures(record: dict[str, Any], alive: bool) -> list[str]:
    """Name what must not be; nothing if all is well."""
    hostile = record["hostile"]
    bad = {
        "the server ended": not alive,
        "errors under load": record["load"]["other_errors"] > 0,
        "an error that was not foreseen": any(
            status.startswith("5") and status != "503" for status in hostile["malformed"]
        ),
        "a place is still taken": hostile["places_taken_after"] > 0,
        "an honest client is not served after": hostile["an_honest_one_after"] != "200",
    }
    return [what for what, is_so in bad.items() if is_so]


def resident_mib(pid: int) -> float:
    """Give the resident memory of a process on Linux."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 2**20, 1)


def peak_mib(pid: int) -> float:
    """Give the greatest resident memory that a process on Linux has had."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return round(int(found[1]) / 1024, 1) if found else math.nan


if __name__ == "__main__":
    sys.exit(main())
