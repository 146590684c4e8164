import shutil

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from lifelong.serving.client import PredictionClient
from lifelong.serving.server.errors import ServingError
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel
from lifelong.serving.server.warmup import WARMUP_FILE, warm_up


@pytest.fixture
def warmed(half_plus, tmp_path):
    """Makes a model folder with the given warm-up records."""

    def make(*records):
        path = tmp_path / "models" / "1"
        shutil.copytree(half_plus[1], path)
        (path / WARMUP_FILE).parent.mkdir()
        with tf.io.TFRecordWriter(str(path / WARMUP_FILE)) as writer:
            for record in records:
                writer.write(record)
        return path

    return make


def record(signature="", **inputs):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = signature
    for name, value in inputs.items():
        log.predict_log.request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return log.SerializeToString()


GOOD = record(x=np.float32([1]))


def run(path):
    model = LoadedModel(str(path), 1)
    try:
        return warm_up(model)
    finally:
        model.close()


def test_every_record_is_run(warmed, tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    assert run(warmed(GOOD, record("wait", gate=str(gate)), GOOD)) == 3
    assert (tmp_path / "gate.started").exists()


def test_records_of_every_method_are_run(warmed, on_examples):
    logs = [prediction_log_pb2.PredictionLog() for _ in range(3)]
    requests = [
        logs[0].classify_log.request,
        logs[1].regress_log.request,
        logs[2].multi_inference_log.request,
    ]
    for request in requests:
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.append(1)
    requests[0].model_spec.signature_name = "classify"
    requests[2].tasks.add(method_name="tensorflow/serving/regress").model_spec.name = "m"
    path = warmed(*[log.SerializeToString() for log in logs])
    shutil.copytree(on_examples, path, dirs_exist_ok=True)
    assert run(path) == 3


def test_no_file_is_fine(half_plus):
    assert run(half_plus[1]) == 0


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([GOOD, record(x=np.int32([1]))], "warmup record 1 of .* Expects arg"),
        ([record("zzz")], 'warmup record 0 of .* "zzz" not found'),
        ([b"\xff\xff"], "warmup record 0 of .* not a PredictionLog"),
        (
            [prediction_log_pb2.PredictionLog(session_run_log={}).SerializeToString()],
            "Unsupported log_type for warmup: session_run_log",
        ),
        ([GOOD] * 1001, r"exceeds the maximum \(1000\)"),
    ],
)
def test_bad_records_fail(warmed, records, message):
    with pytest.raises(ServingError, match=message):
        run(warmed(*records))


def test_a_thousand_records_are_fine(warmed):
    assert run(warmed(*[GOOD] * 1000)) == 1000


def test_a_file_that_is_no_tfrecord_fails(warmed):
    path = warmed()
    (path / WARMUP_FILE).write_bytes(b"x" * 100)
    with pytest.raises(ServingError, match="verify your warmup data is in TFRecord") as caught:
        run(path)
    assert caught.value.code is grpc.StatusCode.DATA_LOSS


def test_a_bad_record_fails_the_version(warmed, half_plus, push, tmp_path):
    warmed(record(x=np.int32([1]))).rename(tmp_path / "models" / "2")
    push(half_plus[1], tmp_path / "models", 1)
    with (
        ModelServer.of_model("one", str(tmp_path / "models"), poll_interval_s=0) as server,
        PredictionClient(server.address, "one") as client,
    ):
        (status,) = client.status()
        assert (status.version, status.code) == (2, grpc.StatusCode.INVALID_ARGUMENT)
        assert "warmup record 0" in status.message
