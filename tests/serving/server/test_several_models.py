"""Model config, reloading, labels and version policies, over gRPC."""

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from lifelong.serving.server.errors import ServingError
from lifelong.serving.server.model_config import ModelServerConfig
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.server import ModelServer

PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION
INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
STATE = get_model_status_pb2.ModelVersionStatus.State


def listed(*models):
    """A configuration of (name, base path, more text) each."""
    text = "".join(
        f'config {{ name: "{name}" base_path: "{path}" model_platform: "tensorflow" {more} }}'
        for name, path, more in models
    )
    return text_format.Parse(f"model_config_list {{ {text} }}", ModelServerConfig())


def label(name, version):
    return f'version_labels {{ key: "{name}" value: {version} }}'


ALL = "model_version_policy { all {} }"


class Served:
    """A running server and its stubs."""

    def __init__(self, server, channel):
        self.server = server
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._model = model_service_pb2_grpc.ModelServiceStub(channel)

    def predict(self, name, version=None, label=None):
        """Returns the version that answered and y for x = 2."""
        request = predict_pb2.PredictRequest()
        request.model_spec.name = name
        if version is not None:
            request.model_spec.version.value = version
        if label is not None:
            request.model_spec.version_label = label
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.float32(2)))
        response = self._predict.Predict(request, timeout=20)
        return response.model_spec.version.value, response.outputs["y"].float_val[0]

    def reload(self, config):
        return self._model.HandleReloadConfigRequest(
            model_management_pb2.ReloadConfigRequest(config=config), timeout=20
        )

    def states(self, name):
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = name
        response = self._model.GetModelStatus(request, timeout=20)
        return [(it.version, STATE.Name(it.state)) for it in response.model_version_status]


@pytest.fixture
def models(half_plus, push, tmp_path):
    """Two folders: `one` with versions 1 and 2, `two` with version 7; odd ones add 1."""
    for name, version in (("one", 1), ("one", 2), ("two", 7)):
        push(half_plus[2 - version % 2], tmp_path / name, version)
    return tmp_path


@pytest.fixture
def serve():
    """Starts a server of a configuration."""
    running = []

    def start(config, **options):
        server = ModelServer(config, ServerOptions(poll_interval_s=0, **options)).start()
        channel = grpc.insecure_channel(server.address)
        running.append((server, channel))
        return Served(server, channel)

    yield start
    for server, channel in running:
        channel.close()
        server.stop()


def refusal(call, *args, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*args, **options)
    return caught.value.code(), caught.value.details()


def test_two_models_with_policies(models, serve):
    served = serve(listed(("a", models / "one", ALL), ("b", models / "two", "")))
    assert served.predict("a") == (2, 3.0)
    assert served.predict("a", version=1) == (1, 2.0)
    assert served.predict("b") == (7, 2.0)
    assert served.states("a") == [(2, "AVAILABLE"), (1, "AVAILABLE")]


def test_a_reload_adds_removes_and_changes_models(models, serve, half_plus, push):
    served = serve(listed(("a", models / "one", ALL), ("b", models / "two", "")))
    specific = "model_version_policy { specific { versions: 1 } }"
    response = served.reload(listed(("a", models / "one", specific), ("c", models / "two", "")))
    assert (response.status.error_code, response.status.error_message) == (0, "")
    assert response.HasField("status")
    assert served.predict("a") == (1, 2.0)
    assert served.predict("c") == (7, 2.0)
    assert served.states("a") == [(2, "END"), (1, "AVAILABLE")]
    # A model that was removed cannot be called, but is not forgotten.
    assert refusal(served.predict, "b") == (
        NOT_FOUND,
        "Servable not found for request: Latest(b)",
    )
    assert served.states("b") == [(7, "END")]
    served.server.poll()
    assert served.states("b") == [(7, "END")]
    # It may return, with another folder.
    push(half_plus[2], models / "three", 8)
    served.reload(listed(("b", models / "three", "")))
    assert served.predict("b") == (8, 3.0)
    assert served.states("b") == [(8, "AVAILABLE"), (7, "END")]
    assert served.states("a") == [(2, "END"), (1, "END")]
    served.reload(listed())
    assert served.states("b") == [(8, "END"), (7, "END")]


