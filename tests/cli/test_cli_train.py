"""`train`, `test`, `report`: what they leave, what they refuse, what they make of bad values."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

PYTHON = [sys.executable, "-m", "mnistlab"]
RECORDS = {"settings.json", "checkpoint.npz", "history.csv", "model.keras", "metrics.json",
           "arrays.npz", "figures", "report.html"}  # fmt: skip


def state_of(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Give every file's time of change and content."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def assert_refused(done, *says: str) -> None:
    assert done.code == 2, (done.code, done.err)
    assert done.out == ""
    assert len(done.err.splitlines()) <= 2, done.err
    for each in says:
        assert each in done.err


# A finished run's folder.


def test_the_folder_holds_what_it_should(finished_run):
    names = {path.name for path in finished_run.iterdir() if not path.name.startswith(".")}
    assert names == RECORDS
    rows = (finished_run / "history.csv").read_text().splitlines()
    assert rows[0] == "epoch,loss,accuracy,val_loss,val_accuracy,seconds"
    assert [row.split(",")[0] for row in rows[1:]] == ["1", "2", "3"]
    about = json.loads((finished_run / "settings.json").read_text())
    assert about["settings"]["seed"] == 5
    assert len(about["data"]["digest"]) == 64
    assert {"keras", "jax", "numpy", "python"} <= {name.lower() for name in about["versions"]}
    metrics = json.loads((finished_run / "metrics.json").read_text(), parse_constant=pytest.fail)
    assert metrics["test"]["n"] == 200
    assert metrics["class_counts"] == {"train": [60] * 10, "test": [20] * 10}


def test_its_command_gives_the_same_weights_elsewhere(finished_run, tmp_path, weights_of):
    words = shlex.split(json.loads((finished_run / "settings.json").read_text())["command"])
    assert words[:2] == ["mnistlab", "train"]
    again = [*PYTHON, *words[1:], "--out", "again"]
    subprocess.run(again, cwd=tmp_path, check=True, capture_output=True, timeout=300)
    first, second = weights_of(finished_run), weights_of(tmp_path / "again")
    assert first.keys() == second.keys()
    for name, values in first.items():
        np.testing.assert_array_equal(values, second[name], name)


@pytest.mark.parametrize("rate", [0.001, 0.0012345678, 1 / 3, 1e-7, 5e-324, 123456.789, 0.1 + 0.2])
def test_the_command_holds_floats_in_full(rate):
    from mnistlab.training.settings import TrainSettings

    words = shlex.split(TrainSettings(learning_rate=rate, validation=1234567.0).command())
    assert float(words[words.index("--learning-rate") + 1]) == rate
    assert float(words[words.index("--validation") + 1]) == 1234567


def test_plain_keras_loads_it_and_takes_raw_images(finished_run, glyphs):
    code = f"""
