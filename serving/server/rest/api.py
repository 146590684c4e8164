"""The REST API without its HTTP server: a path and a body in, a code and a text out.

Sources: tensorflow_serving/model_servers/http_rest_api_handler.cc and http_server.cc.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from collections.abc import Callable
from typing import Any

import grpc
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    regression_pb2,
)

from lifelong.data.library_differences import message_as_dict
from lifelong.serving import tensors
from lifelong.serving.server.classify import classify
from lifelong.serving.server.errors import (
    ServingError,
    as_serving_error,
    invalid_argument,
)
from lifelong.serving.server.metrics import ServerMetrics, measured_api
from lifelong.serving.server.predict import predict
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.regress import regress
from lifelong.serving.server.rest import document, examples, inputs, outputs
from lifelong.serving.server.rest.paths import Target, parse_path
from lifelong.serving.server.spec import signature_name

_HTTP_CODES = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}
_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        code: HTTP code.
        body: JSON text in UTF-8; another type names itself.
        content_type: Type of the body.
    """

    code: int
    body: bytes
    content_type: str = "application/json"


class RestApi:
    """Answers REST requests with the models of a registry.

    Args:
        models: The models to serve, those of the gRPC services.
        metrics: Where requests are counted.
        timeout_s: Seconds after which a run is cancelled; REST clients send no deadline.
        check_method_names: Whether Classify and Regress refuse signatures without their method
            name; see `classify`.
    """

    def __init__(
        self,
        models: ModelRegistry,
        metrics: ServerMetrics,
        timeout_s: float = 30.0,
        check_method_names: bool = False,
    ) -> None:
        self._models = models
        self._metrics = metrics
        self._timeout_s = timeout_s
        self._check = check_method_names
        self._methods: dict[str, Callable[[model_pb2.ModelSpec, bytes], str]] = {
            "predict": self._predict,
            "classify": self._classify,
            "regress": self._regress,
            "metadata": self._metadata,
            "": self._status,
        }

    def answer(self, verb: str, path: str, body: bytes) -> Reply:
        """Answers a request; never raises.

        Args:
            verb: HTTP method.
            path: Path as it was sent, without the query.
            body: The request's body.

        Returns:
            The answer; errors are `{"error": MESSAGE}`.
        """
        began = time.perf_counter()
        target = Target(model_pb2.ModelSpec(), "")
        try:
            target = parse_path(verb, path)
            with measured_api(target.method.capitalize()):
                text = self._methods[target.method](target.spec, body)
            code = grpc.StatusCode.OK
            reply = Reply(_HTTP_CODES[code], text.encode(errors="surrogateescape"))
        except Exception as error:
            known = as_serving_error(error)
            if known.code is grpc.StatusCode.INTERNAL:
                _log.exception("internal error in a call")
            code, reply = known.code, error_reply(known)
            # An exception that its own frame holds waits for the collector, with body and model.
            del known
        self._metrics.record(
            target.spec.name, target.method, "REST", code, time.perf_counter() - began
        )
        return reply

    def _predict(self, spec: model_pb2.ModelSpec, body: bytes) -> str:
        parsed = document.parse(body)
        request = predict_pb2.PredictRequest(model_spec=spec)
        request.model_spec.signature_name = inputs.signature_name(parsed)
        with self._models.lease(spec) as model:
            name = signature_name(request.model_spec)
            if name not in model.signatures:
                raise invalid_argument(
                    f'Serving signature name: "{name}" not found in signature def'
                )
            infos = model.signatures[name].inputs
            if not infos:
                shown = request.model_spec.signature_name or "DEFAULT"
                raise invalid_argument(f"Failed to get input map for signature: {shown}")
            layout, arrays = inputs.read_inputs(parsed, infos)
            for alias, array in arrays.items():
                tensors.write(array, request.inputs[alias])
            response = predict(model, request, self._timeout_s)
        values = {alias: tensors.decode(it) for alias, it in sorted(response.outputs.items())}
        return outputs.write(values, layout)

    def _classify(self, spec: model_pb2.ModelSpec, body: bytes) -> str:
        request = classification_pb2.ClassificationRequest(model_spec=spec)
        _fill(request, body)
        with self._models.lease(spec) as model:
            answered = classify(model, request, self._timeout_s, check_method_name=self._check)
        return examples.write_classes(answered.result)

    def _regress(self, spec: model_pb2.ModelSpec, body: bytes) -> str:
        request = regression_pb2.RegressionRequest(model_spec=spec)
        _fill(request, body)
        with self._models.lease(spec) as model:
            answered = regress(model, request, self._timeout_s, check_method_name=self._check)
        return examples.write_values(answered.result)

    def _metadata(self, spec: model_pb2.ModelSpec, body: bytes) -> str:
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._models.lease(_named(spec)) as model:
            for name, signature in model.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            answered = model_pb2.ModelSpec(name=spec.name)
            answered.version.value = model.version
        parts = {
            "model_spec": message_as_dict(answered),
            "metadata": {"signature_def": message_as_dict(signatures)},
        }
        return json.dumps(parts)

    def _status(self, spec: model_pb2.ModelSpec, body: bytes) -> str:
        versions = [
            {
                "version": str(it.version),
                "state": get_model_status_pb2.ModelVersionStatus.State.Name(it.state),
                "status": {"error_code": it.code.name, "error_message": it.message},
            }
            for it in self._models.states(_named(spec))
        ]
        return json.dumps({"model_version_status": versions})


def error_reply(error: ServingError, code: int | None = None) -> Reply:
    """Returns an error as TensorFlow Serving words it.

    Args:
        error: The error.
        code: HTTP code; by default that of the error's status.
    """
    body = json.dumps({"error": error.message}, ensure_ascii=False)
    return Reply(code or _HTTP_CODES.get(error.code, 500), body.encode(errors="replace"))


def _fill(request: Any, body: bytes) -> None:
    parsed = document.parse(body)
    request.model_spec.signature_name = inputs.signature_name(parsed)
    examples.fill_examples(parsed, request.input)


def _named(spec: model_pb2.ModelSpec) -> model_pb2.ModelSpec:
    if not spec.name:
        raise invalid_argument("Missing model name in request.")
    return spec
