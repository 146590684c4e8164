import numpy as np
import pytest

from lifelong.serving.request import build_request, stack_requests

# Times are counted from here.
T = 1_512_000_000
HISTORY = {
    "item": [5, 3, 4, 9],
    "category": [50, 30, 40, 90],
    "timestamp": [T + 100, T + 200, T + 200, T + 300],
    "price": [0.5, 1.5, 2.5, 3.5],
    "shop": [1, 2, 3, 4],
}
CANDIDATES = {"item": [7, 8], "category": [70, 80], "position": [1, 2]}


def build(**changes):
    arguments = {
        "user": 1,
        "history": HISTORY,
        "candidates": CANDIDATES,
        "request_timestamp": T + 1000,
        "max_events": 10,
        "request_features": {"hour": 13},
        "user_features": {"age": 0.25},
    }
    return build_request(**{**arguments, **changes})


def test_names_shapes_types_and_newest_first():
    request = build()
    assert {name: (values.dtype.name, values.shape) for name, values in request.items()} == {
        "user": ("int64", (1,)),
        "user_age": ("float32", (1,)),
        "request_timestamp": ("int64", (1,)),
        "request_hour": ("int64", (1,)),
        "history_item": ("int64", (1, 4)),
        "history_category": ("int64", (1, 4)),
        "history_timestamp": ("int64", (1, 4)),
        "history_price": ("float32", (1, 4)),
        "history_shop": ("int64", (1, 4)),
        "history_length": ("int64", (1,)),
        "candidate_item": ("int64", (1, 2)),
        "candidate_category": ("int64", (1, 2)),
        "candidate_position": ("int64", (1, 2)),
        "candidate_length": ("int64", (1,)),
    }
    assert request["history_item"].tolist() == [[9, 4, 3, 5]]
    assert request["history_price"].tolist() == [[3.5, 2.5, 1.5, 0.5]]
    assert request["history_length"].tolist() == [4]
    assert request["candidate_item"].tolist() == [[7, 8]]
    assert request["candidate_length"].tolist() == [2]


@pytest.mark.parametrize(
    ("now", "items"),
    [(301, [9, 4, 3, 5]), (300, [4, 3, 5]), (201, [4, 3, 5]), (200, [5]), (101, [5])],
)
def test_only_events_strictly_before_the_request(now, items):
    request = build(request_timestamp=T + now)
    assert request["history_item"].tolist() == [items]
    assert request["history_length"].tolist() == [len(items)]


def test_cut_keeps_the_newest():
    request = build(max_events=2)
    assert request["history_item"].tolist() == [[9, 4]]
    assert request["history_length"].tolist() == [2]


