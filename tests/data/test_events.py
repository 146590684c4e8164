import numpy as np
import pytest

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.events import Cut

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


def test_records_and_store_rank_events_alike():
    """The one order: sorting many users' events is each user's time order, features included."""
    random = np.random.default_rng(5)
    keys = ["user", "timestamp", "item", "category", "history_b", "history_a"]
    events = {key: random.integers(0, 3, 400) for key in keys}
    ordered, repeated = ev.sort_events({key: column.copy() for key, column in events.items()})
    distinct = sorted(
        set(zip(*(events[key] for key in [*keys[:4], "history_a", "history_b"]), strict=False))
    )
    assert repeated == 400 - len(distinct)
    assert (
        list(zip(*(ordered[key] for key in [*keys[:4], "history_a", "history_b"]), strict=False))
        == distinct
    )
    for user in range(3):
        mine = {
            key.removeprefix("history_"): ordered[key][ordered["user"] == user] for key in keys[1:]
        }
        assert (ev.time_order(mine) == np.arange(len(mine["item"]))).all()
