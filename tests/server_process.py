"""The embedded server in a process of its own, for what may break it, load it or fill its memory."""

from __future__ import annotations

import gc
import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_START_S = 60.0
_REPORT_S = 20.0


class ServerProcess:
    """A server of one or more models, which ends with the `with` block.

    Args:
        folders: Base folder of each model, by name.
        log: File that the server's messages go to.
        **options: Fields of `ServerOptions`.
    """

    def __init__(
        self,
        folders: Mapping[str, Path],
        log: Path,
        **options: Any,
    ) -> None:
        paths = {name: str(path) for name, path in folders.items()}
        given = {"folders": paths, "options": options}
        self._log = log
        with log.open("a") as messages:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.server_process", json.dumps(given)],
                cwd=_ROOT,
                env={
                    **os.environ,
                    "TF_CPP_MIN_LOG_LEVEL": "2",
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=messages,
                text=True,
                bufsize=1,
            )
        listening = self._read(_START_S)
        self.address: str = listening["address"]
        self.rest_address: str = listening["rest_address"]

    @property
    def exit_code(self) -> int | None:
        """How the process ended; none while it runs."""
        return self._process.poll()

    def memory(self) -> int:
        """Returns the bytes of memory that the process holds (resident)."""
        text = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in text.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def live_sessions(self) -> int:
        """Counts the TensorFlow sessions of the process: one for each loaded version."""
        assert self._process.stdin
        self._process.stdin.write("count\n")
        return self._read(_REPORT_S)

    def stop(self) -> int:
        """Ends the server as its operator would, and returns the exit code of the process."""
        if self._process.poll() is None and self._process.stdin:
            self._process.stdin.close()
        try:
            return self._process.wait(_START_S)
        finally:
            self._process.kill()

    def _read(self, timeout_s: float) -> Any:
        assert self._process.stdout
        ready, _, _ = select.select([self._process.stdout], [], [], timeout_s)
        line = self._process.stdout.readline() if ready else ""
        if not line:
            self._process.kill()
            raise RuntimeError(
                f"the server does not answer (exit code {self._process.wait()}):"
                f" {self._log.read_text()[-2000:]}"
            )
        return json.loads(line)

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def main(given: Mapping[str, Any]) -> None:
    """Serves until standard input is closed; a line read from it is answered with a count."""
    from lifelong.serving.server.model_config import PLATFORM, ModelServerConfig
    from lifelong.serving.server.options import ServerOptions
    from lifelong.serving.server.server import ModelServer

    config = ModelServerConfig()
    for name, folder in given["folders"].items():
        config.model_config_list.config.add(name=name, base_path=folder, model_platform=PLATFORM)
    with ModelServer(config, ServerOptions(**given["options"])) as server:
        listening = {"address": server.address, "rest_address": server.rest_address}
        print(json.dumps(listening), flush=True)
        for _ in sys.stdin:
            print(_live_sessions(), flush=True)


def _live_sessions() -> int:
    import tensorflow as tf

    # What only waits for the collector counts, too: nothing may wait for long.
    return sum(isinstance(it, tf.compat.v1.Session) for it in gc.get_objects())


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
