"""Which statistics a request is given, and through which signature; no model is needed for that."""

import numpy as np
import pytest

from lifelong.data.keys import STATISTICS
from lifelong.serving.behavior_store import Manifest, StoreUnavailableError
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.ranker import RankRequest
from lifelong.serving.ranker.model_contract import ModelContract
from lifelong.serving.ranker.preparation import prepare
from tests.sample_statistics import random_statistics

DAY = 86_400
TIME = 20_000 * DAY
COUNTED = random_statistics(time=TIME)
CANDIDATES = {"item": [3, 999, 3], "category": [1, 2, 77]}
PLAIN = ModelContract(
    version=1,
    searches_store=False,
    explains=False,
    short_length=2,
    long_length=4,
    searched_events=3,
    data=None,
    event_features={},
    reads_statistics=True,
    statistics_time=TIME - DAY,
)
SEARCHES_STORE = PLAIN._replace(searches_store=True)
EXPLAINS = PLAIN._replace(explains=True)


@pytest.fixture
def store(tmp_path):
    manifest = Manifest(shards=1, statistics_time=TIME)
    with LmdbStore.create(tmp_path, manifest, COUNTED) as made:
        made.append({"user": [1], "item": [3], "category": [1], "timestamp": [TIME - 9 * DAY]})
        yield made


def only(batches):
    (batch,) = batches
    return batch


def is_given(batch):
    return {*STATISTICS, "request_statistics_time"} <= batch.inputs.keys()


@pytest.mark.parametrize(
    ("contract", "explain", "signature"),
    [
        (PLAIN, True, "given_statistics"),
        (EXPLAINS, False, "given_statistics"),
        (EXPLAINS, True, "search_given_statistics"),
        (SEARCHES_STORE, True, "searched_events_given_statistics"),
    ],
)
def test_a_request_is_given_the_newer_statistics_of_the_store(store, contract, explain, signature):
    batch = only(prepare(store, contract, [RankRequest(1, CANDIDATES, TIME + 5)], explain))
    assert batch.signature == signature
    expected = COUNTED.look_up(*map(np.array, CANDIDATES.values()))
    parts = (expected.item, expected.category, expected.request)
    for key, counts in zip(STATISTICS, parts, strict=True):
        np.testing.assert_array_equal(batch.inputs[key], counts[np.newaxis])
    assert batch.inputs["request_statistics_time"].tolist() == [TIME]
    assert batch.rows[0][1].degraded == ""


@pytest.mark.parametrize(
    ("contract", "signature"),
    [
        (PLAIN._replace(statistics_time=TIME), ""),
        (PLAIN._replace(statistics_time=TIME + DAY), ""),
        (SEARCHES_STORE._replace(statistics_time=TIME), "searched_events"),
        (PLAIN._replace(reads_statistics=False, statistics_time=0), ""),
        (EXPLAINS._replace(statistics_time=TIME), "search"),
    ],
)
def test_else_the_model_has_its_own(store, contract, signature):
    batch = only(prepare(store, contract, [RankRequest(1, CANDIDATES, TIME + 5)], explain=True))
    assert batch.signature == signature
    assert not is_given(batch)


@pytest.mark.parametrize(("back", "given"), [(1, True), (DAY, True), (DAY + 1, False)])
def test_a_request_of_an_earlier_day_is_not_told_of_days_after_it(store, back, given):
    batch = only(prepare(store, PLAIN, [RankRequest(1, CANDIDATES, TIME - back)], explain=True))
    assert is_given(batch) == given


def test_requests_of_both_kinds_are_two_calls(store):
    requests = [RankRequest(1, CANDIDATES, time) for time in (TIME, TIME - 3 * DAY, TIME + 1)]
    batches = prepare(store, PLAIN, requests, explain=True)
    assert {batch.signature: [index for index, _ in batch.rows] for batch in batches} == {
        "given_statistics": [0, 2],
        "": [1],
    }


def test_a_store_without_statistics_changes_nothing(tmp_path):
    with LmdbStore.create(tmp_path, Manifest(shards=1)) as store:
        batch = only(prepare(store, PLAIN, [RankRequest(1, CANDIDATES, TIME)], explain=True))
    assert (batch.signature, is_given(batch), batch.rows[0][1].degraded) == ("", False, "")
    batch = only(prepare(None, PLAIN, [RankRequest(1, CANDIDATES, TIME)], explain=True))
    assert (batch.signature, is_given(batch)) == ("", False)


def test_statistics_that_cannot_be_read_are_the_models_own_and_the_answer_says_so(
    store, monkeypatch
):
    def down(*_):
        raise StoreUnavailableError("it is down")

    monkeypatch.setattr(LmdbStore, "statistics_of", down)
    batch = only(prepare(store, PLAIN, [RankRequest(1, CANDIDATES, TIME)], explain=True))
    assert (batch.signature, is_given(batch)) == ("", False)
    # The history is the store's all the same.
    assert batch.inputs["history_length"].tolist() == [1]
    assert batch.rows[0][1].degraded == "statistics: it is down"
    # A store that failed already is not asked again.
    monkeypatch.setattr(LmdbStore, "read", down)
    batch = only(prepare(store, PLAIN, [RankRequest(1, CANDIDATES, TIME)], explain=True))
    assert batch.rows[0][1].degraded == "it is down"
