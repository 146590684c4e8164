"""Both platforms side by side: a whole run, and the measurements that matter, one after the other.

`LIFELONG_OTHER_PYTHON` names the interpreter of the other environment: `make bench-platforms` sets it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MEASUREMENTS = ("import", "training", "ingestion", "predict")
_ROOT = Path(__file__).parents[1]
_VERSION = "from importlib import metadata; print('TFX', metadata.version('tfx'))"


def measure_platforms() -> Iterator[str]:
    """Yields lines, each beginning with the platform it is of.

    Each platform runs the pipeline from nothing. The measurements of both then read the records and the
    model of the same run, the first one's, and take turns, so that a drift of the machine hits both.
    """
    other = os.environ.get("LIFELONG_OTHER_PYTHON")
    if not other:
        yield "platforms: not measured, LIFELONG_OTHER_PYTHON names no interpreter"
        return
    pythons = {_said(python, "-c", _VERSION).strip(): python for python in (sys.executable, other)}
    with tempfile.TemporaryDirectory() as folder:
        places = {name: Path(folder) / str(number) for number, name in enumerate(pythons)}
        for name, python in pythons.items():
            places[name].mkdir()
            yield from (f"{name}: {line}" for line in _run(python, places[name]))
        measured = next(iter(places.values()))
        for measurement in MEASUREMENTS:
            for name, python in pythons.items():
                said = _said(python, "-m", "benchmarks", measurement, cwd=measured)
                yield from (f"{name}: {line}" for line in said.splitlines())


def _run(python: str, place: Path) -> list[str]:
    """Runs the pipeline on the default data; returns its time and what it says of the eval split."""
    start = time.perf_counter()
    said = _said(python, "-m", "lifelong.commands.main", "run", cwd=place).splitlines()
    seconds = time.perf_counter() - start
    head = next(number for number, line in enumerate(said) if line.startswith("history"))
    return [f"`lifelong run` {seconds:.0f} s", *said[head : head + 2]]


def _said(*command: str, cwd: Path = _ROOT) -> str:
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return done.stdout
