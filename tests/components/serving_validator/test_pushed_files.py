import itertools
import re

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tfx.utils import path_utils

from lifelong.components.serving_validator.client_requests import ClientRequests
from lifelong.components.serving_validator.config import ServingConfig
from lifelong.components.serving_validator.pushed_files import (
    BATCHING_FILE,
    write_batching_parameters,
    write_warmup_requests,
)
from lifelong.components.serving_validator.recorded_requests import read_requests, widen
from lifelong.serving import tensors
from lifelong.serving.client import PredictionClient
from lifelong.serving.server.server import ModelServer
from lifelong.serving.server.warmup import WARMUP_FILE
from tests.batching_parameters import read_batching_parameters

RANKING = (
    "serving_default",
    "search",
    "searched_events",
    "given_statistics",
    "search_given_statistics",
    "searched_events_given_statistics",
)


@pytest.fixture(scope="module")
def calls(sim_hard, tmp_path_factory):
    versions = tmp_path_factory.mktemp("versions")
    (versions / "1").symlink_to(path_utils.serving_model_path(sim_hard.uri))
    with (
        ModelServer.of_model("shop", str(versions), poll_interval_s=0) as server,
        PredictionClient(server.address, "shop") as client,
    ):
        return ClientRequests.learn(client)


@pytest.fixture
def written(calls, examples, tmp_path):
    """Writes warm-up requests and returns what the file holds."""
    requests = read_requests([f"{examples.uri}/Split-eval/*"], 12)
    lengths = [requests[0], requests[6], widen(requests, calls.contract.max_events, 20)]

    def write(**config):
        count = write_warmup_requests(tmp_path, "shop", calls, lengths, ServingConfig(**config))
        records = tf.data.TFRecordDataset(str(tmp_path / WARMUP_FILE)).as_numpy_iterator()
        found = [prediction_log_pb2.PredictionLog.FromString(it) for it in records]
        assert len(found) == count
        return [log.predict_log.request for log in found]

    return write


def column(request, name):
    return tensors.decode(request.inputs[name])


def test_every_signature_comes_with_every_length_and_batch_size(written):
    first, *rest = written(warmup_requests=1000, max_batch_size=4)
    assert first.model_spec.signature_name == "data_contract"
    assert {request.model_spec.name for request in rest} == {"shop"}
    signatures = [request.model_spec.signature_name for request in rest]
    sizes = [len(column(request, "user")) for request in rest]
    calls = [(name, 1) for name in RANKING] * 3
    calls += itertools.product(RANKING, (2, 4))
    assert sorted(zip(signatures, sizes, strict=True)) == sorted(calls)
    # The 14 events that are counted are full; the empty one has one of padding.
    alone = [
        request
        for request in rest[: 3 * len(RANKING)]
        if request.model_spec.signature_name == "search"
    ]
    assert column(alone[0], "history_length").tolist() == [0]
    assert 0 < column(alone[1], "history_length")[0] < 14
    assert column(alone[2], "history_length").tolist() == [14]
    assert column(alone[2], "candidate_item").shape == (1, 20)


def test_a_batch_mixes_lengths_and_is_as_wide_as_the_longest(written):
    *_, two, four = (
        request
        for request in written(warmup_requests=1000, max_batch_size=4)
        if request.model_spec.signature_name == "search"
    )
    lengths = [column(request, "history_length").tolist() for request in (two, four)]
    short = lengths[1][1]
    assert 0 < short < 14
    assert lengths == [[14, short], [14, short, 0, 14]]
    assert column(four, "candidate_item").shape == (4, 20)


def test_nobodys_id_is_told(written):
    for request in written(warmup_requests=1000, max_batch_size=2):
        assert not column(request, "user").any()


def test_the_first_ones_have_every_signature(written):
    requests = written(warmup_requests=4)
    assert [request.model_spec.signature_name for request in requests] == [
        "data_contract",
        "serving_default",
        "search",
        "searched_events",
    ]


def test_none_are_written_where_none_are_wanted(calls, tmp_path):
    config = ServingConfig(warmup_requests=0)
    assert write_warmup_requests(tmp_path, "shop", calls, [], config) == 0
    assert not (tmp_path / WARMUP_FILE).exists()


def test_batching_parameters_are_what_tensorflow_serving_reads(tmp_path):
    write_batching_parameters(tmp_path, ServingConfig(max_batch_size=6, batch_timeout_micros=900))
    parameters = read_batching_parameters(tmp_path / "batching_params.pbtxt")
    assert parameters.max_batch_size.value == 6
    assert list(parameters.allowed_batch_sizes) == [1, 2, 4, 6]
    assert parameters.batch_timeout_micros.value == 900
    assert parameters.max_enqueued_batches.value == 64
    # Histories and candidates differ in length between requests.
    assert parameters.pad_variable_length_inputs
    # The threads are the server's.
    assert not parameters.HasField("num_batch_threads")


def test_a_model_that_is_not_to_be_batched_has_no_parameters(tmp_path):
    write_batching_parameters(tmp_path, ServingConfig(max_batch_size=1))
    assert not (tmp_path / BATCHING_FILE).exists()


def test_the_flags_that_the_file_names_are_the_servers(tmp_path):
    write_batching_parameters(tmp_path, ServingConfig())
    named = re.findall(r"--(\w+)", (tmp_path / BATCHING_FILE).read_text())
    assert set(named) == {
        "enable_batching",
        "enable_per_model_batching_parameters",
        "batching_parameters_file",
    }
