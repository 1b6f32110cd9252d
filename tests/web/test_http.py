"""The interface over real HTTP: what it answers, and how it refuses."""

from __future__ import annotations

import io
import json
from concurrent.futures import ThreadPoolExecutor

import httpx
import jsonschema
import numpy as np
import pytest
from benchmarks.serving.hostile import form, png, post, sent
from PIL import Image

import mnistlab
from mnistlab import __version__


def one_sentence(answer):
    """Hold an error to its form; give the sentence."""
    document = answer.json()
    assert set(document) == {"error"}
    assert "\n" not in document["error"]
    assert len(document["error"]) < 300
    assert "Traceback" not in document["error"]
    return document["error"]


def test_a_raw_body_is_read_as_by_import(server, picture):
    content, text = picture
    answer = server.post(content)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"file": "-", **mnistlab.read(content).to_json()}
    assert answer.json()["text"] == text


def test_a_form_is_read_under_its_files_name(server, picture):
    content, text = picture
    files = {"note": ("x", b"nothing"), "file": ("C:\\scans\\ünï.png", content, "text/plain")}
    answer = httpx.post(server.url + "/api/read", files=files)
    assert answer.json() == {"file": "ünï.png", **mnistlab.read(content).to_json()}
    assert answer.json()["text"] == text


def test_the_command_says_the_same(server, picture, inside, tmp_path):
    (tmp_path / "page.png").write_bytes(picture[0])
    (said,) = json.loads(inside("read", "page.png", "--json").out)
    answer = httpx.post(server.url + "/api/read", files={"file": ("page.png", picture[0])})
    assert answer.json() == said


@pytest.mark.parametrize("kind", ["JPEG", "BMP", "GIF", "TIFF", "WEBP"])
def test_every_kind_of_picture_whatever_it_is_called(server, page, encoded, kind):
    drawn, text = page()
    options = {"lossless": True} if kind == "WEBP" else {}
    answer = server.post(encoded(drawn, kind, **options), headers={"content-type": "image/heic"})
    assert answer.json()["text"] == text


def test_explanations(server, picture):
    plain = server.post(picture[0]).json()
    full = server.post(picture[0], "/api/read?explain=1").json()
    assert [set(digit) - set(plain["digits"][0]) for digit in full["digits"]] == [
        {"image", "probabilities", "evidence"}
    ] * 5
    for before, digit, seen in zip(
        plain["digits"], full["digits"], mnistlab.read(picture[0]).digits, strict=True
    ):
        assert {name: digit[name] for name in before} == before
        assert np.array_equal(digit["image"], seen.image)
        assert np.shape(digit["evidence"]) == (28, 28)
        assert digit["probabilities"][digit["digit"]] == pytest.approx(digit["confidence"])


@pytest.mark.parametrize(
    ("asked", "explained"), [("-1", [4]), ("0", [0]), ("2", [2]), ("99", []), ("-99", [])]
)
def test_one_digit_explained(server, picture, asked, explained):
    digits = server.post(picture[0], f"/api/read?explain=1&digit={asked}").json()["digits"]
    assert [i for i, digit in enumerate(digits) if "evidence" in digit] == explained


def test_no_more_than_64_are_explained(server, page, encoded):
    wide, _ = page(70)
    digits = server.post(encoded(wide), "/api/read?explain=1").json()["digits"]
    assert len(digits) >= 65
    assert sum("evidence" in digit for digit in digits) == 64


def test_blank_paper(server):
    answer = server.post(png(80, 80, (b"\0" + b"\xff" * 80) * 80))
    assert answer.json() == {"file": "-", "text": "", "lines": [], "digits": [], "warnings": []}


def test_health(server):
    server.until_idle()
    health = server.health()
    assert (health["status"], health["version"], health["taken"]) == ("ok", __version__, 0)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"seven", "not a picture"),
        (png(50_000, 50_000), "more than 25,000,000 pixels"),
        (png(6_000, 5_000), "more than 25,000,000 pixels"),
        (png(20_000, 20_000), "more than 25,000,000 pixels"),
        (b"\x89PNG\r\n\x1a\nrubbish", "not a picture"),
        (png(0, 5), "picture"),
    ],
    ids=["empty", "text", "bomb", "large", "large, warned of", "rubbish", "no pixels"],
)
def test_what_is_no_picture(server, body, says):
    answer = server.post(body)
    assert answer.status_code == 400
    assert says in one_sentence(answer)


def test_pages_are_to_be_sent_one_by_one(server):
    pages = [Image.new("L", (40, 40), 255)] * 2
    content = io.BytesIO()
    pages[0].save(content, "TIFF", save_all=True, append_images=pages[1:])
    answer = server.post(content.getvalue())
    assert answer.status_code == 400
    assert "2 pages: send them as pictures" in one_sentence(answer)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "GIF"])
