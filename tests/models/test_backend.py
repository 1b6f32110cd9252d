"""What Keras imports for others is imported when it is asked for, and is then the real thing."""

from __future__ import annotations

import os
import subprocess
import sys

import keras
import pytest

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
"""


@pytest.mark.skipif(keras.config.backend() != "jax", reason="what Keras imports for JAX")
def test_deferred_modules_come_when_asked_for():
    subprocess.run([sys.executable, "-c", CODE], check=True, timeout=120)


def test_banners_are_left_out_and_all_else_is_said(capfd):
    from mnistlab.models.backend import _without_banners

    with _without_banners():
        os.write(2, b"I0000 port.cc:153] oneDNN custom operations are on. You may see\nkept\n")
        os.write(2, b"WARNING: All log messages before absl::InitializeLog() is called are\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "kept\nafter\n"
