"""What scripts depend on: help, JSON, streams, exit codes."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from mnistlab.cli.interrupts import ended_by_interrupt, remembered_interrupt

PYTHON = [sys.executable, "-m", "mnistlab"]
COMMANDS = (("show",), ("train",), ("test",), ("compare",), ("replay",), ("list",), ("report",),
            ("read",), ("serve",), ("export",),
            ("data", "list"), ("data", "get"), ("data", "verify"))  # fmt: skip
TRAIN_KEYS = {"run", "dataset", "model", "config", "history", "test", "seconds"}
TEST_KEYS = {"loss", "accuracy", "n", "accuracy_interval"}
SECONDS = {"load", "build", "compile", "train", "test", "total"}


def test_the_package_lists_its_names():
    code = "import mnistlab, sys; print(*dir(mnistlab)); assert 'keras' not in sys.modules"
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert set(listed.stdout.split()) == {
        "__version__", "compare", "fit", "load_data", "load_model", "read"
    }  # fmt: skip


@pytest.mark.parametrize("guard", [ended_by_interrupt, remembered_interrupt])
def test_what_a_shells_background_job_ignores_stays_ignored(guard):
    """A shell without job control starts what is in the background with Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with guard():
            os.kill(os.getpid(), signal.SIGINT)
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with guard():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(sys.platform != "linux", reason="the import is held up by a named pipe")
def test_ctrl_c_while_the_command_is_imported(tmp_path: Path) -> None:
    """A module that the command imports opens a pipe, and waits there for its writer."""
    (tmp_path / "typer.py").write_text(f"open({str(tmp_path / 'pipe')!r}).read()")
    os.mkfifo(tmp_path / "pipe")
    process = subprocess.Popen(
        [sys.executable, "-m", "mnistlab", "list"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stderr=subprocess.PIPE,
    )
    with (tmp_path / "pipe").open("w"):  # it is in the middle of the import
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"")


INTERRUPTED = """
import os, signal, sys
from mnistlab import cli
from mnistlab.cli import app

class Late:
    def __getattr__(self, name):
        return getattr(sys.__stderr__, name)
    def flush(self):
        os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)  # though pytest's shell ignores it
if sys.argv[1] == "as it ends":
    app.run = lambda: os.kill(os.getpid(), signal.SIGINT) or 1
else:
    app.run, sys.stdout = lambda: 3, Late()
cli.main()
"""


@pytest.mark.parametrize(("moment", "code"), [("as it ends", 130), ("once it has ended", 3)])
def test_ctrl_c_at_the_end_leaves_no_traceback(moment, code):
    ended = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, moment], capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (code, "")


def registered() -> set[tuple[str, ...]]:
    from typer.main import get_command

    from mnistlab.cli.app import app

    found: set[tuple[str, ...]] = set()
    for name, each in get_command(app).commands.items():
        inner = getattr(each, "commands", None)
        found |= {(name, other) for other in inner} if inner else {(name,)}
    return found


def test_these_are_the_commands():
    assert set(COMMANDS) <= registered()


@pytest.mark.parametrize("words", sorted(registered()), ids=" ".join)
def test_every_command_helps_with_an_example(words):
    from mnistlab.cli.app import run

    stream = io.StringIO()
    with redirect_stdout(stream):
        code = run([*words, "--help"])
    assert code == 0
    assert f"Example: mnistlab {' '.join(words)}" in " ".join(stream.getvalue().split())


def test_help_of_the_whole(command):
    done = command("--help")
    assert (done.returncode, done.stderr) == (0, "")
    for words in COMMANDS:
        assert words[0] in done.stdout


def test_no_arguments_give_help_and_nothing_odd(command):
    done = command()
    assert done.returncode in (0, 2)
    assert "train" in done.stdout + done.stderr
    assert "mnistlab:  See" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("shwo",), "'show'"),
        (("train", "--epoch", "2"), "--epochs"),
        (("train", "--epochs", "x"), "epochs"),
        (("train", "extra"), "extra"),
        (("test",), "run"),
        (("data", "get", "mnits"), "did you mean 'mnist'"),
        (("data", "verify", "nope"), "nope"),
        (("test", "nope"), "does not exist"),
        (("report", "/proc"), "not a run"),
    ],
)
def test_wrong_use_is_exit_2_and_a_line(inside, arguments, says):
    wrong = inside(*arguments)
    assert wrong.code == 2
    assert wrong.out == ""
    assert says.lower() in wrong.err.lower()
    assert len(wrong.err.splitlines()) <= 2


