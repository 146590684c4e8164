"""The embedded model server."""

from __future__ import annotations

import logging
from concurrent import futures
from types import TracebackType

import grpc
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from lifelong.serving.server.model_service import ModelService
from lifelong.serving.server.poller import Poller
from lifelong.serving.server.prediction_service import PredictionService
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.versions import ModelVersions
from lifelong.serving.server.warmup import warm_up

_log = logging.getLogger(__name__)


class ModelServer:
    """Serves the newest version of a pushed model over TensorFlow Serving's gRPC.

    It serves Predict, GetModelMetadata and GetModelStatus, watches the base folder and swaps
    versions without losing a call.

    Args:
        model_name: Name that clients put into their model spec.
        base_path: Folder of the version folders (integer names), as TFX's Pusher writes them.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one, see `address`.
        poll_interval_s: Seconds between two looks at the base folder; 0 leaves polling to the
            caller (`poll`).
        max_load_retries: How often a failed load is tried again.
        load_retry_interval_s: Seconds between two attempts.
        threads: Calls that run at the same time; more wait.
        session_config: Options of the TensorFlow sessions.

    Example:
        >>> with ModelServer("lifelong", "/models/lifelong") as server:  # doctest: +SKIP
        ...     PredictionClient(server.address).predict(request)
    """

    def __init__(
        self,
        model_name: str,
        base_path: str,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        poll_interval_s: float = 1.0,
        max_load_retries: int = 5,
        load_retry_interval_s: float = 60.0,
        threads: int = 8,
        session_config: tf.compat.v1.ConfigProto | None = None,
    ) -> None:
        if not model_name:
            raise ValueError("model_name is empty; name the model as clients will")
        if threads < 1:
            raise ValueError(f"threads is {threads}; at least 1 is needed")
        self._host = host
        self._port = port
        self._session_config = session_config
        self._versions = ModelVersions(
            model_name,
            str(base_path),
            self._load,
            max_retries=max_load_retries,
            retry_interval_s=load_retry_interval_s,
        )
        self._models = ModelRegistry([self._versions])
        self._poller = Poller(self.poll, poll_interval_s) if poll_interval_s > 0 else None
        self._executor = futures.ThreadPoolExecutor(threads, thread_name_prefix="model-server")
        self._server = grpc.server(
            self._executor,
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
                # A port that another server listens on is an error, not a shared port.
                ("grpc.so_reuseport", 0),
            ],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(self._models), self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(self._models), self._server
        )

    @property
    def address(self) -> str:
        """`host:port` for clients; the port is known once the server has started."""
        return f"{self._host}:{self._port}"

    def start(self) -> ModelServer:
        """Loads what there is to load, then listens.

        A base folder without a usable version is no error: the server listens, answers
        NOT_FOUND, and loads the first version that appears.

        Returns:
            The server itself.

        Raises:
            OSError: The address cannot be listened on.
        """
        try:
            self._port = self._server.add_insecure_port(self.address)
        except RuntimeError as error:
            raise OSError(
                f"cannot listen on {self.address}: is the port taken, the host an address of this"
                f" machine? ({error})"
            ) from error
        self.poll()
        self._server.start()
        if self._poller:
            self._poller.start()
        _log.info("serving model %s on %s", self._versions.name, self.address)
        return self

    def poll(self) -> None:
        """Looks for new versions once and loads them, in the caller's thread."""
        self._models.poll()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Blocks until the server was stopped.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            Whether it was stopped.
        """
        # gRPC returns whether it timed out.
        return not self._server.wait_for_termination(timeout_s)

    def stop(self, drain_s: float = 30.0) -> None:
        """Refuses new calls, lets running ones finish, and unloads the model.

        Args:
            drain_s: Seconds that running calls are given before they are cancelled.
        """
        if self._poller:
            self._poller.stop()
        self._server.stop(drain_s).wait()
        self._executor.shutdown(wait=False)
        self._models.close()

    def _load(self, path: str, version: int) -> LoadedModel:
        model = LoadedModel(path, version, self._session_config)
        try:
            warm_up(model)
        except Exception:
            model.close()
            raise
        return model

    def __enter__(self) -> ModelServer:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
