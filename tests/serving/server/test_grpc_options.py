"""Limits, TLS, the token, health and reflection of a running server."""

import contextlib
import threading

import grpc
import numpy as np
import pytest
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.server.grpc_options import GrpcOptions
from lifelong.serving.server.server import ModelServer

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture
def serve(half_plus, push, tmp_path):
    """Starts a server of `m` with options: y = x / 2 + 1."""
    push(half_plus[1], tmp_path / "m", 1)
    with contextlib.ExitStack() as stack:

        def start(**options):
            server = ModelServer.of_model("m", str(tmp_path / "m"), poll_interval_s=0, **options)
            return stack.enter_context(server)

        yield start


X = np.float32([2])


def predict(channel, x=X, signature="", alias="x", **options):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.model_spec.signature_name = signature
    request.inputs[alias].CopyFrom(tf.make_tensor_proto(x))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(request, **{"timeout": 20, **options})
    return list(response.outputs["y"].float_val)


def refusal(call, *args, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **options)
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads is 0; at least 1"),
        ({"queue": -1}, "queue is -1"),
        ({"max_message_bytes": 0}, "max_message_bytes is 0"),
        ({"max_run_s": -1.0}, "max_run_s is -1"),
        ({"tls_key": "key.pem"}, "tls_certificate and tls_key belong together"),
        ({"tls_client_ca": "ca.pem"}, "tls_client_ca needs"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        GrpcOptions(**options)


def test_what_does_not_fit_the_queue_is_refused_at_once(serve, tmp_path, wait_for):
    server = serve(threads=1, queue=1)
    gates = [tmp_path / "first", tmp_path / "second"]
    answers = []
    with grpc.insecure_channel(server.address) as channel:

        def wait(gate):
            while True:
                try:
                    return answers.append(predict(channel, str(gate), "wait", "gate"))
                except grpc.RpcError as error:
                    # What asks below whether the queue is full may be in it for a moment.
                    if error.code() is not EXHAUSTED:
                        raise

        callers = [threading.Thread(target=wait, args=(gate,)) for gate in gates]
        callers[0].start()
        wait_for((tmp_path / "first.started").exists)
        callers[1].start()

        def refused():
            try:
                predict(channel, timeout=0.5)
            except grpc.RpcError as error:
                return error.code() is EXHAUSTED
            return False

        wait_for(refused)
        assert refusal(predict, channel) == (EXHAUSTED, "Concurrent RPC limit exceeded!")
        # The second waits for the first one's thread.
        assert not (tmp_path / "second.started").exists()
        for gate in gates:
            gate.touch()
        for caller in callers:
            caller.join()
        assert answers == [[1.0], [1.0]]
        wait_for(lambda: not refused())
        assert predict(channel) == [2.0]


def test_message_sizes(serve):
    server = serve(max_message_bytes=10_000)
    with grpc.insecure_channel(server.address) as channel:
        assert len(predict(channel, np.zeros(2_000, np.float32))) == 2_000
        code, details = refusal(predict, channel, np.zeros(3_000, np.float32))
        assert code is EXHAUSTED
        assert "larger than max" in details
        assert predict(channel) == [2.0]


def test_the_client_names_the_option_that_a_message_is_too_large_for(serve):
    server = serve(max_message_bytes=10_000)
    with PredictionClient(server.address, "m") as client:
        assert len(client.predict({"x": np.zeros(1_000, np.float32)})["y"]) == 1_000
        with pytest.raises(PredictionError, match=r"larger than max .*max_message_bytes") as caught:
            client.predict({"x": np.zeros(3_000, np.float32)})
    assert caught.value.code is EXHAUSTED


def test_messages_have_a_limit_by_default():
    assert GrpcOptions().largest_message == 64 * 2**20
    assert GrpcOptions(max_message_bytes=-1).largest_message == 2**31 - 1


def test_the_default_limit_is_above_what_clients_take_by_default(serve):
    server = serve()
    big = np.zeros(2 * 2**20, np.float32)
    with grpc.insecure_channel(server.address) as channel:
        code, details = refusal(predict, channel, big)
        assert code is EXHAUSTED
        assert "Received message larger than max" in details
    unlimited = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
    ]
    with grpc.insecure_channel(server.address, unlimited) as channel:
        assert len(predict(channel, big)) == len(big)


@pytest.mark.parametrize("timeout", [20, None])
def test_the_servers_own_limit_ends_a_run(serve, tmp_path, timeout):
    server = serve(max_run_s=0.2)
    with grpc.insecure_channel(server.address) as channel:
        gate = str(tmp_path / "gate")
        assert (
            refusal(predict, channel, gate, "wait", "gate", timeout=timeout)[0]
            is grpc.StatusCode.DEADLINE_EXCEEDED
        )
        assert predict(channel) == [2.0]


