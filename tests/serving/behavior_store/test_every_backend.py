"""What every backend does, checked against a list of tuples."""

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lifelong.serving.behavior_store import Cut, Retention, StoreError, block_reader
from lifelong.serving.behavior_store.block import unpack_blocks
from lifelong.serving.behavior_store.packed_user import pack_user

# In the order of a user's events; the features come last, by name.
COLUMNS = ("timestamp", "item", "category", "behavior", "price")
OTHER = {"lmdb": "redis", "redis": "lmdb"}
# Few values, so that events agree in some columns or in all.
EVENT = st.tuples(
    st.integers(0, 6),
    st.integers(0, 4),
    st.integers(0, 3),
    st.integers(0, 1),
    st.sampled_from([0.0, 1.5]),
)
EVENTS = st.lists(EVENT, max_size=60)
CUTS = (
    st.none()
    | st.builds(Cut, st.integers(0, 7), st.integers(0, 5))
    | EVENT.map(lambda event: Cut(*event[:2], event[2:]))
)
NOW = 100
_fresh_users = itertools.count(1_000_000)


def examples(count):
    # A fresh user in the same store is as good as a fresh store.
    ignored = [HealthCheck.function_scoped_fixture]
    return settings(max_examples=count, deadline=None, suppress_health_check=ignored)


def columns(events, user=None):
    made = {
        name: np.array([event[i] for event in events], "f4" if name == "price" else np.int64)
        for i, name in enumerate(COLUMNS)
    }
    return made if user is None else {"user": np.full(len(events), user), **made}


def tuples(found):
    return list(zip(*(found[name].tolist() for name in COLUMNS), strict=True))


def place(cut):
    """A tuple that comes right before the event of the cut."""
    return (cut.timestamp, cut.item, *cut.rest)


def between(events, before, not_before):
    return [
        event
        for event in sorted(set(events))
        if (before is None or event < place(before))
        and (not_before is None or event >= place(not_before))
    ]


def is_empty(store, user):
    return store.history(user, 9)["item"].size == 0


@examples(40)
@given(
    events=EVENTS,
    categories=st.lists(st.integers(0, 5), max_size=6),
    k=st.integers(1, 20),
    before=CUTS,
    not_before=CUTS,
)
@example([(5, item, 1, 0, 0.0) for item in range(5)], [1, 1, 4], 2, Cut(5, 3), Cut(5, 1))
def test_search_finds_the_newest_of_each_category(store, events, categories, k, before, not_before):
    user = next(_fresh_users)
    store.append(columns(events, user))
    found = store.search(user, categories, k, before, not_before)
    parts = [tuples(found.columns)[a:b] for a, b in itertools.pairwise(found.offsets)]
    among = between(events, before, not_before)
    assert parts == [
        [e for e in reversed(among) if e[2] == category][:k] for category in categories
    ]


@examples(40)
@given(events=EVENTS, limit=st.integers(1, 70), before=CUTS, not_before=CUTS)
def test_history_is_the_newest_events_oldest_first(store, events, limit, before, not_before):
    user = next(_fresh_users)
    store.append(columns(events, user))
    found = tuples(store.history(user, limit, before, not_before))
    assert found == between(events, before, not_before)[-limit:]


@pytest.mark.parametrize("categories", [[3.9], ["3"], [True], ["u4"], None])
def test_categories_are_integers(store, categories):
    with pytest.raises(TypeError, match=r"categories is .*expected integers.*ids_of"):
        store.search(1, categories, 5)


def test_categories_beyond_int64_or_in_a_table_are_refused(store):
    with pytest.raises(ValueError, match="categories holds 18446744073709551615"):
        store.search(1, np.array([2**64 - 1, 3], np.uint64), 5)
    with pytest.raises(ValueError, match="categories has shape"):
        store.search(1, [[3], [4]], 5)


