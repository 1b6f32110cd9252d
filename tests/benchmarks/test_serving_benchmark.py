"""The load's summary and what it calls a failure; hostile requests that come again from a seed."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from benchmarks.serving.__main__ import described, failures, quantile
from benchmarks.serving.hostile import form, png, post, requests
from benchmarks.serving.load import Outcome, lines
from PIL import Image

import mnistlab
from mnistlab.web.upload import picture_in


def test_pictures_made_by_hand_are_pictures() -> None:
    content = png(3, 2, b"\0\1\2\3\0\4\5\6")
    with Image.open(io.BytesIO(content)) as picture:
        assert list(picture.tobytes()) == [1, 2, 3, 4, 5, 6]
    kind = "multipart/form-data; boundary=edge"
    assert picture_in(form(content), kind) == ("a.png", content)


def test_malformed_requests_come_again_from_their_seed() -> None:
    picture = post(b"x" * 500)
    first = list(requests(140, 1, picture))
    assert first == list(requests(140, 1, picture))
    assert len(set(first)) > 100
    assert first != list(requests(140, 2, picture))


def test_lines_say_what_is_on_them() -> None:
    drawn = lines(20, 1)
    assert drawn == lines(20, 1)
    assert sum(mnistlab.read(each.content).text == each.text for each in drawn) >= 14


def test_quantiles() -> None:
    values = [float(i) for i in range(100, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.99), quantile([], 0.5)) == (50, 99, None)


@pytest.fixture
def record() -> dict:
    outcome = Outcome(Counter({"200": 8, "503": 1}), [0.1] * 8, 6, 2.0)
    hostile = {"malformed": {"400": 9, "503": 1}, "places_taken_after": 0,
               "an_honest_one_after": "200"}  # fmt: skip
    return {"load": described(outcome), "hostile": hostile}


def test_the_summary(record: dict) -> None:
    load = record["load"]
    assert (load["requests"], load["other_errors"], load["a_second"]) == (9, 0, 4.0)
    assert (load["p50_seconds"], load["p99_seconds"], load["texts_right"]) == (0.1, 0.1, 0.75)
    assert failures(record, alive=True) == []


def test_what_is_a_failure(record: dict) -> None:
    assert failures(record, alive=False) == ["the server ended"]
    record["load"]["other_errors"] = 1
    record["hostile"] |= {"malformed": {"500": 1}, "places_taken_after": 2,
                          "an_honest_one_after": "closed"}  # fmt: skip
    assert len(failures(record, alive=True)) == 4
