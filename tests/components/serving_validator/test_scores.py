import numpy as np
import pytest
import tensorflow as tf
from tfx.utils import path_utils

from lifelong.components.serving_validator.client_requests import ClientRequests
from lifelong.components.serving_validator.recorded_requests import RecordedRequest, read_requests
from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.components.serving_validator.scores import compare, evaluator_scores
from lifelong.serving.client import PredictionClient
from lifelong.serving.prediction import PredictionError
from lifelong.serving.server.server import ModelServer


@pytest.fixture(scope="module")
def requests(examples):
    return read_requests([f"{examples.uri}/Split-eval/*"], 12)


@pytest.fixture(scope="module")
def client(sim_hard, tmp_path_factory):
    versions = tmp_path_factory.mktemp("versions")
    (versions / "1").symlink_to(path_utils.serving_model_path(sim_hard.uri))
    with (
        ModelServer.of_model("shop", str(versions), poll_interval_s=0) as server,
        PredictionClient(server.address, "shop") as connected,
    ):
        yield connected


@pytest.fixture(scope="module")
def calls(client):
    return ClientRequests.learn(client)


@pytest.fixture(scope="module")
def expected(sim_hard, requests):
    return evaluator_scores(path_utils.serving_model_path(sim_hard.uri), requests)


class Counting:
    """A client that notes the size of each call by signature."""

    def __init__(self, client):
        self._client = client
        self.rows = {}

    def predict(self, inputs, signature, outputs):
        rows = len(next(iter(inputs.values())))
        self.rows.setdefault(signature, []).append(rows)
        return self._client.predict(inputs, signature, outputs)


def test_there_are_scores_for_every_candidate(requests, expected):
    assert [len(scores) for scores in expected.scores] == [
        len(request.columns["candidate_item"]) for request in requests
    ]
    assert np.concatenate(expected.scores).std() > 0.01


def test_every_way_to_ask_gives_the_evaluators_scores(client, calls, requests, expected):
    counting = Counting(client)
    assert compare(counting, calls, requests, expected, batch_size=5).difference < 1e-6
    each = [1] * 12 + [5, 5, 2]
    assert {name: sorted(rows) for name, rows in counting.rows.items()} == {
        "score_records": [12],
        "serving_default": sorted(each),
        "search": sorted(each),
        "searched_events": sorted(each),
        "given_statistics": sorted(each),
        "search_given_statistics": sorted(each),
        "searched_events_given_statistics": sorted(each),
    }


def test_the_largest_difference_is_found_wherever_it_is(client, calls, requests, expected):
    shifted = [scores.copy() for scores in expected.scores]
    shifted[7][-1] += 0.25
    found = compare(client, calls, requests, expected._replace(scores=shifted), batch_size=5)
    assert found.difference == pytest.approx(0.25, abs=1e-6)


def test_the_signature_that_differs_is_named(client, calls, requests, expected):
    class Skewed(Counting):
        def predict(self, inputs, signature, outputs):
            answer = super().predict(inputs, signature, outputs)
            return {"scores": answer["scores"] + (signature == "searched_events")}

    found = compare(Skewed(client), calls, requests, expected, batch_size=5)
    assert found.signature == "searched_events"
    assert found.difference == pytest.approx(1, abs=1e-6)


def test_a_score_that_is_no_number_is_the_largest_difference(client, calls, requests, expected):
    broken = [scores.copy() for scores in expected.scores]
    broken[3][0] = np.nan
    broken[4][0] = 1e9
    broken = expected._replace(scores=broken)
    assert np.isnan(compare(client, calls, requests, broken, batch_size=5).difference)


def test_what_the_model_counts_itself_is_compared_with_what_it_counts_here(
    client, calls, requests, expected
):
    as_of_then = [calls.ranking_as_of_then["given_statistics"](request) for request in requests]
    newest = [expected.rank(calls.with_history(request))[0] for request in requests]
    differ = [
        np.abs(scores[: len(wanted)] - wanted).max()
        for scores, wanted in zip(newest, expected.scores, strict=True)
    ]
    assert max(differ) > 0.01
    assert all("request_statistics_time" in request for request in as_of_then)

    def shifted(inputs):
        return expected.rank(inputs) + 0.5

    found = compare(client, calls, requests, expected._replace(rank=shifted), batch_size=5)
    assert found.difference == pytest.approx(0.5, abs=1e-6)
    assert found.signature in ("serving_default", "search", "searched_events")


def test_too_few_scores_are_refused(client, calls, requests, expected):
    class Short(Counting):
        def predict(self, inputs, signature, outputs):
            return {"scores": super().predict(inputs, signature, outputs)["scores"][..., :1]}

    with pytest.raises(ModelRefusedError, match=r"'score_records' gives scores of shape \(1,\)"):
        compare(Short(client), calls, requests, expected, batch_size=5)


def test_a_failed_request_is_refused_with_its_signature(client, calls, requests, expected):
    class Failing(Counting):
        def predict(self, inputs, signature, outputs):
            if signature == "search":
                inputs = {"user": inputs["user"]}
            return super().predict(inputs, signature, outputs)

    with pytest.raises(ModelRefusedError, match="signature 'search': INVALID_ARGUMENT") as caught:
        compare(Failing(client), calls, requests, expected, batch_size=5)
    assert isinstance(caught.value.__cause__, PredictionError)


def test_a_model_that_the_evaluator_cannot_read_is_refused(requests, tmp_path):
    class Plain(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def double(self, x):
            return {"y": 2 * x}

    model = Plain()
    tf.saved_model.save(model, str(tmp_path), signatures={"serving_default": model.double})
    with pytest.raises(ModelRefusedError, match="no signature 'score_records'"):
        evaluator_scores(str(tmp_path), requests)


def test_a_model_that_fails_on_records_is_refused(sim_hard, requests):
    columns = {**requests[-1].columns, "request_events": np.array([99])}
    path = path_utils.serving_model_path(sim_hard.uri)
    with pytest.raises(ModelRefusedError, match=r"(?s)fails in the Evaluator's way: .+"):
        evaluator_scores(path, [RecordedRequest(columns)])
