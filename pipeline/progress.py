"""What `lifelong run` prints: a line for each component; TFX's own, much longer log goes to a file."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path

from absl import flags
from absl import logging as absl_logging

_STATE = re.compile(r"Component (\S+) is (running|finished)\.")
_CACHED = "A cached execution"
# TFX logs by way of absl.
_TFX = "absl"
_LIBRARIES = (_TFX, "tensorflow")
_BEAM = "apache_beam"


class _ComponentLines(logging.Handler):
    """Prints when a component starts and ends."""

    def __init__(self) -> None:
        super().__init__()
        self._run_started = time.monotonic()
        self._started: dict[str, float] = {}
        self._cached = False

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if message.startswith(_CACHED):
            self._cached = True
        elif found := _STATE.match(message):
            self._print(found[1], found[2])

    def _print(self, component: str, state: str) -> None:
        now = time.monotonic()
        if state == "running":
            self._started[component], self._cached = now, False
            text = f"{component} ..."
        elif self._cached:
            text = f"{component} unchanged, not run"
        else:
            text = f"{component} done in {now - self._started.get(component, now):.0f} s"
        print(f"[{now - self._run_started:4.0f} s] {text}", flush=True)


class CurrentComponent(logging.Handler):
    """Knows which component runs.

    Attributes:
        component: Its name; empty before the first one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.component = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Looks whether a message tells that a component starts."""
        found = _STATE.match(record.getMessage())
        if found and found[2] == "running":
            self.component = found[1]

    def __enter__(self) -> CurrentComponent:
        logging.getLogger(_TFX).addHandler(self)
        return self

    def __exit__(self, *error: object) -> None:
        logging.getLogger(_TFX).removeHandler(self)


def log_failure(component: str) -> None:
    """Writes the error that is being handled, and where it was raised, to the log file alone."""
    logging.getLogger(_TFX).info("%s failed", component, exc_info=True)


class _LogFile(logging.FileHandler):
    """A log file whose disk may be full: that is told once, by what fails of it."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        """Says nothing."""

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def component_lines(log_file: Path) -> Iterator[None]:
    """Prints a line when a component starts and ends, and errors; the rest goes to a file.

    Args:
        log_file: File that the libraries' messages are appended to.
    """
    to_file = _LogFile(log_file)
    to_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()  # absl complains about every message before that
    absl_logging.use_absl_handler()
    with contextlib.ExitStack() as restore:
        # With its handler it sets the root logger, too.
        restore.callback(absl_logging.set_verbosity, absl_logging.get_verbosity())
        absl_logging.set_verbosity(absl_logging.INFO)
        restore.callback(to_file.close)
        for logger in map(logging.getLogger, _LIBRARIES):
            # Both print by themselves and hand their messages on to the root logger.
            for handler in (*logger.handlers, *logging.getLogger().handlers):
                restore.callback(handler.setLevel, handler.level)
                handler.setLevel(logging.ERROR)
        for logger in map(logging.getLogger, _LIBRARIES):
            for handler in (to_file, _ComponentLines()):
                logger.addHandler(handler)
                restore.callback(logger.removeHandler, handler)
        # Beam logs where an error was raised, step by step; what it says is told at the end.
        beam = logging.getLogger(_BEAM)
        beam.addHandler(to_file)
        restore.callback(beam.removeHandler, to_file)
        restore.callback(setattr, beam, "propagate", beam.propagate)
        beam.propagate = False
        yield
