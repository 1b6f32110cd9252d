"""What Keras imports for others is imported when it is asked for, and is then the real thing."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings

import keras
import pytest

from mnistlab.models import backend

CODE = """
import sys
from mnistlab.models.backend import use_backend
use_backend("jax")
from keras.src.backend.jax import nn
splash = "jax.experimental.pallas.ops.tpu.splash_attention"
assert "numpy.f2py" not in sys.modules and splash not in sys.modules
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as kernel
assert nn.splash_attention_kernel.SegmentIds is kernel.SegmentIds
import numpy
assert numpy.f2py.__file__ and numpy.f2py is sys.modules["numpy.f2py"]
assert not {"scipy.sparse", "scipy.sparse.linalg", "h5py"} & set(sys.modules)
from jax.experimental.sparse import linalg
from keras.src.legacy.saving import legacy_h5_format
assert linalg.scipy.sparse.linalg.__file__ and legacy_h5_format.h5py.File
import h5py, scipy.sparse.linalg
assert h5py.__file__ and scipy.sparse.linalg is linalg.scipy.sparse.linalg
"""

SAVE = """
import gc, sys
from mnistlab.models.backend import use_backend
keras = use_backend(sys.argv[1])
assert gc.isenabled()
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
for name in ("model.keras", "model.h5"):
    model.save(sys.argv[2] + "/" + name)
    assert keras.models.load_model(sys.argv[2] + "/" + name).count_params() == 8
"""


@pytest.mark.skipif(keras.config.backend() != "jax", reason="what Keras imports for JAX")
def test_deferred_modules_come_when_asked_for():
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=120)


def test_models_are_saved_and_loaded_after_it(tmp_path):
    command = [sys.executable, "-c", SAVE, keras.config.backend(), str(tmp_path)]
    subprocess.run(command, check=True, timeout=300)


def test_banners_are_left_out_and_all_else_is_said(capfd):
    from mnistlab.models.backend import _without_banners

    with _without_banners():
        os.write(2, b"I0000 port.cc:153] oneDNN custom operations are on. You may see\nkept\n")
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "kept\nafter\n"


@pytest.mark.skipif(keras.config.backend() == "tensorflow", reason="it is there")
def test_models_are_saved_and_loaded_without_tensorflow(tmp_path):
    """It may be installed or not."""
    code = (
        "from mnistlab.models.backend import tensorflow_unsought, use_backend; import sys; "
        "keras = use_backend(sys.argv[1]); layers = keras.layers\n"
        "model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])\n"
        "with tensorflow_unsought():\n"
        "    model.save(sys.argv[2]); keras.saving.load_model(sys.argv[2])\n"
        "assert 'tensorflow' not in sys.modules\n"
        "from keras.src.utils.module_utils import tensorflow; assert tensorflow._available is None"
    )
    command = [sys.executable, "-c", code, keras.config.backend(), str(tmp_path / "m.keras")]
    subprocess.run(command, check=True, timeout=300)


@pytest.mark.parametrize("doing", ["reading", "writing"])
def test_a_torn_program_is_dropped_from_the_cache(doing, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(warnings, "showwarning", warnings._showwarning_orig)
    torn, other = tmp_path / "jit_one-0a-cache", tmp_path / "jit_other-0b-cache"
    with warnings.catch_warnings():
        backend._drop_broken_entries(tmp_path)
        for _ in range(2):  # of one place and text: the second too
            torn.write_bytes(b"half")
            other.write_bytes(b"whole")
            warnings.warn(
                f"Error {doing} persistent compilation cache entry for 'jit_one': OSError: full",
                stacklevel=1,
            )
            assert (torn.exists(), other.exists()) == (False, True)
    assert capsys.readouterr().err == ""
