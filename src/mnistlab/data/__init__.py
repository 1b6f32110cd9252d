"""Data: loading, checking, caching, looking. Needs no Keras.

Reading order:

1. `dataset` is what everything here returns.
2. `idx` and `npz` are the two file formats, and what may be wrong with them.
3. `catalogue` lists the named sets, their digests and their sources.
4. `cache`, `download` and `pickled` serve `sources`: the cache, or the first source that works.
5. `user` takes the user's own files, `folders` those of pictures; `pictures` decodes one and makes
   digits as MNIST made them; `pdf` makes pictures of pages, in the process `pdf_process`.
6. `load` is the one call for all of these; `look` is for looking at the result.
"""

from __future__ import annotations

from mnistlab.data.cache import cache_dir
from mnistlab.data.catalogue import Entry, catalogue
from mnistlab.data.dataset import Dataset, Progress, classes_apart
from mnistlab.data.load import load, load_data, resolve
from mnistlab.data.look import class_counts, normalize_columns, sample_sheet
from mnistlab.data.pictures import as_mnist, read_picture
from mnistlab.data.sources import fetch, verify
from mnistlab.data.user import from_arrays

__all__ = [
    "Dataset",
    "Entry",
    "Progress",
    "as_mnist",
    "cache_dir",
    "catalogue",
    "class_counts",
    "classes_apart",
    "fetch",
    "from_arrays",
    "load",
    "load_data",
    "normalize_columns",
    "read_picture",
    "resolve",
    "sample_sheet",
    "verify",
]
