"""Every parser of what comes from outside: what is whole, how to give it bytes, and its bounds.

A parser is made in the process that uses it: `PARSERS[name](folder)`. `folder` has a finished `run`
and a finished `study`; what a parser writes goes to `folder / "own"`.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import shutil
import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzzing import bend, hostile
from benchmarks.fuzzing.bend import Bend
from mnistlab.errors import DataError

MIB = 1 << 20
PICTURES = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")


@dataclass(frozen=True)
class Parser:
    """A parser: `read` takes bytes, and returns or raises a MnistlabError.

    `whole` are files that it accepts, `inside` spoils their contents under sound checksums, `made`
    are files with a purpose: bombs, code to be run, headers that lie. `seconds` and `memory`
    (bytes, above what the process has) are what one file may take. `refuses_all` that is not whole.
    """

    read: Callable[[bytes], object]
    whole: Sequence[bytes]
    inside: Bend = bend.plainly
    made: Sequence[bytes] = ()
    seconds: float = 30.0
    memory: int = 256 * MIB
    refuses_all: bool = False


def _put(own: Path, name: str, read: Callable[[Path], object], content: bytes) -> object:
    own.mkdir(exist_ok=True)
    (own / name).write_bytes(content)
    return read(own / name)


def _idx(folder: Path, packed: bool) -> Parser:
    from mnistlab.data import idx

    whole = [idx.header(a) + a.tobytes() for a in (hostile.images(20), hostile.labels(20))]

    def read(path: Path) -> object:
        try:
            return idx.read(path, 3)
        except DataError:
            return idx.read(path, 1)

    made = [struct.pack(">4I", 0x803, 2**20, 28, 28), struct.pack(">4I", 0x803, *[2**32 - 1] * 3)]
    if not packed:
        return Parser(partial(_put, folder / "own", "file", read), whole, made=made)
    zipped = [gzip.compress(each, mtime=0) for each in whole]
    bombs = [gzip.compress(each + bytes(100 * MIB), 1) for each in (*whole, *made)]
    return Parser(partial(_put, folder / "own", "file.gz", read), zipped, bend.in_gzip, bombs)


def _npz(folder: Path) -> Parser:
    from mnistlab.data.dataset import quiet
    from mnistlab.data.user import load_user

    arrays = hostile.four(12)
    whole = [hostile.npz(arrays), hostile.npz(arrays, np.savez)]
    wide = [hostile.npz({k: v.astype(np.int64) for k, v in arrays.items()})]
    read = partial(load_user, classes=None, progress=quiet)
    made = hostile.odd_npz(arrays, folder / "own")
    return Parser(partial(_put, folder / "own", "a.npz", read), whole + wide, bend.in_zip, made)


def _pickle(folder: Path) -> Parser:
    from mnistlab.data import pickled

    whole = [hostile.old_pickle(2)]
    return Parser(pickled.decode, whole, made=hostile.pickles(folder / "own"))


def _wheel(folder: Path) -> Parser:
    from mnistlab.data import pickled

    def wheel(content: bytes) -> bytes:
        return hostile.zipped({"m.gz": gzip.compress(content, 1, mtime=0), "x": b"x"})

    read = partial(pickled.read_wheel, member="m.gz")
    made = [wheel(each) for each in hostile.pickles(folder / "own")]
    # One past the limit on what is unpacked: all of that may be held.
    made.append(wheel(bytes(pickled.MAX_PICKLE + 10)))
    inside = partial(bend.in_zip, bend=hostile.in_gzip_or_plain)
    whole = [wheel(hostile.old_pickle(2))]
    return Parser(partial(_put, folder / "own", "a.whl", read), whole, inside, made,
                  memory=pickled.MAX_PICKLE + 256 * MIB)  # fmt: skip


def _picture(folder: Path, kind: str) -> Parser:
    from mnistlab.reading.read import read

    whole = hostile.pictures(kind)
    inside = bend.in_png if kind == "PNG" else bend.plainly
    # 50 million pixels, the most that is accepted, are 600 MB as colours of float32.
    return Parser(read, whole, inside, hostile.bombs(kind), 60, 2048 * MIB)


def _picture_of_a_set(folder: Path) -> Parser:
    from mnistlab.data.pictures import read_picture

    whole = [each for kind in PICTURES for each in hostile.pictures(kind)]
    made = [bomb for kind in PICTURES for bomb in hostile.bombs(kind)]
    read = partial(_put, folder / "own", "a.png", read_picture)
    return Parser(read, whole, made=made, seconds=60, memory=2048 * MIB)


def _pdf(folder: Path) -> Parser:
    from mnistlab.reading.read import read

    whole = hostile.pictures("PDF")
    return Parser(read, whole, made=[b"%PDF-1.7\n" + b"1 0 obj" * 10**5], seconds=60)


def _study(folder: Path, drawn: bool = False) -> Parser:
    from mnistlab.study import open_study

    content = (folder / "study" / "study.sqlite").read_bytes()

    def read(path: Path) -> object:
        study = open_study(path.parent)
        if drawn:
            study.report()
            str(study.table())
        return study.result.to_json()

    put = partial(_put, folder / "own", "study.sqlite", read)
    bounds = (60, 512 * MIB) if drawn else (30, 256 * MIB)
    return Parser(put, [content], partial(_in_sqlite, folder / "own"), (), *bounds)


def _in_sqlite(own: Path, rng: random.Random, content: bytes) -> bytes:
    """Put odd values into a sound database."""
    path = own / "bent.sqlite"
    path.write_bytes(content)
    with closing(sqlite3.connect(path)) as opened:
        opened.execute("PRAGMA ignore_check_constraints = ON")
        table = rng.choice(["trials", "trials", "plans"])
        columns = [row[1] for row in opened.execute(f"PRAGMA table_info({table})")]
        column = rng.choice(columns)
        (value,) = opened.execute(f"SELECT {column} FROM {table} LIMIT 1").fetchone()
        if isinstance(value, str) and value[:1] == "{" and rng.random() < 0.8:
            odd: Any = bend.in_json(rng, value.encode()).decode()
        else:
            odd = rng.choice([None, -1, 0, 2**62, 1e308, "x", "", b"\xff\0", "[" * 10**4, "failed"])
        try:
            opened.execute(f"UPDATE OR IGNORE {table} SET {column} = ?", (odd,))
        except sqlite3.Error:
            opened.execute(f"DELETE FROM {table}")
        opened.commit()
    bent = path.read_bytes()
    path.unlink()
    return bent


def _record(folder: Path, name: str) -> Parser:
    """Give one of a run's files, read as its report and whoever resumes read it."""
    from mnistlab.reporting.run_report import run_report
    from mnistlab.training.runs import Run

    content = (folder / "run" / name).read_bytes()
    own = shutil.copytree(folder / "run", folder / "own", dirs_exist_ok=True)

    def read(path: Path) -> object:
        run = Run.open(path.parent)
        return run_report(run), run.load_checkpoint()

    npz = name.endswith(".npz")
    inside = bend.in_zip if npz else bend.in_json_or_plain
    made = hostile.odd_npz({"samples": np.zeros(3)}, own) if npz else hostile.odd_texts()
    return Parser(partial(_put, own, name, read), [content], inside, made)


