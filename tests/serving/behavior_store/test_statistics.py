"""The counts of all users' events that a store has of the log it was built from, in every backend."""

import json

import numpy as np
import pytest
import redis

from lifelong.data.keys import STATISTICS_COLUMNS
from lifelong.serving.behavior_store import (
    Manifest,
    StoreCorruptedError,
    StoreError,
    open_store,
)
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.behavior_store.redis_store import RedisStore
from lifelong.serving.behavior_store.statistics_file import STATISTICS_FILE
from lifelong.serving.behavior_store.verify import verify
from tests.sample_statistics import random_statistics

TIME = 20_000 * 86_400
COUNTED = random_statistics(items=50, categories=7, time=TIME)._replace(
    items=np.append(np.arange(49) * 3, 2**63 - 1)
)
# Unknown ones are among them, and some come twice.
ITEMS = np.array([0, 7, 2**63 - 1, 144, 3, 3, 2**62, 1])
CATEGORIES = np.array([6, 6, 0, 5, 2**63 - 1, 6, 1, 7])


@pytest.fixture
def counted(stores, backend):
    """A store with statistics, open for reading."""
    return stores.reader(stores.new(backend, COUNTED, statistics_time=TIME))


def equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_candidates_are_told_what_was_counted(counted):
    found = counted.statistics_of(ITEMS, CATEGORIES)
    equal(found, COUNTED.look_up(ITEMS, CATEGORIES))
    assert found.item.any(axis=1).tolist() == [True, False, True, True, True, True, False, False]
    assert (found.time, counted.manifest.statistics_time) == (TIME, TIME)
    assert all(counts.dtype == np.int64 for counts in found[1:])


def test_nothing_is_told_of_no_candidates(counted):
    found = counted.statistics_of([], [])
    assert found.item.shape == found.category.shape == (0, len(STATISTICS_COLUMNS))
    np.testing.assert_array_equal(found.request, COUNTED.totals)


def test_a_store_without_statistics_tells_none(store):
    assert store.statistics_of(ITEMS, CATEGORIES) is None
    assert store.all_statistics() is None
    # Its manifest is as before there were any, which shards compare.
    assert "statistics_time" not in json.loads(store.manifest.to_json())


def test_ids_are_integers(counted):
    with pytest.raises(TypeError, match=r"items is .*expected integers"):
        counted.statistics_of(["shoe"], [1])
    with pytest.raises(ValueError, match="categories holds 18446744073709551615"):
        counted.statistics_of([1], np.array([2**64 - 1], np.uint64))


@pytest.mark.parametrize("other", ["lmdb", "redis"])
def test_a_copy_has_the_same(counted, stores, other):
    copied = counted.all_statistics()
    equal(copied, COUNTED)
    copy = stores.new(other, copied, statistics_time=TIME)
    equal(copy.statistics_of(ITEMS, CATEGORIES), COUNTED.look_up(ITEMS, CATEGORIES))


def test_events_that_come_later_change_nothing(stores, backend):
    store = stores.new(backend, COUNTED, statistics_time=TIME, features={})
    store.append({"user": [1], "item": [3], "category": [6], "timestamp": [TIME + 5]})
    equal(store.statistics_of([3], [6]), COUNTED.look_up(np.array([3]), np.array([6])))


@pytest.mark.parametrize(("time", "given"), [(0, COUNTED), (TIME, None), (TIME + 86_400, COUNTED)])
def test_the_manifest_tells_their_day(stores, backend, time, given):
    with pytest.raises(ValueError, match=f"statistics_time is {time}, the statistics given are as"):
        stores.new(backend, given, statistics_time=time)


def test_they_are_part_of_its_size(stores, backend, store):
    with_statistics = stores.new(backend, COUNTED, statistics_time=TIME)
    assert with_statistics.size().bytes > store.size().bytes + 50 * 5 * 4