def test_a_call_finishes_on_a_model_that_is_removed(models, serve):
    served = serve(listed(("a", models / "one", "")))
    with served.server.models.lease(
        predict_pb2.PredictRequest(model_spec={"name": "a"}).model_spec
    ):
        served.reload(listed())
        assert served.states("a") == [(2, "UNLOADING")]
    assert served.states("a") == [(2, "END")]


def test_labels(models, serve):
    served = serve(listed(("a", models / "one", ALL)))
    unknown = (INVALID, "Unrecognized servable version label: stable")
    assert refusal(served.predict, "a", label="stable") == unknown
    assert refusal(served.predict, "nope", label="stable") == unknown
    both = label("stable", 1) + label("canary", 2)
    served.reload(listed(("a", models / "one", ALL + both)))
    assert served.predict("a", label="stable") == (1, 2.0)
    assert served.predict("a", label="canary") == (2, 3.0)
    served.reload(listed(("a", models / "one", ALL + label("stable", 2))))
    assert served.predict("a", label="stable") == (2, 3.0)
    assert refusal(served.predict, "a", label="canary")[0] is INVALID
    # The version goes, the label stays.
    one = "model_version_policy { specific { versions: 1 } }" + label("stable", 2)
    served.reload(listed(("a", models / "one", one)))
    assert refusal(served.predict, "a", label="stable") == (
        NOT_FOUND,
        "Servable not found for request: Specific(a, 2)",
    )


def test_a_refused_reload_changes_nothing(models, serve):
    served = serve(listed(("two", models / "two", "")))
    served.reload(listed(("two", models / "two", label("stable", 7))))
    wrong = listed(("two", models / "two", label("stable", 77)), ("a", models / "one", ""))
    assert refusal(served.reload, wrong) == (
        PRECONDITION,
        "Request to assign label to version 77 of model two, which is not currently available"
        " for inference",
    )
    twice = listed(("a", models / "one", ""), ("a", models / "two", ""))
    assert refusal(served.reload, twice) == (
        INVALID,
        "Illegal to list model a multiple times in config list",
    )
    assert refusal(served.reload, ModelServerConfig()) == (
        INVALID,
        "ServerModelConfig type not supported by HandleReloadConfigRequest."
        " Only ModelConfigList is currently supported",
    )
    assert served.predict("two", label="stable") == (7, 2.0)
    assert refusal(served.predict, "a")[0] is NOT_FOUND


def test_a_label_waits_for_its_version(models, serve, half_plus, push):
    # Labels are checked before versions are loaded.
    served = serve(listed(("two", models / "two", "")))
    push(half_plus[2], models / "two", 8)
    labelled = listed(("two", models / "two", label("canary", 8)))
    assert refusal(served.reload, labelled)[0] is PRECONDITION
    served.server.poll()
    served.reload(labelled)
    assert served.predict("two", label="canary") == (8, 3.0)


def test_labels_of_the_first_configuration(models, serve):
    config = listed(("two", models / "two", label("stable", 7)))
    with pytest.raises(ServingError, match="FAILED_PRECONDITION: Request to assign label"):
        serve(config)
    served = serve(config, allow_version_labels_for_unavailable_models=True)
    assert served.predict("two", label="stable") == (7, 2.0)
    # A label that moves must go to a version that can answer.
    moved = listed(("two", models / "two", label("stable", 8)))
    assert refusal(served.reload, moved)[0] is PRECONDITION


def test_new_models_that_cannot_answer(models, serve):
    served = serve(listed())
    (models / "bad" / "3").mkdir(parents=True)
    (models / "bad" / "3" / "saved_model.pb").write_bytes(b"bad")
    code, details = refusal(
        served.reload,
        listed(("a", models / "one", ""), ("bad", models / "bad", ""), ("e", models / "none", "")),
    )
    assert code is grpc.StatusCode.UNKNOWN
    assert details.startswith(
        "2 model(s) did not become available: {{{name: bad version: 3} due to error:"
        " INVALID_ARGUMENT: "
    )
    assert details.endswith("{{name: e} has no version to load}, }")
    assert served.predict("a") == (2, 3.0)


def test_a_config_of_another_kind_is_refused():
    config = ModelServerConfig()
    config.custom_model_config.SetInParent()
    with pytest.raises(ServingError, match=r"INVALID_ARGUMENT: .*custom model config"):
        ModelServer(config).start()


def test_without_a_config_there_are_no_models(serve):
    served = serve(ModelServerConfig())
    assert refusal(served.predict, "a")[0] is NOT_FOUND
