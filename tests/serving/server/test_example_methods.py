"""Classify, Regress and MultiInference over gRPC, on a model that is not ours."""

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    inference_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from lifelong.serving.server.server import ModelServer

INVALID = grpc.StatusCode.INVALID_ARGUMENT
CLASSIFY = "tensorflow/serving/classify"
REGRESS = "tensorflow/serving/regress"


@pytest.fixture(scope="module")
def base(on_examples, push, tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    push(on_examples, folder, 4)
    return folder


@pytest.fixture(scope="module")
def stub(base):
    with (
        ModelServer.of_model("m", str(base), poll_interval_s=0) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def example(**features):
    message = tf.train.Example()
    for name, value in features.items():
        message.features.feature[name].float_list.value.append(value)
    return message


def filled(message, signature="", name="m", examples=({"x": 2.0}, {"x": 4.0})):
    message.model_spec.name = name
    message.model_spec.signature_name = signature
    message.input.example_list.examples.extend(example(**it) for it in examples)
    return message


def classification(*args, **options):
    return filled(classification_pb2.ClassificationRequest(), *args, **options)


def regression(*args, **options):
    return filled(regression_pb2.RegressionRequest(), *args, **options)


def multi(*tasks, examples=({"x": 2.0}, {"x": 4.0})):
    message = inference_pb2.MultiInferenceRequest()
    for name, signature, method in tasks:
        task = message.tasks.add(method_name=method)
        task.model_spec.name = name
        task.model_spec.signature_name = signature
    message.input.example_list.examples.extend(example(**it) for it in examples)
    return message


def refusal(method, message):
    with pytest.raises(grpc.RpcError) as caught:
        method(message, timeout=20)
    return caught.value.code(), caught.value.details()


def classes_of(result):
    return [[(it.label, it.score) for it in entry.classes] for entry in result.classifications]


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("classify", [[("up", 3.0), ("down", -3.0)], [("up", 4.0), ("down", -4.0)]]),
        ("scores", [[("", 3.0), ("", -3.0)], [("", 4.0), ("", -4.0)]]),
        ("classes", [[("up", 0.0), ("down", 0.0)]] * 2),
    ],
)
def test_classify(stub, signature, expected):
    response = stub.Classify(classification(signature))
    assert classes_of(response.result) == expected
    spec = response.model_spec
    assert (spec.name, spec.signature_name, spec.version.value) == ("m", signature, 4)


@pytest.mark.parametrize(("signature", "echoed"), [("", "serving_default"), ("column", "column")])
def test_regress(stub, signature, echoed):
    response = stub.Regress(regression(signature))
    assert [it.value for it in response.result.regressions] == [3.0, 4.0]
    spec = response.model_spec
    assert (spec.name, spec.signature_name, spec.version.value) == ("m", echoed, 4)


def test_the_context_is_part_of_every_example(stub):
    message = regression(examples=())
    listed = message.input.example_list_with_context
    listed.context.CopyFrom(example(c=10.0, x=100.0))
    listed.examples.extend([example(x=2.0), example(c=20.0, x=2.0), example()])
    # The example's own feature wins over the context's.
    values = [it.value for it in stub.Regress(message).result.regressions]
    assert values == [2 / 2 + 10 + 2, 2 / 2 + 20 + 2, 100 / 2 + 10 + 2]


def test_multi_inference_runs_all_tasks_on_the_same_examples(stub):
    response = stub.MultiInference(
        multi(("m", "classify", CLASSIFY), ("m", "", REGRESS), ("m", "column", REGRESS))
    )
    first, second, third = response.results
    assert classes_of(first.classification_result)[1] == [("up", 4.0), ("down", -4.0)]
    for result, name in ((second, "serving_default"), (third, "column")):
        assert [it.value for it in result.regression_result.regressions] == [3.0, 4.0]
        assert result.model_spec.signature_name == name
        assert result.model_spec.version.value == 4


@pytest.mark.parametrize(
    ("signature", "details"),
    [
        ("zzz", "No signature was found with the name: zzz"),
        ("bad_inputs", "Expected one input Tensor."),
        ("bad_outputs", "Expected one output Tensor."),
        ("bad_wide", "either [batch_size] or [batch_size, 1] but got [2,2]"),
        ("bad_scalar_batch", "Input batch size did not match output batch size: 2 vs. 1"),
        ("bad_type", "Expected output Tensor of DT_FLOAT.  Got: DT_INT32"),
    ],
)
def test_refusals_of_regress(stub, signature, details):
    code, message = refusal(stub.Regress, regression(signature))
    assert code is INVALID
    assert message.endswith(details)