def test_redis_is_asked_once(stores, monkeypatch):
    store = stores.reader(stores.new("redis", COUNTED, statistics_time=TIME))
    trips = []
    execute = redis.client.Pipeline.execute
    send = redis.Redis.execute_command
    monkeypatch.setattr(
        redis.client.Pipeline, "execute", lambda *args: trips.append("pipeline") or execute(*args)
    )
    monkeypatch.setattr(
        redis.Redis,
        "execute_command",
        lambda *args, **more: trips.append(args) or send(*args, **more),
    )
    store.statistics_of(np.arange(200), np.arange(200) % 7)
    assert trips == ["pipeline"]


def test_in_redis_they_go_with_their_version(redis_server):
    address = redis_server.address("versions-of-statistics")
    manifest = Manifest(statistics_time=TIME)
    opened = [RedisStore.create(address, manifest, statistics=COUNTED) for _ in range(3)]
    for store in opened:
        store.publish()
    for call in (lambda: opened[0].statistics_of([1], [1]), opened[0].all_statistics):
        with pytest.raises(StoreError, match=r"version 1 .*open the store again"):
            call()
    left = redis_server.client.keys("versions-of-statistics:*:statistics")
    assert sorted(left) == [
        b"versions-of-statistics:2:statistics",
        b"versions-of-statistics:3:statistics",
    ]
    for store in opened:
        store.close()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (b"t" + bytes(8), None, "the counts of all events are missing"),
        (b"t" + bytes(8), b"1", "counts have too few or too many bytes"),
        (b"i" + bytes(8), bytes(48), "counts have too few or too many bytes"),
    ],
)
def test_damaged_counts_in_redis_are_refused(redis_server, field, value, message):
    address = redis_server.address(f"damaged-{field[:1].decode()}-{value is None}")
    manifest = Manifest(statistics_time=TIME)
    with RedisStore.create(address, manifest, statistics=COUNTED) as store:
        (key,) = redis_server.client.keys(f"{address.partition('name=')[2]}:*:statistics")
        client = redis_server.client
        client.hdel(key, field) if value is None else client.hset(key, field, value)
        for call in (lambda: store.statistics_of([0], [0]), store.all_statistics):
            with pytest.raises(StoreCorruptedError, match=f"{message}.*build and push"):
                call()


@pytest.fixture
def folder(tmp_path):
    """A store with statistics in a folder."""
    LmdbStore.create(tmp_path, Manifest(shards=1, statistics_time=TIME), COUNTED).close()
    return tmp_path


def test_a_whole_file_passes(folder):
    assert verify(folder).damage == ()


@pytest.mark.parametrize("size", [None, 0, 100, -1], ids=["none", "empty", "begun", "cut off"])
def test_a_file_that_is_not_whole_is_refused(folder, size):
    path = folder / STATISTICS_FILE
    data = path.read_bytes()
    path.unlink()
    if size is not None:
        path.write_bytes(data[:size])
    with pytest.raises(StoreCorruptedError, match=r"statistics\.npy is missing or damaged"):
        open_store(folder)
    (damage,) = (text for text in verify(folder).damage if STATISTICS_FILE in text)
    assert "build the store again" in damage


def test_a_file_of_another_day_is_refused(folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    later = COUNTED._replace(time=TIME + 86_400)
    LmdbStore.create(other, Manifest(shards=1, statistics_time=later.time), later).close()
    (other / STATISTICS_FILE).replace(folder / STATISTICS_FILE)
    with pytest.raises(StoreCorruptedError, match="it is as of 1728086400, the manifest tells of"):
        open_store(folder)


def test_verify_finds_flipped_bits(folder):
    path = folder / STATISTICS_FILE
    data = path.read_bytes()
    needle = COUNTED.item_statistics[20].tobytes()
    assert data.count(needle) == 1
    path.write_bytes(data.replace(needle, needle[:-8] + bytes([1, *needle[-7:]])))
    # Only what is looked up is read, so that opening does not find it.
    open_store(folder).close()
    (damage,) = verify(folder).damage
    assert "the checksum differs" in damage
