import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data import columns as cols
from lifelong.serving.behavior_store import Retention
from lifelong.serving.behavior_store.block import pack_block
from lifelong.serving.behavior_store.directory import Days, Directory
from lifelong.serving.behavior_store.tree_edit import insert, retain
from lifelong.serving.behavior_store.user_tree import UserTree

few = st.integers(0, 4)
some_rows = st.lists(st.tuples(few, few, few), max_size=25)
NAMES = ("timestamp", "item", "category")


class Blocks:
    """The blocks of a user, to which changes are applied."""

    def __init__(self, features=None):
        self.features = features or {}
        self.directory = Directory.of([])
        self.packed = {}

    def tree(self):
        read = lambda numbers: [self.packed[number] for number in numbers]  # noqa: E731
        return UserTree(1, self.directory, self.features, read, "here")

    def apply(self, change):
        self.directory = change.directory
        self.packed |= {n: pack_block(block, (1, n)) for n, block in change.written.items()}
        for number in change.removed:
            del self.packed[number]
        assert sorted(self.packed) == sorted(self.directory.number.tolist())
        assert self.directory.events == sum(self.directory.count.tolist())
        days = Days.of(self.tree().all()["timestamp"])
        assert self.directory.days.number.tolist() == days.number.tolist()
        assert self.directory.days.count.tolist() == days.count.tolist()

    def rows(self):
        events = self.tree().all()
        return list(zip(*(events[name].tolist() for name in NAMES), strict=True))


def columns(rows):
    table = np.array(rows, np.int64).reshape(-1, 3).T
    return dict(zip(NAMES, table, strict=True))


@settings(max_examples=150, deadline=None)
@given(st.lists(some_rows, max_size=5), st.integers(1, 6))
def test_inserting_in_any_order_is_building_from_all(parts, block_size):
    blocks, held = Blocks(), set()
    for rows in parts:
        change = insert(blocks.tree(), columns(rows), block_size)
        new = set(rows) - held
        assert (change.added, change.duplicates) == (len(new), len(rows) - len(new))
        blocks.apply(change)
        held |= new
        assert blocks.rows() == sorted(held, key=lambda row: (row[2], row[0], row[1]))
    if len(blocks.directory):
        told = [blocks.directory.first(row) for row in range(len(blocks.directory))]
        assert told == sorted(set(told))
        # No event agrees in all three here: a block holds as many as it may.
        assert blocks.directory.count.max() <= block_size


def test_only_blocks_that_change_are_written():
    blocks = Blocks()
    blocks.apply(insert(blocks.tree(), columns([(t, 1, t // 10) for t in range(100)]), 10))
    assert len(blocks.directory) == 10
    change = insert(blocks.tree(), columns([(55, 2, 5)]), 10)
    assert len(change.written) == 2  # a full block has become two
    assert change.added == 1
    assert insert(blocks.tree(), columns([(55, 1, 5)]), 10).written == {}


@settings(max_examples=80, deadline=None)
@given(some_rows, st.integers(0, 3), st.integers(0, 4), st.integers(1, 6))
def test_retention_keeps_the_newest_and_the_young(rows, max_events, max_age, block_size):
    blocks = Blocks()
    blocks.apply(insert(blocks.tree(), columns(rows), block_size))
    change = retain(blocks.tree(), Retention(max_events, max_age), 4, block_size)
    expected = []
    for category in range(5):
        of_category = sorted({row for row in rows if row[2] == category})
        kept = of_category[-max_events:] if max_events else of_category
        expected += [row for row in kept if not max_age or row[0] >= 4 - max_age]
    if change is None:
        assert len(expected) == len(set(rows))
    else:
        assert change.added == len(expected) - len(set(rows)) < 0
        blocks.apply(change)
        assert blocks.rows() == expected


@pytest.mark.parametrize("field", ["max_events", "max_age_s"])
def test_bad_retention(field):
    with pytest.raises(ValueError, match=f"{field} is -1; expected 0"):
        Retention(**{field: -1})


def test_events_of_one_time_and_item_stay_in_one_block():
    rows = [(1, 1, 1)] * 3
    events = columns(rows) | {"kind": np.arange(3)}
    change = insert(Blocks({"kind": "int64"}).tree(), events, 1)
    (block,) = change.written.values()
    assert cols.length(block) == 3