def test_a_picture_that_was_cut_off(server, page, encoded, kind):
    content = encoded(page()[0], kind)
    answer = server.post(content[: len(content) // 2])
    assert answer.status_code == 400
    one_sentence(answer)


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (form(b"x", b"picture"), "multipart/form-data; boundary=edge", "no field 'file'"),
        (form(b""), "multipart/form-data; boundary=edge", "empty"),
        (form(b"x"), "multipart/form-data; boundary=other", "form cannot be read"),
        (form(b"x"), "multipart/form-data", "form"),
        (form(b"x") * 20, f"multipart/form-data; boundary={'e' * 500}", "form cannot be read"),
        (b"--edge\r\n\r\n" * 50, "multipart/form-data; boundary=edge", "form cannot be read"),
    ],
    ids=["another field", "empty", "another edge", "no edge", "long edge", "many parts"],
)
def test_forms_that_hold_no_picture(server, body, kind, says):
    answer = server.post(body, headers={"content-type": kind})
    assert answer.status_code == 400
    assert says in one_sentence(answer)


@pytest.mark.parametrize("query", ["explain=yes", "explain=1&digit=first", "digit=1e3", "digit="])
def test_parameters_that_are_none(server, picture, query):
    answer = server.post(picture[0], f"/api/read?{query}")
    assert answer.status_code == 400
    one_sentence(answer)


def test_addresses_and_methods_that_are_none(server):
    for path in ("/nothing", "/static/", "/../pyproject.toml", "/app.js/"):
        answer = httpx.get(server.url + path)
        assert answer.status_code == 404
        one_sentence(answer)
    for method, path in (("GET", "/api/read"), ("POST", "/"), ("DELETE", "/healthz")):
        answer = httpx.request(method, server.url + path)
        assert answer.status_code == 405
        assert answer.headers["allow"]
        one_sentence(answer)


def test_a_body_that_is_too_long(serve, picture):
    with serve("--max-megabytes", "0.1") as server:
        assert server.post(picture[0][:100]).status_code == 400
        said = server.post(bytes(100_001))
        streamed = server.post(iter([bytes(60_000)] * 3))
        assert "Content-Length" not in streamed.request.headers
        for answer in (said, streamed):
            assert answer.status_code == 413
            assert "100,000 bytes" in one_sentence(answer)
        assert sent(server.address, post(b"", length=10**15), 5) == "413"
        server.until_idle()


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.io:80",
                                  "192.168.0.1", "[::2]:80", "", "localhost@evil"])  # fmt: skip
def test_another_hosts_name_is_refused(server, picture, host):
    for method, path in (("GET", "/"), ("POST", "/api/read")):
        answer = httpx.request(
            method, server.url + path, headers={"host": host}, content=picture[0]
        )
        assert answer.status_code == 403
        assert "localhost" in one_sentence(answer)


def test_this_machines_names_are_not(server):
    port = server.address[1]
    for host in ("localhost", "LOCALHOST", f"127.0.0.1:{port}", "[::1]", f"[::1]:{port}"):
        assert httpx.get(server.url + "/healthz", headers={"host": host}).status_code == 200


def test_pages_of_other_sites_are_refused(server, picture):
    own = server.url.removeprefix("http://")
    for headers in ({"origin": "http://evil.example"}, {"origin": "null"},
                    {"origin": f"http://evil.example/{own}"}, {"sec-fetch-site": "cross-site"},
                    {"origin": "http://localhost:1"}):  # fmt: skip
        answer = server.post(picture[0], headers=headers)
        assert answer.status_code == 403
        assert "other sites" in one_sentence(answer)
    assert server.post(picture[0], headers={"origin": server.url}).status_code == 200
    assert "access-control-allow-origin" not in server.post(picture[0]).headers


@pytest.mark.parametrize("path", ["/", "/app.js", "/style.css", "/healthz", "/nothing"])
def test_headers_that_guard(server, path):
    headers = httpx.get(server.url + path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "server" not in headers


def test_files_of_the_page_are_kept_and_asked_for_again(server):
    first = httpx.get(server.url + "/app.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = httpx.get(server.url + "/app.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert httpx.head(server.url + "/").status_code == 200


def test_the_page_asks_for_nothing_from_elsewhere(server):
    for path in ("/", "/app.js", "/ink.js", "/reader.js", "/view.js", "/style.css"):
        text = httpx.get(server.url + path).text
        assert len(text) > 500
        assert "//" not in text.replace("// ", "").replace("http://www.w3.org", "")


def test_the_description_fits_the_answers(server, picture, serve):
    document = httpx.get(server.url + "/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    schemas = document["components"]

    def fits(answer, name):
        schema = {"$ref": f"#/components/schemas/{name}", "components": schemas}
        jsonschema.Draft202012Validator(schema).validate(answer.json())

    for query in ("", "?explain=1", "?explain=1&digit=-1"):
        fits(server.post(picture[0], f"/api/read{query}"), "Reading")
    fits(httpx.get(server.url + "/healthz"), "Health")
    fits(server.post(b""), "Error")
    with pytest.raises(jsonschema.ValidationError):
        fits(server.post(b""), "Reading")
    operation = document["paths"]["/api/read"]["post"]
    assert set(operation["responses"]) == {"200", "400", "403", "408", "413", "503"}
    assert {each["name"] for each in operation["parameters"]} == {"explain", "digit"}
    for schema in schemas["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_many_clients_at_once_get_their_own_answers(server, page, encoded):
    pages = [page(4, first) for first in range(0, 48, 4)]
    contents = [encoded(drawn) for drawn, _ in pages]
    expected = [mnistlab.read(content).to_json() for content in contents]
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(server.post, contents * 3))
    assert [a.status_code for a in answers] == [200] * 36
    assert [a.json() for a in answers] == [{"file": "-", **each} for each in expected] * 3
