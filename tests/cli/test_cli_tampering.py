"""A run's folder that somebody or something has changed: one clear line, exit code 2."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistlab.errors import RunError
from mnistlab.training.runs import Run


def assert_one_line(done) -> None:
    assert done.code == 2, (done.code, done.err)
    assert done.out == ""
    assert 1 <= len(done.err.splitlines()) <= 2
    assert len(done.err) < 1000


def put(path: Path, keys: str, value: Any) -> None:
    """Set `a.b.c` in a JSON file."""
    document = json.loads(path.read_text())
    *outer, last = keys.split(".")
    inner = document
    for key in outer:
        inner = inner[key]
    inner[last] = value
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("how", ["flipped", "shorter", "other", "missing", "empty"])
@pytest.mark.parametrize("words", ["test run"])
def test_another_model(inside, run_folder, how, words):
    path = run_folder / "model.keras"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    made = {
        "flipped": bytes(content),
        "shorter": path.read_bytes()[:-10],
        "other": b"PK",
        "empty": b"",
    }
    path.unlink() if how == "missing" else path.write_bytes(made[how])
    done = inside(*words.split())
    assert_one_line(done)
    assert "model.keras" in done.err


def test_a_model_that_would_run_code_is_not_opened(inside, run_folder, tmp_path):
    """Were the digest changed with it, Keras' safe mode still holds."""
    import hashlib
    import zipfile

    source = run_folder / "model.keras"
    changed = tmp_path / "changed.keras"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "config.json":
                document = json.loads(content)
                evil = f"__import__('pathlib').Path({str(tmp_path / 'ran')!r}).touch()"
                document["config"]["layers"].append({
                    "module": "keras.layers", "class_name": "Lambda", "registered_name": None,
                    "config": {"name": "evil", "function": {
                        "class_name": "__lambda__", "config": {"code": evil, "defaults": None,
                                                               "closure": None}}},
                })  # fmt: skip
                content = json.dumps(document).encode()
            new.writestr(name, content)
    shutil.move(changed, source)
    put(
        run_folder / "metrics.json", "model.sha256", hashlib.sha256(source.read_bytes()).hexdigest()
    )
    assert_one_line(inside("test", "run"))
    assert not (tmp_path / "ran").exists()


GARBAGE = [b"", b"{", b"[]", b"null", b'"x"', b"{}", b"\xff\xfe", b"[" * 200_000, b"\0" * 100]


@pytest.mark.parametrize("content", GARBAGE, ids=lambda content: repr(content[:8]))
@pytest.mark.parametrize("name", ["settings.json", "metrics.json"])
def test_json_that_is_none(inside, run_folder, name, content):
    (run_folder / name).write_bytes(content)
    for words in (("report", "run"), ("test", "run"), ("train", "--resume", "run")):
        assert_one_line(inside(*words))


METRICS = [("test", None), ("test", {}), ("test.accuracy", "x"), ("test.confusion", [[1]]),
           ("test.confusion", "x"), ("test.mistakes", [1]), ("test.mistakes", []),
           ("seconds", None), ("seconds", {"a": "b"}), ("class_names", []), ("class_names", None),
           ("class_counts", None), ("class_counts", {"train": [1]}),
           ("test.accuracy_interval", None), ("test.n", "x")]  # fmt: skip


@pytest.mark.parametrize(("keys", "value"), METRICS)
def test_metrics_of_another_shape(inside, run_folder, keys, value):
    put(run_folder / "metrics.json", keys, value)
    assert_one_line(inside("report", "run"))
    assert_one_line(inside("train", "--resume", "run"))


@pytest.mark.parametrize("value", [None, "x", {}, [], {"sha256": None}])
def test_metrics_without_the_models_digest(inside, run_folder, value):
    put(run_folder / "metrics.json", "model", value)
    assert_one_line(inside("test", "run"))


