"""What a run ran on: versions and hardware, without importing what is asked about."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

PACKAGES = ("mnistlab", "keras", "jax", "jaxlib", "numpy", "tensorflow-cpu", "tensorflow", "torch")


def versions() -> dict[str, str]:
    """Name versions of Python and of the packages that results depend on, and the machine."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        **found,
        "platform": platform.platform(),
        "processor": processor(),
        "cores": str(len(cores())),
    }


def processor() -> str:
    """Name the processor as the system does."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> list[int]:
    """Name the cores that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)  # not on every system
    return sorted(usable(0)) if usable else list(range(os.cpu_count() or 1))
