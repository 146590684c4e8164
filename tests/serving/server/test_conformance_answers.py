"""What TensorFlow Serving answers to good requests and tells of versions, with both kinds of models."""

import shutil

import grpc
import numpy as np
import pytest
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from lifelong.serving.server.server import ModelServer
from lifelong.serving.tensors import decode
from tests.serving.server.both_models import (
    INPUT,
    MODELS,
    OUTPUT,
    VERSION,
    predict_request,
    refusal,
)

INVALID, NOT_FOUND = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    "choice", [{}, {"version": {"value": VERSION}}, {"version_label": "stable"}]
)
@pytest.mark.parametrize("model", MODELS)
def test_the_answer_carries_the_full_spec(served, model, choice):
    request = served.request(model)
    request.model_spec.MergeFrom(type(request.model_spec)(**choice))
    response = served.predictions.Predict(request)
    full = {"name": model, "version": {"value": VERSION}, "signature_name": "serving_default"}
    assert response.model_spec == type(response.model_spec)(**full)
    # Repeated fields, not tensor_content.
    assert all(it.float_val and not it.tensor_content for it in response.outputs.values())


@pytest.mark.parametrize(
    "path", ["", "/versions/3", "/labels/stable", "/VERSIONS/3", "/Labels/stable"]
)
@pytest.mark.parametrize("model", MODELS)
def test_rest_answers_what_grpc_does(served, model, path):
    expected = decode(served.predictions.Predict(served.request(model)).outputs[OUTPUT[model]])
    code, answer = served.post(model + path, served.inputs[model])
    assert code == 200
    np.testing.assert_array_equal(np.float32(answer["outputs"]), expected)
    if model == "ranker":
        rows = [
            {name: value[row].tolist() for name, value in served.inputs[model].items()}
            for row in range(len(expected))
        ]
        code, answer = served.rest("POST", f"{model}{path}:predict", {"instances": rows})
        assert code == 200
        np.testing.assert_array_equal(np.float32(answer["predictions"]), expected)


def test_paths_in_any_case(served):
    code, answer = served.rest("GET", "two/METADATA", root="/V1/MODELS")
    # What follows the name is told apart by case after it has matched: this is the status.
    assert code == 200
    assert answer["model_version_status"][0]["version"] == "3"


@pytest.mark.parametrize("model", MODELS)
def test_repeated_fields_that_are_short_or_long(served, model):
    """The same values: all of them, a last one that stands for the rest, and some too many."""
    name = INPUT[model]
    field = {"two": "float_val", "ranker": "int64_val"}[model]
    dtype = {"two": types_pb2.DT_FLOAT, "ranker": types_pb2.DT_INT64}[model]
    shape = served.inputs[model][name].shape
    answers = []
    for values in ([1] + [5] * (np.prod(shape) - 1), [1, 5], [1] + [5] * np.prod(shape) + [7] * 3):
        request = served.request(model)
        tensor = request.inputs[name]
        tensor.Clear()
        tensor.dtype = dtype
        for size in shape:
            tensor.tensor_shape.dim.add(size=size)
        getattr(tensor, field).extend(values)
        answers.append(served.predictions.Predict(request).outputs[OUTPUT[model]])
    assert answers[0] == answers[1] == answers[2]
    if model == "two":
        assert list(answers[0].float_val) == [2.5, 4.5]


def test_the_ranker_takes_any_size(served):
    """Dimensions are not checked against the signature: the graph broadcasts, fits or refuses."""
    one = {name: value[:1] for name, value in served.inputs["ranker"].items()}
    whole = decode(served.predictions.Predict(served.request("ranker")).outputs["scores"])
    alone = decode(served.predictions.Predict(served.request("ranker", **one)).outputs["scores"])
    np.testing.assert_allclose(alone[0], whole[0], atol=1e-6)
    # One category too few: the graph says so.
    categories = served.inputs["ranker"]["candidate_category"][:, :-1]
    request = served.request("ranker", candidate_category=categories)
    code, details = refusal(served.predictions.Predict, request)
    assert code is INVALID
    assert "ConcatOp : Dimension" in details or "Incompatible shapes" in details
    flat = served.inputs["ranker"]["user"][:, np.newaxis]
    assert refusal(served.predictions.Predict, served.request("ranker", user=flat))[0] is INVALID


def test_the_life_of_versions(half_plus, tmp_path, wait_for):
    """As a client sees it: polled folders, a load that fails and is tried again, END."""
    base = tmp_path / "models"
    server = ModelServer.of_model(
        "two", str(base), poll_interval_s=0.02, load_retry_interval_s=0.1, max_load_retries=1000
    )
    with server, grpc.insecure_channel(server.address) as channel:
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        asked = get_model_status_pb2.GetModelStatusRequest(model_spec={"name": "two"})
        name_of = get_model_status_pb2.ModelVersionStatus.State.Name

        def states():
            found = models.GetModelStatus(asked, timeout=20).model_version_status
            return [(it.version, name_of(it.state)) for it in found]

        def answer():
            request = predict_request("two", "", {"x": np.float32([2])})
            response = predictions.Predict(request, timeout=20)
            return response.model_spec.version.value, response.outputs["y"].float_val[0]

        # A pusher is still copying: without saved_model.pb there is no version.
        shutil.copytree(half_plus[1], base / "1", ignore=lambda *_: ["saved_model.pb"])
        server.poll()
        assert refusal(models.GetModelStatus, asked) == (
            NOT_FOUND,
            "Could not find any versions of model two",
        )
        shutil.copy(f"{half_plus[1]}/saved_model.pb", base / "1")
        wait_for(lambda: server.models.ready())
        assert states() == [(1, "AVAILABLE")]
        assert answer() == (1, 2.0)
        # The variables of the next one are missing: it fails, and the old one serves on.
        shutil.copytree(half_plus[2], tmp_path / "2")
        (tmp_path / "2" / "variables").rename(tmp_path / "variables")
        (tmp_path / "2").rename(base / "2")
        wait_for(lambda: models.GetModelStatus(asked).model_version_status[0].status.error_message)
        assert states() == [(2, "LOADING"), (1, "AVAILABLE")]
        assert answer() == (1, 2.0)
        # They arrive, and it is tried again.
        (tmp_path / "variables").rename(base / "2" / "variables")
        wait_for(lambda: states() == [(2, "AVAILABLE"), (1, "END")])
        assert answer() == (2, 3.0)
        shutil.rmtree(base / "2")
        wait_for(lambda: states() == [(2, "END"), (1, "AVAILABLE")])
        assert answer() == (1, 2.0)
