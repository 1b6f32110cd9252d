"""Records: what was measured, with what, on what. JSON files in `records/`, kept in git."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mnistlab.files import write_atomic
from mnistlab.training.environment import cores, processor, versions

RECORDS = Path(__file__).with_name("records")
ROOT = Path(__file__).parents[1]


def circumstances(benchmark: str, options: Sequence[str]) -> dict[str, Any]:
    """Give the head of a record: command (with `options`), date, commit, versions, hardware."""
    return {
        "benchmark": benchmark,
        "command": shlex.join(["python", "-m", f"benchmarks.{benchmark}", *options]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "git": git_state(),
        "versions": package_versions(),
        "hardware": hardware(),
    }


def git_state() -> dict[str, Any]:
    """Name the commit, and whether files differ from it; None where there is no git."""
    try:
        commit = _git("rev-parse", "HEAD").strip()
        # A record of an earlier run, not yet committed, changes nothing that is measured.
        changed = _git("status", "--porcelain", "--", ".", ":!benchmarks/records")
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}
    return {"commit": commit, "dirty": bool(changed.strip())}


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def package_versions() -> dict[str, str]:
    """Name the versions of all that may take part, in this interpreter."""
    found = versions()
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found["scikit-learn"] = importlib.metadata.version("scikit-learn")
    return found


def hardware() -> dict[str, Any]:
    """Name processor, usable cores, memory, and what accelerates computing."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": processor(),
        "accelerators": accelerators(),
        "cores": len(cores()),
        "memory_gib": round(memory / 2**30, 1),
        "load_at_start": list(os.getloadavg()),
    }


def accelerators() -> list[str]:
    """Name the GPUs of NVIDIA's that are here."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return []
    return found.split("\n")[:-1]


def computed_on(record: Mapping[str, Any]) -> str:
    """Name what computed: the accelerator, or the processor and its cores."""
    machine = record["hardware"]
    found = machine.get("accelerators", [])
    return found[0] if found else f"{machine['processor']}, {machine['cores']} cores"


def commit_of(record: Mapping[str, Any]) -> str:
    """Name the commit that was measured, in short."""
    return (record["git"]["commit"] or "unknown")[:7]


def record_path(record: dict[str, Any]) -> Path:
    """Name the file of a record: benchmark, day, and accelerator or processor and its cores."""
    on = computed_on(record).lower().replace(" cores", "c")
    slug = re.sub(r"[^a-z0-9]+", "-", on).strip("-")
    return RECORDS / f"{record['benchmark']}-{record['date'][:10]}-{slug}.json"


def save(record: dict[str, Any], path: Path) -> None:
    """Write a record, whole or not at all. Raises StorageError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(record, indent=1) + "\n")


def all_of(benchmark: str, folder: Path = RECORDS) -> list[dict[str, Any]]:
    """Load all of the benchmark's records, the newest first."""
    records = [json.loads(path.read_text()) for path in folder.glob(f"{benchmark}-*.json")]
    return sorted(records, key=lambda record: record["date"], reverse=True)


def newest(benchmark: str, folder: Path = RECORDS) -> dict[str, Any] | None:
    """Load the benchmark's record of the latest date on a processor alone, or None."""
    records = all_of(benchmark, folder)
    return next((each for each in records if not each["hardware"].get("accelerators")), None)
