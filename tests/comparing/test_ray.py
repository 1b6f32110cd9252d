"""Studies on Ray: the records of one process, whatever runs them and whatever dies."""

from __future__ import annotations

import importlib.util
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import MODULE

from mnistlab.comparing.plan import Trial, make_arms
from mnistlab.comparing.ray_executor import RayExecutor, import_ray, on_ray
from mnistlab.comparing.ray_worker import deciding_versions
from mnistlab.comparing.results import StudyRecords, TrialRecord
from mnistlab.comparing.store import Store
from mnistlab.comparing.study import run_study
from mnistlab.data import Dataset, load
from mnistlab.errors import OptionError
from mnistlab.study import last_task, open_study
from mnistlab.training.settings import TrainSettings

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed"),
    pytest.mark.filterwarnings(
        "ignore:.*(unclosed|subprocess .* is still running).*:ResourceWarning",  # Ray's own
        "ignore::pytest.PytestUnraisableExceptionWarning",
    ),
    pytest.mark.slow,
]

STUDY = (
    "compare", "optimizer", "adam", "sgd", "--validation", "100", "--epochs", "2",
    "--rates", "3", "--tuning-seeds", "1", "--seeds", "4", "--batch-size", "16",
)  # fmt: skip


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes on this machine, a core each."""
    ray = import_ray()
    from ray.cluster_utils import Cluster

    quick = {"health_check_period_ms": 1000, "health_check_failure_threshold": 2}
    made = Cluster(True, head_node_args={"num_cpus": 1, "_system_config": quick})
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


def numbers(folder: Path) -> dict[str, Any]:
    """Give all of a study's trials by key, without what depends on the clock."""
    return {record.key: plain(record) for record in everything(open_study(folder).result.records)}


def everything(records: StudyRecords) -> list[TrialRecord]:
    return [r for arm in records.arms for r in (*arm.tuning, *arm.tuned, *arm.default)]


def plain(record: TrialRecord) -> Any:
    curves = {name: values for name, values in record.history.items() if name != "seconds"}
    return (
        record.arm, record.seed, record.learning_rate, record.state, curves,
        record.test_accuracy, record.test_loss, record.test_n,
    )  # fmt: skip


def table(folder: Path) -> Any:
    result = open_study(folder).result
    arms = [(a.name, a.learning_rate, a.test_accuracy, a.at_default) for a in result.arms]
    return arms, result.differences


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*MODULE, *STUDY, *words], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory, glyphs: Path) -> Path:
    folder = tmp_path_factory.mktemp("studies")
    (folder / "glyphs.npz").symlink_to(glyphs)
    run(folder, "--dataset", "glyphs.npz", "--workers", "1", "--out", "one")
    return folder


def test_the_same_records_everywhere(one_process: Path, cluster: Any) -> None:
    here = {"two workers": ["--workers", "2"], "two nodes": ["--address", cluster.address],
            "one node": ["--on", "ray", "--workers", "1"]}  # fmt: skip
    expected = numbers(one_process / "one")
    assert len(expected) >= 20
    for place, words in here.items():
        done = run(one_process, "--dataset", "glyphs.npz", "--out", place, *words)
        assert numbers(one_process / place) == expected, place
        assert table(one_process / place) == table(one_process / "one")
        assert "ray" not in done.stdout, place
        assert "Traceback" not in done.stderr
        assert "Warning" not in done.stderr


@pytest.fixture
def data(glyphs: Path) -> Dataset:
    return load(glyphs)


@pytest.fixture
def executor(cluster: Any, data: Dataset) -> Iterator[RayExecutor]:
    with on_ray(cluster.address, data) as made:
        yield made


def two_trials(**arms: Any) -> list[tuple[str, Trial]]:
    """Give a trial of each of two arms, which build as the arguments say."""
    base = TrainSettings(validation=100, backend="jax", epochs=1, model="linear")
    made = zip(make_arms("optimizer", ["adam", "sgd"], base), arms.items(), strict=True)
    return [(name, Trial(replace(arm, build=build, fingerprint=name), 1, 0.01, True))
            for arm, (name, build) in made]  # fmt: skip


