"""Whatever is sent over gRPC gets an answer or a status that says why, and nothing else happens."""

import grpc
import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from tensorflow.core.framework import tensor_pb2, types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    predict_pb2,
    regression_pb2,
)

from lifelong.serving.server.model_config import ModelServerConfig
from tests.server_process import ServerProcess
from tests.serving.server import wild_requests as wild
from tests.serving.server.both_models import predict_request

pytestmark = pytest.mark.slow

Code = grpc.StatusCode
# What a client's mistake may be answered with: no UNKNOWN or INTERNAL of an exception that nobody
# expected, no UNAVAILABLE of a server that is gone, no DEADLINE_EXCEEDED of a call that hangs.
MISTAKES = {
    Code.INVALID_ARGUMENT,
    Code.NOT_FOUND,
    Code.FAILED_PRECONDITION,
    Code.OUT_OF_RANGE,
    Code.UNIMPLEMENTED,
    Code.RESOURCE_EXHAUSTED,
}
DEADLINE_S = 20
# Arenas, threads and scratch space that were needed once.
MAX_GROWTH = 400 * 2**20

PREDICT = "PredictionService/Predict"
METHODS = {
    PREDICT: predict_pb2.PredictRequest,
    "PredictionService/Classify": classification_pb2.ClassificationRequest,
    "PredictionService/Regress": regression_pb2.RegressionRequest,
    "PredictionService/MultiInference": inference_pb2.MultiInferenceRequest,
    "PredictionService/GetModelMetadata": get_model_metadata_pb2.GetModelMetadataRequest,
    "ModelService/GetModelStatus": get_model_status_pb2.GetModelStatusRequest,
}
RELOAD = "ModelService/HandleReloadConfigRequest"
WORDS = [
    *("half", "half", "examples", "examples", "ranker", "serving_default", "classify", "column"),
    *("tensorflow/serving/classify", "tensorflow/serving/regress", "signature_def", "x", "nope"),
]


def fuzz(examples):
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


class Target:
    """A server to be fuzzed, and a good request for each signature of its models."""

    def __init__(self, base, models, process, channel, good):
        self.base = base
        self.models = models
        self.process = process
        self.good = good
        self._channel = channel
        for request in self.requests():
            self.send(PREDICT, request)
        self._expected = self._answers()
        self.memory = process.memory()

    def requests(self):
        return [request for of_model in self.good.values() for request in of_model.values()]

    def send(self, method, message):
        data = message if isinstance(message, bytes) else message.SerializeToString()
        call = self._channel.unary_unary(f"/tensorflow.serving.{method}")
        return call(data, timeout=DEADLINE_S)

    def check(self, method, message, allowed=MISTAKES):
        """Sends anything; a refusal must have one of the codes, and details.

        Returns:
            Code and details.
        """
        try:
            self.send(method, message)
        except grpc.RpcError as error:
            refused = error
        else:
            return Code.OK, ""
        assert refused.code() in allowed, f"{refused.code()}: {refused.details()}"
        assert refused.details()
        return refused.code(), refused.details()

    def check_still_good(self):
        assert self.process.exit_code is None
        assert self._answers() == self._expected
        assert self.process.memory() < self.memory + MAX_GROWTH

    def _answers(self):
        parsed = predict_pb2.PredictResponse.FromString
        return [parsed(self.send(PREDICT, request)) for request in self.requests()]


@pytest.fixture(scope="module")
def target(half_plus, ranker_model, ranker_inputs, on_examples, push, tmp_path_factory):
    base = tmp_path_factory.mktemp("fuzz")
    sources = {"half": half_plus[2], "ranker": ranker_model, "examples": on_examples}
    for name, source in sources.items():
        push(source, base / name, 1)
    half = {
        "serving_default": {"x": np.float32([[1, 2], [3, 4]])},
        "combine": {"a": np.float32([1]), "b": np.int64([2])},
        "look_up": {"word": np.array([b"pear", b"kiwi"], object)},
    }
    inputs = {"half": half, "ranker": ranker_inputs}
    good = {
        model: {name: predict_request(model, name, values) for name, values in of_model.items()}
        for model, of_model in inputs.items()
    }
    folders = {name: base / name for name in sources}
    with (
        ServerProcess(folders, base / "log", poll_interval_s=0) as process,
        grpc.insecure_channel(process.address) as channel,
    ):
        yield Target(base, list(sources), process, channel, good)


@pytest.fixture(autouse=True)
def still_good(target):
    yield
    target.check_still_good()


@pytest.mark.parametrize("examples", [100, pytest.param(5_000, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("model", ["half", "ranker"])
def test_changed_requests(target, model, examples):
    @fuzz(examples)
    @given(wild.changed(target.good[model]))
    def check(request):
        target.check(PREDICT, request)

    check()


@pytest.mark.parametrize("method", METHODS)
def test_bytes(target, method):
    """Bytes that are no message at all are refused before anything of ours sees them."""

    @fuzz(150)
    @given(wild.flipped(target.requests()))
    def check(data):
        try:
            METHODS[method].FromString(data)
        except DecodeError:
            target.check(method, data, {Code.INTERNAL, Code.INVALID_ARGUMENT})
        else:
            target.check(method, data)

    check()


@pytest.mark.parametrize("method", METHODS)
def test_messages(target, method):
    @fuzz(150)
    @given(wild.messages(METHODS[method], WORDS))
    def check(message):
        target.check(method, message)

    check()


@pytest.mark.parametrize("sizes", [(2**31,), (2**40, 2**40), (2**63 - 1, 2**62, 0, 7)])
@pytest.mark.parametrize("values", [{}, {"float_val": [1.0]}, {"tensor_content": b"1234"}])
@pytest.mark.parametrize(
    "dtype", [types_pb2.DT_FLOAT, types_pb2.DT_STRING, types_pb2.DT_QINT8, types_pb2.DT_VARIANT]
)
def test_a_huge_shape_allocates_nothing(target, sizes, values, dtype):
    tensor = tensor_pb2.TensorProto(dtype=dtype, **values)
    for size in sizes:
        tensor.tensor_shape.dim.add(size=size)
    message = predict_pb2.PredictRequest(model_spec={"name": "half"}, inputs={"x": tensor})
    before = target.process.memory()
    code, details = target.check(PREDICT, message)
    assert code is Code.INVALID_ARGUMENT
    assert details == "tensor parsing error: x"
    assert target.process.memory() < before + 64 * 2**20


def test_reloads(target):
    folder = str(target.base / "half")
    words = [
        *WORDS,
        folder,
        folder,
        "tensorflow",
        "tensorflow",
        "nowhere",
        "/nowhere",
        "zz://x",
        "",
    ]

    @fuzz(60)
    @given(wild.messages(model_management_pb2.ReloadConfigRequest, words))
    def check(message):
        code, details = target.check(RELOAD, message, MISTAKES | {Code.UNKNOWN})
        # What TensorFlow Serving says of new models that do not load.
        assert code is not Code.UNKNOWN or "did not become available: " in details

    check()
    config = ModelServerConfig()
    for name in target.models:
        path = str(target.base / name)
        config.model_config_list.config.add(name=name, base_path=path, model_platform="tensorflow")
    target.send(RELOAD, model_management_pb2.ReloadConfigRequest(config=config))
