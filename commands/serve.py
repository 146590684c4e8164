"""`lifelong serve`: the embedded server on pushed models."""

from __future__ import annotations

import dataclasses
import logging
import signal
import threading
from pathlib import Path
from typing import Any

from lifelong.commands.command import with_options
from lifelong.pipeline.config import Workdir
from lifelong.serving.server.grpc_options import GrpcOptions

# A server is `Any` here: the parser of the command line would import what its type names, and with
# it TensorFlow, for every command.


@dataclasses.dataclass(frozen=True)
class ServeOptions(GrpcOptions):
    """Options of `lifelong serve`.

    Attributes:
        workdir: Folder of the runs.
        name: Name of the model.
        base_path: Folder of the model's versions; empty is where the runs push to.
        model_config_file: Text file with a `ModelServerConfig`, for several models; `name` and
            `base_path` are not used then.
        allow_version_labels_for_unavailable_models: Whether a new label may point to a version
            that is not loaded yet; without, the file may have labels only when it is reloaded.
        enable_signature_method_name_check: Whether Classify and Regress refuse signatures
            without their method name.
        xla_cpu_compilation_enabled: Whether to run models that XLA has to compile (exported with
            `jit_compile`).
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        rest_port: Port of REST and the metrics; 0 takes a free one, -1 serves gRPC alone.
        drain_s: Seconds that running calls are given when it is stopped.
    """

    workdir: str = "workdir"
    name: str = "lifelong"
    base_path: str = ""
    model_config_file: str = ""
    allow_version_labels_for_unavailable_models: bool = False
    enable_signature_method_name_check: bool = False
    xla_cpu_compilation_enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 8500
    rest_port: int = -1
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
    from lifelong.serving.server.model_config import read_config_file, single_model
    from lifelong.serving.server.server import ModelServer

    if options.model_config_file:
        config = read_config_file(options.model_config_file)
    else:
        base_path = _base_path(options)
        if not base_path.is_dir():
            raise FileNotFoundError(
                f"{base_path} does not exist: push a model with `lifelong run`, or name --base_path"
            )
        config = single_model(options.name, str(base_path))
    return ModelServer(
        config=config,
        host=options.host,
        port=options.port,
        rest_port=None if options.rest_port < 0 else options.rest_port,
        options=options,
        check_method_names=options.enable_signature_method_name_check,
        allow_labels_for_unavailable=options.allow_version_labels_for_unavailable_models,
        xla_cpu_compilation_enabled=options.xla_cpu_compilation_enabled,
    )


def _base_path(options: ServeOptions) -> Path:
    return Path(options.base_path or Workdir(Path(options.workdir)).serving(options.name))


def _start(server: Any) -> None:
    from lifelong.serving.server.errors import ServingError

    try:
        server.start()
    except ServingError as error:
        raise ValueError(f"Failed to start server. Error: {error}") from error


COMMAND = with_options("serve the pushed model over gRPC", ServeOptions, serve)
