"""A client of TensorFlow Serving's gRPC, for the embedded server and the real one alike."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from lifelong.serving import tensors

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_INITIALISER = "__saved_model_init_op"
_STATUS_INTERVAL_S = 0.1
Response = TypeVar("Response")


class PredictionError(RuntimeError):
    """The server refused or failed a call, or cannot be reached.

    Attributes:
        code: gRPC status code.
        message: The server's message.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message


@dataclasses.dataclass(frozen=True)
class Signature:
    """Inputs and outputs of a signature by name.

    Attributes:
        inputs: Type and shape of each input.
        outputs: Type and shape of each output.
    """

    inputs: dict[str, tf.TensorSpec]
    outputs: dict[str, tf.TensorSpec]


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """State of one version on the server.

    Attributes:
        version: Version number.
        state: START, LOADING, AVAILABLE, UNLOADING or END.
        code: OK, or why loading failed.
        message: Why loading failed.
    """

    version: int
    state: str
    code: grpc.StatusCode
    message: str


class PredictionClient:
    """Calls one model on a server. Threads may share a client.

    Args:
        address: `host:port` of the server.
        model_name: The model's name on the server.
        timeout_s: Deadline of each call in seconds; the server gives up on it then, too.
        version: Version to ask for; the newest available one by default.
    """

    def __init__(
        self,
        address: str,
        model_name: str = "lifelong",
        timeout_s: float = 10.0,
        version: int | None = None,
    ) -> None:
        self.address = address
        self._timeout_s = timeout_s
        self._spec = model_pb2.ModelSpec(name=model_name)
        if version is not None:
            self._spec.version.value = version
        self._channel = grpc.insecure_channel(
            address,
            options=[
                ("grpc.max_send_message_length", -1),
                ("grpc.max_receive_message_length", -1),
            ],
        )
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        signature_name: str = "",
        output_filter: Sequence[str] = (),
    ) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
            inputs: An array for each input of the signature, of exactly its type.
            signature_name: `serving_default` when empty.
            output_filter: Outputs to return; all when empty.

        Returns:
            An array for each output.

        Raises:
            PredictionError: The server refused or failed the call.
        """
        request = predict_pb2.PredictRequest(output_filter=output_filter)
        request.model_spec.CopyFrom(self._spec)
        request.model_spec.signature_name = signature_name
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(np.asarray(value)))
        response = self._call(self._predictions.Predict, request)
        return {name: tensors.decode(proto) for name, proto in response.outputs.items()}

    def signatures(self) -> dict[str, Signature]:
        """Returns the model's signatures by name.

        Raises:
            PredictionError: The server refused or failed the call.
        """
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
        request.model_spec.CopyFrom(self._spec)
        response = self._call(self._predictions.GetModelMetadata, request)
        found = get_model_metadata_pb2.SignatureDefMap()
        response.metadata["signature_def"].Unpack(found)
        return {
            name: Signature(_specs(signature.inputs), _specs(signature.outputs))
            for name, signature in found.signature_def.items()
            # TensorFlow lists the model's initialiser, too, which nobody can call.
            if name != _INITIALISER
        }

    def status(self) -> list[VersionStatus]:
        """Returns the state of the model's versions, in the server's order (newest first).

        Raises:
            PredictionError: The server does not know the model, or cannot be reached.
        """
        return self._status(self._timeout_s)

    def wait_until_available(self, timeout_s: float = 60.0) -> int:
        """Waits until the server is up and a version can be called.

        Args:
            timeout_s: Seconds to wait at most.

        Returns:
            The newest available version.

        Raises:
            PredictionError: DEADLINE_EXCEEDED, with what the server said last.
        """
        deadline = time.monotonic() + timeout_s
        last = "no answer"
        while (remaining := deadline - time.monotonic()) > 0:
            try:
                statuses = self._status(remaining, wait_for_ready=True)
            except PredictionError as error:
                last = str(error)
            else:
                available = [it.version for it in statuses if it.state == "AVAILABLE"]
                if available:
                    return max(available)
                last = "; ".join(
                    f"version {it.version} is {it.state} {it.message}".rstrip() for it in statuses
                )
            time.sleep(min(_STATUS_INTERVAL_S, max(0.0, deadline - time.monotonic())))
        raise PredictionError(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            f"model {self._spec.name} on {self.address} is not available after {timeout_s:g} s:"
            f" {last}",
        )

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()

    def _status(self, timeout_s: float, wait_for_ready: bool = False) -> list[VersionStatus]:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=self._spec)
        response = self._call(
            self._models.GetModelStatus, request, timeout_s, wait_for_ready=wait_for_ready
        )
        name_of = get_model_status_pb2.ModelVersionStatus.State.Name
        return [
            VersionStatus(
                it.version,
                name_of(it.state),
                _CODES[it.status.error_code],
                it.status.error_message,
            )
            for it in response.model_version_status
        ]

    def _call(
        self,
        method: Callable[..., Response],
        request: Any,
        timeout_s: float | None = None,
        wait_for_ready: bool = False,
    ) -> Response:
        try:
            return method(
                request,
                timeout=self._timeout_s if timeout_s is None else timeout_s,
                wait_for_ready=wait_for_ready,
            )
        except grpc.RpcError as error:
            raise PredictionError(error.code(), error.details()) from error

    def __enter__(self) -> PredictionClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _specs(infos: Mapping[str, Any]) -> dict[str, tf.TensorSpec]:
    return {
        name: tf.TensorSpec(tf.TensorShape(info.tensor_shape), tf.dtypes.as_dtype(info.dtype), name)
        for name, info in infos.items()
    }
