import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from lifelong.serving.client import PredictionClient, PredictionError
from lifelong.serving.server.server import ModelServer

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(server.address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request(name="two", signature="", version=None, label=None, outputs=(), **inputs):
    message = predict_pb2.PredictRequest(output_filter=outputs)
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    if version is not None:
        message.model_spec.version.value = version
    if label is not None:
        message.model_spec.version_label = label
    for alias, value in inputs.items():
        message.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    return message


def refusal(method, message):
    with pytest.raises(grpc.RpcError) as caught:
        method(message, timeout=20)
    return caught.value.code(), caught.value.details()


X = np.float32([2, 4])
B = np.int64([1])
A = np.float32([1])


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (predict_pb2.PredictRequest(), INVALID, "Missing ModelSpec"),
        (request(name="", x=X), INVALID, "ModelSpec has no name specified."),
        (request(name="nope", x=X), NOT_FOUND, "Servable not found for request: Latest(nope)"),
        (
            request(name="nope", version=9, x=X),
            NOT_FOUND,
            "Servable not found for request: Specific(nope, 9)",
        ),
        (
            request(version=9, x=X),
            NOT_FOUND,
            "Servable not found for request: Specific(two, 9)",
        ),
        (
            request(label="stable", x=X),
            INVALID,
            "Unrecognized servable version label: stable",
        ),
        (
            request(signature="zzz", x=X),
            PRECONDITION,
            'Serving signature key "zzz" not found.',
        ),
        (
            request(x=X, z=X),
            INVALID,
            "input size does not match signature: 2!=1 len({x,z}) != len({x})."
            " Sent extra: {z}. Missing but required: {}.",
        ),
        (
            request(),
            INVALID,
            "input size does not match signature: 0!=1 len({}) != len({x})."
            " Sent extra: {}. Missing but required: {x}.",
        ),
        (
            request(z=X),
            INVALID,
            "Signature input alias: x(feed name: serving_default_x:0) not found in request and no"
            " default value provided. Inputs expected to be in the request {z}, or default input"
            " alias set: ",
        ),
        (
            request(signature="combine", a=A, b=np.int32([1])),
            INVALID,
            "Expects arg[1] to be int64 but int32 is provided",
        ),
        (
            request(signature="combine", a=np.int64([1]), b=B),
            INVALID,
            "Expects arg[0] to be float but int64 is provided",
        ),
        (
            request(x=X, outputs=["q"]),
            INVALID,
            "output tensor alias not found in signature: q Outputs expected to be in the set {y}.",
        ),
        (
            request(x=X, outputs=["y", "y"]),
            INVALID,
            "duplicate output tensor alias: y",
        ),
    ],
)
def test_refusals_of_predict(stub, message, code, details):
    assert refusal(stub.Predict, message) == (code, details)


def test_tensor_that_cannot_be_parsed(stub):
    message = request(x=X)
    message.inputs["x"].tensor_content += b"\0"
    assert refusal(stub.Predict, message) == (INVALID, "tensor parsing error: x")


def test_the_graph_decides_about_shapes(stub):
    message = request(signature="combine", a=np.float32([1, 2, 3]), b=np.int64([1, 2]))
    code, details = refusal(stub.Predict, message)
    assert code is INVALID
    assert "Incompatible shapes: " in details


def test_long_messages_are_cut(stub):
    code, details = refusal(stub.Predict, request(signature="s" * 2000, x=X))
    start = 'Serving signature key "'
    assert code is PRECONDITION
    assert details == start + "s" * (1024 - len(start)) + "...TRUNCATED"


def test_answer_names_model_signature_and_version(stub):
    response = stub.Predict(request(x=X))
    assert response.model_spec.name == "two"
    assert response.model_spec.signature_name == "serving_default"
    assert response.model_spec.version.value == 3
    assert list(response.outputs) == ["y"]
    # Repeated fields, not tensor_content.
    assert list(response.outputs["y"].float_val) == [3.0, 4.0]
    assert [dim.size for dim in response.outputs["y"].tensor_shape.dim] == [2]
    assert not response.outputs["y"].tensor_content


def test_output_filter(stub):
    whole = stub.Predict(request(signature="combine", a=A, b=B))
    assert set(whole.outputs) == {"sum", "product"}
    part = stub.Predict(request(signature="combine", a=A, b=B, outputs=["product"]))
    assert {alias: list(it.float_val) for alias, it in part.outputs.items()} == {"product": [1.0]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2.0, 4.0], [3.0, 4.0, 4.0]), ([2.0, 4.0, 6.0, 8.0], [3.0, 4.0, 5.0])],
    ids=["short repeats the last value", "surplus is dropped"],
)
def test_repeated_fields(stub, values, expected):
    message = request()
    tensor = message.inputs["x"]
    tensor.dtype = tf.float32.as_datatype_enum
    tensor.tensor_shape.dim.add(size=3)
    tensor.float_val.extend(values)
    assert list(stub.Predict(message).outputs["y"].float_val) == expected


def test_metadata(stub):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "two"
    response = stub.GetModelMetadata(message)
    assert (response.model_spec.name, response.model_spec.version.value) == ("two", 3)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    default = signatures.signature_def["serving_default"]
    assert default.inputs["x"].name == "serving_default_x:0"
    assert default.method_name == "tensorflow/serving/predict"


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        (None, ["signature_def"], (INVALID, "Missing ModelSpec")),
        (
            "two",
            [],
            (INVALID, "GetModelMetadataRequest must specify at least one metadata_field"),
        ),
        ("two", ["signature_def", "zz"], (INVALID, "Metadata field zz is not supported")),
        ("", ["signature_def"], (INVALID, "ModelSpec has no name specified.")),
        (
            "nope",
            ["signature_def"],
            (NOT_FOUND, "Servable not found for request: Latest(nope)"),
        ),
    ],
)
def test_refusals_of_metadata(stub, name, fields, expected):
    message = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    if name is not None:
        message.model_spec.SetInParent()
        message.model_spec.name = name
    assert refusal(stub.GetModelMetadata, message) == expected


def test_the_clients_deadline_ends_the_run(half_plus, push, tmp_path, wait_for):
    base = tmp_path / "models"
    push(half_plus[1], base, 1)
    gate = str(tmp_path / "gate")
    with (
        ModelServer.of_model("one", str(base), poll_interval_s=0, threads=2) as server,
        PredictionClient(server.address, "one", timeout_s=0.3) as client,
    ):
        with pytest.raises(PredictionError, match="DEADLINE_EXCEEDED"):
            client.predict({"gate": gate}, "wait")
        # The run ends, too: a version is unloaded when no call runs on it any more.
        push(half_plus[2], base, 2)
        server.poll()
        wait_for(lambda: [it.state for it in client.status()] == ["AVAILABLE", "END"])


def test_a_call_without_deadline_may_run(stub):
    # `remaining_s` must not turn "no deadline" into a number that overflows.
    assert list(stub.Predict(request(x=X), timeout=None).outputs["y"].float_val) == [3.0, 4.0]
    assert list(stub.Predict(request(x=X), timeout=1e8).outputs["y"].float_val) == [3.0, 4.0]
