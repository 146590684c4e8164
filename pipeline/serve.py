"""`lifelong serve`: the embedded server on the pushed model."""

from __future__ import annotations

import dataclasses
import logging
import signal
import threading
from pathlib import Path

from lifelong.pipeline.config import Workdir


@dataclasses.dataclass(frozen=True)
class ServeOptions:
    """Options of `lifelong serve`.

    Attributes:
        workdir: Folder of the runs.
        name: Name of the model.
        base_path: Folder of the model's versions; empty is where the runs push to.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
    """

    workdir: str = "workdir"
    name: str = "lifelong"
    base_path: str = ""
    host: str = "127.0.0.1"
    port: int = 8500


def serve(options: ServeOptions) -> int:
    """Serves until it is interrupted; running calls are finished first.

    Raises:
        FileNotFoundError: If there is no folder to serve from.
    """
    from lifelong.serving.server.server import ModelServer

    base_path = Path(options.base_path or Workdir(Path(options.workdir)).serving(options.name))
    if not base_path.is_dir():
        raise FileNotFoundError(
            f"{base_path} does not exist: push a model with `lifelong run`, or name --base_path"
        )
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with ModelServer(options.name, str(base_path), options.host, options.port) as server:
        print(f"serving {options.name} from {base_path} on {server.address} (gRPC)", flush=True)
        stop.wait()
        print("stopping: running calls are finished, new ones refused", flush=True)
    return 0