SETTINGS = [("settings", []), ("settings", None), ("settings.epochs", "abc"),
            ("settings.epochs", None), ("settings.epochs", -1), ("settings.batch_size", "x"),
            ("settings.batch_size", 0), ("settings.seed", -5), ("settings.dataset", None),
            ("settings.dataset", 3), ("settings.optimizer", 5), ("settings.optimizer", "adm"),
            ("settings.model", "zzz"), ("settings.loss", "ctc"), ("settings.normalize", "q"),
            ("settings.activation", "q"), ("settings.backend", "q"),
            ("settings.learning_rate", "q"), ("settings.validation", "q"),
            ("settings.extra", 1), ("data", None), ("data", []), ("data.digest", "x")]  # fmt: skip


@pytest.mark.parametrize(("keys", "value"), SETTINGS)
def test_settings_of_another_shape(inside, run_folder, keys, value):
    """As when they are edited by hand before going on."""
    put(run_folder / "settings.json", keys, value)
    for name in ("metrics.json", "checkpoint.npz"):
        (run_folder / name).unlink()
    assert_one_line(inside("train", "--resume", "run"))


@pytest.mark.parametrize(("keys", "value"), [("versions", None), ("versions", "x"),
                                             ("command", None), ("command", 3)])  # fmt: skip
def test_what_the_report_reads_of_the_settings(inside, run_folder, keys, value):
    put(run_folder / "settings.json", keys, value)
    assert_one_line(inside("report", "run"))


@pytest.mark.parametrize("keys", ["settings.dataset", "data"])
def test_what_test_reads_of_the_settings(inside, run_folder, keys):
    put(run_folder / "settings.json", keys, None)
    assert_one_line(inside("test", "run"))


HISTORY = [b"", b"epoch\n", b"epoch,loss\n1,2,3\n", b"epoch,loss\n1\n", b"a\0b", b"\xff",
           b"x,y\n1,2\n", b"epoch,loss,accuracy\n1,a,b\n",
           b'epoch,loss\n1,"' + b"x" * 200_000]  # fmt: skip


@pytest.mark.parametrize("content", HISTORY, ids=lambda content: repr(content[:20]))
def test_history_that_is_none(inside, run_folder, content):
    (run_folder / "history.csv").write_bytes(content)
    assert_one_line(inside("report", "run"))


