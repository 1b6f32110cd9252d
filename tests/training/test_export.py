"""Exported models say what Keras says, know what they are, and take nobody's place."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

import mnistlab
from mnistlab.errors import MnistlabError, OptionError, UnknownNameError
from mnistlab.files import appearing
from mnistlab.training import export
from mnistlab.training.export import chosen_format
from mnistlab.training.formats import ABOUT, FORMATS
from mnistlab.training.runs import Run

NAMES = {
    "onnx": "digits.onnx", "torch": "digits.pt2", "tf_saved_model": "digits",
    "litert": "digits.tflite", "openvino": "digits.xml",
}  # fmt: skip


def described(name: str, path: Path) -> dict[str, str]:
    """Read back what a file says of itself."""
    if name == "onnx":
        import onnxruntime

        return onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
    if name == "torch":
        import torch

        extra = {ABOUT: ""}
        torch.export.load(path, extra_files=extra)
        return json.loads(extra[ABOUT])
    if name == "openvino":
        import openvino

        info = openvino.Core().read_model(path).get_rt_info("mnistlab")
        return dict(info.value)
    if name == "litert":
        with zipfile.ZipFile(path) as archive:
            return json.loads(archive.read(ABOUT))
    return json.loads((path / "assets.extra" / ABOUT).read_text())


# What is refused.


@pytest.mark.parametrize(
    ("target", "name", "found"),
    [("a.onnx", None, "onnx"), ("a.pt2", None, "torch"), ("a.tflite", None, "litert"),
     ("a.xml", None, "openvino"), ("a", "tf_saved_model", "tf_saved_model"),
     ("a.onnx", "onnx", "onnx")],
)  # fmt: skip
def test_the_format_is_what_the_name_or_the_option_says(target, name, found):
    assert chosen_format(Path(target), name) is FORMATS[found]


@pytest.mark.parametrize("target", ["a", "a.pb", "a.keras", "a.ONNX"])
def test_a_name_that_says_no_format(target):
    with pytest.raises(OptionError, match=r"end it in one of .onnx, .pt2, .tflite, .xml, or"):
        chosen_format(Path(target), None)


def test_an_unlikely_format_and_a_name_of_another():
    with pytest.raises(UnknownNameError, match="did you mean 'openvino'"):
        chosen_format(Path("a.xml"), "openvin")
    with pytest.raises(OptionError, match=r"a.onnx: the name of a file of LiteRT ends in .tflite"):
        chosen_format(Path("a.onnx"), "litert")


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_overwritten(inside, run_folder, tmp_path, name):
    for taken in FORMATS[name].files(tmp_path / NAMES[name]):
        taken.write_bytes(b"mine")
        done = inside("export", run_folder, NAMES[name], "--format", name)
        assert (done.code, done.out) == (2, "")
        assert f"{taken.name} exists already" in done.err
        assert taken.read_bytes() == b"mine"
        taken.unlink()


@pytest.mark.parametrize("name", NAMES)
def test_the_command_that_installs_what_is_missing(inside, run_folder, monkeypatch, name):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda _: None)
    done = inside("export", run_folder, NAMES[name], "--format", name)
    assert (done.code, done.out) == (2, "")
    assert f"pip install 'mnistlab[{FORMATS[name].extra}]'" in done.err


def test_keras_runs_on_one_backend_in_a_process(run_folder, tmp_path):
    """And what a format needs may be missing: either is told, and nothing is left behind."""
    for name, kind in FORMATS.items():
        if kind.backend != keras.config.backend():
            with pytest.raises(MnistlabError, match=r"KERAS_BACKEND=|pip install"):
                export.export_model(Run.open(run_folder), tmp_path / NAMES[name], name)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


# What is written.


def test_what_is_wrong_does_not_appear(tmp_path):
    target = tmp_path / "digits.xml"

    def half() -> None:
        with appearing([target]) as folder:
            (folder / "digits.xml").write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert not list(tmp_path.iterdir())
    with appearing([tmp_path / "digits.bin", target]) as folder:
        (folder / "digits.bin").mkdir()
        (folder / "digits.bin" / "deep").write_text("whole")
        (folder / "digits.xml").write_text("whole")
        (folder / "else").write_text("left out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.bin", "digits.xml"]
    assert (tmp_path / "digits.bin" / "deep").read_text() == "whole"


def test_a_model_that_says_something_else_is_not_left(run_folder, tmp_path, monkeypatch):
    from dataclasses import replace

    for wrong, says in ((0.5, r"differs from Keras' by"), (np.nan, "differs from Keras' by nan")):
        kind = replace(
            FORMATS["onnx"], needed=(), backend=keras.config.backend(),
            write=lambda model, path: path.write_bytes(b"model"),
            describe=lambda path, about: None,
            run=lambda path, images, wrong=wrong: np.full((len(images), 10), wrong, np.float32),
        )  # fmt: skip
        monkeypatch.setitem(FORMATS, "onnx", kind)
        with pytest.raises(MnistlabError, match=says):
            export.export_model(Run.open(run_folder), tmp_path / "digits.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.fixture(scope="module")
def scaled_run(glyphs, tmp_path_factory):
    """A run of a model that LiteRT can do, too: no columns to divide by."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("scaled") / "run"
    words = "--model mlp:hidden=16 --epochs 1 --normalize scale --seed 5"
    subprocess.run(
        [sys.executable, "-m", "mnistlab", "train", "--dataset", glyphs, *words.split(),
         "--out", folder],
        check=True, capture_output=True, timeout=300,
    )  # fmt: skip
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_an_exported_model_says_the_same(command, scaled_run, tmp_path, name):
    kind = FORMATS[name]
    for needed in kind.needed:
        pytest.importorskip(needed)
    done = command("export", scaled_run, NAMES[name], "--format", name, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["greatest_difference"] < 1e-5
    target = tmp_path / NAMES[name]
    assert sorted(tmp_path.iterdir()) == sorted(kind.files(target))
    expected = mnistlab.load_model(scaled_run)
    for count in (5, 1):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)
        says = kind.run(target, images)
        np.testing.assert_allclose(says, expected.predict(images, verbose=0), atol=1e-5)
    about = described(name, target)
    assert json.loads(about["classes"]) == [str(digit) for digit in range(10)]
    recorded = Run.open(scaled_run).document("metrics.json")["model"]["sha256"]
    assert about["keras_sha256"] == recorded
    assert set(about) == {"classes", "preprocessing", "keras_sha256", "command"}


