import numpy as np
import pytest

from lifelong.serving.behavior_store.checks import checked_events

EVENTS = {"item": [1, 2], "category": [3, 4], "timestamp": [5, 6], "price": [1.5, 2]}


def test_checked_events_have_the_types_of_the_store():
    columns = checked_events(EVENTS, {"price": "float32"})
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
        checked_events(events, {"price": "float32"})
