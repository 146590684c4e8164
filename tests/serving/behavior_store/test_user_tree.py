"""Reads of one user's tree against a plain search of a sorted list."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.events import Cut
from lifelong.serving.behavior_store.block import pack_block, split
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.user_tree import UserTree, Window

FEATURES = {"kind": "int64"}
USER = 11


def packed_tree(rows, block_size):
    """Opens a tree of (timestamp, item, category, kind), given a list for the blocks it reads."""
    columns = np.array(sorted(set(rows)), np.int64).reshape(-1, 4).T
    events = dict(zip(("timestamp", "item", "category", "kind"), columns, strict=True))
    events = cols.take(events, ev.tree_order(events))
    blocks = list(enumerate(split(events, block_size)))
    packed = {number: pack_block(block, (USER, number)) for number, block in blocks}
    directory = Directory.of(blocks)

    def open_tree(reads):
        def read_blocks(numbers):
            reads.extend(numbers)
            return [packed[number] for number in numbers]

        return UserTree(USER, directory, FEATURES, read_blocks, "the store")

    return open_tree


def make_tree(rows, block_size, reads=None):
    """A tree of (timestamp, item, category, kind) and the blocks that are read of it."""
    return packed_tree(rows, block_size)([] if reads is None else reads)


def rows_of(columns):
    names = ("timestamp", "item", "category", "kind")
    return list(zip(*(columns[name].tolist() for name in names), strict=True))


def is_before(row, cut):
    return cut is None or row[: 2 + len(cut.rest)] < (cut.timestamp, cut.item, *cut.rest)


few = st.integers(0, 4)
# Times of one day, or of several.
SCALES = (1, 30_000, 86_400)
some_rows = st.lists(st.tuples(few, few, few, st.integers(0, 1)), max_size=60)
pairs = st.builds(Cut, st.integers(0, 5), st.integers(0, 5))
exact = st.builds(lambda t, i, c, k: Cut(t, i, (c, k)), few, few, few, st.integers(0, 1))
cuts = st.one_of(st.none(), pairs, exact)


@settings(max_examples=150, deadline=None)
@given(some_rows, st.integers(1, 8), st.integers(1, 6), cuts, cuts)
def test_search_is_a_search_of_the_sorted_list(rows, block_size, k, before, not_before):
    tree = make_tree(rows, block_size)
    categories = [3, 0, 9, 3, 1]
    columns, offsets = tree.search(categories, k, before, not_before)
    found = rows_of(columns)
    for place, category in enumerate(categories):
        expected = [
            row
            for row in sorted(set(rows), reverse=True)
            if row[2] == category
            and is_before(row, before)
            and (not_before is None or not is_before(row, not_before))
        ]
        assert found[offsets[place] : offsets[place + 1]] == expected[:k]


@settings(max_examples=150, deadline=None)
@given(some_rows, st.integers(1, 8), st.integers(1, 70), cuts, cuts, st.sampled_from(SCALES))
def test_history_and_window_are_the_end_of_the_sorted_list(
    rows, block_size, limit, before, not_before, scale
):
    rows = [(time * scale, *rest) for time, *rest in rows]
    before, not_before = (
        cut and cut._replace(timestamp=cut.timestamp * scale) for cut in (before, not_before)
    )
    tree = make_tree(rows, block_size)
    earlier = [row for row in sorted(set(rows)) if is_before(row, before)]
    kept = [row for row in earlier if not_before is None or not is_before(row, not_before)]
    assert rows_of(tree.history(limit, before, not_before)) == kept[-limit:]
    window = tree.window(limit, before)
    assert window.length == min(limit, len(earlier))
    if len(earlier) > limit:
        oldest = earlier[-limit]
        assert window.start == Cut(oldest[0], oldest[1], oldest[2:])
        assert rows_of(tree.history(99, before, window.start)) == earlier[-limit:]
    else:
        assert window.start is None


@settings(max_examples=60, deadline=None)
@given(some_rows, st.integers(1, 8), cuts)
def test_reads_one_after_another_are_as_if_alone(rows, block_size, before):
    shared = make_tree(rows, block_size)
    for _ in range(2):
        for read in (
            lambda tree: rows_of(tree.search([1, 2], 2, before)[0]),
            lambda tree: rows_of(tree.history(5, before)),
            lambda tree: rows_of(tree.all()),
        ):
            assert read(shared) == read(make_tree(rows, block_size))


def test_a_search_reads_as_many_blocks_whatever_the_history():
    """20 categories, 48 events of each: once every category fills blocks of its own."""
    rng = np.random.default_rng(0)
    read = {}
    for size in (1_000, 4_000, 50_000):
        categories = rng.integers(0, 40, size)
        rows = [(t, t % 97, int(c), 0) for t, c in enumerate(categories)]
        reads = []
        tree = make_tree(rows, 64, reads)
        tree.search(range(20), 48)
        read[size] = len(reads)
        assert len(reads) == len(set(reads))
    assert read[1_000] < read[4_000]
    assert read[50_000] <= 2 * 20 + 1
    assert read[50_000] < 0.06 * len(tree.directory)


@pytest.fixture(scope="module")
def many_events():
    """Opens a tree of 16 categories in turn, given a list for the blocks it reads."""
    return packed_tree([(t, 3, t % 16, 0) for t in range(16_000)], 16)


@pytest.mark.parametrize("cut", [40, 1_000, 8_000, 15_990, 16_000])
@pytest.mark.parametrize("limit", [1, 100])
def test_a_history_reads_as_many_blocks_wherever_the_cut_lies(many_events, limit, cut):
    reads = []
    tree = many_events(reads)
    found = tree.history(limit, cut)
    assert found["timestamp"].tolist() == list(range(max(0, cut - limit), cut))
    assert len(reads) == len(set(reads))
    # Of 1,000 blocks, one of each category and those that the events fill.
    assert len(reads) <= 2 * 16 + limit // 16 + 1
    assert len(tree.directory) >= 1_000


def test_a_cut_far_back_reads_few_blocks_though_categories_share_them():
    """Each category lasts for 5 events: blocks of several, which yet span little time."""
    open_tree = packed_tree([(t, 3, t // 5, 0) for t in range(8_000)], 16)
    for cut in (100, 4_000, 7_990):
        reads = []
        found = open_tree(reads).history(20, cut)
        assert found["timestamp"].tolist() == list(range(cut - 20, cut))
        assert len(reads) <= 5


def test_a_cut_far_back_may_be_that_of_a_window_or_a_search(many_events):
    reads = []
    assert many_events(reads).window(50, 1_000) == Window(50, Cut(950, 3, (950 % 16, 0)))
    assert len(reads) <= 2 * 16 + 4
    reads.clear()
    found, offsets = many_events(reads).search([3, 4], 10, 1_000)
    assert offsets.tolist() == [0, 10, 20]
    assert found["timestamp"].max() < 1_000
    assert len(reads) <= 4


@pytest.mark.parametrize("read", ["history", "window"])
def test_unix_seconds_are_a_cut(read):
    tree = make_tree([(t, 3, 1, 0) for t in range(9)], 4)
    for seconds in (5, np.int64(5), np.uint32(5)):
        assert str(getattr(tree, read)(3, seconds)) == str(getattr(tree, read)(3, Cut(5)))
    assert tree.history(9, 5, 2)["timestamp"].tolist() == [2, 3, 4]


def test_an_unknown_user_has_nothing():
    tree = make_tree([], 4)
    assert tree.search([1], 3).offsets.tolist() == [0, 0]
    assert len(tree.history(3)["item"]) == 0
    assert tree.window(3) == Window(0, None)


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda tree: tree.search([1], 0), "k is 0"),
        (lambda tree: tree.history(0), "limit is 0"),
        (lambda tree: tree.window(-1), "limit is -1"),
    ],
)
def test_limits_must_be_positive(read, message):
    with pytest.raises(ValueError, match=message):
        read(make_tree([(1, 1, 1, 0)], 4))


@pytest.mark.parametrize("read", ["search", "history", "window"])
@pytest.mark.parametrize(
    ("cut", "error", "message"),
    [
        (1.5e9, TypeError, r"before is 1500000000.0 \(float\); expected Unix seconds"),
        ("2017-12-01", TypeError, "before is '2017-12-01'"),
        (datetime.datetime(2017, 12, 1), TypeError, "before is datetime"),
        (np.datetime64("2017-12-01"), TypeError, "expected Unix seconds as an integer, or a Cut"),
        (True, TypeError, "before is True"),
        ((5, 1), TypeError, r"before is \(5, 1\) \(tuple\)"),
        (Cut(1.5), TypeError, r"before is Cut\(timestamp=1.5"),
        (
            1_513_000_000_000,
            ValueError,
            "before is 1513000000000; .* milliseconds: divide by 1,000",
        ),
        (Cut(1_513_000_000_000_000), ValueError, "looks like microseconds"),
    ],
)
def test_what_is_no_cut_is_refused(read, cut, error, message):
    tree = make_tree([(1, 1, 1, 0)], 4)
    arguments = ([1], 3) if read == "search" else (3,)
    with pytest.raises(error, match=message):
        getattr(tree, read)(*arguments, before=cut)
