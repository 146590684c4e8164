"""Runs the embedded server in a process of its own, which ends with the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from lifelong.components.serving_validator.refusal import (
    ModelRefusedError,
    ServerFailedError,
    judge,
    machine_state,
)
from lifelong.serving.prediction import PredictionError

# Named, not imported: it needs TensorFlow.
_MODULE = f"{__package__}.server_main"
_INTERVAL_S = 0.05
# Seconds that a server has to end by itself.
STOP_S = 10.0
_LOG_LINES = 15
# Signals by which a process dies of what it does. Others come from outside: from a kernel that is
# out of memory, or from whoever stops the machine.
_CRASHES = {signal.SIGABRT, signal.SIGSEGV, signal.SIGFPE, signal.SIGILL}
NOT_LOADED = (
    "the server has not loaded the model after {:g} s; raise serving.load_timeout_s, or run again "
    "when the machine is less busy"
)


class ServerProcess:
    """Starts a server on a free port when it is entered, and ends it when it is left.

    If it had ended by itself, an error that leaves the block also tells how, and the end of its log:
    a server that crashes in native code is brought down by the model, which is refused; one that
    ends in another way, or is killed, could not show what the model is like.

    Args:
        model_name: Name of the model.
        folder: Empty folder that is its own.
        log: File that the server's messages are written to.
        flags: Flags of TensorFlow Serving; known is `--xla_cpu_compilation_enabled`.

    Attributes:
        command: What is run.

    Example:
        >>> with ServerProcess("lifelong", folder, log) as server:  # doctest: +SKIP
        ...     PredictionClient(server.wait_until_listening(60)).predict(request)
    """

    def __init__(self, model_name: str, folder: Path, log: Path, flags: Sequence[str] = ()) -> None:
        self._versions = folder / "versions"
        self._versions.mkdir()
        self._address_file = folder / "address"
        self._log = log
        self.command = [
            sys.executable,
            "-m",
            _MODULE,
            model_name,
            str(self._versions),
            str(self._address_file),
            *flags,
        ]

    def add(self, version: int, model_path: Path) -> None:
        """Has a model served as a version, in place of an older one.

        Args:
            version: Its number.
            model_path: Folder of the SavedModel.
        """
        (self._versions / str(version)).symlink_to(model_path.resolve())

    def wait_until_listening(self, timeout_s: float) -> str:
        """Waits until the server has started, and tried to load what there is to load.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            `host:port` of the server.

        Raises:
            ServerFailedError: The server ended, or takes too long.
        """
        deadline = time.monotonic() + timeout_s
        while not self._address_file.exists():
            if self._process.poll() is not None:
                raise ServerFailedError("the server does not start")
            if time.monotonic() > deadline:
                raise ServerFailedError(NOT_LOADED.format(timeout_s))
            time.sleep(_INTERVAL_S)
        return self._address_file.read_text()

    def __enter__(self) -> ServerProcess:
        # The pipeline's own process may hold all memory of a GPU.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        status = self._stop()
        if isinstance(error, PredictionError):
            error = judge(error)
        if not isinstance(error, ServerFailedError):
            return
        by = signal.Signals(-status) if status is not None and status < 0 else None
        if by in _CRASHES:
            raise ModelRefusedError(
                f"the model brings the server down ({by.name}): {error}{self._end_of_log()}"
            ) from error
        if by is not None:
            ended = f"; it was killed ({by.name}), as happens where memory runs out"
        else:
            ended = f"; it ended with status {status}" if status else ""
        raise ServerFailedError(f"{error}{ended}; {machine_state()}{self._end_of_log()}") from error

    def _stop(self) -> int | None:
        """Ends the server and returns its exit status; None if it had to be killed."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:  # It may still be loading, and not listen to anything.
            self._process.kill()
            self._process.wait()
            return None

    def _end_of_log(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        return "\n  ".join(["; its last words:", *lines] if lines else ["; it said nothing"])
