import numpy as np
import pytest

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.serving.behavior_store import Cut

COLUMNS = {
    "timestamp": np.array([5, 5, 5, 7, 7]),
    "item": np.array([1, 2, 2, 0, 9]),
    "category": np.array([4, 3, 3, 8, 1]),
    "kind": np.array([0, 1, 2, 0, 0]),
}


@pytest.mark.parametrize(
    ("cut", "count"),
    [
        (Cut(5), 0),
        (Cut(5, 2), 1),
        (Cut(5, 3), 3),
        (Cut(6), 3),
        (Cut(7, 9), 4),
        (Cut(8), 5),
        (Cut(5, 2, (3, 2)), 2),
        (Cut(5, 2, (4,)), 3),
        (Cut(5, 2, (2,)), 1),
    ],
)
def test_what_comes_before_a_cut(cut, count):
    assert ev.is_before(COLUMNS, cut).tolist() == [True] * count + [False] * (5 - count)


def test_a_cut_lies_right_before_its_event():
    for index in range(5):
        assert ev.is_before(COLUMNS, ev.cut_before(COLUMNS, index)).sum() == index


def test_orders():
    shuffled = cols.take(COLUMNS, np.array([4, 2, 0, 3, 1]))
    by_time = cols.take(shuffled, ev.time_order(shuffled))
    assert all((by_time[name] == COLUMNS[name]).all() for name in COLUMNS)
    tree = cols.take(shuffled, ev.tree_order(shuffled))
    assert tree["category"].tolist() == [1, 3, 3, 4, 8]
    assert tree["kind"].tolist() == [0, 1, 2, 0, 0]


def test_repetitions_agree_in_every_column():
    assert ev.repeats_previous(COLUMNS).tolist() == [False] * 5
    del_kind = {name: COLUMNS[name] for name in ev.KEYS}
    assert ev.repeats_previous(del_kind).tolist() == [False, False, True, False, False]


EVENTS = {"item": [1, 2], "category": [3, 4], "timestamp": [5, 6], "price": [1.5, 2]}


def test_checked_events_have_the_types_of_the_store():
    columns = ev.checked(EVENTS, {"price": "float32"})
    assert {name: column.dtype.name for name, column in columns.items()} == {
        "item": "int64",
        "category": "int64",
        "timestamp": "int64",
        "price": "float32",
    }


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"item": None}, r"missing: \['item'\]"),
        ({"colour": [1, 2]}, r"unknown: \['colour'\]"),
        ({"item": [1, -2]}, "item is -2 in row 1; expected >= 0"),
        ({"item": ["a", "b"]}, "item is of type <U1; expected int64. Text becomes an id"),
        ({"item": [1.0, 2.0]}, "item is of type float64; expected int64"),
        ({"item": np.array([1, 2**63], np.uint64)}, "too large for int64"),
        ({"category": [1]}, r"category has shape \(1,\), item has \(2,\)"),
        ({"item": [[1], [2]]}, "item has shape"),
        ({"price": [1.0, np.nan]}, "price is nan in row 1"),
        ({"price": [1e300, 1.0]}, "price is 1e[+]300 in row 0"),
    ],
)
def test_bad_events_are_named(changes, message):
    events = {k: v for k, v in {**EVENTS, **changes}.items() if v is not None}
    with pytest.raises(ValueError, match=message):
        ev.checked(events, {"price": "float32"})
