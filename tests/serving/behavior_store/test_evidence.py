"""What a tree counts of its user's events, against a count of all of them."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lifelong.data import columns as cols
from lifelong.data import events as ev
from lifelong.data.evidence import count_evidence
from lifelong.serving.behavior_store import Retention
from lifelong.serving.behavior_store.block import pack_block, split
from lifelong.serving.behavior_store.directory import Directory
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.user_tree import UserTree

DAY = 86_400
USER = 11
NAMES = ("timestamp", "item", "category", "behavior", "price")
FEATURES = {"behavior": "int64", "price": "float32"}
# A fresh user in the same store is as good as a fresh store.
_fresh_users = itertools.count(1_000_000)


def columns(rows):
    """Events of (timestamp, item, category, behavior), distinct and in order."""
    table = np.array(sorted(set(rows)), np.int64).reshape(-1, 4).T
    events = dict(zip(NAMES, table, strict=False))
    return events | {"price": np.ones(len(events["item"]), np.float32)}


def packed_tree(events, block_size):
    """Opens a tree of events, given a list for the blocks it reads."""
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


def as_lists(evidence):
    return [part.tolist() for part in evidence]


def check(tree, events, item, category, now, limit):
    expected = count_evidence(events, {"item": item, "category": category}, now, limit)
    assert as_lists(tree.evidence(item, category, now, limit)) == as_lists(expected)


few = st.integers(0, 3)
# Some days, with several events of one time on many of them.
times = st.builds(lambda day, part: day * DAY + part * DAY // 2, st.integers(0, 20), few)
some_rows = st.lists(st.tuples(times, few, few, st.integers(0, 1)), max_size=60)
# What the user has, and an item and a category that nobody has.
ITEM, CATEGORY = np.array([0, 1, 2, 3, 1, 9, 1]), np.array([0, 1, 1, 2, 3, 1, 9])


@settings(max_examples=250, deadline=None)
@given(
    some_rows,
    st.integers(1, 8),
    st.one_of(times, st.just(30 * DAY)),
    st.integers(1, 70),
    st.integers(0, 7),
)
def test_a_tree_counts_what_the_sorted_list_holds(rows, block_size, now, limit, count):
    events = columns(rows)
    tree = packed_tree(events, block_size)([])
    for _ in range(2):
        check(tree, events, ITEM[:count], CATEGORY[:count], now, limit)
        tree.search([1, 2], 2, now)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(rows=some_rows, now=times, limit=st.integers(1, 70))
def test_every_backend_counts_it_after_every_change(store, rows, now, limit):
    user = next(_fresh_users)
    early, late = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    for held, new in ((early, early), (rows, late)):
        store.append({"user": np.full(len(set(new)), user), **columns(new)})
        with store.read(user) as tree:
            check(tree, columns(held), ITEM, CATEGORY, now, limit)


def random_rows(count, seed, categories=7, days=200):
    rng = np.random.default_rng(seed)
    of_day, part = rng.integers(0, days, count), rng.integers(0, 4, count)
    drawn = rng.integers(0, (30, categories, 2), (count, 3)).tolist()
    return [
        (int(day * DAY + third * DAY // 3), *rest)
        for day, third, rest in zip(of_day, part, drawn, strict=True)
    ]


def test_after_a_load_a_retention_and_a_scan(store, stores, backend):
    events = columns(random_rows(500, seed=1))
    store.load([pack_user(USER, events, 8)])
    now = 190 * DAY
    store.retain(Retention(max_age_s=120 * DAY), now)
    kept = cols.take(events, events["timestamp"] >= now - 120 * DAY)
    assert 0 < cols.length(kept) < cols.length(events)
    other = stores.new(backend)
    other.load(store.scan())
    for one in (store, other):
        with one.read(USER) as tree:
            for time in (now, 150 * DAY + 7, 100 * DAY):
                check(tree, kept, ITEM, CATEGORY, time, 80)
    store.retain(Retention(max_age_s=1), 1_000 * DAY)
    with store.read(USER) as tree:
        check(tree, columns([]), ITEM, CATEGORY, now, 80)


def test_an_unknown_user_has_nothing(store):
    with store.read(77) as tree:
        found = tree.evidence([1, 2], [3, 4], DAY, 10)
    assert [part.shape for part in found] == [(2, 7), (2, 7), (4,)]
    assert not any(part.any() for part in found)


@pytest.fixture(scope="module")
def long_history():
    """10,000 events of 40 categories on 500 days, 20 a day; given a list, a tree of them."""
    rows = [(t // 20 * DAY + t, t % 97, t % 40, 0) for t in range(10_000)]
    events = columns(rows)
    return events, packed_tree(events, 25)


@pytest.mark.parametrize("now", [500 * DAY, 300 * DAY + 6_005, 150 * DAY])
def test_only_the_blocks_that_are_needed_are_read(long_history, now):
    events, open_tree = long_history
    reads = []
    tree = open_tree(reads)
    assert len(tree.directory) == 400  # 10 a category
    item, category = np.arange(6), np.arange(6) % 3
    check(tree, events, item, category, now, 2_000)
    assert len(reads) == len(set(reads))
    # Of the window's first day and of the request's, one or two of each category that has events
    # then; of the three categories, what lies in the window: 50 events.
    assert len(reads) <= 3 * 40 + 3 * 3


def test_a_user_with_few_events_is_read_by_category(long_history):
    events, open_tree = long_history
    reads = []
    check(open_tree(reads), events, np.arange(3), np.array([1, 1, 5]), 10**9, 10_000)
    assert len(reads) == 20  # the blocks of the two categories


def test_the_window_of_a_request_now_reads_its_first_day_alone(long_history):
    _, open_tree = long_history
    for limit in (7_000, 9_000):
        reads = []
        window = open_tree(reads).window(limit)
        assert window.start.timestamp == (10_000 - limit) // 20 * DAY + 10_000 - limit
        assert len(reads) <= 2 * 40
    reads = []
    assert open_tree(reads).window(10_000) == (10_000, None)
    assert reads == []


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([1], [1], 5, 0), ValueError, "limit is 0; at least 1"),
        (([1, 2], [1], 5, 9), ValueError, "2 items and 1 categories; expected one for each"),
        ((["a"], [1], 5, 9), TypeError, "items is .*expected integers"),
        (([1], [1.5], 5, 9), TypeError, "categories is .*expected integers"),
        (([1], [1], 5.0, 9), TypeError, r"timestamp is .*5\.0.*expected Unix seconds"),
        (
            ([1], [1], 1_513_000_000_000, 9),
            ValueError,
            "timestamp is 1513000000000; .*milliseconds",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, message):
    tree = packed_tree(columns([(1, 1, 1, 0)]), 4)([])
    with pytest.raises(error, match=message):
        tree.evidence(*arguments)