def test_the_token(serve, tmp_path):
    (tmp_path / "token").write_text("secret\n")
    server = serve(token_file=str(tmp_path / "token"), health=True, reflection=True)
    with grpc.insecure_channel(server.address) as channel:
        assert predict(channel, metadata=[("authorization", "Bearer secret")]) == [2.0]
        for metadata in (
            None,
            [("authorization", "Bearer secre")],
            [("authorization", "secret")],
            [("token", "secret")],
        ):
            code, details = refusal(predict, channel, metadata=metadata)
            assert code is grpc.StatusCode.UNAUTHENTICATED
            assert "no valid token" in details
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        status = get_model_status_pb2.GetModelStatusRequest()
        assert refusal(models.GetModelStatus, status)[0] is grpc.StatusCode.UNAUTHENTICATED
        stream = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        assert refusal(next, stream)[0] is grpc.StatusCode.UNAUTHENTICATED
        # Probes cannot send one.
        checked = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
        assert checked.status == SERVING


@pytest.mark.parametrize("method", ["PredictionService/Predict", "ModelService/GetModelStatus"])
@pytest.mark.parametrize("token", ["Bearer wrong", ""])
def test_a_wrong_token_is_refused_before_the_message_comes(serve, tmp_path, method, token):
    (tmp_path / "token").write_text("secret")
    server = serve(token_file=str(tmp_path / "token"))
    ended = threading.Event()
    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_unary(f"/tensorflow.serving.{method}")
        # Nothing is sent but the headers.
        messages = iter(lambda: ended.wait() and b"", b"")
        code, _ = refusal(call, messages, metadata=[("authorization", token)], timeout=20)
        ended.set()
    assert code is grpc.StatusCode.UNAUTHENTICATED


def test_token_files_are_checked(tmp_path):
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(ValueError, match="empty is empty; a token was expected"):
        ModelServer.of_model("m", "/m", token_file=str(tmp_path / "empty"))
    with pytest.raises(OSError, match="nowhere"):
        ModelServer.of_model("m", "/m", token_file="/nowhere")


def test_tls(serve, pair):
    key, certificate = pair
    server = serve(tls_key=str(key), tls_certificate=str(certificate))
    trusted = grpc.ssl_channel_credentials(certificate.read_bytes())
    with grpc.secure_channel(server.address, trusted) as channel:
        assert predict(channel) == [2.0]
    with grpc.insecure_channel(server.address) as channel:
        assert refusal(predict, channel)[0] is grpc.StatusCode.UNAVAILABLE


def test_tls_with_client_certificates(serve, pair):
    key, certificate = pair
    pem = certificate.read_bytes()
    server = serve(
        tls_key=str(key), tls_certificate=str(certificate), tls_client_ca=str(certificate)
    )
    known = grpc.ssl_channel_credentials(pem, key.read_bytes(), pem)
    with grpc.secure_channel(server.address, known) as channel:
        assert predict(channel) == [2.0]
    with grpc.secure_channel(server.address, grpc.ssl_channel_credentials(pem)) as channel:
        assert refusal(predict, channel)[0] is grpc.StatusCode.UNAVAILABLE


def test_health_and_reflection_are_off_by_default(server):
    with grpc.insecure_channel(server.address) as channel:
        check = health_pb2_grpc.HealthStub(channel).Check
        unimplemented = grpc.StatusCode.UNIMPLEMENTED
        assert refusal(check, health_pb2.HealthCheckRequest())[0] is unimplemented
        stream = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        assert refusal(next, stream)[0] is unimplemented


def test_health_follows_the_models(half_plus, push, tmp_path):
    server = ModelServer.of_model("m", str(tmp_path / "m"), poll_interval_s=0, health=True)
    with server, grpc.insecure_channel(server.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)

        def status(service):
            return health.Check(health_pb2.HealthCheckRequest(service=service)).status

        names = ("", "PredictionService", "ModelService")
        assert {status(name) for name in names} == {NOT_SERVING}
        push(half_plus[1], tmp_path / "m", 1)
        server.poll()
        assert {status(name) for name in names} == {SERVING}
        assert refusal(status, "nope")[0] is grpc.StatusCode.NOT_FOUND
        # Watching does not hold the only thread.
        watching = health.Watch(health_pb2.HealthCheckRequest())
        assert next(watching).status == SERVING
        watching.cancel()


def test_health_tells_that_a_stop_has_begun(serve, tmp_path, wait_for):
    server = serve(health=True, threads=2)
    gate = tmp_path / "gate"
    answers = []
    with grpc.insecure_channel(server.address) as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watching).status == SERVING
        caller = threading.Thread(
            target=lambda: answers.append(predict(channel, str(gate), "wait", "gate"))
        )
        caller.start()
        wait_for((tmp_path / "gate.started").exists)
        stopper = threading.Thread(target=server.stop)
        stopper.start()
        assert next(watching).status == NOT_SERVING
        watching.cancel()
        gate.touch()
        caller.join()
        stopper.join()
    assert answers == [[1.0]]


def test_reflection(serve):
    server = serve(reflection=True)
    with grpc.insecure_channel(server.address) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        (answer,) = stub.ServerReflectionInfo(
            iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        )
        assert {it.name for it in answer.list_services_response.service} == {
            "grpc.reflection.v1alpha.ServerReflection",
            "tensorflow.serving.ModelService",
            "tensorflow.serving.PredictionService",
        }
        (answer,) = stub.ServerReflectionInfo(
            iter(
                [
                    reflection_pb2.ServerReflectionRequest(
                        file_containing_symbol="tensorflow.serving.PredictionService"
                    )
                ]
            )
        )
        assert answer.file_descriptor_response.file_descriptor_proto
