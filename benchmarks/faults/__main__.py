"""Kill runs and studies with SIGKILL at random moments, in turn, and look after each kill.

`python -m benchmarks.faults --kills 200`. Half of the moments are drawn evenly from the time that
an undisturbed job takes; the other half fall within milliseconds after one of its files changed,
where a torn write would be. After each kill all that is there must read, and hold all that was
committed before and nothing that an undisturbed job has not; at last the job must end as the
undisturbed one, with no file left over. The record has every moment and every loss.

The processes are forked from this one, which has imported what they need: so moments fall where
something is done, not on imports.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.faults.jobs import Committed, Job, Loss, jobs
from benchmarks.record import circumstances, record_path, save
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
        process = self.start()
        begun = time.monotonic()
        how = rng.choice(["time", "write"])
        if how == "time":
            process.ended(rng.uniform(0, self.whole.seconds))
        else:
            self._until_a_write(process, rng)
        if process.kill() != -signal.SIGKILL:
            process.end()
            return None
        seconds = time.monotonic() - begun
        self.look()
        return {"job": self.job.name, "how": how, "seconds": round(seconds, 3),
                "committed": len(self.known), "of": len(self.whole.committed)}  # fmt: skip

    def start(self) -> Command:
        """Go on with it."""
        said = self.folder.with_suffix(".said")
        return Command(self.job.words(self.folder), self.whole.env, said)

    def _until_a_write(self, process: Command, rng: random.Random) -> None:
        """Wait for one of the next changes in the folder, and some milliseconds."""
        for _ in range(rng.randint(1, 2 * self.whole.changes // 3)):
            before = _changed(self.folder)
            while _changed(self.folder) == before:
                if process.ended(0.002) is not None:
                    return
        process.ended(rng.uniform(0, 0.02))

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

    def __init__(self, job: Job, folder: Path, env: Mapping[str, str]) -> None:
        self.env = env
        first = folder.with_name("first")
        Command(job.words(first), env, first.with_suffix(".said")).end()  # its programs are kept
        shutil.rmtree(first)
        process = Command(job.words(folder), env, folder.with_suffix(".said"))
        begun, self.changes, last = time.monotonic(), 0, _changed(folder)
        while process.ended(0.002) is None:
            self.changes += (now := _changed(folder)) != last
            last = now
        self.seconds = time.monotonic() - begun
        process.end()
        self.committed, self.result = job.committed(folder), job.result(folder)


class Command:
    """`mnistlab` with these words, in a process of its own."""

    def __init__(self, words: Sequence[str], env: Mapping[str, str], said: Path) -> None:
        self.said = said
        context = multiprocessing.get_context("fork")
        self._process = context.Process(target=_become, args=(words, env, said))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # JAX, which has no threads yet, warns of forks
            self._process.start()

    def ended(self, seconds: float = 0) -> int | None:
        """Wait so long; give the exit code, that of a signal below 0, or None."""
        self._process.join(seconds)
        return self._process.exitcode

    def end(self) -> None:
        """Wait until it ends. Raises Loss where it fails or hangs."""
        code = self.ended(PATIENCE)
        if code:
            raise Loss(f"it ended with {code}: {self.said.read_text()[-500:]}")
        if code is None:
            self.kill()
            raise Loss(f"it has not ended after {PATIENCE} s")

    def kill(self) -> int | None:
        """Kill it, and wait until it is gone."""
        self._process.kill()
        return self.ended(PATIENCE)


def _become(words: Sequence[str], env: Mapping[str, str], said: Path) -> None:
    from mnistlab.cli.app import run

    os.environ.update(env)
    with said.open("wb") as errors, Path(os.devnull).open("wb") as nowhere:
        os.dup2(errors.fileno(), 2)
        os.dup2(nowhere.fileno(), 1)
    os._exit(run(list(words)))


def import_all() -> None:
    """Import what the commands need, and compute nothing: JAX must start after the fork."""
    from mnistlab.models.backend import use_backend

    use_backend("jax")
    import mnistlab.comparing.executor
    import mnistlab.evaluation.testing
    import mnistlab.reporting.run_report
    import mnistlab.reporting.study_report  # noqa: F401


def _changed(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def kills(count: int, seed: int, work: Path) -> dict[str, Any]:
    """Kill `count` times, runs and studies in turn; give what the record holds."""
    from tests.conftest import write_glyphs

    import_all()
    rng, begun = random.Random(seed), time.monotonic()
    env = {"MNISTLAB_CACHE": str(work / "cache")}
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
        except (Loss, MnistlabError) as error:
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
        try:
            trial.start().end()
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
