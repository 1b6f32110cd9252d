"""Kill runs and studies with SIGKILL at random moments, in turn, and look after each kill.

`python -m benchmarks.faults --kills 200`. Half of the moments are drawn evenly from the time that
an undisturbed job takes; the other half fall within milliseconds after one of its files changed,
where a torn write would be. After each kill all that is there must read, and hold all that was
committed before and nothing that an undisturbed job has not; at last the job must end as the
undisturbed one, with no file left over. The record has every moment and every loss.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.jobs import Committed, Job, Loss, jobs
from benchmarks.record import ROOT, circumstances, record_path, save
from mnistlab.errors import MnistlabError

IMAGES = 1200
PATIENCE = 600
"""Seconds after which a command that does not end counts as one that hangs."""


class Trial:
    """One job in one folder, killed again and again until it ends."""

    def __init__(self, job: Job, folder: Path, whole: Whole) -> None:
        self.job, self.folder, self.whole = job, folder, whole
        self.known: Committed = {}

    def kill(self, rng: random.Random) -> dict[str, Any] | None:
        """Go on with it and kill it; give the moment, or None where it ended before."""
        process = started(self.job.words(self.folder), self.whole.env)
        begun = time.monotonic()
        if rng.random() < 0.5:
            how, ended = "time", _waited(process, rng.uniform(0, self.whole.seconds))
        else:
            how, ended = "write", self._until_a_write(process, rng)
        if not ended:
            os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate(timeout=PATIENCE)
        seconds = time.monotonic() - begun
        if process.returncode != -signal.SIGKILL:
            if process.returncode:
                raise Loss(f"it ended with {process.returncode}: {said[-500:]}")
            return None
        self.look()
        return {"job": self.job.name, "how": how, "seconds": round(seconds, 3),
                "committed": len(self.known), "of": len(self.whole.committed)}  # fmt: skip

    def _until_a_write(self, process: subprocess.Popen[str], rng: random.Random) -> bool:
        """Wait for one of the next changes in the folder, and some milliseconds; True if ended."""
        for _ in range(rng.randint(1, 2 * self.whole.changes // 3)):
            before = _changed(self.folder)
            while _changed(self.folder) == before:
                if process.poll() is not None:
                    return True
                time.sleep(0.0005)
        return _waited(process, rng.uniform(0, 0.02))

    def look(self) -> None:
        """Hold what is committed against what was, and against the undisturbed job."""
        now = self.job.committed(self.folder)
        for key, numbers in self.known.items():
            if now.get(key) != numbers:
                raise Loss(f"{key} was {numbers:.200}, and is {now.get(key, 'gone'):.200}")
        for key, numbers in now.items():
            if self.whole.committed.get(key) != numbers:
                raise Loss(f"{key} is {numbers:.200}, which an undisturbed job has not")
        self.known = now

    def end(self) -> None:
        """Hold a finished job against the undisturbed one."""
        self.look()
        if self.known.keys() != self.whole.committed.keys():
            raise Loss(f"{len(self.known)} of {len(self.whole.committed)} are there at the end")
        if self.job.result(self.folder) != self.whole.result:
            raise Loss("another result than that of the undisturbed job")
        if left := {path.name for path in self.folder.iterdir()} - self.job.files:
            raise Loss(f"left over: {', '.join(sorted(left))}")


class Whole:
    """A job that nothing disturbs: how long it takes, and what it ends with."""

    def __init__(self, job: Job, folder: Path, env: dict[str, str]) -> None:
        self.env = env
        started(job.words(folder.with_name("first")), env).communicate()  # its programs are kept
        shutil.rmtree(folder.with_name("first"))
        process = started(job.words(folder), env)
        begun, self.changes, last = time.monotonic(), 0, _changed(folder)
        while process.poll() is None:
            self.changes += (now := _changed(folder)) != last
            last = now
            time.sleep(0.0005)
        self.seconds = time.monotonic() - begun
        _, said = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{job.name} does not even work undisturbed: {said}")
        self.committed, self.result = job.committed(folder), job.result(folder)


def started(words: Sequence[str], env: dict[str, str]) -> subprocess.Popen[str]:
    """Start a command in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "mnistlab", *words], cwd=ROOT, env=env, text=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip


def _waited(process: subprocess.Popen[str], seconds: float) -> bool:
    """Wait; say whether the process ended meanwhile."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def kills(count: int, seed: int, work: Path) -> dict[str, Any]:
    """Kill `count` times, runs and studies in turn; give what the record holds."""
    from tests.conftest import write_glyphs

    rng, begun = random.Random(seed), time.monotonic()
    env = {**os.environ, "MNISTLAB_CACHE": str(work / "cache"), "KERAS_BACKEND": "jax"}
    every = jobs(write_glyphs(work / "glyphs.npz", IMAGES))
    wholes = {job.name: Whole(job, work / f"whole-{job.name}", env) for job in every}
    under_way: dict[str, Trial] = {}
    moments: list[dict[str, Any]] = []
    losses: list[str] = []
    ended, number = Counter[str](), 0
    while len(moments) < count and len(losses) < 10:
        job = every[number % len(every)]
        number += 1
        default = Trial(job, work / f"{job.name}-{number}", wholes[job.name])
        trial = under_way.setdefault(job.name, default)
        try:
            moment = trial.kill(rng)
            if moment is not None:
                moments.append(moment)
                continue
            trial.end()
            ended[job.name] += 1
        except (Loss, MnistlabError, subprocess.TimeoutExpired) as error:
            losses.append(f"{job.name}, after {len(moments)} kills: {error}")
        del under_way[job.name]
    losses += _finished(under_way, ended)
    return {
        "kills": len(moments), "by_job": dict(Counter(each["job"] for each in moments)),
        "by_how": dict(Counter(each["how"] for each in moments)),
        "ended_as_undisturbed": dict(ended), "losses": losses,
        "undisturbed_seconds": {name: round(each.seconds, 2) for name, each in wholes.items()},
        "seconds": round(time.monotonic() - begun), "moments": moments,
    }  # fmt: skip


def _finished(under_way: dict[str, Trial], ended: Counter[str]) -> list[str]:
    """Let what is still under way end; give what is lost."""
    losses = []
    for name, trial in under_way.items():
        process = started(trial.job.words(trial.folder), trial.whole.env)
        _, said = process.communicate(timeout=PATIENCE)
        try:
            if process.returncode:
                raise Loss(f"it ended with {process.returncode}: {said[-500:]}")
            trial.end()
            ended[name] += 1
        except (Loss, MnistlabError) as error:
            losses.append(f"{name}, at the end: {error}")
    return losses


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, print the summary, save the record; 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, help="the record; in benchmarks/records unless given")
    options = parser.parse_args(arguments)
    record = circumstances("faults", [f"--kills={options.kills}", f"--seed={options.seed}"])
    with tempfile.TemporaryDirectory(prefix="faults-") as work:
        record |= kills(options.kills, options.seed, Path(work))
    save(record, options.out or record_path(record))
    print(json.dumps({k: v for k, v in record.items() if k != "moments"}, indent=1))
    return bool(record["losses"])


if __name__ == "__main__":
    sys.exit(main())
