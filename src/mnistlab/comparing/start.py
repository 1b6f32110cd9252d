"""Start Keras as trials want it, in whatever process they run."""

from __future__ import annotations

import importlib


def start_keras(backend: str | None, computes: bool = True) -> None:
    """Import Keras for trials: on JAX, one thread to a program, and what it compiles kept.

    A process that `computes` nothing leaves a GPU to those that do.
    """
    from mnistlab.data import cache_dir
    from mnistlab.models.backend import cache_compilations, default_backend, use_backend

    backend = backend or default_backend()
    use_backend(backend, threads=1, run_inline=True)
    if backend == "jax":
        cache_compilations(cache_dir() / "compiled")
        if not computes:
            importlib.import_module("jax").config.update("jax_platforms", "cpu")
    from mnistlab.training.train import quiet_hand_over

    quiet_hand_over(backend)
