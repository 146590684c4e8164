"""What a model with hard search is sent of a user, against a search of all events."""

import numpy as np
import pytest

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.events import no_events
from lifelong.data.evidence import count_evidence
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.user_tree import UserTree
from lifelong.serving.request import stack_requests
from lifelong.serving.request_checks import check_request
from lifelong.serving.searched_request import build_searched_request, search_history

T = 1_512_000_000
DAY = 86_400
FEATURES = {"price": "float32"}
CANDIDATES = {"item": np.array([1, 2, 3, 4]), "category": np.array([2, 0, 2, 9])}
L, K = 20, 3


def random_events(count, seed=0):
    """Events of 40 days, baskets among them: some agree in time."""
    rng = np.random.default_rng(seed)
    events = {
        "timestamp": T + rng.integers(0, 40, count) * DAY,
        "item": rng.integers(0, 6, count),
        "category": rng.integers(0, 4, count),
        "price": np.arange(count, dtype=np.float32),
    }
    return cols.take(events, ev.time_order(events))


def tree_of(events):
    if not cols.length(events):
        return UserTree(1, Directory.of([]), FEATURES, lambda _: [], "memory")
    packed = pack_user(1, events, 8)
    read = lambda numbers: [packed.blocks[number] for number in numbers]  # noqa: E731
    return UserTree(1, Directory.unpack(packed.directory, 1), FEATURES, read, "memory")


def as_rows(events):
    return list(zip(*(events[name].tolist() for name in sorted(events)), strict=True))


@pytest.mark.parametrize("evidence_length", [0, 5, 30, 1_000])
@pytest.mark.parametrize("short_length", [0, 7])
@pytest.mark.parametrize("now", [T, T + 11 * DAY, T + 25 * DAY + 1, T + 99 * DAY])
def test_a_request_holds_what_a_search_of_all_events_finds(now, short_length, evidence_length):
    events = random_events(200)
    before = cols.take(events, events["timestamp"] < now)
    window = cols.take(before, slice(-(short_length + L), None))
    short = max(0, cols.length(window) - short_length)
    long = cols.take(window, slice(short))
    found = search_history(tree_of(events), CANDIDATES, now, short_length, L, K, evidence_length)
    assert found.window_length == cols.length(window)
    assert as_rows(found.short) == as_rows(cols.take(window, slice(short, None)))
    assert found.categories.tolist() == [0, 2, 9]
    for row, category in enumerate(found.categories):
        part = slice(*found.found.offsets[row : row + 2])
        of_category = cols.take(long, long["category"] == category)
        newest = cols.take(of_category, slice(None, -K - 1, -1))
        assert as_rows(cols.take(found.found.columns, part)) == as_rows(newest)

    request = build_searched_request(1, found, CANDIDATES, now)
    check_request(request)
    assert request["history_length"] == [cols.length(window)]
    assert request["history_item"].shape == (1, max(1, cols.length(found.short)))
    evidence = {name: values.tolist() for name, values in request.items() if "evidence" in name}
    if not evidence_length:
        assert found.evidence is None
        assert evidence == {}
        return
    expected = count_evidence(events, CANDIDATES, now, evidence_length)
    assert evidence == {
        "candidate_item_evidence": [expected.item.tolist()],
        "candidate_category_evidence": [expected.category.tolist()],
        "request_evidence": [expected.request.tolist()],
    }


@pytest.mark.parametrize("short_length", [0, 7])
def test_an_unknown_user_makes_a_request_too(short_length):
    found = search_history(tree_of(no_events(FEATURES)), CANDIDATES, T, short_length, L, K, 100)
    request = build_searched_request(1, found, CANDIDATES, T)
    check_request(request)
    assert request["history_length"] == [0]
    assert request["searched_length"].tolist() == [[0, 0, 0]]
    assert request["history_price"].dtype == np.float32
    assert request["request_evidence"].tolist() == [[0, 0, 0, 0]]


def test_requests_of_several_users_are_stacked():
    made = []
    for count, candidates in ((0, 1), (50, 4), (200, 2)):
        some = cols.take(CANDIDATES, slice(candidates))
        found = search_history(tree_of(random_events(count)), some, T + 30 * DAY, 0, L, K, 100)
        made.append(build_searched_request(1, found, some, T + 30 * DAY))
    stacked = stack_requests(made)
    check_request(stacked)
    assert stacked["candidate_item_evidence"].shape == (3, 4, 7)
    assert stacked["request_evidence"].shape == (3, 4)
    assert stacked["history_item"].shape == (3, 1)
