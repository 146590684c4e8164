"""gRPC ModelService: GetModelStatus."""

from __future__ import annotations

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

from lifelong.serving.server.errors import invalid_argument
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.rpc import answer, refuse


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Tells which versions of a registry's models are available.

    Args:
        models: The models to report on.
    """

    def __init__(self, models: ModelRegistry) -> None:
        self._models = models

    def GetModelStatus(  # noqa: N802
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """Lists versions newest first, unloaded ones (END) included."""
        return answer(context, lambda: self._status(request))

    def _status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        response = get_model_status_pb2.GetModelStatusResponse()
        for state in self._models.states(request.model_spec):
            entry = response.model_version_status.add(version=state.version, state=state.state)
            entry.status.error_code = state.code.value[0]
            entry.status.error_message = state.message
        return response

    def HandleReloadConfigRequest(  # noqa: N802
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Refuses: not offered yet."""
        refuse(context, "HandleReloadConfigRequest", "restart it with other arguments")
