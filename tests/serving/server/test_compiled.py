"""Signatures that XLA has to compile: refused as by TensorFlow Serving, unless they are allowed."""

import grpc
import numpy as np
import pytest
import tensorflow as tf

from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.server.errors import ServingError
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.session import LoadedModel


class HalfPlusTwo(tf.Module):
    """One signature as it is, one of which XLA compiles a part, called through a condition."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def plain(self, x):
        return {"y": x / 2 + 2}

    @tf.function(jit_compile=True)
    def _compiled(self, x):
        return x / 2 + 2

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def compiled(self, x):
        return {"y": tf.cond(tf.size(x) > 0, lambda: self._compiled(x), lambda: x)}


@pytest.fixture(scope="module")
def base_path(tmp_path_factory):
    path = tmp_path_factory.mktemp("half_plus_two")
    module = HalfPlusTwo()
    signatures = {"serving_default": module.plain, "compiled": module.compiled}
    tf.saved_model.save(module, str(path / "1"), signatures=signatures)
    return path


def run(model, signature):
    tensors = model.tensors(signature)
    feeds = {tensors.inputs["x"]: np.float32([2, 4])}
    return model.run(feeds, [tensors.outputs["y"]])[0].tolist()


def test_only_the_signature_that_needs_xla_is_refused(base_path):
    model = LoadedModel(str(base_path / "1"), 1, xla_cpu_compilation_enabled=False)
    assert run(model, "serving_default") == [3, 4]
    with pytest.raises(ServingError, match="XLA compilation disabled") as refused:
        run(model, "compiled")
    assert refused.value.code is grpc.StatusCode.INTERNAL


def test_with_the_option_it_runs(base_path):
    model = LoadedModel(str(base_path / "1"), 1, xla_cpu_compilation_enabled=True)
    assert run(model, "compiled") == run(model, "serving_default") == [3, 4]


@pytest.mark.parametrize("enabled", [False, True])
def test_a_server_refuses_by_default(base_path, enabled):
    options = {"xla_cpu_compilation_enabled": True} if enabled else {}
    with (
        ModelServer.of_model("half", str(base_path), poll_interval_s=0, **options) as server,
        PredictionClient(server.address, "half") as client,
    ):
        request = {"x": np.float32([2, 4])}
        assert client.predict(request)["y"].tolist() == [3, 4]
        if enabled:
            assert client.predict(request, "compiled")["y"].tolist() == [3, 4]
        else:
            with pytest.raises(PredictionError, match="XLA compilation disabled"):
                client.predict(request, "compiled")