def _report(folder: Path) -> Parser:
    """Give records that are read to whatever draws them."""
    from mnistlab.reporting.run_report import write_report

    record = _record(folder, "metrics.json")
    from mnistlab.training.runs import Run

    def read(path: Path) -> object:
        return write_report(Run.open(path.parent))

    return Parser(partial(_put, folder / "own", "metrics.json", read), record.whole, bend.in_json,
                  record.made, 60, 512 * MIB)  # fmt: skip


def _model(folder: Path) -> Parser:
    """Give models whose recorded digest was changed with them: Keras itself must hold."""
    from mnistlab.models.backend import use_backend

    use_backend("jax")
    from mnistlab.training.runs import Run
    from mnistlab.training.train import load_model

    own = shutil.copytree(folder / "run", folder / "own", dirs_exist_ok=True)
    metrics = json.loads((own / "metrics.json").read_text())

    def read(path: Path) -> object:
        metrics["model"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        (own / "metrics.json").write_text(json.dumps(metrics))
        return load_model(Run.open(own))

    content = (own / "model.keras").read_bytes()
    inside = partial(bend.in_zip, bend=bend.in_json_or_plain)
    made = hostile.models(content, own)
    return Parser(partial(_put, own, "model.keras", read), [content], inside, made, 60, 512 * MIB)


def _tampered(folder: Path) -> Parser:
    """Give models that are not those which were trained: not one may be opened."""
    from mnistlab.training.runs import Run

    own = shutil.copytree(folder / "run", folder / "own", dirs_exist_ok=True)
    content = (own / "model.keras").read_bytes()
    put = partial(_put, own, "model.keras", lambda path: Run.open(path.parent).checked_model())
    return Parser(put, [content], bend.in_zip, hostile.models(content, own), refuses_all=True)


def _network(folder: Path) -> Parser:
    """Give the reader's network, tampered with."""
    from mnistlab.reading import network

    own = shutil.copytree(network.FOLDER, folder / "own", dirs_exist_ok=True)
    network.FOLDER = own
    content = (own / "digits.onnx").read_bytes()

    def read(path: Path) -> object:
        network.load_network.cache_clear()
        return network.load_network()

    return Parser(partial(_put, own, "digits.onnx", read), [content], refuses_all=True)


PARSERS: dict[str, tuple[Callable[[Path], Parser], int]] = {
    "IDX": (partial(_idx, packed=False), 110),
    "IDX, gzipped": (partial(_idx, packed=True), 80),
    "NPZ": (_npz, 120),
    "pickle": (_pickle, 100),
    "pickle in a wheel": (_wheel, 40),
    **{f"{kind} to read": (partial(_picture, kind=kind), 15) for kind in PICTURES},
    "PDF to read": (_pdf, 3),
    "picture of a data set": (_picture_of_a_set, 80),
    "study.sqlite": (_study, 50),
    "study.sqlite, drawn": (partial(_study, drawn=True), 1),
    **{name: (partial(_record, name=name), 50) for name in
       ("settings.json", "metrics.json", "history.csv", "checkpoint.npz", "arrays.npz")},
    "metrics.json, drawn": (_report, 1),
    "model.keras, its digest changed too": (_model, 6),
    "model.keras": (_tampered, 30),
    "digits.onnx": (_network, 20),
}  # fmt: skip
"""Each parser and its share of all inputs, in thousandths; the rest goes to the HTTP interface."""