def test_unix_seconds_are_a_cut(store):
    store.append(columns([(time, 1, 2, 0, 0.0) for time in range(9)], 5))
    for cut in (4, np.int64(4), Cut(4)):
        assert store.history(5, 2, before=cut)["timestamp"].tolist() == [2, 3]
        assert store.search(5, [2], 2, before=cut).columns["timestamp"].tolist() == [3, 2]
        assert store.history(5, 9, not_before=cut)["timestamp"].tolist() == [4, 5, 6, 7, 8]
    for read in (store.history, lambda user, k, before: store.search(user, [2], k, before)):
        with pytest.raises(TypeError, match=r"before is '4' .*expected Unix seconds as an integer"):
            read(5, 2, before="4")
        with pytest.raises(ValueError, match=r"before is 1513000000000; .*milliseconds"):
            read(5, 2, before=1_513_000_000_000)


@pytest.mark.parametrize("user", [1.0, "1", True, None])
def test_a_user_is_an_integer(store, user):
    store.append(columns([(5, 1, 2, 0, 0.0)], 1))
    with pytest.raises(TypeError, match=rf"user is {user!r} \(.*expected an integer.*id_of"):
        store.history(user, 3)
    assert len(store.history(np.uint64(1), 3)["item"]) == 1


def test_a_cut_far_back_is_found_without_reading_all(store, monkeypatch):
    events = columns([(time, 1, time % 4, 0, 0.0) for time in range(8_000)])
    store.load([pack_user(5, events, block_size=8)])
    read = []

    def counting(packed, *args):
        read.extend(map(len, packed))
        return unpack_blocks(packed, *args)

    monkeypatch.setattr(block_reader, "unpack_blocks", counting)
    for cut in (100, 4_000, 7_999):
        read.clear()
        found = store.history(5, 20, before=cut)
        assert found["timestamp"].tolist() == list(range(cut - 20, cut))
        # Of 1,000 blocks, one of each category and those that the events fill.
        assert len(read) <= 4 + 4 + 3
        assert sum(read) < 2_000


@examples(40)
@given(events=EVENTS, limit=st.integers(1, 70), before=CUTS)
def test_window_names_the_events_that_a_model_sees(store, events, limit, before):
    user = next(_fresh_users)
    store.append(columns(events, user))
    with store.read(user) as tree:
        window = tree.window(limit, before)
    among = between(events, before, None)
    assert window.length == min(limit, len(among))
    if len(among) > limit:
        assert place(window.start) == among[-limit]
    else:
        assert window.start is None


@examples(25)
@given(events=EVENTS, cuts=st.lists(st.integers(0, 60), max_size=3), shuffled=st.randoms())
def test_any_order_of_appends_gives_the_same(store, events, cuts, shuffled):
    user = next(_fresh_users)
    bounds = [0, *sorted(cuts), len(events)]
    mixed = shuffled.sample(events, len(events))
    appended = [
        store.append(columns(mixed[a:b], user)) for a, b in itertools.pairwise(bounds) if a < b
    ]
    assert sum(a.added for a in appended) == len(set(events))
    assert sum(a.added + a.duplicates for a in appended) == len(
        [e for a, b in itertools.pairwise(bounds) for e in mixed[a:b]]
    )
    assert tuples(store.history(user, 100)) == sorted(set(events))
    again = store.append(columns(events, user))
    assert again == (0, len(events))


