"""`show`: the tutorial's first pages, to the letter."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

GOLDENS = Path(__file__).parents[1] / "data"
COUNTS = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.mark.parametrize(
    ("options", "golden", "picture"),
    [
        ((), "x_train_7.txt", "mnist-train-7.png"),
        (("--normalized",), "x_train_7_normalized.txt", "mnist-train-7-normalized.png"),
    ],
)
def test_show_prints_the_tutorials_array(command, tmp_path, options, golden, picture):
    array = (GOLDENS / golden).read_text().rstrip("\n")
    done = command("show", "7", *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{array}\ny value: 3\n"
    assert picture in done.stderr
    first = (tmp_path / picture).read_bytes()
    assert first.startswith(PNG)
    assert [path.name for path in tmp_path.iterdir()] == [picture]
    again = command("show", "7", *options)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert (tmp_path / picture).read_bytes() == first


def test_show_leaves_another_file_alone(inside, tmp_path):
    target = tmp_path / "mnist-train-7.png"
    target.write_bytes(b"mine")
    refused = inside("show", "7")
    assert refused.code == 2
    assert "exists already" in refused.err
    assert "--force" in refused.err
    assert target.read_bytes() == b"mine"
    assert inside("show", "7", "--force").code == 0
    assert target.read_bytes().startswith(PNG)


def test_a_refused_picture_prints_no_result(inside, tmp_path):
    """What cannot be finished is refused before anything is on stdout."""
    refused = inside("show", "7", "--out", "digit.jpg")
    assert (refused.code, refused.out) == (2, "")
    (tmp_path / "mnist-train-7.png").write_bytes(b"mine")
    assert inside("show", "7").out == ""


def test_show_counts_the_classes(inside, tmp_path):
    sheet = inside("show", "--json")
    assert sheet.code == 0
    document = json.loads(sheet.out)
    assert document["counts"] == {str(digit): n for digit, n in enumerate(COUNTS)}
    assert (tmp_path / document["picture"]).read_bytes().startswith(PNG)
    table = inside("show")
    for count in COUNTS:
        assert f"{count:,}" in table.out
    assert "60,000" in table.out


def test_show_of_the_users_own(inside, glyphs):
    shown = inside("show", "3", "--dataset", glyphs, "--split", "test")
    assert shown.code == 0
    assert shown.out.endswith("y value: 3\n")


def test_show_an_image_beside_varied_copies(inside, tmp_path):
    words = ("show", "7", "--augment", "shift=2,rotate=10,scale=0.1,elastic=1")
    first = inside(*words, "--json")
    assert first.code == 0, first.err
    document = json.loads(first.out)
    assert document["indices"] == [7]
    assert document["labels"] == [3]
    assert document["augment"] == {"shift": 2, "rotate": 10, "scale": 0.1, "elastic": 1}
    assert (document["seed"], document["copies"]) == (1, 24)
    picture = tmp_path / "mnist-train-7-varied.png"
    assert document["picture"] == picture.name
    assert inside(*words).code == 0  # the same picture: nothing to replace
    other = inside(*words, "--seed", "2")
    assert other.code == 2
    assert "exists already" in other.err
    assert inside(*words, "--seed", "2", "--out", "2.png").code == 0
    assert (tmp_path / "2.png").read_bytes() != picture.read_bytes()


def test_show_one_of_each_class_beside_varied_copies(inside, glyphs, tmp_path):
    words = ("show", "--dataset", glyphs, "--augment", "thickness=0.5", "--out", "v.png")
    document = json.loads(inside(*words, "--json").out)
    assert document["labels"] == list(range(10))
    assert [index % 10 for index in document["indices"]] == list(range(10))
    assert (tmp_path / "v.png").read_bytes().startswith(PNG)
    table = inside(*words).out
    assert "varied by thickness=0.5, seed 1" in table
    assert all(f"{index}" in table for index in document["indices"])


def test_nothing_varied_is_the_image_as_it_is(inside, tmp_path):
    for words in ((), ("--augment", "none"), ("--augment", "shift=0")):
        assert inside("show", "7", *words).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mnist-train-7.png"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("60000",), "0 to 59999"),
        (("10000", "--split", "test"), "0 to 9999"),
        (("-1",), "-1"),
        (("abc",), "valid int"),
        (("3", "--split", "val"), "train or test"),
        (("--normalized",), "needs an INDEX"),
        (("3", "--out", "/proc/nope/x.png"), "/proc/nope"),
        (("3", "--out", "/proc/nope.png"), "cannot write"),
        (("3", "--dataset", "mnsit"), "did you mean 'mnist'"),
        (("3", "--classes", "300"), "256"),
        (("3", "--augment", "shift=9"), "from 0 to 8"),
        (("3", "--augment", "shfit=1"), "did you mean 'shift'"),
        (("3", "--augment", "shift"), "key=value"),
        (("60000", "--augment", "shift=1"), "0 to 59999"),
        (("3", "--augment", "shift=1", "--normalized"), "give one of them"),
        (("3", "--augment", "shift=1", "--seed", "-1"), "seed"),
    ],
)
def test_wrong_use_of_show(inside, arguments, says):
    wrong = inside("show", *arguments)
    assert wrong.code == 2
    assert says in wrong.err
    assert len(wrong.err.splitlines()) <= 2
