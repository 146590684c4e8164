import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data import columns as cols
from lifelong.serving.behavior_store.block import pack_block, split, unpack_blocks
from lifelong.serving.behavior_store.errors import StoreCorruptedError

FEATURES = {"price": "float32", "behavior": "int64"}


def make_events(rows):
    """Events in tree order, of (category, timestamp, item)."""
    rows = np.array(sorted(rows), np.int64).reshape(-1, 3)
    return {"category": rows[:, 0], "timestamp": rows[:, 1], "item": rows[:, 2]}


few = st.integers(0, 3)
some_rows = st.lists(st.tuples(few, few, few), max_size=40)


def test_blocks_are_unpacked_together_and_apart():
    first = {
        **make_events([(5, 10, 1), (5, 20, 2), (9, 5, 3)]),
        "behavior": np.array([1, 2, 1]),
        "price": np.float32([0.5, 1.5, 2.5]),
    }
    second = {
        **make_events([(2**62, 2**40, 2**61)]),
        "behavior": np.array([7]),
        "price": np.float32([-1]),
    }
    packed = [pack_block(first, (1, 0)), pack_block(second, (1, 1))]
    events, counts = unpack_blocks(packed, FEATURES, [(1, 0), (1, 1)])
    assert counts.tolist() == [3, 1]
    for name, column in events.items():
        assert column.tolist() == [*first[name].tolist(), *second[name].tolist()]
    with pytest.raises(StoreCorruptedError):
        unpack_blocks(packed, FEATURES, [(1, 1), (1, 0)])


@settings(max_examples=80, deadline=None)
@given(some_rows, st.integers(1, 10))
def test_splitting_keeps_order_sizes_and_ties(rows, size):
    events = make_events(rows)
    blocks = list(split(events, size))
    if not rows:
        assert blocks == []
        return
    whole = cols.concat(blocks)
    assert all(whole[name].tolist() == events[name].tolist() for name in events)
    keys = [
        list(zip(*(b[n].tolist() for n in ("category", "timestamp", "item")), strict=True))
        for b in blocks
    ]
    for before, after in itertools.pairwise(keys):
        assert before[-1] != after[0]
    largest_tie = max(rows.count(row) for row in rows)
    assert max(map(len, keys)) <= size + largest_tie - 1


def test_wide_events_fill_smaller_blocks():
    """1,000 events of 8 + 8 bytes and a category: two blocks of them fit a page of 4,096 bytes."""
    rng = np.random.default_rng(0)
    rows = zip([3] * 1000, rng.integers(0, 2**40, 1000), rng.integers(0, 2**62, 1000), strict=True)
    blocks = list(split(make_events(rows), 256))
    sizes = [len(pack_block(block, (1, 0))) for block in blocks]
    assert max(sizes) <= 2018
    assert min(sizes) > 1500


def test_a_category_that_fills_a_block_shares_none():
    rows = [(c, t, 0) for c, size in enumerate((3, 16, 2, 2, 40, 1)) for t in range(size)]
    blocks = list(split(make_events(rows), 16))
    assert [sorted(set(block["category"].tolist())) for block in blocks] == [
        [0],
        [1],
        [2, 3],
        [4],
        [4],
        [4],
        [5],
    ]
    assert [len(block["category"]) for block in blocks] == [3, 16, 4, 13, 13, 14, 1]
