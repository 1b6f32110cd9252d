"""Every parser under spoilt files, in this process; the process of a parser that dies or hangs."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import subprocess
import sys
import time
import zipfile

import pytest
from benchmarks.fuzzing import __main__ as fuzzing
from benchmarks.fuzzing import bend, hostile, parsers, worker
from benchmarks.fuzzing.parsers import PARSERS, Parser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnistlab.errors import DataError

RIGHT = ("accepted", "refused")
FEW = {
    "PDF to read": 4,
    "metrics.json, drawn": 2,
    "study.sqlite, drawn": 2,
    "model.keras, its digest changed too": 60,
}
quick = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def folder(finished_run, glyphs, tmp_path_factory):
    """A run and a study to spoil."""
    place = tmp_path_factory.mktemp("fuzzing")
    shutil.copytree(finished_run, place / "run")
    few = ("--model", "linear", "--rates", "3", "--tuning-seeds", "1", "--seeds", "3")
    words = (*few, "--epochs", "1", "--out", "study")
    subprocess.run(
        [sys.executable, "-m", "mnistlab", "compare", "optimizer", "adam", "sgd", "--dataset",
         str(glyphs), *words], cwd=place, check=True, capture_output=True,
    )  # fmt: skip
    return place


@pytest.fixture
def parser(request, folder, monkeypatch):
    from mnistlab.reading import network

    monkeypatch.setattr(network, "FOLDER", network.FOLDER)  # one parser puts another in its place
    shutil.rmtree(folder / "own", ignore_errors=True)
    yield PARSERS[request.param][0](folder)
    network.load_network.cache_clear()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("parser", "name"), [(name, name) for name in PARSERS], indirect=["parser"]
)
def test_what_is_whole_is_accepted_and_all_else_has_an_answer(parser, name, folder):
    for whole in parser.whole:
        assert worker._outcome(parser, whole) == "accepted"
    made = range(min(len(parser.made), FEW.get(name, 10**6)))
    for number in made:
        outcome = worker._outcome(parser, parser.made[number])
        assert outcome in RIGHT, (number, outcome)
        assert not (folder / "own" / hostile.RAN).exists()

    @given(st.integers(len(parser.made), 2**40))
    @settings(quick, max_examples=min(40, FEW.get(name, 40)))
    def spoilt(number):
        _, content = worker.made_input(name, parser, 1, number)
        assert worker._outcome(parser, content) in RIGHT

    spoilt()


@pytest.mark.parametrize("parser", ["IDX", "NPZ", "pickle", "PNG to read"], indirect=True)
@given(content=st.binary(max_size=400))
@quick
def test_any_bytes(parser, content):
    assert worker._outcome(parser, content) in RIGHT


def test_inputs_come_again_from_their_numbers():
    parser = Parser(len, [b"one that is whole" * 9, b"another" * 9], made=[b"made"])
    first = [worker.made_input("p", parser, 1, n) for n in range(200)]
    assert first == [worker.made_input("p", parser, 1, n) for n in range(200)]
    assert first[0] == ("made", b"made")
    assert {kind for kind, _ in first} >= {*bend.PLAIN, "inside", "splice", "noise", "twice"}
    assert len({content for _, content in first}) > 150


def test_what_is_spoilt_inside_has_sound_checksums():
    rng = random.Random(3)
    whole = hostile.zipped({"a.json": b'{"a": [1, 2, {"b": 3}]}', "b": b"x" * 99})
    for _ in range(50):
        with zipfile.ZipFile(io.BytesIO(bend.in_zip(rng, whole, bend.in_json_or_plain))) as found:
            assert found.testzip() is None
    png = hostile.pictures("PNG")[0]
    assert bend.in_png(rng, png)[:8] == png[:8]
    assert all(bend.in_json(rng, b'{"a": {"b": 1}}') for _ in range(50))


def refuse(content: bytes) -> None:
    raise DataError("one\ntwo\nthree")


def unsteady(name, seed, numbers, folder, pipe):
    """Stand for a parser that dies of its second input and hangs on its fourth."""
    pipe.send(None)
    for number in numbers:
        if number == 1:
            os._exit(7)
        if number == 3:
            time.sleep(600)
        pipe.send(worker.Tried(number, "bits", "refused", 0.0, 0.0))
    pipe.close()


def test_a_parser_that_dies_or_hangs_is_started_again(monkeypatch, tmp_path):
    monkeypatch.setattr(fuzzing, "work", unsteady)
    monkeypatch.setattr(fuzzing, "HANGS", 3.0)
    found = list(fuzzing.fuzzed("any", 1, range(5), tmp_path))
    assert [tried.outcome for tried in found] == [
        "refused", "died: 7", "refused", "hang", "refused"
    ]  # fmt: skip
    assert [tried.number for tried in found] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("read", "says"), [(refuse, "unclear: one"), (lambda _: 1 / 0, "error:  ZeroDivisionError")]
)
def test_what_is_wrong(read, says):
    assert worker._outcome(Parser(read, [b"x"]), b"y").startswith(says)
    assert worker._outcome(Parser(len, [b"x"], refuses_all=True), b"y").startswith("opened")


def test_the_command_counts_and_records(tmp_path):
    """A parser in a process of its own, bounds and all."""
    out = tmp_path / "record.json"
    assert fuzzing.main(["--parser", "pickle", "--inputs", "40", "--out", str(out)]) == 0
    record = json.loads(out.read_text())
    found = record["parsers"]["pickle"]
    assert record["summary"]["inputs"] == found["inputs"] == 40
    assert found["accepted"] + found["refused"] == 40
    assert sum(sum(counts.values()) for counts in found["kinds"].values()) == 40
    assert found["failures"] == []


def test_shares_add_up():
    assert sum(share for _, share in parsers.PARSERS.values()) <= 985
    options = type("", (), {"inputs": 100_000, "parser": None, "only": None})
    planned = dict(fuzzing._planned(options))
    assert sum(map(len, planned.values())) == 100_000
    assert len(planned[fuzzing.HTTP]) > 1000