def some_events(count, seed):
    """Random events with many ties: user and event."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(0, (9, 40, 30, 6, 2, 3), (count, 6)).tolist()
    return [(user, (*event, price / 2)) for user, *event, price in drawn]


def by_user(pairs):
    found = {}
    for user, event in pairs:
        found.setdefault(user, set()).add(event)
    return {user: sorted(events) for user, events in sorted(found.items())}


def appended(store, pairs):
    columns_of = columns([event for _, event in pairs])
    return store.append({"user": [user for user, _ in pairs], **columns_of})


def contents(store, users):
    return {user: tuples(store.history(user, 10_000)) for user in users}


def packed(expected):
    return [pack_user(user, columns(events), 8) for user, events in expected.items()]


def test_a_bulk_load_equals_appends(store, stores, backend):
    pairs = some_events(900, seed=1)
    expected = by_user(pairs)
    events = sum(map(len, expected.values()))
    assert store.load(packed(expected)) == events
    other = stores.new(backend)
    assert appended(other, pairs[::-1]) == (events, len(pairs) - events)
    for one in (store, other):
        assert contents(one, expected) == expected
        assert one.size()[:2] == (len(expected), events)


def test_late_events_land_in_order(store):
    early, late = (
        [(t, 7, 3, 0, 0.0) for t in range(50, 90)],
        [(9, 1, 3, 0, 0.0), (60, 2, 3, 0, 0.0)],
    )
    store.append(columns(early, 5))
    store.append(columns(late, 5))
    assert tuples(store.history(5, 100)) == sorted(early + late)
    found = store.search(5, [3], 100, before=Cut(61), not_before=Cut(59))
    assert tuples(found.columns) == [(60, 7, 3, 0, 0.0), (60, 2, 3, 0, 0.0), (59, 7, 3, 0, 0.0)]


def test_an_unknown_user_has_no_events(store):
    appended(store, some_events(20, seed=2))
    assert is_empty(store, 77)
    found = store.search(77, [1, 2], 5)
    assert found.offsets.tolist() == [0, 0, 0]
    assert set(found.columns) == set(COLUMNS)
    with store.read(77) as tree:
        assert (tree.events, tree.window(9)) == (0, (0, None))


def test_nothing_is_searched_for_in_no_category(store):
    appended(store, some_events(20, seed=2))
    assert store.search(1, [], 5).offsets.tolist() == [0]


def test_several_users_are_read_together(store):
    pairs = some_events(300, seed=3)
    expected = by_user(pairs)
    appended(store, pairs)
    with store.read_many([4, 99, 0, 4]) as trees:
        found = [tuples(tree.history(1000)) for tree in trees]
    assert found == [expected[4], [], expected[0], expected[4]]
    with store.read_many([]) as trees:
        assert trees == []


@pytest.mark.parametrize(
    "retention",
    [
        Retention(),
        Retention(max_events=3),
        Retention(max_age_s=80),
        Retention(2, 75),
        Retention(0, 1),
    ],
)
def test_retention_drops_the_oldest(store, retention):
    pairs = some_events(600, seed=4)
    expected = by_user(pairs)
    appended(store, pairs)
    kept = {user: kept_of(events, retention) for user, events in expected.items()}
    count, left = sum(map(len, expected.values())), sum(map(len, kept.values()))
    assert store.retain(retention, NOW) == count - left
    assert contents(store, kept) == kept
    assert store.size()[:2] == (sum(map(bool, kept.values())), left)
    assert store.retain(retention, NOW) == 0
    # What was dropped can come again.
    assert appended(store, pairs).added == count - left
    assert contents(store, expected) == expected


def kept_of(events, retention):
    young = [e for e in events if not retention.max_age_s or e[0] >= NOW - retention.max_age_s]
    newest = {}
    for event in reversed(young):
        newest.setdefault(event[2], []).append(event)
    limit = retention.max_events or len(events)
    return sorted(event for found in newest.values() for event in found[:limit])


def test_a_scan_fills_the_other_backend_and_back(store, stores, backend):
    expected = by_user(some_events(800, seed=5))
    store.load(packed(expected))
    middle = stores.new(OTHER[backend])
    assert middle.load(store.scan()) == sum(map(len, expected.values()))
    last = stores.new(backend)
    last.load(middle.scan())
    assert contents(middle, expected) == contents(last, expected) == expected
    assert sorted(last.scan()) == sorted(middle.scan()) == sorted(store.scan())
    assert last.size()[:2] == middle.size()[:2] == store.size()[:2]


def test_users_of_a_shard_are_scanned_in_order(store):
    appended(store, some_events(300, seed=6))
    shards = {}
    for found in store.scan():
        shards.setdefault(store.manifest.shard_of_user(found.user), []).append(found.user)
    assert sorted(itertools.chain(*shards.values())) == list(range(9))
    assert all(users == sorted(users) for users in shards.values())


def test_its_size_grows_with_the_events(store):
    empty = store.size()
    assert (empty.users, empty.events, empty.bytes_per_event) == (0, 0, 0.0)
    appended(store, some_events(2000, seed=7))
    full = store.size()
    assert full.users == 9
    assert full.bytes >= 5 * full.events
    assert full.bytes_per_event == full.bytes / full.events


def test_offsets_are_kept_by_source(store, stores):
    assert store.offset("log") == ""
    store.commit_offset("log", "file:12")
    store.commit_offset("log", "file:13")
    store.commit_offset("größer", "7")
    reader = stores.reader(store)
    assert [reader.offset(name) for name in ("log", "größer", "else")] == ["file:13", "7", ""]


def test_no_events_are_appended_without_ado(store):
    assert store.append(columns([], 1)) == (0, 0)
    assert store.size().users == 0
    assert list(store.scan()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price": None}, r"missing: \['price'\]"),
        ({"colour": [1]}, r"unknown: \['colour'\]"),
        ({"user": None}, r"missing: \['user'\]"),
        ({"item": [-4]}, "item is -4 in row 0; expected >= 0"),
        ({"user": [-1]}, "user is -1 in row 0"),
        ({"item": ["shoe"]}, "item is of type .*expected int64.*ids_of"),
        ({"category": [1.5]}, "category is of type float64; expected int64"),
        ({"price": [float("nan")]}, "price is nan in row 0; expected a number"),
        ({"price": [1e300]}, r"price is 1e\+300 in row 0; expected a number"),
        ({"timestamp": [1, 2]}, r"timestamp has shape \(2,\)"),
        ({"item": [2**63]}, "item holds 9223372036854775808, which is too large"),
    ],
)
def test_bad_events_are_refused_by_name(store, change, message):
    event = {**columns([(1, 1, 1, 1, 1.0)], 1), **change}
    with pytest.raises(ValueError, match=message):
        store.append({name: value for name, value in event.items() if value is not None})
    assert store.size().events == 0


@pytest.mark.parametrize("call", ["search", "history", "window"])
def test_a_limit_below_one_is_refused(store, call):
    with store.read(1) as tree, pytest.raises(ValueError, match="is 0; at least 1 is needed"):
        tree.search([1], 0) if call == "search" else getattr(tree, call)(0)


@pytest.mark.parametrize(
    "write",
    [
        lambda store: store.append(columns([(1, 1, 1, 1, 1.0)], 1)),
        lambda store: store.load([]),
        lambda store: store.retain(Retention(), 0),
        lambda store: store.commit_offset("log", "1"),
    ],
)
def test_a_store_opened_for_reading_takes_nothing(store, stores, write):
    with pytest.raises(StoreError, match="open it with writable=True"):
        write(stores.reader(store))


def test_a_reader_sees_what_is_appended_later(store, stores):
    reader = stores.reader(store)
    assert is_empty(reader, 1)
    store.append(columns([(1, 2, 3, 0, 0.5)], 1))
    assert tuples(reader.history(1, 9)) == [(1, 2, 3, 0, 0.5)]


def test_only_an_empty_store_is_loaded(store):
    users = packed({1: [(1, 1, 1, 1, 1.0)]})
    store.load(users)
    with pytest.raises(StoreError, match="holds users already"):
        store.load(users)


def test_a_user_who_comes_twice_is_not_loaded(store):
    users = packed({1: [(1, 1, 1, 1, 1.0)], 2: [(1, 1, 1, 1, 1.0)]})
    with pytest.raises(ValueError, match="user 1 comes twice or after a user with a larger id"):
        store.load([*users, users[0]])


def test_events_without_features(stores, backend):
    store = stores.new(backend, features={})
    names = ("user", "item", "category", "timestamp")
    store.append(dict(zip(names, ([3], [4], [5], [6]), strict=True)))
    assert {name: v.tolist() for name, v in store.history(3, 1).items()} == {
        "item": [4],
        "category": [5],
        "timestamp": [6],
    }


def test_the_largest_ids_are_kept(store):
    most = 2**63 - 1
    events = [(most, most, most, most, 1.0), (0, 0, 0, 0, 0.0)]
    store.append(columns(events, most))
    assert tuples(store.history(most, 9)) == sorted(events)
    assert tuples(store.search(most, [most], 1).columns) == events[:1]
    assert [found.user for found in store.scan()] == [most]
