import threading

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from lifelong.serving.client import PredictionClient, PredictionError
from lifelong.serving.server.server import ModelServer
from lifelong.serving.tensors import decode, write


def test_no_call_is_lost_while_versions_are_pushed(half_plus, push, tmp_path, wait_for):
    push(half_plus[1], tmp_path, 1)
    answers, failures = [], []
    done = threading.Event()

    def call(address):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "pushed"
        write(np.float32([4]), request.inputs["x"])
        with grpc.insecure_channel(address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not done.is_set():
                try:
                    response = stub.Predict(request, timeout=20)
                except grpc.RpcError as error:
                    failures.append(error)
                    return
                answers.append(
                    (response.model_spec.version.value, decode(response.outputs["y"]).item())
                )

    with (
        ModelServer.of_model("pushed", str(tmp_path), poll_interval_s=0.01) as server,
        PredictionClient(server.address, "pushed") as client,
    ):
        threads = [threading.Thread(target=call, args=(server.address,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for version in range(2, 7):
            if version == 4:
                # A bad one among them is skipped.
                (tmp_path / "4").mkdir()
                (tmp_path / "4" / "saved_model.pb").write_bytes(b"bad")
                wait_for(lambda: client.status()[0].code is not grpc.StatusCode.OK)
                continue
            push(half_plus[2 - version % 2], tmp_path, version)
            wait_for(lambda v=version: any(answer[0] == v for answer in list(answers)))
        done.set()
        for thread in threads:
            thread.join()
        # The last old version may be on its way out still.
        ended = {6: "AVAILABLE", **dict.fromkeys((1, 2, 3, 4, 5), "END")}
        wait_for(lambda: {it.version: it.state for it in client.status()} == ended)
    assert not failures
    # Odd versions add 1, even ones 2.
    assert set(answers) == {(v, 4 / 2 + 2 - v % 2) for v in (1, 2, 3, 5, 6)}


def test_a_call_on_the_old_version_finishes_there(half_plus, push, tmp_path, wait_for):
    base, gate = tmp_path / "models", tmp_path / "gate"
    push(half_plus[1], base, 1)
    with (
        ModelServer.of_model("one", str(base), poll_interval_s=0) as server,
        PredictionClient(server.address, "one") as client,
    ):
        results = []
        caller = threading.Thread(
            target=lambda: results.append(client.predict({"gate": str(gate)}, "wait")["y"])
        )
        caller.start()
        wait_for((tmp_path / "gate.started").exists)
        push(half_plus[2], base, 2)
        server.poll()
        assert [it.state for it in client.status()] == ["AVAILABLE", "UNLOADING"]
        assert client.predict({"x": np.float32(0)})["y"] == 2.0
        gate.touch()
        caller.join()
        assert results == [1.0]
        wait_for(lambda: client.status()[1].state == "END")


def test_stop_lets_a_running_call_finish(half_plus, push, tmp_path, wait_for):
    base, gate = tmp_path / "models", tmp_path / "gate"
    push(half_plus[1], base, 1)
    server = ModelServer.of_model("one", str(base), poll_interval_s=0).start()
    results = []
    with PredictionClient(server.address, "one") as client:
        caller = threading.Thread(
            target=lambda: results.append(client.predict({"gate": str(gate)}, "wait")["y"])
        )
        caller.start()
        wait_for((tmp_path / "gate.started").exists)
        stopper = threading.Thread(target=server.stop)
        stopper.start()

        def refused():
            try:
                client.predict({"x": np.float32(0)})
            except PredictionError as error:
                return error.code is grpc.StatusCode.UNAVAILABLE
            return False

        wait_for(refused)
        assert stopper.is_alive()
        assert not results
        gate.touch()
        caller.join()
        stopper.join()
    assert results == [1.0]
    assert server.wait(1)


def test_stop_cancels_what_outlasts_the_drain(half_plus, push, tmp_path, wait_for):
    base, gate = tmp_path / "models", tmp_path / "gate"
    push(half_plus[1], base, 1)
    server = ModelServer.of_model("one", str(base), poll_interval_s=0).start()
    errors = []

    def call():
        try:
            client.predict({"gate": str(gate)}, "wait")
        except PredictionError as error:
            errors.append(error.code)

    with PredictionClient(server.address, "one") as client:
        caller = threading.Thread(target=call)
        caller.start()
        wait_for((tmp_path / "gate.started").exists)
        server.stop(drain_s=0.05)
        caller.join()
        gate.touch()
    assert errors
    assert errors[0] in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)


def test_a_server_without_a_model_waits_for_one(half_plus, push, tmp_path):
    with (
        ModelServer.of_model("late", str(tmp_path / "models"), poll_interval_s=0) as server,
        PredictionClient(server.address, "late") as client,
    ):
        with pytest.raises(PredictionError, match=r"NOT_FOUND: .*Latest\(late\)"):
            client.predict({"x": np.float32(0)})
        push(half_plus[2], tmp_path / "models", 5)
        server.poll()
        assert client.wait_until_available(1) == 5


def test_folders_that_are_no_versions_change_nothing(half_plus, push, tmp_path):
    push(half_plus[1], tmp_path, 7)
    with (
        ModelServer.of_model("m", str(tmp_path), poll_interval_s=0) as server,
        PredictionClient(server.address, "m") as client,
    ):
        push(half_plus[2], tmp_path, "20261126215148123456")
        push(half_plus[2], tmp_path, "8\u00b2")
        server.poll()
        assert [(it.version, it.state) for it in client.status()] == [(7, "AVAILABLE")]
        assert client.predict({"x": np.float32(0)})["y"] == 1.0
        push(half_plus[2], tmp_path, "0000008")
        server.poll()
        assert client.wait_until_available(1) == 8
        assert client.predict({"x": np.float32(0)})["y"] == 2.0


def test_a_taken_port_is_an_error(server):
    port = int(server.address.rsplit(":", 1)[1])
    with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}"):
        ModelServer.of_model("two", "/nowhere", port=port).start()


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="name is empty"):
        ModelServer.of_model("", "/nowhere")
    with pytest.raises(ValueError, match="threads is 0"):
        ModelServer.of_model("m", "/nowhere", threads=0)