def flips(path: Path, count: int):
    """Give the file's content with a byte changed, again and again; then cut short."""
    rng, content = np.random.default_rng(0), path.read_bytes()
    for place in rng.integers(0, len(content), count):
        changed = bytearray(content)
        changed[place] ^= int(rng.integers(1, 256))
        yield bytes(changed)
    # The zip directory is at the end, where a random byte seldom falls.
    for place in range(max(0, len(content) - 400), len(content), 3):
        changed = bytearray(content)
        changed[place] ^= 0xFF
        yield bytes(changed)
    for length in (0, 1, 100, len(content) // 2, len(content) - 1):
        yield content[:length]


def same(a: Any, b: Any) -> bool:
    """Tell whether the arrays are the same; a name that is lost is found out further on."""
    if isinstance(a, list):
        return len(a) != len(b) or all(map(np.array_equal, a, b))
    return all(np.array_equal(a[k], b[k]) for k in a.keys() & b.keys())


@pytest.mark.parametrize("name", ["arrays.npz", "checkpoint.npz"])
def test_any_byte_of_the_arrays(run_folder, name):
    """A changed byte is a RunError, makes no difference, or loses an array's name; no more."""
    run, path = Run.open(run_folder), run_folder / name

    def read() -> Any:
        if name == "arrays.npz":
            return run.load_arrays()
        checkpoint = run.load_checkpoint()
        assert checkpoint is not None
        return checkpoint.variables

    whole, odd = read(), []
    for content in flips(path, 300):
        path.write_bytes(content)
        try:
            found = read()
        except RunError:
            continue
        except Exception as error:  # noqa: BLE001  # all that is not a RunError is collected
            odd.append(repr(error))
            continue
        if not same(whole, found):
            odd.append("other values")
    assert sorted(set(odd)) == []


@pytest.mark.parametrize("name", ["arrays.npz", "checkpoint.npz"])
def test_arrays_that_are_something_else_are_told_so(run_folder, name):
    (run_folder / name).write_text("no arrays\n")
    read = Run.load_arrays if name == "arrays.npz" else Run.load_checkpoint
    with pytest.raises(RunError, match=f"{name} is damaged: .*no .npz file"):
        read(Run.open(run_folder))


@pytest.mark.parametrize("keys", [[], ["samples"], ["mistakes"]])
def test_arrays_that_lack_some(inside, run_folder, keys):
    with np.load(run_folder / "arrays.npz") as stored:
        arrays = dict(stored)
    np.savez(run_folder / "arrays.npz", **{key: arrays[key] for key in keys})
    assert_one_line(inside("report", "run"))


@pytest.mark.parametrize("change", [{"samples": np.zeros(3)}, {"mistakes": np.zeros((1, 2))},
                                    {"first_layer": np.zeros((2, 2))},
                                    {"samples": np.array(["x"])}], ids=str)  # fmt: skip
def test_arrays_of_another_shape(inside, run_folder, change):
    with np.load(run_folder / "arrays.npz") as stored:
        arrays = dict(stored)
    np.savez(run_folder / "arrays.npz", **{**arrays, **change})
    assert_one_line(inside("report", "run"))


def about(**values: Any) -> dict[str, np.ndarray]:
    document = {"epochs_done": 1, "history": {"loss": [1.0], "accuracy": [0.5], "seconds": [1.0]}}
    return {"about": np.frombuffer(json.dumps(document | values).encode(), np.uint8)}


CHECKPOINTS: dict[str, dict[str, Any]] = {
    "no about": {"about": None},
    "about is no JSON": {"about": np.frombuffer(b"{", np.uint8)},
    "about is a list": {"about": np.frombuffer(b"[]", np.uint8)},
    "no history": about(history=None),
    "history of unequal lengths": about(history={"loss": [1.0], "accuracy": [], "seconds": [1.0]}),
    "history of words": about(history={"loss": ["x"], "accuracy": [0.5], "seconds": [1.0]}),
    "history and count differ": about(epochs_done=2),
    "a variable too few": {"v0003": None},
    "another shape": {"v0003": np.zeros((2, 2), np.float32)},
    "words": {"v0000": np.array(["x"])},
    "objects": {"v0000": np.array([{}], dtype=object)},
}


@pytest.mark.parametrize("what", CHECKPOINTS)
def test_checkpoints(inside, run_folder, what):
    (run_folder / "metrics.json").unlink()
    with np.load(run_folder / "checkpoint.npz") as stored:
        arrays = dict(stored)
    changed = {**arrays, **CHECKPOINTS[what]}
    kept = {name: value for name, value in changed.items() if value is not None}
    np.savez(run_folder / "checkpoint.npz", **kept)
    done = inside("train", "--resume", "run")
    assert_one_line(done)
    assert "checkpoint.npz" in done.err


@pytest.mark.parametrize("name", ["settings.json", "metrics.json", "history.csv", "arrays.npz"])
def test_a_record_that_is_missing(inside, run_folder, name):
    (run_folder / name).unlink()
    done = inside("report", "run")
    assert_one_line(done)
    assert name in done.err


@pytest.mark.parametrize("name", ["settings.json", "metrics.json", "history.csv", "arrays.npz"])
def test_a_folder_in_a_records_place(inside, run_folder, name):
    (run_folder / name).unlink()
    (run_folder / name).mkdir()
    assert_one_line(inside("report", "run"))


@pytest.mark.parametrize("name", ["figures", "report.html"])
def test_something_in_the_reports_place(inside, run_folder, name):
    path = run_folder / name
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("mine")
    else:
        path.unlink()
        path.mkdir()
    assert_one_line(inside("report", "run"))
