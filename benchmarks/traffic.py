"""Clients of a server under load: good ones, whose answers are checked, and bad ones."""

from __future__ import annotations

import collections
import functools
import http.client
import itertools
import json
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

import grpc
import numpy as np
from tensorflow_serving.apis import predict_pb2

from benchmarks.pushes import variant_of
from lifelong.serving import prediction
from lifelong.serving.client import PredictionClient

MODEL = "m"
_DEADLINE_S = 20.0
_TOLERANCE = 1e-4
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_UNLIMITED = [("grpc.max_send_message_length", -1)]
# What a client's own fault may end with.
_FAULTS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.NOT_FOUND,
}
Calls = Mapping[str, Callable[[], object]]


class Traffic:
    """Calls a server from several threads, from `start` to `stop`.

    Args:
        address: Address of gRPC.
        rest_address: Address of REST.
        inputs: Good requests to `serving_default`: arrays by name, by what the request is called in
            figures. The first also goes over REST.
        expected: For each of the models that are pushed, the expected scores of each request.
        oversized_bytes: A size of messages that the server refuses.
        pause_s: Seconds that each thread waits after a call.

    Attributes:
        counts: Calls by kind.
        problems: Good calls that failed or were answered wrongly, and bad ones that ended in a way
            they must not.
        latencies: Time of the call and its seconds, of good Predicts over gRPC.
    """

    def __init__(
        self,
        address: str,
        rest_address: str,
        inputs: Mapping[str, Mapping[str, np.ndarray]],
        expected: Sequence[Mapping[str, np.ndarray]],
        oversized_bytes: int,
        pause_s: float = 0.002,
    ) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.problems: list[str] = []
        self.latencies: list[tuple[float, float]] = []
        self._address = address
        self._rest_address = rest_address
        self._inputs = inputs
        self._expected = expected
        self._oversized_bytes = oversized_bytes
        self._pause_s = pause_s
        self._done = threading.Event()
        self._lock = threading.Lock()
        clients = [*[self._predict] * 3, self._predict_over_rest, self._look, self._disturb]
        self._threads = [threading.Thread(target=client) for client in clients]

    def start(self) -> None:
        """Starts the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends the threads after the calls that they are in."""
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _repeat(self, calls: Calls) -> None:
        """Makes calls in turn until it is stopped; an exception is a problem, and it goes on."""
        for name in itertools.cycle(calls):
            if self._done.wait(self._pause_s):
                return
            try:
                calls[name]()
            except Exception as error:
                with self._lock:
                    self.problems.append(f"{name}: {error!r}"[:500])
            with self._lock:
                self.counts[name] += 1

    def _predict(self) -> None:
        with PredictionClient(self._address, MODEL, _DEADLINE_S, attempts=1) as client:

            def call(name: str) -> None:
                began = time.monotonic()
                answer = client.call(self._inputs[name])
                self.latencies.append((began, time.monotonic() - began))
                variant = variant_of(answer.version, len(self._expected))
                self._check(name, answer.outputs["scores"], [variant])

            self._repeat(
                {f"Predict, {name}": functools.partial(call, name) for name in self._inputs}
            )

    def _predict_over_rest(self) -> None:
        name, inputs = next(iter(self._inputs.items()))
        body = json.dumps({"inputs": {key: value.tolist() for key, value in inputs.items()}})
        connection = http.client.HTTPConnection(self._rest_address, timeout=_DEADLINE_S)

        def call() -> None:
            text = _answer(connection, "POST", f"/v1/models/{MODEL}:predict", body)
            scores = np.array(json.loads(text)["outputs"], np.float32)
            # The answer does not name the version.
            self._check(name, scores, range(len(self._expected)))

        self._repeat({f"REST predict, {name}": call})
        connection.close()

    def _look(self) -> None:
        """Asks for metadata, status and metrics over gRPC and REST."""
        connection = http.client.HTTPConnection(self._rest_address, timeout=_DEADLINE_S)
        get = functools.partial(_answer, connection, "GET")
        with PredictionClient(self._address, MODEL, _DEADLINE_S, attempts=1) as client:
            self._repeat(
                {
                    "metadata": client.metadata,
                    "status": client.status,
                    "REST metadata": functools.partial(get, f"/v1/models/{MODEL}/metadata"),
                    "REST status": functools.partial(get, f"/v1/models/{MODEL}"),
                    "metrics": functools.partial(get, "/monitoring/prometheus/metrics"),
                }
            )
        connection.close()

    def _disturb(self) -> None:
        """Breaks calls off, and sends what must be refused."""
        good = prediction.predict_request(
            prediction.model_spec(MODEL, None), list(self._inputs.values())[-1], "", ()
        )
        claim, oversized = predict_pb2.PredictRequest(), predict_pb2.PredictRequest()
        claim.MergeFromString(good.SerializeToString())
        tensor = claim.inputs[min(claim.inputs)]
        tensor.tensor_content = b""
        tensor.tensor_shape.dim[0].size = 2**40
        oversized.inputs["x"].tensor_content = bytes(self._oversized_bytes)
        whole = good.SerializeToString()
        self._repeat(
            {
                "bad: cancelled": functools.partial(self._break_off, whole, cancel=True),
                "bad: channel closed": functools.partial(self._break_off, whole, cancel=False),
                "bad: deadline of 1 ms": functools.partial(self._fail, whole, 0.001),
                "bad: oversized": functools.partial(self._fail, oversized.SerializeToString()),
                "bad: huge shape": functools.partial(self._fail, claim.SerializeToString()),
                "bad: unknown model": functools.partial(self._fail, b"\n\x06\n\x04nope"),
                "bad: JSON cut off": self._cut_off,
            }
        )

    def _break_off(self, request: bytes, *, cancel: bool) -> None:
        with grpc.insecure_channel(self._address) as channel:
            future = channel.unary_unary(_PREDICT).future(request, timeout=_DEADLINE_S)
            time.sleep(random.uniform(0, 0.01))
            if cancel:
                future.cancel()

    def _fail(self, request: bytes, timeout_s: float = _DEADLINE_S) -> None:
        with grpc.insecure_channel(self._address, _UNLIMITED) as channel:
            try:
                channel.unary_unary(_PREDICT)(request, timeout=timeout_s)
            except grpc.RpcError as error:
                if error.code() not in _FAULTS or not error.details():
                    raise

    def _cut_off(self) -> None:
        """Announces a longer body than it sends, and hangs up."""
        connection = http.client.HTTPConnection(self._rest_address, timeout=_DEADLINE_S)
        connection.putrequest("POST", f"/v1/models/{MODEL}:predict")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b'{"inputs": {')
        connection.close()

    def _check(self, name: str, scores: np.ndarray, variants: Collection[int]) -> None:
        """Compares scores with those of the models that may have answered."""
        error = min(np.abs(scores - self._expected[variant][name]).max() for variant in variants)
        if not error <= _TOLERANCE:
            raise ValueError(f"scores of {name} from variants {variants} are off by {error}")


def _answer(connection: http.client.HTTPConnection, verb: str, path: str, body: str = "") -> bytes:
    connection.request(verb, path, body)
    response = connection.getresponse()
    text = response.read()
    if response.status != 200:
        raise ValueError(f"{verb} {path}: {response.status}: {text[:200]!r}")
    return text
