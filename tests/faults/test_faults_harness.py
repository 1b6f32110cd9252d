"""The harness of random kills: it finds what is lost, and finds nothing lost in us."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))  # the benchmarks are not installed

from benchmarks.faults.__main__ import Trial  # noqa: E402
from benchmarks.faults.jobs import Loss, jobs  # noqa: E402


@pytest.mark.skipif(os.environ["KERAS_BACKEND"] != "jax", reason="it kills runs on JAX")
def test_a_few_kills(tmp_path):
    out = tmp_path / "record.json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.faults", "--kills", "4", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    record = json.loads(out.read_text())
    assert (done.returncode, record["losses"]) == (0, []), done.stderr
    assert record["kills"] == len(record["moments"]) == sum(record["by_job"].values()) == 4
    assert sum(record["ended_as_undisturbed"].values()) >= 2


@pytest.mark.parametrize(
    ("now", "says"),
    [
        ({"1": "a"}, "2 was b, and is gone"),
        ({"1": "a", "2": "c"}, "2 was b, and is c"),
        ({"1": "a", "2": "b", "9": "z"}, "9 is z, which an undisturbed job has not"),
    ],
)
def test_what_it_calls_a_loss(now, says):
    job = SimpleNamespace(committed=lambda _: now)
    whole = SimpleNamespace(committed={"1": "a", "2": "b", "3": "c"})
    trial = Trial(job, Path("nowhere"), whole)
    trial.known = {"1": "a", "2": "b"}
    with pytest.raises(Loss, match=says):
        trial.look()


def test_an_end_that_is_another(tmp_path):
    (tmp_path / "report.html").touch()
    result = {"weights": 1}
    job = SimpleNamespace(
        committed=lambda _: {"1": "a"}, result=lambda _: result, files={"report.html"}
    )
    trial = Trial(job, tmp_path, SimpleNamespace(committed={"1": "a"}, result={"weights": 1}))
    trial.end()
    (tmp_path / ".leftover").touch()
    with pytest.raises(Loss, match=r"left over: \.leftover"):
        trial.end()
    result["weights"] = 2
    with pytest.raises(Loss, match="another result"):
        trial.end()


def test_a_run_is_read_as_it_is(run_folder):
    run, _ = jobs(Path("glyphs.npz"))
    assert list(run.committed(run_folder)) == ["0", "1", "2"]
    rows = (run_folder / "history.csv").read_text().splitlines()
    (run_folder / "history.csv").write_text("\n".join(rows[:2]))
    with pytest.raises(Loss, match="a history of 1 epochs beside 3"):
        run.committed(run_folder)
