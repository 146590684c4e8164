import contextlib
from concurrent import futures

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2

from lifelong.serving.client import PredictionClient, PredictionError
from lifelong.serving.prediction import TensorInfo
from lifelong.serving.server.server import ModelServer


def test_predict_returns_arrays_by_name(client):
    outputs = client.predict({"a": np.float32([2]), "b": [3]}, "combine")
    assert {name: values.tolist() for name, values in outputs.items()} == {
        "sum": [5.0],
        "product": [6.0],
    }
    assert list(client.predict({"a": np.float32([2]), "b": [3]}, "combine", ["sum"])) == ["sum"]


def test_strings_and_scalars(client):
    outputs = client.predict({"word": ["plum", "kiwi", "apple"]}, "look_up")
    assert outputs["id"].tolist() == [2, 3, 0]
    assert outputs["word"].tolist() == [b"plum", b"kiwi", b"apple"]
    assert client.predict({"x": np.float32(4)})["y"] == 4.0


def test_messages_beyond_four_megabytes(client):
    x = np.arange(3_000_000, dtype=np.float32)
    assert (client.predict({"x": x})["y"] == x / 2 + 2).all()


def test_signatures(client):
    signatures = client.signatures()
    assert {"serving_default", "combine", "look_up", "wait"} <= signatures.keys()
    combine = signatures["combine"]
    assert combine.inputs == {
        "a": TensorInfo(np.dtype("float32"), (None,)),
        "b": TensorInfo(np.dtype("int64"), (None,)),
    }
    assert combine.outputs.keys() == {"sum", "product"}
    assert signatures["serving_default"].inputs["x"].shape is None


def test_status(client):
    (status,) = client.status()
    assert (status.version, status.state, status.code) == (3, "AVAILABLE", grpc.StatusCode.OK)
    assert client.wait_until_available(5) == 3


def test_errors_carry_code_and_message(client):
    with pytest.raises(PredictionError, match=r'^FAILED_PRECONDITION: .*"zzz" not found') as caught:
        client.predict({"x": 1.0}, "zzz")
    assert caught.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.message == 'Serving signature key "zzz" not found.'


def test_a_version_may_be_asked_for(server):
    with PredictionClient(server.address, "two", version=3) as client:
        assert client.predict({"x": np.float32([2])})["y"].tolist() == [3.0]
    with PredictionClient(server.address, "two", version=9) as client:
        with pytest.raises(PredictionError, match=r"Specific\(two, 9\)"):
            client.predict({"x": np.float32([2])})
        with pytest.raises(PredictionError, match="Could not find version 9 of model two"):
            client.status()


def test_nobody_listens(server, half_plus, push, tmp_path):
    push(half_plus[1], tmp_path, 1)
    with ModelServer.of_model("gone", str(tmp_path), poll_interval_s=0) as stopped:
        address = stopped.address
    with PredictionClient(address, "gone") as client:
        with pytest.raises(PredictionError, match="UNAVAILABLE"):
            client.predict({"x": 1.0})
        with pytest.raises(PredictionError, match=r"gone on .* is not available after 0.2 s"):
            client.wait_until_available(0.2)


def test_waiting_tells_why_a_version_failed(tmp_path):
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "saved_model.pb").write_bytes(b"not a model")
    with (
        ModelServer.of_model("bad", str(tmp_path), poll_interval_s=0) as server,
        PredictionClient(server.address, "bad") as client,
        pytest.raises(PredictionError, match=r"version 4 is LOADING .*is not a SavedModel"),
    ):
        client.wait_until_available(0.3)


class BusyAtFirst(grpc.GenericRpcHandler):
    """Answers Predict after it has refused some calls."""

    def __init__(self, code, refusals):
        self.code, self.refusals, self.calls = code, refusals, 0

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(self.predict)

    def predict(self, request, context):
        self.calls += 1
        if self.calls <= self.refusals:
            context.abort(self.code, "not now")
        return predict_pb2.PredictResponse().SerializeToString()


@contextlib.contextmanager
def busy_server(code, refusals):
    handler = BusyAtFirst(code, refusals)
    server = grpc.server(futures.ThreadPoolExecutor(1), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield handler, f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("code", ["UNAVAILABLE", "RESOURCE_EXHAUSTED"])
def test_a_busy_server_is_tried_again(code):
    with (
        busy_server(grpc.StatusCode[code], 2) as (handler, address),
        PredictionClient(address, attempts=3) as client,
    ):
        assert client.predict({"x": 1.0}) == {}
        assert handler.calls == 3


@pytest.mark.parametrize(
    ("code", "attempts", "calls"),
    [("UNAVAILABLE", 2, 2), ("UNAVAILABLE", 1, 1), ("INTERNAL", 3, 1)],
)
def test_tries_are_bounded_and_only_for_calls_that_did_not_run(code, attempts, calls):
    with (
        busy_server(grpc.StatusCode[code], 9) as (handler, address),
        PredictionClient(address, attempts=attempts) as client,
    ):
        with pytest.raises(PredictionError, match=f"{code}: not now"):
            client.predict({"x": 1.0})
        assert handler.calls == calls


def test_attempts_must_be_positive():
    with pytest.raises(ValueError, match="attempts is 0"):
        PredictionClient("127.0.0.1:1", attempts=0)