@pytest.mark.parametrize("name", ["onnx", "torch"])
def test_a_network_that_takes_out_slant_is_exported(command, glyphs, tmp_path, name):
    for needed in FORMATS[name].needed:
        pytest.importorskip(needed)
    words = ("--model", "cnn-best:filters=4x4,deskew=true", "--epochs", "1")
    words += ("--augment", "none", "--devices", "1")  # which are JAX's alone
    trained = command("train", "--dataset", glyphs, *words, "--out", "slant")
    assert trained.returncode == 0, trained.stderr
    done = command("export", "slant", NAMES[name], "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["greatest_difference"] < 1e-5


OWN = """
import keras
def fetching():
    images = keras.Input((28, 28), dtype="uint8")
    pixels = keras.layers.Rescaling(1 / 255)(images)
    turned = keras.ops.take_along_axis(pixels, keras.ops.cast(images, "int32") % 28, axis=2)
    return keras.Model(images, keras.layers.Dense(10)(keras.layers.Flatten()(turned)))
"""


def test_what_cannot_be_exported_is_one_line(command, glyphs, tmp_path):
    for needed in FORMATS["onnx"].needed:
        pytest.importorskip(needed)
    (tmp_path / "own.py").write_text(OWN)
    words = ("--model", "own.py:fetching", "--last-activation", "linear", "--epochs", "1")
    trained = command("train", "--dataset", glyphs, *words, "--out", "own")
    assert trained.returncode == 0, trained.stderr
    done = command("export", "own", "digits.onnx")
    assert (done.returncode, done.stdout) == (1, "")
    assert "this model cannot be exported to ONNX" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "digits.onnx").exists()


def test_litert_makes_nan_of_columns_without_ink_and_is_refused(command, run_folder, tmp_path):
    pytest.importorskip("tensorflow")
    pytest.importorskip("ai_edge_litert")
    done = command("export", run_folder, "digits.tflite")
    assert (done.returncode, done.stdout) == (1, "")
    assert "train with --normalize scale" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
