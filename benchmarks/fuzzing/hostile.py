"""Files with a purpose, and whole ones to spoil. What would run code leaves a file `ran`."""

from __future__ import annotations

import io
import json
import marshal
import pickle
import random
import struct
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.fuzzing import bend

RAN = "ran"
MIB = 1 << 20


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return Path.touch, (self.path,)


def images(count: int) -> np.ndarray:
    """Give noise (count, 28, 28) uint8."""
    return np.random.default_rng(count).integers(0, 256, (count, 28, 28), np.uint8)


def labels(count: int) -> np.ndarray:
    """Give labels (count,) uint8."""
    return (np.arange(count) % 10).astype(np.uint8)


def four(count: int) -> dict[str, np.ndarray]:
    """Give the arrays of a data set under Keras' names."""
    return {"x_train": images(count), "y_train": labels(count),
            "x_test": images(count // 2), "y_test": labels(count // 2)}  # fmt: skip


def npz(arrays: dict[str, np.ndarray], save: Callable[..., None] = np.savez_compressed) -> bytes:
    """Give an NPZ."""
    target = io.BytesIO()
    save(target, **arrays)
    return target.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """Give a ZIP of these members."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return target.getvalue()


def npy(header: str, content: bytes = b"", version: bytes = b"\x01\0") -> bytes:
    """Give an NPY file with a header of one's own."""
    padded = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + struct.pack("<H", len(padded)) + padded + content


def odd_npz(arrays: dict[str, np.ndarray], own: Path) -> list[bytes]:
    """Give NPZs with objects that run code, headers that lie, and bombs, under the same names."""
    evil = io.BytesIO()
    np.save(evil, np.array([Touch(own / RAN)], dtype=object), allow_pickle=True)
    contents = [evil.getvalue(), b"", b"\x93NUMPY"]
    for shape in ("(100000000000,)", "(-1,)", "(3, -3)", "()", "(99999, 99999, 99999)", "'x'"):
        for kind in ("|u1", "<f8", "|O", "|V9", "<M8[s]", "x"):
            header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
            contents.append(npy(header, bytes(100)))
    contents += [npy("[" * 100), npy("__import__('os')"), npy("{}", version=b"\x07\0")]
    made = [zipped({f"{name}.npy": each for name in arrays}) for each in contents]
    bomb = {name: np.zeros((120 * MIB // 784, 28, 28), np.uint8) for name in list(arrays)[:1]}
    return [*made, npz({**arrays, **bomb}), npz({name: np.zeros(3) for name in arrays})]


def old_pickle(count: int) -> bytes:
    """Give a pickle as Python 2 wrote it: three pairs of images float32 and labels int64."""
    parts = []
    for _ in range(3):
        for array in ((images(count) / 256).astype("<f4"), labels(count).astype("<i8")):
            parts.append(b"T" + struct.pack("<i", array.nbytes) + array.tobytes() + b"0")
    return b"\x80\x02" + b"".join(parts) + b"N."


def pickles(own: Path) -> list[bytes]:
    """Give pickles that run code, lie about lengths, or go deep."""
    evil = [pickle.dumps(Touch(own / RAN), protocol) for protocol in range(6)]
    system = b"cos\nsystem\n(S'touch " + str(own / RAN).encode() + b"'\ntR0"
    return [*evil, b"\x80\x02" + system + old_pickle(1)[2:], b"T" + struct.pack("<i", -5) + b"x.",
            b"T\xff\xff\xff\x7fx.", b"(" * 10**5 + b".", b"I1\n" * 10**5 + b".",
            b"L" + b"9" * 10**5 + b"L\n.", b"\x8e" + b"\xff" * 8, b"N."]  # fmt: skip


def in_gzip_or_plain(rng: random.Random, content: bytes) -> bytes:
    """Spoil what a gzip holds; all else as bytes."""
    return (bend.in_gzip if content[:2] == b"\x1f\x8b" else bend.plainly)(rng, content)


def pictures(kind: str) -> list[bytes]:
    """Give a page with three strokes and one image of 28x28 in all modes that the format has."""
    page = np.full((48, 96), 245, np.uint8)
    page[8:38, 14:18] = page[10:14, 36:56] = page[10:36, 52:56] = page[20:24, 70:86] = 20
    found = []
    for pixels in (page, images(1)[0]):
        for mode in ("L", "RGB", "P", "RGBA", "1"):
            target = io.BytesIO()
            try:
                Image.fromarray(pixels).convert(mode).save(target, kind)
            except (OSError, ValueError):
                continue  # it has no such pictures
            found.append(target.getvalue())
    return found


def bombs(kind: str) -> list[bytes]:
    """Give small files of very many pixels, and files that only say so."""
    if kind == "PNG":
        sides = ((6000, 6000), (7100, 7100), (50_000, 0), (2**31 - 1, 0), (0, 0), (5000, 1))
        return [_png(side, side, rows) for side, rows in sides]
    if kind not in ("GIF", "TIFF", "WEBP", "BMP"):
        return []
    target = io.BytesIO()
    options = {"compression": "tiff_deflate"} if kind == "TIFF" else {}
    Image.new("1" if kind in ("TIFF", "BMP") else "L", (7200, 6000)).save(target, kind, **options)
    return [target.getvalue()]


def _png(width: int, height: int, rows: int) -> bytes:
    import zlib

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(rows * (width + 1)), 9)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        bend.chunk(*each) for each in ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    )


def odd_texts() -> list[bytes]:
    """Give JSON and CSV that is deep, long, or none."""
    return [b"", b"{", b"[]", b"null", b"{}", b"[" * 10**5, b'{"a":' * 10**5, b"9" * 10**5, b"\xff",
            b'{"settings": ' + b"9" * 5000 + b"}", b"\0" * 100, b"epoch,loss\n1,1e999\n",
            b"epoch,loss\n" + b"1," * 10**5, b"loss\n" + b"1\n" * 10**5,
            b'{"test": ' * 900 + b"1" + b"}" * 900]  # fmt: skip


def models(content: bytes, own: Path) -> list[bytes]:
    """Give models that would run code where they are believed: Lambda, HDF5, pickles."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    found = []
    for layer in _layers_that_run(own):
        layers = [*config["config"]["layers"], layer]
        changed = {**config, "config": {**config["config"], "layers": layers}}
        found.append(zipped({**members, "config.json": json.dumps(changed).encode()}))
    for odd in ({"module": "os", "class_name": "system"}, {"class_name": "__lambda__"}):
        for place in ("", "compile_config", "build_config"):
            changed = {
                **config,
                **(odd if not place else {place: {**odd, "config": {"a": "true"}}}),
            }
            found.append(zipped({**members, "config.json": json.dumps(changed).encode()}))
    evil = pickle.dumps(Touch(own / RAN))
    weights = {**members, "model.weights.h5": b""}
    found += [zipped({**weights, "model.weights.npz": odd})
              for odd in odd_npz({"a": np.zeros(3)}, own)[:2]]  # fmt: skip
    return [*found, evil, zipped({name: evil for name in members}), *_of_hdf5(members, own)]


def _layers_that_run(own: Path) -> list[dict[str, Any]]:
    code = f"__import__('pathlib').Path({str(own / RAN)!r}).touch()"
    marshalled = marshal.dumps(compile(code, "x", "eval"))
    import base64

    encoded = base64.b64encode(marshalled).decode()
    function = {"class_name": "__lambda__",
                "config": {"code": encoded, "defaults": None, "closure": None}}  # fmt: skip
    plain = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    touch = {"module": "pathlib", "class_name": "Path", "config": str(own / RAN)}
    return [
        {**plain, "config": {"name": "evil", "function": function}},
        {**plain, "config": {"name": "evil", "function": [encoded, None, None],
                             "function_type": "lambda"}},
        {**plain, "module": "keras.src.layers.core.lambda_layer",
         "config": {"name": "evil", "function": function}},
        {"module": "keras.layers", "class_name": "TorchModuleWrapper", "registered_name": None,
         "config": {"name": "evil", "module": encoded}},
        {"module": "builtins", "class_name": "eval", "config": code, "registered_name": None},
        {"module": "os", "class_name": "system", "config": f"touch {own / RAN}",
         "registered_name": "system"},
        {**plain, "class_name": "Activation", "config": {"name": "evil", "activation": touch}},
    ]  # fmt: skip


def _of_hdf5(members: dict[str, bytes], own: Path) -> Sequence[bytes]:
    """Give an old HDF5 model with a Lambda, and weights whose sizes lie."""
    import h5py

    config = {"class_name": "Sequential", "config": {"name": "s", "layers": _layers_that_run(own)}}
    old, lying, linked = io.BytesIO(), io.BytesIO(), io.BytesIO()
    with h5py.File(old, "w") as made:
        made.attrs["model_config"], made.attrs["keras_version"] = json.dumps(config), "2.15.0"
    with h5py.File(lying, "w") as made:
        shape, layer = (10**6, 10**6), "layers/dense/vars/0"
        made.create_dataset(layer, shape, "f4", chunks=(1000, 1000), compression="gzip")
    with h5py.File(linked, "w") as made:
        made["layers"] = h5py.ExternalLink("/etc/passwd", "/layers")
    return [old.getvalue(), *(zipped({**members, "model.weights.h5": each.getvalue()})
                              for each in (lying, linked, old))]  # fmt: skip
