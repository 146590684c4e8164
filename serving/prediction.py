"""What the blocking and the asynchronous client of TensorFlow Serving have in common."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import grpc
import numpy as np
import numpy.typing as npt

from lifelong.serving import messages, tensors
from lifelong.serving.credentials import ClientSecurity
from lifelong.serving.request_checks import check_request

# Of `lifelong.serving.messages`.
Message = Any

_INITIALISER = "__saved_model_init_op"
# Calls that the server never ran, or refused because it was busy.
_RETRIED = ["UNAVAILABLE", "RESOURCE_EXHAUSTED"]
# What gRPC says of a message over the limit of the one that receives it.
_TOO_LARGE = "larger than max"


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

    @classmethod
    def of(cls, error: grpc.RpcError) -> PredictionError:
        """Returns what a call that failed says."""
        message = error.details() or ""
        if _TOO_LARGE in message:
            message += (
                "; send fewer users, candidates or events in a call, or raise the server's"
                " max_message_bytes"
            )
        return cls(error.code(), message)


class Prediction(NamedTuple):
    """What a call returned.

    Attributes:
        outputs: An array for each output.
        version: Version of the model that answered.
    """

    outputs: dict[str, np.ndarray]
    version: int


class TensorInfo(NamedTuple):
    """Type and shape of an input or output.

    Attributes:
        dtype: NumPy's type; texts are of type `object`, one bytes object each.
        shape: Sizes, None where any will do; None if the rank is not known.
    """

    dtype: np.dtype[Any]
    shape: tuple[int | None, ...] | None


class Signature(NamedTuple):
    """Inputs and outputs of a signature by name.

    Attributes:
        inputs: Type and shape of each input.
        outputs: Type and shape of each output.
    """

    inputs: dict[str, TensorInfo]
    outputs: dict[str, TensorInfo]


class Metadata(NamedTuple):
    """What the server tells about a model.

    Attributes:
        signatures: By name.
        version: Version of the model.
    """

    signatures: dict[str, Signature]
    version: int


class Methods:
    """The calls of TensorFlow Serving's gRPC on a channel, blocking or asynchronous as that is.

    Args:
        channel: A channel of `grpc` or `grpc.aio`.
        metadata: What each call carries.
    """

    def __init__(self, channel: Any, metadata: Sequence[tuple[str, str]]) -> None:
        def method(path: str, request: Any, response: Any) -> Any:
            call = channel.unary_unary(
                path,
                request_serializer=request.SerializeToString,
                response_deserializer=response.FromString,
            )
            return functools.partial(call, metadata=metadata) if metadata else call

        self.predict = method(messages.PREDICT, messages.PredictRequest, messages.PredictResponse)
        self.get_model_metadata = method(
            messages.GET_MODEL_METADATA,
            messages.GetModelMetadataRequest,
            messages.GetModelMetadataResponse,
        )
        self.get_model_status = method(
            messages.GET_MODEL_STATUS,
            messages.GetModelStatusRequest,
            messages.GetModelStatusResponse,
        )


def connect(
    library: Any, address: str, attempts: int, security: ClientSecurity | None
) -> tuple[Any, Methods]:
    """Opens a channel; nothing is sent yet.

    Args:
        library: `grpc` or `grpc.aio`.
        address: `host:port` of the server.
        attempts: See `channel_options`.
        security: TLS and token; None for neither.

    Returns:
        The channel, and the calls on it.

    Raises:
        ValueError: An argument makes no sense.
        OSError: A file of `security` cannot be read.
    """
    security = security or ClientSecurity()
    options, metadata = channel_options(attempts), security.call_metadata(address)
    credentials = security.channel_credentials()
    if credentials is None:
        channel = library.insecure_channel(address, options)
    else:
        channel = library.secure_channel(address, credentials, options)
    return channel, Methods(channel, metadata)


def channel_options(attempts: int) -> list[tuple[str, int | str]]:
    """Returns options of a channel: messages of any size, retries with exponential back-off.

    Args:
        attempts: Calls at most, the first included; gRPC caps it at 5. All of them end with the
            deadline of the first.

    Raises:
        ValueError: `attempts` is not positive.
    """
    if attempts < 1:
        raise ValueError(f"attempts is {attempts}; at least 1 is needed")
    options: list[tuple[str, int | str]] = [
        ("grpc.max_send_message_length", -1),
        ("grpc.max_receive_message_length", -1),
    ]
    if attempts > 1:
        policy = {
            "maxAttempts": attempts,
            "initialBackoff": "0.05s",
            "maxBackoff": "1s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": _RETRIED,
        }
        config = {"methodConfig": [{"name": [{}], "retryPolicy": policy}]}
        options.append(("grpc.service_config", json.dumps(config)))
    return options


def model_spec(model_name: str, version: int | None) -> Message:
    """Returns the specification of a model; of its newest version if none is named."""
    spec = messages.ModelSpec(name=model_name)
    if version is not None:
        spec.version.value = version
    return spec


def predict_request(
    spec: Message,
    inputs: Mapping[str, npt.ArrayLike],
    signature_name: str,
    output_filter: Sequence[str],
) -> Message:
    """Returns the message of a Predict call; `serving_default` if no signature is named.

    Raises:
        ValueError: The inputs are those of a ranking request that makes no sense; see
            `check_request`.
    """
    arrays = {name: np.asarray(value) for name, value in inputs.items()}
    check_request(arrays)
    request = messages.PredictRequest(output_filter=output_filter)
    request.model_spec.CopyFrom(spec)
    request.model_spec.signature_name = signature_name
    for name, array in arrays.items():
        tensors.write_content(array, request.inputs[name])
    return request


def read_prediction(response: Message) -> Prediction:
    """Returns what the answer of a Predict call says."""
    outputs = {name: tensors.decode(proto) for name, proto in response.outputs.items()}
    return Prediction(outputs, response.model_spec.version.value)


def metadata_request(
    spec: Message,
) -> messages.GetModelMetadataRequest:
    """Returns the message that asks for signatures."""
    request = messages.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.CopyFrom(spec)
    return request


def read_metadata(response: Message) -> Metadata:
    """Returns what the answer says about signatures."""
    found = messages.SignatureDefMap.FromString(response.metadata["signature_def"].value)
    signatures = {
        name: Signature(_specs(signature.inputs), _specs(signature.outputs))
        for name, signature in found.signature_def.items()
        # TensorFlow lists the model's initialiser, too, which nobody can call.
        if name != _INITIALISER
    }
    return Metadata(signatures, response.model_spec.version.value)


def _specs(infos: Mapping) -> dict[str, TensorInfo]:
    return {
        name: TensorInfo(tensors.numpy_type(info.dtype), _shape(info.tensor_shape))
        for name, info in infos.items()
    }


def _shape(proto: Message) -> tuple[int | None, ...] | None:
    if proto.unknown_rank:
        return None
    return tuple(None if dim.size < 0 else dim.size for dim in proto.dim)
