import numpy as np
import pytest

from lifelong.data.keys import RANK_SIGNATURE
from lifelong.serving.prediction import Metadata, Prediction, Signature, TensorInfo
from lifelong.serving.ranker.model_contract import read_contract

FLOATS, IDS = (TensorInfo(np.dtype(kind), (None, None)) for kind in (np.float32, np.int64))
INPUTS = {
    **dict.fromkeys(
        ("history_item", "history_timestamp", "history_length", "history_channel"), IDS
    ),
    **dict.fromkeys(("candidate_item", "candidate_category", "candidate_length"), IDS),
    "candidate_place": FLOATS,
}
TOLD = {
    "id_space": b"",
    "category_taxonomy": b"",
    **dict.fromkeys(("short_length", "long_length", "searched_events"), 3),
}


def contract_of(**told):
    metadata = Metadata({RANK_SIGNATURE: Signature(INPUTS, {})}, 1)
    outputs = {name: np.array([value]) for name, value in {**TOLD, **told}.items()}
    return read_contract(metadata, Prediction(outputs, 1))


def test_it_tells_which_features_requests_carry_and_which_the_model_has():
    contract = contract_of(item_features=b'["brand", "image"]')
    assert contract.event_features == {"channel": "int64"}
    assert contract.candidate_features == {"place"}
    assert contract.item_features == {"brand", "image"}
    contract.check_candidates(["item", "category", "place"])
    assert contract_of().item_features == frozenset(), "of an older model"


def test_a_request_brings_what_is_read_or_counted():
    assert (contract_of().evidence_length, contract_of().max_events) == (0, 6), "of an older model"
    assert contract_of(evidence_length=5).max_events == 6
    assert contract_of(evidence_length=4_000).max_events == 4_000


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["place", "brand"],
            "candidate_brand: the model has .* in a table of its own .* leave it out",
        ),
        (["place", "color"], "candidate_color: the model reads no such feature; it reads place of"),
        ([], "candidate_place is missing: the model reads it of every candidate"),
    ],
)
def test_features_that_do_not_fit_are_named(columns, message):
    contract = contract_of(item_features=b'["brand"]')
    with pytest.raises(ValueError, match=message):
        contract.check_candidates(["item", "category", *columns])
