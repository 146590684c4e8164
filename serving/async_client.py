"""An asynchronous client of TensorFlow Serving's gRPC."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar

import grpc
import numpy.typing as npt

from lifelong.serving import prediction
from lifelong.serving.credentials import ClientSecurity
from lifelong.serving.prediction import Metadata, Prediction, PredictionError

Response = TypeVar("Response")


class AsyncPredictionClient:
    """Calls one model on a server from an event loop; the arguments are `PredictionClient`'s.

    Args:
        address: `host:port` of the server.
        model_name: The model's name on the server.
        timeout_s: Deadline of each call in seconds.
        version: Version to ask for; the newest available one by default.
        attempts: How often a call is made at most while the server is busy or cannot be reached.
        security: TLS and token; by default neither.
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
        self.timeout_s = timeout_s
        self._spec = prediction.model_spec(model_name, version)
        self._channel, self._methods = prediction.connect(grpc.aio, address, attempts, security)

    async def call(
        self,
        inputs: Mapping[str, npt.ArrayLike],
        signature_name: str = "",
        output_filter: Sequence[str] = (),
    ) -> Prediction:
        """Runs a signature, and tells which version answered.

        Raises:
            ValueError: The inputs are those of a ranking request that makes no sense: lengths beyond
                the tensors, times in another unit, negative ids, events after the request. Nothing
                is sent; the message names the input.
            PredictionError: The server refused or failed the call.
        """
        request = prediction.predict_request(self._spec, inputs, signature_name, output_filter)
        return prediction.read_prediction(await self._call(self._methods.predict, request))

    async def metadata(self) -> Metadata:
        """Returns the model's signatures and its version.

        Raises:
            PredictionError: The server refused or failed the call.
        """
        request = prediction.metadata_request(self._spec)
        response = await self._call(self._methods.get_model_metadata, request)
        return prediction.read_metadata(response)

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def _call(self, method: Callable[..., Awaitable[Response]], request: Any) -> Response:
        try:
            return await method(request, timeout=self.timeout_s)
        except grpc.aio.AioRpcError as error:
            raise PredictionError.of(error) from error

    async def __aenter__(self) -> AsyncPredictionClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