@pytest.mark.parametrize(
    "history",
    [
        HISTORY,
        {
            "item": [],
            "category": [],
            "timestamp": [],
            "price": np.zeros(0, np.float32),
            "shop": np.zeros(0, np.int64),
        },
    ],
    ids=["all events are later", "no events"],
)
def test_empty_history_is_one_event_of_padding(history):
    request = build(history=history, request_timestamp=T + 100)
    assert request["history_length"].tolist() == [0]
    for name in ("item", "category", "timestamp", "price", "shop"):
        assert request[f"history_{name}"].shape == (1, 1)
    assert request["history_price"].dtype == np.float32
    assert request["history_item"].dtype == np.int64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user": -1}, "user holds -1"),
        ({"user": "anna"}, r"user is of type .*ids_of"),
        ({"user": [1, 2]}, r"user has shape \(2,\)"),
        ({"request_timestamp": 1.5}, "request_timestamp is of type float64; expected integers"),
        ({"max_events": 0}, "max_events is 0"),
        ({"history": {"item": [1], "category": [1]}}, "history_timestamp missing"),
        ({"history": {**HISTORY, "shop": [1]}}, "history_shop has 1 values, history_item has 4"),
        ({"history": {**HISTORY, "shop": []}}, "history_shop is an empty list"),
        ({"history": {**HISTORY, "shop": [[1]] * 4}}, r"history_shop has shape \(4, 1\)"),
        ({"history": {**HISTORY, "item": 5}}, r"history_item has shape \(\)"),
        ({"history": {**HISTORY, "item": [5, 3, -4, 9]}}, "history_item holds -4 at position 2"),
        (
            {"history": {**HISTORY, "price": [1.0, 2.0, 3.0, float("nan")]}},
            "history_price .*finite",
        ),
        ({"history": {**HISTORY, "length": [1] * 4}}, "history_length is counted"),
        (
            {"history": {**HISTORY, "timestamp": [T + 300, T + 200, T + 200, T + 100]}},
            "event 1 .* sort the history",
        ),
        ({"history": {**HISTORY, "item": [5, 4, 3, 9]}}, r"event 2 \(time 1512000200, item 3\)"),
        ({"candidates": {"item": [], "category": []}}, "candidate_item is empty"),
        ({"candidates": {"item": [1]}}, "candidate_category missing"),
        (
            {"candidates": {"item": np.array([2**63], np.uint64), "category": [1]}},
            "candidate_item holds 9223372036854775808, which is too large",
        ),
        ({"user": True}, "user is of type bool; expected integers"),
        ({"user": 3.0}, "user is of type float64; expected integers"),
        ({"user": 2**63}, "user holds 9223372036854775808, which is too large"),
        (
            {"request_timestamp": 1_513_000_000_000},
            "request_timestamp holds 1513000000000; expected Unix seconds, .*it looks like "
            "milliseconds: divide by 1,000",
        ),
        ({"request_timestamp": 1_513_000_000_000_000_000}, "request_timestamp .*nanoseconds"),
        ({"request_timestamp": 20171211}, "request_timestamp .*looks like the date 2017-1"),
        ({"request_timestamp": 5}, "request_timestamp holds 5; .*between the years 1990 and 2100$"),
        (
            {"history": {**HISTORY, "timestamp": [T * 1000 + it for it in range(4)]}},
            "history_timestamp holds 1512000000000; .*milliseconds",
        ),
        ({"history": {**HISTORY, "timestamp": [0, T, T + 1, T + 2]}}, "history_timestamp holds 0;"),
        ({"history": {**HISTORY, "item": [5.0, 3.0, 4.0, 9.0]}}, "history_item is of type float64"),
        (
            {"history": {**HISTORY, "shop": [1, -2, 3, 4]}},
            "history_shop holds -2 .*ids; pass a num",
        ),
        ({"candidates": {**CANDIDATES, "item": [True, False]}}, "candidate_item is of type bool"),
        (
            {"candidates": {**CANDIDATES, "price": [1e300, 1.0]}},
            "candidate_price holds values that are not finite, or too large for float32",
        ),
        ({"request_features": {"timestamp": 3}}, "request_timestamp is given twice"),
        ({"user_features": {"age": "old"}}, "user_age is of type"),
    ],
)
def test_bad_input_names_the_field(changes, message):
    with pytest.raises(ValueError, match=message):
        build(**changes)


def test_stack_pads_with_the_rows_own_first_element():
    short = build(max_events=1, candidates={"item": [6], "category": [60], "position": [3]})
    batch = stack_requests([build(), short])
    assert batch["user"].tolist() == [1, 1]
    assert batch["history_item"].tolist() == [[9, 4, 3, 5], [9, 9, 9, 9]]
    assert batch["history_price"].tolist() == [[3.5, 2.5, 1.5, 0.5], [3.5] * 4]
    assert batch["history_length"].tolist() == [4, 1]
    assert batch["candidate_item"].tolist() == [[7, 8], [6, 6]]
    assert batch["candidate_length"].tolist() == [2, 1]
    assert batch["history_price"].dtype == np.float32


def test_stack_of_one_is_the_request():
    request = build()
    stacked = stack_requests([request])
    assert all((stacked[name] == request[name]).all() for name in request)


def test_stack_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="nothing to stack"):
        stack_requests([])
    with pytest.raises(ValueError, match=r"request 1 and request 0 differ .*'user_age'"):
        stack_requests([build(), build(user_features={})])
    with pytest.raises(ValueError, match="user_age of request 1 is int64"):
        stack_requests([build(), build(user_features={"age": 1})])
