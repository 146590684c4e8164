import numpy as np
import pytest

from lifelong.components.serving_validator.client_requests import ClientRequests
from lifelong.components.serving_validator.recorded_requests import RecordedRequest
from lifelong.components.serving_validator.refusal import ModelRefusedError
from lifelong.data.contract import VERSION, DataContract
from lifelong.data.features import Feature
from lifelong.data.keys import CONTRACT_SIGNATURE, RANK_SIGNATURE
from lifelong.models.wire import wire_spec
from lifelong.serving.prediction import Metadata, Prediction, Signature, TensorInfo
from lifelong.serving.ranker.model_contract import ModelContract

FEATURES = (
    Feature("price", "candidate", "numeric"),
    Feature("device", "request"),
    Feature("age", "user", "numeric"),
    Feature("quantity", "event", "numeric"),
)
# Times are counted from here.
T = 1_500_000_000
COLUMNS = {
    "user": np.array([7]),
    "user_age": np.array([31], np.float32),
    "history_item": np.array([10, 11, 12, 13]),
    "history_category": np.array([1, 2, 1, 1]),
    "history_timestamp": T + np.array([100, 200, 300, 400]),
    "history_quantity": np.array([1, 2, 3, 4], np.float32),
    "history_unknown": np.array([5, 5, 5, 5]),
    "request_timestamp": np.array([T + 500]),
    "request_device": np.array([3]),
    "request_events": np.array([4]),
    "request_candidates": np.array([2]),
    "candidate_item": np.array([20, 21]),
    "candidate_category": np.array([1, 9]),
    "candidate_label": np.array([0, 1], np.float32),
    "candidate_price": np.array([0.5, 1.5], np.float32),
}


def inputs(features):
    """What the server would tell of a model's inputs."""
    return {
        key: TensorInfo(np.dtype(spec.dtype.as_numpy_dtype), tuple(spec.shape))
        for key, spec in wire_spec(features).items()
    }


METADATA = Metadata({"serving_default": Signature(inputs(FEATURES), {})}, 1)


@pytest.fixture
def calls():
    """Of a model with S = 1, L = 2 and K = 1, which reads features of everything."""
    contract = ModelContract(1, True, True, 1, 2, 1, None, {"quantity": "float32"})
    return ClientRequests(METADATA, contract)


def as_lists(request):
    return {name: values.tolist() for name, values in request.items()}


def test_the_inputs_are_those_that_the_model_reads_cut_to_its_window(calls):
    assert as_lists(calls.with_history(RecordedRequest(COLUMNS))) == {
        "user": [7],
        "user_age": [31],
        "request_timestamp": [T + 500],
        "request_device": [3],
        "history_item": [[13, 12, 11]],
        "history_category": [[1, 1, 2]],
        "history_timestamp": [[T + 400, T + 300, T + 200]],
        "history_quantity": [[4, 3, 2]],
        "history_length": [3],
        "candidate_item": [[20, 21]],
        "candidate_category": [[1, 9]],
        "candidate_price": [[0.5, 1.5]],
        "candidate_length": [2],
    }


def test_events_are_searched_as_in_a_store(calls):
    request = as_lists(calls.with_searched_events(RecordedRequest(COLUMNS)))
    # Item 13 is the short part; of category 1, item 12 is the newest before it.
    assert request["history_item"] == [[13]]
    assert request["history_length"] == [3]
    assert request["searched_category"] == [[1, 9]]
    assert request["searched_length"] == [[1, 0]]
    assert request["searched_item"][0][0] == [12]
    assert request["searched_quantity"][0][0] == [3]
    assert request["candidate_slot"] == [[0, 1]]


def test_evidence_is_counted_as_in_a_store(calls):
    counting = ClientRequests(METADATA, calls.contract._replace(evidence_length=4))
    request = as_lists(counting.with_searched_events(RecordedRequest(COLUMNS)))
    of_category = [3, 3, 3, 3, T + 400, T + 300, T + 100]
    assert request["candidate_category_evidence"] == [[of_category, [0] * 7]]
    assert request["candidate_item_evidence"] == [[[0] * 7, [0] * 7]]
    assert request["request_evidence"] == [[4, 1, T + 100, T + 400]]
    assert len(counting.with_history(RecordedRequest(COLUMNS))["history_item"][0]) == 4


def test_a_user_without_events_may_lack_the_columns(calls):
    new = {key: values for key, values in COLUMNS.items() if not key.startswith("history_")}
    request = calls.with_history(RecordedRequest(new))
    assert request["history_length"].tolist() == [0]
    assert request["history_quantity"].dtype == np.float32
    searched = calls.with_searched_events(RecordedRequest(new))
    assert searched["searched_length"].tolist() == [[0, 0]]


def test_signatures_that_the_model_has_are_called(calls):
    assert calls.ranking.keys() == {"serving_default", "search", "searched_events"}
    plain = calls.contract._replace(searches_store=False, explains=False)
    metadata = Metadata({"serving_default": Signature(inputs(()), {})}, 1)
    assert ClientRequests(metadata, plain).ranking.keys() == {"serving_default"}


def test_a_model_that_tells_no_contract_is_refused():
    class Client:
        def metadata(self):
            return Metadata({"serving_default": Signature({}, {})}, 1)

    with pytest.raises(ModelRefusedError, match=r"no signature \['data_contract'\], only"):
        ClientRequests.learn(Client())


@pytest.mark.parametrize("version", [VERSION - 1, VERSION + 1])
def test_a_model_of_another_contract_is_refused_in_one_sentence(version):
    texts = DataContract(version).texts()
    told = {name: np.array([text.encode()], object) for name, text in texts.items()}
    sizes = dict.fromkeys(("short_length", "long_length", "searched_events"), np.array([1]))

    class Client:
        def metadata(self):
            signatures = dict.fromkeys((RANK_SIGNATURE, CONTRACT_SIGNATURE), Signature({}, {}))
            return Metadata(signatures, 1)

        def call(self, inputs, signature):
            return Prediction({**told, **sizes}, 1)

    with pytest.raises(ModelRefusedError) as refused:
        ClientRequests.learn(Client())
    assert str(refused.value) == (
        f"the model has ids made by rule {version}, this version of lifelong makes them by rule"
        f" {VERSION}; run `lifelong run` again, which trains, builds and pushes both anew"
    )
