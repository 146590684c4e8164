"""What importing the layers adds to importing TensorFlow, in fresh processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 7
# What TensorFlow puts off until `tf.keras` is first used counts for the layers. Both parts are
# measured in one process, so that a drift of the machine's speed hits them alike.
_PROGRAM = """
import time
def now():
    return time.perf_counter(), time.process_time()
start = now()
import tensorflow
middle = now()
import lifelong.models.layers
end = now()
print(*(b - a for a, b in zip(start + middle, middle + end)))
"""


def measure_import() -> list[str]:
    """Imports TensorFlow and then the layers, under both Keras versions in turn."""
    lines = []
    for name, legacy in {"tf_keras": "1", "Keras 3": "0"}.items():
        # The first process is not counted: it reads the files from disk.
        runs = [_import_seconds(legacy) for _ in range(1 + ROUNDS)][1:]
        for clock, kind in enumerate(["wall", "CPU"]):
            alone = statistics.median(run[clock] for run in runs)
            added = [run[2 + clock] for run in runs]
            both = statistics.median(run[clock] + run[2 + clock] for run in runs)
            lines.append(
                f"import under {name}, {kind} time of {ROUNDS} processes: TensorFlow alone "
                f"{alone:.2f} s, with the layers {both:.2f} s; they add "
                f"{statistics.median(added):.3f} s ({min(added):.3f} to {max(added):.3f})"
            )
    return lines


def _import_seconds(legacy: str) -> list[float]:
    """Returns seconds of TensorFlow's import, wall and CPU, then of the layers' after it."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env={**os.environ, "TF_USE_LEGACY_KERAS": legacy, "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(seconds) for seconds in done.stdout.split()]