def test_a_node_killed_half_way(
    cluster: Any, one_process: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnistlab.comparing.batches.LARGEST", 3)
    with Store(one_process / "one") as store:
        task = last_task(store)
    assert task is not None
    doomed = cluster.add_node(num_cpus=1)
    heard: list[int] = []

    def on_trial(phase: str, done: int, total: int) -> None:
        heard.append(done)
        if phase == "final" and done >= total // 2 and doomed in cluster.worker_nodes:
            cluster.remove_node(doomed, allow_graceful=False)

    folder = one_process / "killed"
    folder.mkdir()
    with on_ray(cluster.address, data) as executor, Store(folder) as store:
        assert executor.workers == 3
        run_study(task, store, executor, on_trial)
    assert doomed not in cluster.worker_nodes
    assert executor.again <= 3, "more than a batch ran twice"
    print("trials begun again:", executor.again)
    assert numbers(folder) == numbers(one_process / "one")
    assert table(folder) == table(one_process / "one")


def test_a_worker_that_dies_is_replaced_and_one_that_always_dies_fails_alone(
    executor: RayExecutor, tmp_path: Path
) -> None:
    def once(settings: Any, dataset: Any) -> Any:
        from mnistlab.training.train import build_compiled

        try:
            (tmp_path / "died").touch(exist_ok=False)
        except FileExistsError:
            return build_compiled(settings, dataset)
        os.kill(os.getpid(), signal.SIGKILL)

    def always(settings: Any, dataset: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    trials = two_trials(once=once, always=always)
    found = {r.key: r for batch in executor.run(trials) for r in batch}
    assert found["once"].state == "complete"
    assert found["always"].state == "failed"
    assert found["always"].error == "its worker died 4 times, at last by WorkerCrashedError"
    assert executor.again == 1 + 3


def test_an_error_of_ours_stops_the_study_and_any_other_is_a_trials_result(
    executor: RayExecutor,
) -> None:
    def refuses(settings: Any, dataset: Any) -> Any:
        raise OptionError("no such thing")

    def breaks(settings: Any, dataset: Any) -> Any:
        raise RuntimeError("no memory")

    refused, broken = two_trials(refuses=refuses, breaks=breaks)
    ((record,),) = executor.run([broken])
    assert (record.state, record.error) == ("failed", "RuntimeError: no memory")
    with pytest.raises(OptionError, match="a node of the cluster: no such thing"):
        list(executor.run([refused]))


def test_nodes_with_other_versions_are_refused(
    cluster: Any, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {**deciding_versions(), "keras": "4.0"}
    monkeypatch.setattr("mnistlab.comparing.ray_executor.deciding_versions", lambda: other)
    with pytest.raises(OptionError, match=r"has keras 3\S+, not 4.0;"):
        with on_ray(cluster.address, data):
            pass


def test_where_there_is_no_ray(inside: Any, glyphs: Path) -> None:
    done = inside(*STUDY, "--dataset", glyphs, "--address", "127.0.0.1:9")
    assert (done.code, done.out) == (2, "")
    assert "no Ray to work with at '127.0.0.1:9'" in done.err
    assert len(done.err.splitlines()) <= 2


def keys(file: Path) -> list[Any]:
    if not file.exists():
        return []
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as opened:
        try:
            return opened.execute("SELECT key FROM trials").fetchall()
        except sqlite3.OperationalError:  # being made, or being written
            return []


def marked(mark: str) -> list[str]:
    """List the processes that have `mark` in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if mark.encode() in path.read_bytes().split(b"\0"):
                found.append(path.with_name("cmdline").read_text()[:80])
    return found


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_driver_that_dies_leaves_nothing_running_and_goes_on(
    one_process: Path, how: signal.Signals
) -> None:
    words = [*MODULE, *STUDY, "--dataset", "glyphs.npz", "--on", "ray", "--out", how.name]
    file = one_process / how.name / "study.sqlite"
    env = {**os.environ, "MARK": how.name}
    with subprocess.Popen(
        words, cwd=one_process, env=env, stderr=subprocess.PIPE, text=True
    ) as process:
        while len(keys(file)) < 5:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(how)
        _, said = process.communicate(timeout=60)
    assert process.returncode == (130 if how == signal.SIGINT else -how)
    if how == signal.SIGINT:
        assert "the same command goes on" in said
        assert "Traceback" not in said
    end = time.monotonic() + 90  # agents of Ray's tell its dead head of its death for 60 s
    while left := marked(f"MARK={how.name}"):
        assert time.monotonic() < end, left
        time.sleep(0.2)
    assert 5 <= len(keys(file)) < len(numbers(one_process / "one"))
    run(one_process, *words[len(MODULE) + len(STUDY) :])
    assert numbers(file.parent) == numbers(one_process / "one")
