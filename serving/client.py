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

from lifelong.serving import messages, prediction
from lifelong.serving.credentials import ClientSecurity
from lifelong.serving.prediction import Metadata, Prediction, PredictionError, Signature

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_STATES = {
    0: "UNKNOWN",
    10: "START",
    20: "LOADING",
    30: "AVAILABLE",
    40: "UNLOADING",
    50: "END",
}
_STATUS_INTERVAL_S = 0.1
Response = TypeVar("Response")


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
        attempts: How often a call is made at most while the server is busy or cannot be reached,
            with exponential back-off, within the deadline.
        security: TLS and token; by default neither.

    Raises:
        ValueError: An argument makes no sense.
        OSError: A file of certificates, keys or the token cannot be read.
    """

    def __init__(
        self,
        address: str,
        model_name: str = "lifelong",
        timeout_s: float = 10.0,
        version: int | None = None,
        attempts: int = 3,
        security: ClientSecurity | None = None,
    ) -> None:
        self.address = address
        self.model_name = model_name
        self.timeout_s = timeout_s
        self._spec = prediction.model_spec(model_name, version)
        self._channel, self._methods = prediction.connect(grpc, address, attempts, security)

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
            ValueError: The inputs are those of a ranking request that makes no sense: lengths beyond
                the tensors, times in another unit, negative ids, events after the request. Nothing
                is sent; the message names the input.
            PredictionError: The server refused or failed the call.
        """
        return self.call(inputs, signature_name, output_filter).outputs

    def call(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        signature_name: str = "",
        output_filter: Sequence[str] = (),
    ) -> Prediction:
        """Runs a signature, and tells which version answered; otherwise as `predict`."""
        request = prediction.predict_request(self._spec, inputs, signature_name, output_filter)
        return prediction.read_prediction(self._call(self._methods.predict, request))

    def signatures(self) -> dict[str, Signature]:
        """Returns the model's signatures by name.

        Raises:
            PredictionError: The server refused or failed the call.
        """
        return self.metadata().signatures

    def metadata(self) -> Metadata:
        """Returns the model's signatures and its version.

        Raises:
            PredictionError: The server refused or failed the call.
        """
        request = prediction.metadata_request(self._spec)
        return prediction.read_metadata(self._call(self._methods.get_model_metadata, request))

    def status(self) -> list[VersionStatus]:
        """Returns the state of the model's versions, in the server's order (newest first).

        Raises:
            PredictionError: The server does not know the model, or cannot be reached.
        """
        return self._status(self.timeout_s)

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
        request = messages.GetModelStatusRequest(model_spec=self._spec)
        response = self._call(
            self._methods.get_model_status, request, timeout_s, wait_for_ready=wait_for_ready
        )
        return [
            VersionStatus(
                it.version,
                _STATES[it.state],
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
                timeout=self.timeout_s if timeout_s is None else timeout_s,
                wait_for_ready=wait_for_ready,
            )
        except grpc.RpcError as error:
            raise PredictionError.of(error) from error

    def __enter__(self) -> PredictionClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
