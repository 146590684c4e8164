"""gRPC PredictionService: Predict and GetModelMetadata."""

from __future__ import annotations

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    inference_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from lifelong.serving.server.errors import invalid_argument
from lifelong.serving.server.predict import predict
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.rpc import answer, refuse, remaining_s

SIGNATURE_FIELD = "signature_def"
_INSTEAD = "send raw tensors with Predict"


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers predictions with the models of a registry.

    Args:
        models: The models to serve.
    """

    def __init__(self, models: ModelRegistry) -> None:
        self._models = models

    def Predict(  # noqa: N802
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Runs a signature on raw tensors."""

        def call() -> predict_pb2.PredictResponse:
            if not request.HasField("model_spec"):
                raise invalid_argument("Missing ModelSpec")
            timeout_s = remaining_s(context)
            with self._models.lease(request.model_spec) as model:
                return predict(model, request, timeout_s)

        return answer(context, call)

    def GetModelMetadata(  # noqa: N802
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Returns the signatures of a version."""
        return answer(context, lambda: self._metadata(request))

    def _metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != SIGNATURE_FIELD:
                raise invalid_argument(f"Metadata field {field} is not supported")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._models.lease(request.model_spec) as model:
            for name, signature in model.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.model_spec.version.value = model.version
        response.model_spec.name = request.model_spec.name
        response.metadata[SIGNATURE_FIELD].Pack(signatures)
        return response

    def Classify(  # noqa: N802
        self, request: classification_pb2.ClassificationRequest, context: grpc.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        """Refuses: not offered yet."""
        refuse(context, "Classify", _INSTEAD)

    def Regress(  # noqa: N802
        self, request: regression_pb2.RegressionRequest, context: grpc.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        """Refuses: not offered yet."""
        refuse(context, "Regress", _INSTEAD)

    def MultiInference(  # noqa: N802
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        """Refuses: not offered yet."""
        refuse(context, "MultiInference", _INSTEAD)