@pytest.mark.parametrize(
    ("signature", "details"),
    [
        ("zzz", "No signature was found with the name: zzz"),
        ("bad_three", "Expected one or two output Tensors, found 3"),
        ("bad_rank", "Expected Tensor shape: [batch_size num_classes] but got [2]"),
        ("bad_score_type", "Expected scores Tensor of DT_FLOAT. Got: DT_INT32"),
        ("bad_class_type", "Expected classes Tensor of DT_STRING. Got: DT_FLOAT"),
        ("bad_class_batch", "Expected classes output batch size of 2. Got: 1"),
        ("bad_match", "Tensors class and score should match in dim_size(1). Got 2 vs. 1"),
    ],
)
def test_refusals_of_classify(stub, signature, details):
    assert refusal(stub.Classify, classification(signature)) == (INVALID, details)


@pytest.mark.parametrize(
    ("method", "message", "start"),
    [
        (
            "Regress",
            regression("bad_output_name"),
            'No regression outputs found in SignatureDef: inputs {\n  key: "inputs"',
        ),
        (
            "Classify",
            classification("bad_input_name"),
            'No classification inputs found in SignatureDef: inputs {\n  key: "examples"',
        ),
        (
            "Classify",
            classification("bad_neither"),
            "Expected classification signature outputs to contain at least one of"
            ' "classes" or "scores". Signature was: inputs {',
        ),
    ],
)
def test_refusals_that_quote_the_signature(stub, method, message, start):
    code, details = refusal(getattr(stub, method), message)
    assert code is INVALID
    assert details.startswith(start)


@pytest.mark.parametrize(
    ("method", "make"), [("Classify", classification), ("Regress", regression)]
)
def test_refusals_of_both(stub, method, make):
    call = getattr(stub, method)
    signature = {"Classify": "classify", "Regress": ""}[method]
    assert refusal(call, make(signature, examples=())) == (INVALID, "Input is empty.")
    listed = make(signature, examples=())
    listed.input.example_list_with_context.context.CopyFrom(example(x=1.0))
    assert refusal(call, listed) == (INVALID, "Input is empty.")
    assert refusal(call, type(make())()) == (INVALID, "Missing ModelSpec")
    assert refusal(call, make(name="")) == (INVALID, "ModelSpec has no name specified.")
    assert refusal(call, make(name="nope")) == (
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(nope)",
    )
    # The graph decides about features.
    code, details = refusal(call, make(signature, examples=({"c": 1.0},)))
    assert code is INVALID
    assert "Feature: x (data type: float) is required but could not be found." in details


@pytest.mark.parametrize(
    ("message", "code", "details"),
    [
        (multi(), INVALID, "ModelSpec has no name specified."),
        (
            multi(("m", "", REGRESS), ("", "", REGRESS)),
            INVALID,
            "Found ModelSpec with an empty model name.",
        ),
        (
            multi(("m", "", REGRESS), ("n", "", REGRESS)),
            INVALID,
            "All ModelSpecs in a MultiInferenceRequest must access the same model name.",
        ),
        (
            multi(("m", "", REGRESS), ("m", "serving_default", REGRESS)),
            INVALID,
            "Duplicate evaluation of signature: serving_default",
        ),
        (
            multi(("m", "zzz", REGRESS)),
            INVALID,
            "Requested signature not found in model graph: zzz",
        ),
        (
            multi(("m", "", "tensorflow/serving/predict")),
            grpc.StatusCode.UNIMPLEMENTED,
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            multi(("m", "", REGRESS), ("m", "other", REGRESS)),
            INVALID,
            "Input tensor must be the same for all Signatures.",
        ),
        (multi(("m", "", REGRESS), examples=()), INVALID, "Input is empty."),
    ],
)
def test_refusals_of_multi_inference(stub, message, code, details):
    assert refusal(stub.MultiInference, message) == (code, details)


def test_method_names_are_checked_only_where_asked(base, stub):
    # A model that TensorFlow 2 saves never has the method names: fine by default.
    assert len(stub.Regress(regression("loose")).result.regressions) == 2
    assert len(stub.Classify(classification("loose_classes")).result.classifications) == 2
    with (
        ModelServer.of_model(
            "m", str(base), poll_interval_s=0, enable_signature_method_name_check=True
        ) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        strict = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert len(strict.Regress(regression()).result.regressions) == 2
        assert refusal(strict.Regress, regression("loose")) == (
            INVALID,
            f"Expected regression signature method_name to be {REGRESS}."
            " Was: tensorflow/serving/predict",
        )
        assert refusal(strict.Classify, classification("")) == (
            INVALID,
            f"Expected classification signature method_name to be {CLASSIFY}. Was: {REGRESS}",
        )
