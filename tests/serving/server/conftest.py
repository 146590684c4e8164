"""A small model of this project, and requests to it, beside the plain models."""

import contextlib
import http.client

import grpc
import numpy as np
import pytest
from tensorflow_serving.apis import model_management_pb2

from lifelong.serving.server.model_config import ModelServerConfig
from lifelong.serving.server.options import ServerOptions
from lifelong.serving.server.server import ModelServer
from tests.serving.server.both_models import VERSION, Served


@pytest.fixture(scope="session")
def ranker_model(transform_output, tmp_path_factory):
    """Folder of an exported `sim_hard` with random weights."""
    from lifelong.models.export import export_model
    from tests.sample_models import spread_model

    path = str(tmp_path_factory.mktemp("ranker") / "model")
    export_model(spread_model("sim_hard", transform_output), transform_output, path)
    return path


@pytest.fixture(scope="session")
def ranker_inputs():
    """Arrays of 3 requests, by signature of `ranker_model` and name."""
    from tests.sample_models import RECORDS, all_requests
    from tests.sample_records import serialize

    wire = {key: value.numpy()[:3] for key, value in all_requests(RECORDS).items()}
    del wire["candidate_label"]
    searched = {
        "candidate_slot": np.zeros_like(wire["candidate_item"]),
        "searched_category": np.ones([3, 2], np.int64),
        "searched_length": np.ones([3, 2], np.int64),
        "searched_item": np.ones([3, 2, 4], np.int64),
        "searched_timestamp": np.ones([3, 2, 4], np.int64),
    }
    return {
        "serving_default": wire,
        "search": wire,
        "transform_features": wire,
        "searched_events": wire | searched,
        "score_records": {"records": np.array([serialize(it) for it in RECORDS[:3]], object)},
        "data_contract": {"user": wire["user"]},
    }


@pytest.fixture(scope="module")
def served(half_plus, ranker_model, ranker_inputs, push, tmp_path_factory):
    base = tmp_path_factory.mktemp("table")
    config = ModelServerConfig()
    for name, source in (("two", half_plus[2]), ("ranker", ranker_model)):
        push(source, base / name, VERSION)
        model = config.model_config_list.config.add(name=name, base_path=str(base / name))
        model.model_platform = "tensorflow"
    inputs = {"two": {"x": np.float32([[2, 4]])}, "ranker": ranker_inputs["serving_default"]}
    with (
        ModelServer(config, ServerOptions(poll_interval_s=0, rest_port=0)) as server,
        grpc.insecure_channel(server.address) as channel,
        contextlib.closing(http.client.HTTPConnection(server.rest_address)) as connection,
    ):
        served = Served(base, channel, connection, inputs)
        # Labels may point only to what has been loaded.
        for model in config.model_config_list.config:
            model.version_labels["stable"] = VERSION
        request = model_management_pb2.ReloadConfigRequest(config=config)
        served.models.HandleReloadConfigRequest(request)
        yield served
