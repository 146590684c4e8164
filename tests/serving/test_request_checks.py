"""What the client refuses before it sends anything."""

import asyncio

import numpy as np
import pytest

from lifelong.serving.async_client import AsyncPredictionClient
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.user_tree import UserTree
from lifelong.serving.client import PredictionClient
from lifelong.serving.request import build_request, stack_requests
from lifelong.serving.request_checks import check_request
from lifelong.serving.searched_request import build_searched_request, search_history

T = 1_512_000_000
HISTORY = {
    "item": np.array([5, 3]),
    "category": np.array([1, 2]),
    "timestamp": np.array([T, T + 9]),
    "price": np.float32([0.5, 1.5]),
}
NOTHING = {name: values[:0] for name, values in HISTORY.items()}
CANDIDATES = {"item": [7, 8], "category": [1, 4], "position": [1, 2]}


def request(history=HISTORY, candidates=CANDIDATES):
    return build_request(1, history, candidates, T + 10, 5, {"hour": 13}, {"age": 0.25})


def search(candidates, short_length=1):
    packed = pack_user(1, HISTORY, 4)
    directory = Directory.unpack(packed.directory, 1)
    read = lambda numbers: [packed.blocks[number] for number in numbers]  # noqa: E731
    tree = UserTree(1, directory, {"price": "float32"}, read, "memory")
    return search_history(tree, candidates, T + 10, short_length, 5, 3, 4)


def searched(short_length=1):
    return build_searched_request(1, search(CANDIDATES, short_length), CANDIDATES, T + 10)


@pytest.mark.parametrize("categories", [[3.9], ["3"], [True]])
def test_what_is_no_category_is_not_searched_for(categories):
    with pytest.raises(TypeError, match=r"categories is .*expected integers"):
        search({"item": [1], "category": categories})


def three():
    """A batch whose first user has no history, and whose last has other candidates."""
    return stack_requests([request(NOTHING), request(), request(candidates={**CANDIDATES})])


@pytest.mark.parametrize(
    "made",
    [request, searched, lambda: searched(short_length=0), three, lambda: request(NOTHING)],
)
def test_what_is_built_is_sent(made):
    check_request(made())


@pytest.mark.parametrize("slot", [-2, 9])
def test_a_slot_is_that_of_a_searched_category(slot):
    made = searched()
    made["candidate_slot"] = np.array([[0, slot]])
    with pytest.raises(ValueError, match=rf"candidate_slot holds {slot}; expected -1 to \d"):
        check_request(made)


def test_the_byte_order_does_not_matter():
    check_request(
        {name: values.astype(values.dtype.newbyteorder()) for name, values in request().items()}
    )


def test_inputs_of_other_models_are_left_alone():
    check_request(
        {"x": np.array([np.nan]), "user": np.array(["a"]), "request_timestamp": np.ones(1)}
    )


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        (
            "request_timestamp",
            [(T + 10) * 1000],
            "holds 1512000010000; .*milliseconds: divide by 1,000",
        ),
        (
            "request_timestamp",
            [10**18 * 9],
            "holds .*; expected Unix seconds, between the years 1990 and 2100",
        ),
        ("request_timestamp", [20171130], "holds .*; it looks like the date 2017-1"),
        ("request_timestamp", [T + 10.0], "is of type float64; expected int64"),
        ("history_timestamp", [[(T + 9) * 1000, T]], "holds 1512000009000; .*milliseconds"),
        ("history_timestamp", [[T, 0]], "holds 0; expected Unix seconds"),
        (
            "history_timestamp",
            [[T + 10, T]],
            r"holds 1512000010 at \[0, 0\], which is not before the request_timestamp 1512000010",
        ),
        ("history_length", [50], "is 50, but history_item has a width of 2"),
        ("history_length", [-1], "holds -1; expected >= 0"),
        ("candidate_length", [9], "is 9, but candidate_item has a width of 2"),
        ("candidate_length", [-1], "holds -1; expected >= 0"),
        ("candidate_length", [[2]], r"has shape \(1, 1\), which does not go with candidate_item"),
        ("candidate_length", [2.0], "is of type float64; expected int64"),
        ("user", [-1], "holds -1; expected >= 0"),
        ("user", [3.0], "is of type float64; expected int64"),
        ("user", [True], "is of type bool; expected int64"),
        ("user", np.array([2**63 + 5], np.uint64), "is of type uint64; expected int64"),
        ("user", [1, 2], r"has shape \(2,\), which does not go with request_timestamp"),
        ("candidate_item", [[7, -8]], "holds -8; expected >= 0"),
        ("candidate_item", [[7.0, 8.0]], "is of type float64"),
        ("candidate_position", [[1, -2]], "holds -2"),
        (
            "history_category",
            [[1, 2, 3]],
            r"has shape \(1, 3\), which does not go with history_item",
        ),
        ("history_price", np.float32([[1, np.nan]]), "holds values that are not finite"),
        ("history_price", np.float32([[1, np.inf]]), "holds values that are not finite"),
        ("history_price", [[1.0, 2.0]], "is of type float64; expected int64 or float32"),
        ("user_age", np.float32([np.nan]), "holds values that are not finite"),
        ("request_hour", [-3], "holds -3"),
    ],
)
def test_what_makes_no_sense_is_refused_by_the_name_of_the_input(name, values, message):
    with pytest.raises(ValueError, match=f"^{name} {message}"):
        check_request({**request(), name: np.asarray(values)})


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("searched_length", [[1, 4]], "is 4, but searched_item has a width of 1"),
        ("searched_timestamp", [[[T + 11], [0]]], "holds 1512000011 at"),
        ("searched_category", [[1, -4]], "holds -4"),
        ("searched_length", [1, 0], r"has shape \(2,\), which does not go with searched_item"),
        (
            "candidate_item_evidence",
            np.zeros([1, 1, 7], int),
            r"has shape \(1, 1, 7\), which does not",
        ),
        ("candidate_category_evidence", np.zeros([1, 2, 5], int), r"has shape \(1, 2, 5\), which"),
        ("candidate_item_evidence", np.full([1, 2, 7], -1), "holds -1; expected >= 0"),
        (
            "request_evidence",
            [[1, 1, T]],
            r"has shape \(1, 3\), which does not go with request_tim",
        ),
        ("request_evidence", [[1.0, 1, T, T]], "is of type float64; expected int64"),
    ],
)
def test_events_that_were_searched_are_checked_too(name, values, message):
    with pytest.raises(ValueError, match=f"^{name} {message}"):
        check_request({**searched(), name: np.asarray(values)})


def test_each_row_of_a_batch_is_checked():
    batch = three()
    for name in ("history_length", "candidate_length"):
        wrong = {**batch, name: batch[name] + np.array([0, 1, 0])}
        with pytest.raises(ValueError, match=f"^{name} is 3"):
            check_request(wrong)
    late = batch["history_timestamp"] + np.array([[0], [0], [1]])
    with pytest.raises(ValueError, match=r"^history_timestamp holds 1512000010 at \[2, 0\]"):
        check_request({**batch, "history_timestamp": late})


def test_both_clients_refuse_before_they_send():
    wrong = {**request(), "candidate_length": [9]}
    # Nobody listens there.
    with (
        PredictionClient("127.0.0.1:1") as client,
        pytest.raises(ValueError, match="candidate_length is 9"),
    ):
        client.predict(wrong)

    async def call():
        async with AsyncPredictionClient("127.0.0.1:1") as client:
            await client.call(wrong)

    with pytest.raises(ValueError, match="candidate_length is 9"):
        asyncio.run(call())