def test_train_and_test_print_one_json_document(command, glyphs, tmp_path):
    done = command("train", "--dataset", glyphs, "--epochs", "2", "--validation", "0.2",
                   "--out", "run", "--json", NO_COLOR="1", COLUMNS="60")  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout, parse_constant=pytest.fail)
    assert set(document) == TRAIN_KEYS
    assert document["run"] == str(tmp_path / "run")
    assert document["dataset"] == str(glyphs)
    assert document["model"] == "mlp"
    assert document["config"]["epochs"] == 2
    assert set(document["test"]) == TEST_KEYS
    assert set(document["seconds"]) == SECONDS
    assert document["test"]["n"] == 200
    low, high = document["test"]["accuracy_interval"]
    assert 0 <= low < document["test"]["accuracy"] < high <= 1
    assert "epoch 2/2" in done.stderr
    assert "\x1b" not in done.stderr
    tested = command("test", "run", "--json")
    assert tested.returncode == 0, tested.stderr
    scores = json.loads(tested.stdout, parse_constant=pytest.fail)
    assert set(scores) >= {"run", "dataset", "test"}
    assert scores["test"]["accuracy"] == document["test"]["accuracy"]
    assert {"loss", "accuracy", "n", "accuracy_interval", "confusion"} <= set(scores["test"])
    # The design's history: one value an epoch, and these names only.
    assert set(document["history"]) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert {len(values) for values in document["history"].values()} == {2}


@pytest.mark.parametrize("words", [("show",), ("show", "3"), ("data", "list"),
                                   ("data", "verify", "mnist"), ("data", "get", "mnist")],
                         ids=" ".join)  # fmt: skip
def test_json_is_one_document(inside, words):
    done = inside(*words, "--json")
    assert done.code == 0, done.err
    json.loads(done.out, parse_constant=pytest.fail)
    assert done.out.count("\n") == 1


@pytest.mark.parametrize("words", ["show 7", "show", "data list", "--help", "show 7 --json"])
def test_a_pipe_closed_early_is_no_error(tmp_path, words):
    done = subprocess.Popen(
        [*PYTHON, *words.split()], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    done.stdout.close()  # before the first byte, as `| true` does
    err = done.stderr.read().decode()
    done.stderr.close()
    code = done.wait(60)
    assert "Traceback" not in err
    assert "BrokenPipe" not in err
    assert "Exception ignored" not in err
    assert code in (0, -13), "whoever read our output has enough: that is no failure"


@pytest.mark.parametrize(
    "redirection", [">&-", "2>&-", ">/dev/full", "<&-", "2>/dev/full", ">&- 2>&-"]
)
def test_closed_and_full_streams(tmp_path, redirection):
    line = f"{' '.join(PYTHON)} show 7 {redirection}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "picture" not in done.stdout  # a message is for stderr, even where that is closed
    expected = (1, 2) if redirection == ">/dev/full" else (0,)
    assert done.returncode in expected, done.stderr


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"COLUMNS": "60"}, {"COLUMNS": "1"},
                                 {"COLUMNS": "x"}, {"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"},
                                 {"LC_ALL": "C"}, {"HOME": "/proc/nope"}], ids=str)  # fmt: skip
def test_odd_terminals(command, env):
    from mnistlab.data import cache_dir

    cache = str(cache_dir())
    done = command("data", "list", **{"MNISTLAB_CACHE": cache, **env})
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stdout
    if env == {"COLUMNS": "60"}:
        assert max(map(len, done.stdout.splitlines())) <= 60


@pytest.mark.slow
def test_unlikely_names_of_classes_and_files(inside, tmp_path, glyph_images):
    """What Rich, Matplotlib or HTML would take for markup is a name like any other."""
    from PIL import Image

    names = ("$\\frac{", "_hidden", "[bold]", "<b>&")
    images, _ = glyph_images(8, 0)
    for split in ("train", "test"):
        for name in names:
            (tmp_path / "data[red]" / split / name).mkdir(parents=True)
            for number, image in enumerate(images):
                path = tmp_path / "data[red]" / split / name / f"{number}.png"
                Image.fromarray(image).save(path)
    sheet = inside("show", "--dataset", "data[red]", "--json")
    assert sheet.code == 0, sheet.err
    assert set(json.loads(sheet.out)["counts"]) <= set(names)
    trained = inside("train", "--dataset", "data[red]", "--epochs", "1", "--out", "run")
    assert trained.code == 0, trained.err
    assert "<b>&" not in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.slow
def test_a_file_name_that_is_not_utf_8(command, glyphs, tmp_path):
    odd = tmp_path / os.fsdecode(b"odd\xff.npz")
    odd.write_bytes(glyphs.read_bytes())
    done = command("train", "--dataset", odd, "--epochs", "1", "--out", "run")
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 2)
