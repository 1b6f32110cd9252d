"""Slow, many, rude: the server keeps its places, its memory and its answers."""

from __future__ import annotations

import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from benchmarks.serving.hostile import counted, form, post, requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KNOWN = {
    *("100", "200", "400", "403", "404", "405", "413", "503"),
    *("closed", "no answer"),
}
SEED = int(os.environ.get("MNISTLAB_TEST_SEED", "1"))


def halves(server, picture):
    """Send half a request, and give the connection."""
    connection = socket.create_connection(server.address, timeout=20)
    whole = post(picture)
    connection.sendall(whole[: len(whole) - len(picture) // 2])
    return connection


def hung_up(connection):
    """Send more; say whether nobody takes it any more."""
    try:
        connection.sendall(bytes(1000))
    except OSError:
        return True
    return False


def test_slow_clients_are_told_and_their_places_given_to_others(serve, picture):
    with serve("--workers", "1", "--queue", "1", "--timeout", "1.5") as server:
        slow = [halves(server, picture[0]) for _ in range(2)]
        while server.health()["taken"] < 2:
            time.sleep(0.02)
        refused = server.post(picture[0])
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert "waiting already" in refused.json()["error"]
        begun = time.monotonic()
        for connection in slow:
            with connection, connection.makefile("rb") as stream:
                answer = stream.read()  # to its end: it hangs up
            assert b" 408 " in answer.splitlines()[0]
            assert b"within 1.5 seconds" in answer
        assert time.monotonic() - begun < 10
        assert server.post(picture[0]).json()["text"] == picture[1]
        server.until_idle()


def test_who_never_ends_the_head_is_hung_up_on(serve):
    with serve("--timeout", "0.5") as server:
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: local")
            assert connection.recv(10) == b""


def test_who_sends_on_after_a_refusal_is_hung_up_on(serve):
    with serve("--timeout", "0.5") as server:
        with socket.create_connection(server.address, timeout=20) as connection:
            connection.sendall(post(b"", length=10**12))
            assert b" 413 " in connection.recv(65536)
            ends = time.monotonic() + 15
            while not hung_up(connection):
                assert time.monotonic() < ends
                time.sleep(0.01)


def test_clients_that_go_leave_no_place_taken(serve, picture):
    with serve("--workers", "1", "--queue", "30") as server:
        for _ in range(20):
            halves(server, picture[0]).close()
        for _ in range(20):
            with socket.create_connection(server.address, timeout=20) as connection:
                connection.sendall(post(picture[0]))
        server.until_idle()
        assert server.post(picture[0]).json()["text"] == picture[1]


def test_more_than_can_wait_are_refused_and_the_others_answered(serve, picture):
    with serve("--workers", "1", "--queue", "2") as server:
        with ThreadPoolExecutor(24) as pool:
            answers = list(pool.map(server.post, [picture[0]] * 48))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 3
        assert {a.json()["text"] for a in answers if a.status_code == 200} == {picture[1]}
        server.until_idle()
        assert server.post(picture[0]).status_code == 200


def test_a_thousand_malformed_requests(server, picture):
    counts = counted(server.address, requests(1000, SEED, picture[0]))
    print(f"\nseed {SEED}: {counts}")
    assert sum(counts.values()) == 1000
    assert set(counts) <= KNOWN
    assert counts["400"] > 300
    assert server.post(picture[0]).json()["text"] == picture[1]
    server.until_idle()


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    body=st.one_of(st.binary(max_size=3000), st.binary(max_size=500).map(form)),
    kind=st.one_of(
        st.sampled_from(["image/png", "multipart/form-data; boundary=edge", "multipart/form-data"]),
        st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60),
    ),
)
def test_bodies_of_any_kind_get_one_sentence(server, body, kind):
    answer = server.post(body, headers={"content-type": kind.strip()})
    assert answer.status_code in (200, 400)
    assert set(answer.json()) in ({"error"}, {"file", "text", "lines", "digits", "warnings"})


def test_memory_stays_flat(server, page, encoded):
    """Large pictures one after another: the second half takes no more than the first left."""
    large = encoded(page(8)[0].resize((4000, 1200)), "JPEG")
    peaks = []
    for _ in range(2):
        for _ in range(8):
            assert server.post(large).status_code == 200
        peaks.append(resident(server.process.pid))
    assert peaks[1] < peaks[0] + 60


def resident(pid):
    """Give the resident memory of a process in MiB."""
    statm = Path(f"/proc/{pid}/statm")
    if not statm.exists():
        pytest.skip("no /proc here")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_the_log_is_not_the_clients_to_fill(serve, picture):
    with serve() as server:
        counted(server.address, requests(70, SEED, picture[0]))
        assert httpx.get(server.url + "/healthz").status_code == 200
        server.process.terminate()
        assert server.process.stderr.read().splitlines() == ["reading digits; Ctrl-C ends it"]
