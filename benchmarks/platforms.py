"""Both platforms side by side: a whole run, and the measurements that matter, one after the other.

The processes take turns, so that a drift of the machine's speed hits both. `LIFELONG_OTHER_PYTHON`
names the interpreter of the other environment: `make bench-platforms` sets it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

MEASUREMENTS = ("import", "training", "ingestion", "predict")
ROUNDS = 2
_OWN = f"TFX {metadata.version('tfx')}"
_VERSION = "from importlib import metadata; print(metadata.version('tfx'))"


def measure_platforms() -> Iterator[str]:
    """Yields lines, each beginning with the platform it is of.

    The runs start from nothing, in folders of their own; the measurements read the data and the
    model of the run in `workdir`.
    """
    other = os.environ.get("LIFELONG_OTHER_PYTHON")
    if not other:
        yield "platforms: not measured, LIFELONG_OTHER_PYTHON names no interpreter"
        return
    pythons = {_OWN: sys.executable, f"TFX {_said(other, '-c', _VERSION).strip()}": other}
    for name, python in pythons.items():
        yield from (f"{name}: {line}" for line in _run(python))
    for measurement in MEASUREMENTS:
        for _ in range(ROUNDS):
            for name, python in pythons.items():
                said = _said(python, "-m", "benchmarks", measurement)
                yield from (f"{name}: {line}" for line in said.splitlines())


def _run(python: str) -> list[str]:
    """Runs the pipeline on the default data; returns its time and what it says of the eval split."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        said = _said(
            str(Path(python).parent / "lifelong"), "run", f"--workdir={folder}"
        ).splitlines()
        seconds = time.perf_counter() - start
    head = next(number for number, line in enumerate(said) if line.startswith("history"))
    return [f"`lifelong run` {seconds:.0f} s", *said[head : head + 2]]


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return done.stdout
