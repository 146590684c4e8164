"""What a client of TensorFlow Serving sees, beyond what each method's own tests check.

The model is a plain y = x / 2 + 2 that knows nothing of this project.
"""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from lifelong.serving.server.model_config import ModelServerConfig
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.server import ModelServer

INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
METHODS = {
    "Predict": predict_pb2.PredictRequest,
    "Classify": classification_pb2.ClassificationRequest,
    "Regress": regression_pb2.RegressionRequest,
    "MultiInference": inference_pb2.MultiInferenceRequest,
    "GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
}


@pytest.fixture(scope="module")
def channel(half_plus, push, tmp_path_factory):
    base = tmp_path_factory.mktemp("default")
    for version in (3, 4):
        push(half_plus[2], base, version)
    config = text_format.Parse(
        f"""model_config_list {{ config {{
            name: "default" base_path: "{base}" model_platform: "tensorflow"
            model_version_policy {{ all {{}} }}
            version_labels {{ key: "stable" value: 3 }}
        }} }}""",
        ModelServerConfig(),
    )
    options = ServerOptions(poll_interval_s=0, allow_version_labels_for_unavailable_models=True)
    with (
        ModelServer(config, options) as server,
        grpc.insecure_channel(server.address) as connected,
    ):
        yield connected


@pytest.fixture(scope="module")
def stub(channel):
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def request(method, spec):
    """Makes a request whose spec is the only thing that may be wrong."""
    message = METHODS[method]()
    target = message.tasks.add() if method == "MultiInference" else message
    target.model_spec.CopyFrom(text_format.Parse(spec, type(target.model_spec)()))
    if method == "Predict":
        message.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32([2])))
    if method == "GetModelMetadata":
        message.metadata_field.append("signature_def")
    return message


def refusal(method, message):
    with pytest.raises(grpc.RpcError) as caught:
        method(message, timeout=20)
    return caught.value.code(), caught.value.details()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("spec", "code", "details"),
    [
        ("", INVALID, "ModelSpec has no name specified."),
        ('name: "nope"', NOT_FOUND, "Servable not found for request: Latest(nope)"),
        (
            'name: "default" version { value: 9 }',
            NOT_FOUND,
            "Servable not found for request: Specific(default, 9)",
        ),
        (
            'name: "default" version_label: "canary"',
            INVALID,
            "Unrecognized servable version label: canary",
        ),
    ],
)
def test_every_method_finds_its_model_the_same_way(stub, method, spec, code, details):
    assert refusal(getattr(stub, method), request(method, spec)) == (code, details)


@pytest.mark.parametrize("method", ["Predict", "GetModelMetadata"])
@pytest.mark.parametrize(
    ("choice", "version"),
    [("", 4), ("version { value: 3 }", 3), ('version_label: "stable"', 3)],
)
def test_the_answer_names_the_version_that_answered(stub, method, choice, version):
    response = getattr(stub, method)(request(method, f'name: "default" {choice}'))
    assert response.model_spec.version.value == version
    assert response.model_spec.name == "default"
    assert response.model_spec.WhichOneof("version_choice") == "version"


@pytest.mark.parametrize("method", ["Classify", "Regress"])
def test_long_messages_of_every_method_are_cut(stub, method):
    message = request(method, f'name: "default" signature_name: "{"s" * 2000}"')
    start = "No signature was found with the name: "
    assert refusal(getattr(stub, method), message) == (
        INVALID,
        start + "s" * (1024 - len(start)) + "...TRUNCATED",
    )


@pytest.mark.parametrize("method", ["Classify", "Regress"])
def test_a_signature_of_raw_tensors_takes_no_examples(stub, method):
    # Its input is not called `inputs`.
    kind = {"Classify": "classification", "Regress": "regression"}[method]
    code, details = refusal(getattr(stub, method), request(method, 'name: "default"'))
    assert code is INVALID
    assert details.startswith(f"No {kind} inputs found in SignatureDef: ")


@pytest.mark.parametrize(
    ("values", "details"),
    [
        ({"x": 1.0, "z": 1.0}, "input size does not match signature: 2!=1 len({x,z}) != len({x})."),
        ({"z": 1.0}, "Signature input alias: x(feed name: serving_default_x:0) not found"),
        ({"x": 1}, "Expects arg[0] to be float but int32 is provided"),
        ({"x": "one"}, "Expects arg[0] to be float but string is provided"),
    ],
)
def test_inputs(stub, values, details):
    message = predict_pb2.PredictRequest(model_spec={"name": "default"})
    for alias, value in values.items():
        message.inputs[alias].CopyFrom(tf.make_tensor_proto(value))
    code, told = refusal(stub.Predict, message)
    assert code is INVALID
    assert told.startswith(details)


def test_the_signature_does_not_decide_about_shapes(stub):
    for shape in ((), (2,), (0,), (2, 0, 3), (1, 2, 3, 4)):
        message = predict_pb2.PredictRequest(model_spec={"name": "default"})
        message.inputs["x"].CopyFrom(tf.make_tensor_proto(np.full(shape, 2.0, np.float32)))
        answer = tf.make_ndarray(stub.Predict(message).outputs["y"])
        assert answer.shape == shape
        assert (answer == 3.0).all()


def status(channel, spec):
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.CopyFrom(text_format.Parse(spec, type(message.model_spec)()))
    return stub.GetModelStatus(message).model_version_status


@pytest.mark.parametrize(
    ("choice", "versions"),
    # A label is not looked at here.
    [("", [4, 3]), ("version { value: 3 }", [3]), ('version_label: "nope"', [4, 3])],
)
def test_status_lists_the_newest_first(channel, choice, versions):
    found = status(channel, f'name: "default" {choice}')
    assert [it.version for it in found] == versions
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    assert {it.state for it in found} == {available}


@pytest.mark.parametrize("name", ["", "nope"])
def test_status_of_an_unknown_model(channel, name):
    with pytest.raises(grpc.RpcError) as caught:
        status(channel, f'name: "{name}"')
    assert (caught.value.code(), caught.value.details()) == (
        NOT_FOUND,
        f"Could not find any versions of model {name}",
    )


def test_a_request_that_is_no_message(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"\xff\xff\xff", timeout=20)
    assert caught.value.code() in (grpc.StatusCode.INTERNAL, grpc.StatusCode.INVALID_ARGUMENT)
    assert caught.value.details()


def test_an_unknown_method(channel):
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Nope")
    with pytest.raises(grpc.RpcError) as caught:
        call(b"", timeout=20)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
