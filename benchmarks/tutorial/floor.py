"""How fast this machine multiplies float32 matrices, and so how fast the job could be at best.

`python -m benchmarks.tutorial.floor` prints the best GFLOP/s, by library and shape, of NumPy's
BLAS and of JAX's dot: the job's own largest product (32x784 by 784x128) and a large square one.
`measure_floor` runs it on one core or on all. The floor is

    507,392 operations an image x 60,000 images x 3 epochs / (the best of these speeds)

(see `job`): a bound for the matrix products alone, and not to be reached at batch 32, where every
step also moves the weights, their gradients and Adam's two moments through the cache.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.tutorial.job import BATCH_SIZE, WIDTHS
from benchmarks.tutorial.processes import run

SHAPES = {"batch": (BATCH_SIZE, WIDTHS[0], WIDTHS[1]), "square": (1024, 1024, 1024)}
PRODUCTS = 20  # in one call, so that the call itself does not count
MEASURED_SECONDS = 0.4


def measure_floor(threads: int | None) -> dict[str, float]:
    """Measure in a fresh process; give GFLOP/s by library and shape."""
    environment = {"JAX_PLATFORMS": "cpu"}
    if threads is not None:
        environment |= {
            "OPENBLAS_NUM_THREADS": str(threads),
            "PJRT_NPROC": str(threads),
            "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false" if threads == 1 else "",
        }
    finished = run([sys.executable, "-m", "benchmarks.tutorial.floor"], environment)
    return json.loads(finished.stdout.splitlines()[-1])


def best_gflops(multiply: Callable[[], Any], operations: int) -> float:
    """Call `multiply` for a while; give the speed of the quickest call, in 1e9 operations/s."""
    multiply()
    best, until = float("inf"), time.perf_counter() + MEASURED_SECONDS
    while (begun := time.perf_counter()) < until:
        multiply()
        best = min(best, time.perf_counter() - begun)
    return operations / best / 1e9


def numpy_products(shape: tuple[int, int, int]) -> Callable[[], Any]:
    """Make the function that does PRODUCTS products of `shape` (n, k, m) in NumPy."""
    import numpy as np

    n, k, m = shape
    rng = np.random.default_rng(0)
    a, b = rng.random((n, k), np.float32), rng.random((k, m), np.float32)
    out = np.empty((n, m), np.float32)

    def multiply() -> None:
        for _ in range(PRODUCTS):
            np.matmul(a, b, out=out)

    return multiply


def jax_products(shape: tuple[int, int, int]) -> Callable[[], Any]:
    """Make the function that does PRODUCTS products of `shape` in one program of JAX."""
    import jax

    n, k, m = shape
    key = jax.random.key(0)
    a, b = jax.random.uniform(key, (PRODUCTS, n, k)), jax.random.uniform(key, (k, m))
    program = jax.jit(lambda a, b: jax.lax.map(lambda each: each @ b, a))
    return lambda: jax.block_until_ready(program(a, b))


def main() -> None:
    """Measure in this process and print one JSON line."""
    speeds = {}
    for name, (n, k, m) in SHAPES.items():
        operations = 2 * n * k * m * PRODUCTS
        for library, products in (("numpy", numpy_products), ("jax", jax_products)):
            speeds[f"{library} {name}"] = best_gflops(products((n, k, m)), operations)
    print(json.dumps(speeds))


if __name__ == "__main__":
    main()
