"""`lifelong serve`: the embedded server on pushed models."""

from __future__ import annotations

import dataclasses
import logging
import signal
import threading
from typing import Any

from lifelong.commands.command import with_options
from lifelong.pipeline.config import Config, Workdir
from lifelong.serving.server.options import ServerOptions

# A server is `Any` here: the parser of the command line would import what its type names, and with
# it TensorFlow, for every command.


@dataclasses.dataclass(frozen=True)
class ServeOptions(ServerOptions):
    """Options of `lifelong serve`.

    Attributes:
        workdir: Folder of the runs.
        name: Name of the model.
        base_path: Folder of the model's versions; empty is where the runs push to.
        model_config_file: Text file with a `ModelServerConfig`, for several models; `name` and
            `base_path` are not used then.
        drain_s: Seconds that running calls are given when it is stopped.
    """

    workdir: str = "workdir"
    name: str = "lifelong"
    base_path: str = ""
    model_config_file: str = ""
    port: int = 8500
    drain_s: float = 30.0


def serve(options: ServeOptions) -> int:
    """Serves until it is interrupted; running calls are finished first.

    Raises:
        FileNotFoundError: If there is no folder to serve from.
        ValueError: If the model config file is refused.
    """
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    server = _make_server(options)
    stop = threading.Event()
    handlers = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        _start(server)
        what = options.model_config_file or f"{options.name} from {_base_path(options)}"
        rest = f" and {server.rest_address} (REST)" if server.rest_address else ""
        print(f"serving {what} on {server.address} (gRPC){rest}", flush=True)
        stop.wait()
        print("stopping: running calls are finished, new ones refused", flush=True)
        server.stop(options.drain_s)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return 0


def _make_server(options: ServeOptions) -> Any:
    base_path = "" if options.model_config_file else _base_path(options)
    import tensorflow as tf

    from lifelong.serving.server.model_config import read_config_file, single_model
    from lifelong.serving.server.server import ModelServer

    if options.model_config_file:
        config = read_config_file(options.model_config_file)
    else:
        if not tf.io.gfile.isdir(base_path):
            raise FileNotFoundError(
                f"{base_path} does not exist: push a model with `lifelong run`, or name --base_path"
            )
        config = single_model(options.name, base_path)
    return ModelServer(config, options)


def _base_path(options: ServeOptions) -> str:
    if options.base_path:
        return options.base_path
    workdir = Workdir.at(options.workdir)
    if not workdir.config.exists():
        return workdir.places(Config(name=options.name)).serving_folder
    from lifelong.pipeline.config_parser import load_config

    config = dataclasses.replace(load_config(workdir.config), name=options.name)
    return workdir.places(config).serving_folder


def _start(server: Any) -> None:
    from lifelong.serving.server.errors import ServingError

    try:
        server.start()
    except ServingError as error:
        raise ValueError(f"Failed to start server. Error: {error}") from error


COMMAND = with_options("serve the pushed model over gRPC", ServeOptions, serve)
