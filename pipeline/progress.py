"""What `lifelong run` prints while components run, out of TFX's much longer log."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator

from absl import logging as absl_logging

_STATE = re.compile(r"Component (\S+) is (running|finished)\.")
_CACHED = "A cached execution"


class _ComponentLines(logging.Filter):
    """Lets warnings through, and prints a line for each component instead of TFX's messages."""

    def __init__(self) -> None:
        super().__init__()
        self._run_started = time.monotonic()
        self._started: dict[str, float] = {}
        self._cached = False

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        if message.startswith(_CACHED):
            self._cached = True
        elif found := _STATE.match(message):
            self._line(found[1], found[2])
        return record.levelno >= logging.WARNING

    def _line(self, component: str, state: str) -> None:
        now = time.monotonic()
        if state == "running":
            self._started[component], self._cached = now, False
            text = f"{component} ..."
        else:
            seconds = now - self._started.get(component, now)
            text = f"{component} {'unchanged, not run' if self._cached else f'done in {seconds:.0f} s'}"
        print(f"[{now - self._run_started:4.0f} s] {text}", flush=True)


@contextlib.contextmanager
def component_lines() -> Iterator[None]:
    """Prints a line when a component starts and ends; hides the rest of TFX's information."""
    handler = absl_logging.get_absl_handler()
    lines = _ComponentLines()
    verbosity = absl_logging.get_verbosity()
    absl_logging.use_absl_handler()
    absl_logging.set_verbosity(absl_logging.INFO)
    handler.addFilter(lines)
    try:
        yield
    finally:
        handler.removeFilter(lines)
        absl_logging.set_verbosity(verbosity)
