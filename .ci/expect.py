"""The tutorial's run must come out as the tutorial's: floors and ceilings on its records."""

from __future__ import annotations

import json
import sys
from pathlib import Path

run = Path(sys.argv[1])
test = json.loads((run / "metrics.json").read_text())["test"]
rows = (run / "history.csv").read_text().splitlines()
header, first, last = (rows[i].split(",") for i in (0, 1, -1))
loss, accuracy = float(first[header.index("loss")]), float(last[header.index("accuracy")])
print(f"test accuracy {test['accuracy']}, first loss {loss:.4f}, last accuracy {accuracy:.4f}")
assert len(rows) == 4, "three epochs"
assert test["n"] == 10_000
assert 0.965 <= test["accuracy"] <= 0.98
assert 0.24 <= loss <= 0.29
assert 0.974 <= accuracy <= 0.981
assert (run / "report.html").stat().st_size > 100_000