import sys, numpy as np, keras
model = keras.saving.load_model({str(finished_run / "model.keras")!r})
data = np.load({str(glyphs)!r})
assert data["x_test"].dtype == np.uint8
p = model.predict(data["x_test"], verbose=0)
assert not any(name.startswith("mnistlab") for name in sys.modules)
assert np.allclose(p.sum(1), 1, atol=1e-5)
print((p.argmax(1) == data["y_test"]).mean())
"""
    env = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    recorded = json.loads((finished_run / "metrics.json").read_text())["test"]["accuracy"]
    assert float(done.stdout) == pytest.approx(recorded, abs=1e-12)


def test_test_gives_the_recorded_numbers(inside, run_folder):
    recorded = json.loads((run_folder / "metrics.json").read_text())["test"]
    done = inside("test", "run", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)["test"]
    assert found["accuracy"] == recorded["accuracy"]
    assert found["confusion"] == recorded["confusion"]
    assert found["loss"] == pytest.approx(recorded["loss"], rel=1e-6)
    table = inside("test", "run")
    assert f"{100 * recorded['accuracy']:.2f} %" in table.out


def test_report_draws_from_the_records_alone(inside, tmp_path, glyph_file):
    glyph_file(tmp_path / "own.npz", 100, 50)
    assert inside("train", "--dataset", "own.npz", "--epochs", "1", "--out", "run").code == 0
    run = tmp_path / "run"
    page = (run / "report.html").read_bytes()
    pictures = {path.name: path.read_bytes() for path in (run / "figures").iterdir()}
    (tmp_path / "own.npz").unlink()
    (run / "report.html").unlink()
    for path in (run / "figures").iterdir():
        path.unlink()
    done = inside("report", "run")
    assert done.code == 0, done.err
    assert Path(done.out.strip()) == run / "report.html"
    assert {path.name: path.read_bytes() for path in (run / "figures").iterdir()} == pictures
    assert (run / "report.html").read_bytes() == page
    assert_refused(inside("test", "run"), "own.npz")


def test_resume_of_a_finished_run_needs_no_data(inside, run_folder):
    """It has all that its result needs."""
    document = json.loads((run_folder / "settings.json").read_text())
    document["settings"]["dataset"] = "/nowhere/own.npz"
    (run_folder / "settings.json").write_text(json.dumps(document))
    done = inside("train", "--resume", "run", "--json")
    assert done.code == 0, done.err


# Places.


@pytest.mark.parametrize("out", ["full", "file", "full/", "linked", "full/.."])
def test_what_is_there_is_left_alone(inside, glyphs, tmp_path, out):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    (tmp_path / "linked").symlink_to("full")
    before = state_of(tmp_path)
    done = inside("train", "--dataset", glyphs, "--epochs", "1", "--out", out)
    assert_refused(done)
    assert state_of(tmp_path) == before
    assert {path.name for path in tmp_path.iterdir()} == {"full", "file", "linked"}


def test_a_finished_run_is_left_alone(inside, glyphs, run_folder):
    before = state_of(run_folder)
    done = inside("train", "--dataset", glyphs, "--epochs", "1", "--out", run_folder)
    assert_refused(done, "exists already", "--resume")
    assert state_of(run_folder) == before


@pytest.mark.parametrize("out", ["/proc/nope", "/proc/nope/deeper", "/etc/passwd/x", "x" * 300])
def test_places_that_cannot_be(inside, glyphs, out):
    done = inside("train", "--dataset", glyphs, "--epochs", "1", "--out", out)
    assert_refused(done, "cannot write")


@pytest.mark.slow
def test_two_at_the_same_second(glyphs, tmp_path):
    words = [*PYTHON, "train", "--dataset", str(glyphs), "--epochs", "1", "--json"]
    both = [
        subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(2)
    ]
    runs = {json.loads(each.communicate(timeout=120)[0])["run"] for each in both}
    assert len(runs) == 2
    assert {str(path) for path in (tmp_path / "runs").iterdir()} == runs


def test_names_of_runs_in_one_second(tmp_path, monkeypatch):
    from concurrent.futures import ThreadPoolExecutor

    from mnistlab.training.runs import Run
    from mnistlab.training.settings import TrainSettings

    monkeypatch.chdir(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: Run.create(None, TrainSettings(), {}).path, range(24)))
    assert len(set(made)) == 24
    assert sorted(made) == sorted((tmp_path / "runs").iterdir())


def test_a_folder_that_is_called_mnist_is_not_mnist(tmp_path, monkeypatch):
    from mnistlab.training.settings import TrainSettings

    monkeypatch.chdir(tmp_path)
    (tmp_path / "mnist").mkdir()
    assert TrainSettings().check().dataset == "mnist"


# Options.

WRONG = {
    "--epochs -1": "epochs",
    "--epochs 0": "epochs",
    "--epochs 1.5": "epochs",
    "--batch-size 0": "batch-size",
    "--seed -1": "seed",
    "--learning-rate nan": "learning-rate",
    "--learning-rate -1": "above 0",
    "--learning-rate 0": "above 0",
    "--learning-rate inf": "learning-rate",
    "--validation -0.5": "validation",
    "--validation nan": "validation",
    "--validation 1.5": "validation",
    "--validation inf": "validation",
    "--validation 1e9": "validation",
    "--validation 600": "validation",
    "--validation 0.0001": "validation",
    "--optimizer adm": "did you mean 'adam'",
    "--optimizer Adam": "did you mean 'adam'",
    "--optimizer :": "unknown optimizer",
    "--optimizer sgd:momentum": "key=value",
    "--optimizer sgd:momentum=oops": "momentum",
    "--optimizer sgd:momentum=0.1,momentum=0.2": "'momentum' stands twice",
    "--augment shift=1,shift=2": "'shift' stands twice",
    "--optimizer sgd:nope=1": "nope",
    "--optimizer sgd:learning_rate=abc": "learning_rate",
    "--optimizer adam:beta_1=x": "beta_1=x",
    "--optimizer adam:weight_decay=oops": "weight_decay=oops",
    "--optimizer adam:epsilon=null": "epsilon=null",
    "--optimizer adam:loss_scale_factor=x": "loss_scale_factor=x",
    "--loss hing": "did you mean 'hinge'",
    "--loss ctc": "aligns sequences",
    "--loss circle": "embeddings",
    "--loss mean_absolute_percentage_error": "divides by the target",
    "--activation rleu": "did you mean 'relu'",
    "--activation glu": "halves",
    "--model mpl": "did you mean 'mlp'",
    "--model mlp:hidden=0": "hidden=0",
    "--model mlp:hidden=x": "hidden=x",
    "--model mlp:activation=relu": "activation",
    "--model linear:hidden=3": "hidden",
    "--normalize colums": "did you mean 'columns'",
    "--backend jaxx": "did you mean 'jax'",
    "--classes 5": "label 5",
    "--classes 1": "classes",
    "--nope": "--nope",
    "--resume": "resume",
}


@pytest.mark.parametrize("options", WRONG)
def test_wrong_options_are_answered_in_a_line(inside, glyphs, tmp_path, options):
    done = inside("train", "--dataset", glyphs, *options.split())
    assert_refused(done, WRONG[options])
    assert not re.search(r"-\d{4,}|_mlp\(|_linear\(", done.err), "what the user cannot know"
    assert list(tmp_path.iterdir()) == [], "nothing was trained; nothing is to be left"


@pytest.mark.parametrize(
    ("dataset", "says"),
    [("mnsit", "'mnist'"), ("", "unknown"), ("/etc/passwd", "not a data set"),
     ("/proc/nope", "unknown"), ("~nobody/x", "unknown")],
)  # fmt: skip
def test_wrong_data_sets(inside, tmp_path, dataset, says):
    assert_refused(inside("train", "--dataset", dataset), says)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_model_too_large_for_memory(command, glyphs, tmp_path):
    import resource

    def less_memory() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (24 << 30, 24 << 30))

    words = [*PYTHON, "train", "--dataset", str(glyphs), "--model", "mlp:hidden=65536x65536"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=120,
                          preexec_fn=less_memory)  # fmt: skip
    assert done.returncode in (1, 2)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2


@pytest.mark.parametrize(
    ("options", "trained"),
    [("--validation 0.2", 480), ("--validation 100", 500),
     pytest.param("--validation 599", 1, marks=pytest.mark.slow),
     ("--batch-size 9999999", 600)],
)  # fmt: skip
def test_odd_but_right_options(inside, glyphs, tmp_path, options, trained):
    done = inside("train", "--dataset", glyphs, "--model", "mlp:hidden=8", "--epochs", "1", "--out",
                  "run", "--json", *options.split())  # fmt: skip
    assert done.code == 0, done.err
    history = json.loads(done.out)["history"]
    assert ("val_accuracy" in history) == (trained < 600)
    count = history["accuracy"][0] * trained  # a whole number of images, of those trained on
    assert count == pytest.approx(round(count), abs=1e-3)
    if trained < 600:
        count = history["val_accuracy"][0] * (600 - trained)
        assert count == pytest.approx(round(count), abs=1e-3)


def test_training_that_diverges_is_a_result(inside, glyphs, tmp_path):
    done = inside("train", "--dataset", glyphs, "--model", "mlp:hidden=8", "--epochs", "2", "--out",
                  "run", "--learning-rate", "1e30", "--json")  # fmt: skip
    assert done.code == 0, done.err
    document = json.loads(done.out, parse_constant=pytest.fail)
    assert document["history"]["loss"][-1] is None
    json.loads((tmp_path / "run" / "metrics.json").read_text(), parse_constant=pytest.fail)
    for words in (("test", "run"), ("report", "run"), ("train", "--resume", "run")):
        assert inside(*words).code == 0


@pytest.mark.parametrize("normalize", ["standardize", "columns"])
def test_pictures_that_are_all_black(inside, tmp_path, normalize):
    images, labels = np.zeros((20, 28, 28), np.uint8), np.arange(20) % 10
    np.savez(tmp_path / "b.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    done = inside("train", "--dataset", "b.npz", "--epochs", "1", "--normalize", normalize,
                  "--model", "linear")  # fmt: skip
    assert done.code in (0, 2), done.err


def test_a_data_set_of_one_image(inside, tmp_path, glyph_file):
    glyph_file(tmp_path / "one.npz", 1, 1)
    done = inside("train", "--dataset", "one.npz", "--epochs", "1", "--model", "linear", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["test"]["n"] == 1


def test_a_model_without_a_mistake(inside, tmp_path, glyph_images):
    images, labels = glyph_images(200, 3)
    ones = images[labels == 1]
    y = np.ones(len(ones), np.uint8)
    np.savez(tmp_path / "ones.npz", x_train=ones, y_train=y, x_test=ones, y_test=y)
    done = inside("train", "--dataset", "ones.npz", "--epochs", "20", "--model", "linear",
                  "--learning-rate", "0.1", "--out", "run", "--json")  # fmt: skip
    assert done.code == 0, done.err
    assert json.loads(done.out)["test"]["accuracy"] == 1
    for words in (("test", "run"), ("report", "run")):
        assert inside(*words).code == 0


def test_a_backend_that_is_not_installed(tmp_path, glyphs):
    code = f"""
import importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *a: None if name == "torch" else real(name, *a)
from mnistlab.cli.app import run
sys.exit(run(["train", "--dataset", {str(glyphs)!r}, "--backend", "torch"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done.stderr
    assert "pip install 'mnistlab[torch]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["tensorflow", "torch"])
def test_other_backends(command, glyphs, tmp_path, backend):
    pytest.importorskip(backend)
    done = command("train", "--dataset", glyphs, "--epochs", "2", "--backend", backend, "--json",
                   "--out", "run")  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    tested = command("test", "run", "--json")
    assert tested.returncode == 0, tested.stderr
    assert json.loads(tested.stdout)["test"]["accuracy"] == document["test"]["accuracy"]
    # The same weights and batches, so the same course as on JAX, but for rounding.
    other = command("train", "--dataset", glyphs, "--epochs", "2", "--backend", "jax", "--json")
    loss = json.loads(other.stdout)["history"]["loss"]
    assert document["history"]["loss"][1] < document["history"]["loss"][0]
    assert len(loss) == len(document["history"]["loss"]) == 2


# --resume and its company.


def test_resume_of_a_finished_run_changes_nothing(inside, run_folder):
    keep = ("settings.json", "checkpoint.npz", "history.csv", "model.keras", "metrics.json",
            "arrays.npz")  # fmt: skip
    before = {name: state_of(run_folder)[str(run_folder / name)] for name in keep}
    done = inside("train", "--resume", "run", "--json")
    assert done.code == 0, done.err
    assert "finished already" in done.err
    recorded = json.loads((run_folder / "metrics.json").read_text())["test"]
    assert json.loads(done.out)["test"]["accuracy"] == recorded["accuracy"]
    assert {name: state_of(run_folder)[str(run_folder / name)] for name in keep} == before
    accuracy = f"{100 * recorded['accuracy']:.2f} %"
    assert accuracy in inside("train", "--resume", "run").out


@pytest.mark.parametrize(
    "options",
    ["--epochs 5", "--epochs 3", "--seed 1", "--out other", "--dataset mnist", "--loss hinge"],
)
def test_resume_takes_no_other_options(inside, run_folder, options):
    done = inside("train", "--resume", "run", *options.split())
    assert_refused(done, options.split()[0])


@pytest.mark.parametrize("path", ["/tmp", "nope", "", "/proc/self", "/etc/passwd", "x" * 300])
@pytest.mark.parametrize("words", [("train", "--resume"), ("test",), ("report",)], ids=" ".join)
def test_what_is_no_run(inside, words, path):
    assert_refused(inside(*words, path))


def test_resume_on_other_data_is_refused(inside, tmp_path, glyph_file):
    glyph_file(tmp_path / "own.npz", 100, 50, seed=1)
    assert inside("train", "--dataset", "own.npz", "--epochs", "2", "--out", "run").code == 0
    (tmp_path / "run" / "metrics.json").unlink()
    glyph_file(tmp_path / "own.npz", 100, 50, seed=2)
    assert_refused(inside("train", "--resume", "run"), "own.npz")
    assert not (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.parametrize("optimizer", ["adam:use_ema=true", "schedule_free_adamw"])
def test_stopped_between_the_last_epoch_and_the_model(inside, tmp_path, glyphs, weights_of,
                                                      optimizer):  # fmt: skip
    """What fit does to the weights after its last epoch belongs to the model as well."""
    words = ["--model", "mlp:hidden=8", "--optimizer", optimizer, "--epochs", "2", "--out", "run"]
    assert inside("train", "--dataset", glyphs, *words).code == 0
    first = weights_of(tmp_path / "run")
    for name in ("metrics.json", "model.keras", "arrays.npz", "report.html"):
        (tmp_path / "run" / name).unlink()
    assert inside("train", "--resume", "run").code == 0
    for name, values in weights_of(tmp_path / "run").items():
        np.testing.assert_array_equal(values, first[name], name)


OWN = """
import keras

def wide():
    layers = keras.layers
    body = [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(10, activation="softmax")]
    return keras.Sequential([keras.Input((28, 28), dtype="uint8"), *body])
"""


def test_a_model_of_ones_own_has_a_run_with_its_functions_name(inside, glyphs, tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    done = inside("train", "--dataset", glyphs, "--model", "own.py:wide", "--epochs", "1", "--json")
    assert done.code == 0, done.err
    run = Path(json.loads(done.out)["run"])
    assert run.name.startswith("glyphs-wide-")
    assert run.parent == tmp_path / "runs"
    assert inside("test", run, "--json").code == 0


def test_data_sorted_by_class_are_told(inside, glyphs, tmp_path):
    with np.load(glyphs) as arrays:
        data = dict(arrays)
    order = np.argsort(data["y_train"], kind="stable")
    data |= {name: data[name][order] for name in ("x_train", "y_train")}
    np.savez(tmp_path / "sorted.npz", **data)
    words = ["--dataset", "sorted.npz", "--epochs", "1", "--model", "linear", "--validation", "50"]
    done = inside("train", *words)
    assert done.code == 0, done.err
    assert "the last 50 are held out, and none of class 0, 1, 2, 3" in done.err
    assert "shuffle the data set" in done.err
    done = inside("train", "--dataset", str(glyphs), *words[2:])
    assert "shuffle" not in done.err
