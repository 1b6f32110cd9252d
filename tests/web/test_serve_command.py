"""The command: where it listens, how it ends, what it refuses."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import httpx
import pytest

SERVE = [sys.executable, "-m", "mnistlab", "serve"]


def started(*words):
    return subprocess.Popen(
        [*SERVE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_it_listens_when_it_says_so_and_ends_cleanly(stop, code):
    process = started("--port", "0")
    url = process.stdout.readline().strip()
    assert httpx.get(url + "/healthz").status_code == 200
    process.send_signal(stop)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (code, "")
    assert err == "reading digits; Ctrl-C ends it\n"


def test_requests_under_way_are_answered_before_it_ends(picture):
    process = started("--port", "0")
    url = process.stdout.readline().strip()
    port = int(url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        head = f"POST /api/read HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(picture[0])}"
        connection.sendall(head.encode() + b"\r\n\r\n" + picture[0][:-1])
        while not httpx.get(url + "/healthz").json()["taken"]:
            pass
        process.terminate()
        connection.sendall(picture[0][-1:])
        with connection.makefile("rb") as stream:
            assert picture[1].encode() in stream.read()
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_json_is_one_document():
    process = started("--port", "0", "--json")
    document = json.loads(process.stdout.readline())
    assert httpx.get(document["url"] + "/healthz").status_code == 200
    process.terminate()
    assert process.communicate(timeout=30)[0] == ""


def test_a_port_that_is_taken_is_one_line(command):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command("serve", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert f"port {port}: Address already in use" in done.stderr


def test_more_than_loopback_is_warned_of():
    process = started("--port", "0", "--host", "0.0.0.0")
    url = process.stdout.readline().strip().replace("0.0.0.0", "127.0.0.1")
    assert httpx.get(url + "/healthz", headers={"host": "pi.local"}).status_code == 200
    cross = {"origin": "http://evil.example", "host": "pi.local"}
    assert httpx.post(url + "/api/read", headers=cross).status_code == 403
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert "no password" in err.splitlines()[0]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--port", "70000"), "--port 70000"),
        (("--port", "x"), "port"),
        (("--workers", "0"), "--workers 0"),
        (("--queue", "-1"), "--queue -1"),
        (("--max-megabytes", "0"), "--max-megabytes 0"),
        (("--timeout", "nan"), "--timeout nan"),
        (("--host", "no.such.host.invalid"), "no.such.host.invalid"),
        (("--host", "203.0.113.7"), "cannot listen on 203.0.113.7"),
    ],
)
def test_wrong_use(inside, words, says):
    done = inside("serve", *words)
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert len(done.err.splitlines()) == 1


def test_help_loads_no_server():
    check = "import sys; print([n for n in ('starlette', 'uvicorn', 'h11') if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", f"from mnistlab.cli.app import run; run(['serve', '-h'])\n{check}"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"
