"""The embedded model server."""

from __future__ import annotations

import functools
import logging
from types import TracebackType
from typing import Any

from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from lifelong.serving.server.catalog import ModelCatalog
from lifelong.serving.server.grpc_server import GrpcServer
from lifelong.serving.server.metrics import MeasuredModel, MetricsInterceptor, ServerMetrics
from lifelong.serving.server.model_config import ModelServerConfig, single_model
from lifelong.serving.server.model_service import ModelService
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.poller import Poller
from lifelong.serving.server.prediction_service import PredictionService
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.rest.api import RestApi
from lifelong.serving.server.rest.server import RestServer
from lifelong.serving.server.security import Token
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.versions import ModelVersions
from lifelong.serving.server.warmup import warm_up

# TensorFlow Serving's own default of --rest_api_timeout_in_ms.
REST_TIMEOUT_S = 30.0
_log = logging.getLogger(__name__)


class ModelServer:
    """Serves pushed models over TensorFlow Serving's gRPC and REST.

    It serves PredictionService and ModelService, REST where asked for, watches the base folders
    and swaps versions without losing a call.

    Args:
        config: The models, with version policies and labels; see `read_config_file`.
        options: Addresses, limits, security and how models are loaded.

    Example:
        >>> with ModelServer.of_model("lifelong", "/models/lifelong") as server:  # doctest: +SKIP
        ...     PredictionClient(server.address).predict(request)
    """

    def __init__(self, config: ModelServerConfig, options: ServerOptions | None = None) -> None:
        options = options or ServerOptions()
        self._config = config
        self._options = options
        self._port = options.port
        self._metrics = ServerMetrics()
        self._models = ModelRegistry()
        self._catalog = ModelCatalog(
            self._models, self._make_versions, options.allow_version_labels_for_unavailable_models
        )
        interval = options.poll_interval_s
        self._poller = Poller(self.poll, interval) if interval > 0 else None
        check_method_names = options.enable_signature_method_name_check
        self._server = GrpcServer(
            options,
            {
                prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server: (
                    PredictionService(self._models, options.max_run_s or None, check_method_names)
                ),
                model_service_pb2_grpc.add_ModelServiceServicer_to_server: ModelService(
                    self._models, self._catalog
                ),
            },
            [MetricsInterceptor(self._metrics)],
        )
        self._rest = None
        if options.rest_port >= 0:
            self._rest = RestServer(
                RestApi(
                    self._models,
                    self._metrics,
                    options.max_run_s or REST_TIMEOUT_S,
                    check_method_names,
                ),
                self._metrics.page,
                options.host,
                options.rest_port,
                threads=options.threads,
                max_waiting=options.queue,
                max_body_bytes=options.largest_message,
                token=Token(options.token_file) if options.token_file else None,
            )

    @classmethod
    def of_model(cls, name: str, base_path: str, **options: Any) -> ModelServer:
        """Returns a server of one model.

        Args:
            name: Name that clients put into their model spec.
            base_path: Folder of the version folders (integer names), as TFX's Pusher writes them.
            **options: Fields of `ServerOptions`.

        Raises:
            ValueError: If the name is empty, or an option is not usable.
        """
        return cls(single_model(name, base_path), ServerOptions(**options))

    @property
    def address(self) -> str:
        """`host:port` for clients; the port is known once the server has started."""
        return f"{self._options.host}:{self._port}"

    @property
    def rest_address(self) -> str:
        """`host:port` of REST and the metrics, empty without; known once the server has started."""
        return self._rest.address if self._rest else ""

    @property
    def models(self) -> ModelRegistry:
        """The models, for another front end on the same versions."""
        return self._models

    def start(self) -> ModelServer:
        """Loads what there is to load, then listens.

        A base folder without a usable version is no error: the server listens, answers
        NOT_FOUND, and loads the first version that appears.

        Returns:
            The server itself.

        Raises:
            OSError: The address cannot be listened on.
            ServingError: The configuration is refused.
        """
        self._port = self._server.bind(self.address)
        try:
            self._catalog.apply(self._config)
            if self._rest:
                self._rest.start()
        except Exception:
            self._server.stop(0)
            self._models.close()
            raise
        self._server.show_ready(self._models.ready())
        self._server.start()
        if self._poller:
            self._poller.start()
        names = [model.name for model in self._config.model_config_list.config]
        _log.info("serving %s on %s", ", ".join(names), self.address)
        return self

    def poll(self) -> None:
        """Looks for new versions once and loads them, in the caller's thread."""
        self._models.poll()
        self._server.show_ready(self._models.ready())

    def wait(self, timeout_s: float | None = None) -> bool:
        """Blocks until the server was stopped.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            Whether it was stopped.
        """
        return self._server.wait(timeout_s)

    def stop(self, drain_s: float = 30.0) -> None:
        """Refuses new calls, lets running ones finish, and unloads the models.

        Args:
            drain_s: Seconds that running calls are given before they are cancelled.
        """
        if self._poller:
            self._poller.stop()
        if self._rest:
            self._rest.stop(drain_s)
        self._server.stop(drain_s)
        self._models.close()

    def _make_versions(self, name: str, base_path: str) -> ModelVersions:
        return ModelVersions(
            name,
            base_path,
            functools.partial(self._load, name),
            max_retries=self._options.max_load_retries,
            retry_interval_s=self._options.load_retry_interval_s,
        )

    def _load(self, name: str, path: str, version: int) -> LoadedModel:
        with self._metrics.loading(path):
            model = MeasuredModel(
                name, self._metrics, path, version, self._options.xla_cpu_compilation_enabled
            )
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
