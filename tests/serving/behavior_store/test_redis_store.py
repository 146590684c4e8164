"""What only Redis does: servers that go away, many writers, versions, and its own faults."""

import itertools
import json
import logging
import socket
import socketserver
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from lifelong.serving.behavior_store import (
    Manifest,
    Retention,
    StoreCorruptedError,
    StoreError,
    StoreFormatError,
    StoreFullError,
    StoreUnavailableError,
    open_store,
)
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.redis_connection import RedisOptions
from lifelong.serving.behavior_store.redis_store import RedisStore
from tests.redis_server import free_port

MANIFEST = Manifest(block_size=8)
# Waits long enough for a server that is started again.
PATIENT = RedisOptions(retries=100, first_wait_s=0.02, longest_wait_s=0.1)
HASTY = RedisOptions(retries=0)
_cases = itertools.count()


@pytest.fixture
def name(request):
    # The server is shared, and a case of a test is not its only one.
    return f"{request.node.originalname}-{next(_cases)}"


@pytest.fixture
def address(redis_server, name):
    return redis_server.address(name)


@pytest.fixture
def store(address):
    with RedisStore.create(address, MANIFEST) as opened:
        opened.publish()
        yield opened


@pytest.fixture
def durable_address(durable_server):
    return durable_server.address("lifelong")


def events(times, user=1, category=1, item=1):
    """One event for each time; what is given once holds for all."""
    given = {"user": user, "category": category, "item": item, "timestamp": list(times)}
    return {key: np.broadcast_to(value, len(times)) for key, value in given.items()}


def times(store, user=1):
    return store.history(user, 100_000)["timestamp"].tolist()


def keys(server, name):
    return sorted(key.decode() for key in server.client.scan_iter(f"{name}:*"))


def small_users(count):
    return (
        pack_user(user, {key: np.array([user]) for key in ("item", "category", "timestamp")}, 8)
        for user in range(count)
    )


def test_a_server_killed_again_and_again_loses_nothing_and_doubles_nothing(
    durable_server, durable_address, wait_for
):
    acknowledged = []
    enough = threading.Event()

    def write():
        for step in itertools.count():
            parts = [events([2 * step, 2 * step + 1], user=user) for user in (step % 3, 7)]
            store.append({key: np.concatenate([p[key] for p in parts]) for key in parts[0]})
            acknowledged.append(step)
            if enough.is_set():
                return

    with (
        RedisStore.create(durable_address, MANIFEST, options=PATIENT) as store,
        ThreadPoolExecutor(1) as pool,
    ):
        writing = pool.submit(write)
        try:
            for _ in range(4):
                more = len(acknowledged) + 20
                wait_for(lambda more=more: len(acknowledged) >= more or writing.done())
                durable_server.kill()
                before = len(acknowledged)
                durable_server.start()
                # What was acknowledged is there at once.
                assert set(range(2 * before)) <= set(times(store, user=7))
        finally:
            enough.set()
        writing.result()
        last = 2 * len(acknowledged)
        assert times(store, user=7) == list(range(last))
        for user in range(3):
            assert times(store, user) == [t for t in range(last) if t // 2 % 3 == user]
        assert store.size()[:2] == (4, 2 * last)


class _LosesAnswers(socketserver.BaseRequestHandler):
    """Carries one connection to Redis; loses some answers to transactions that took place."""

    def handle(self):
        with socket.create_connection(("127.0.0.1", self.server.behind)) as redis:
            answers = threading.Thread(target=self._carry_answers, args=[redis])
            answers.start()
            while data := self._received():
                if b"EXEC" in data and self.server.to_lose:
                    self.server.to_lose -= 1
                    self.lost = True
                redis.sendall(data)
                if self.lost:
                    break
            # Redis reads what was sent, answers, and closes.
            redis.shutdown(socket.SHUT_WR)
            answers.join()

    def setup(self):
        self.lost = False

    def _received(self):
        try:
            return self.request.recv(1 << 20)
        except OSError:
            return b""

    def _carry_answers(self, redis):
        while data := redis.recv(1 << 20):
            if not self.lost:
                self.request.sendall(data)


class _Proxy(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, behind):
        super().__init__(("127.0.0.1", 0), _LosesAnswers)
        self.behind = behind
        self.to_lose = 0

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=[0.01]).start()
        return self

    def __exit__(self, *error):
        self.shutdown()
        super().__exit__(*error)


def test_a_transaction_whose_answer_is_lost_counts_once(redis_server, store, name):
    with _Proxy(redis_server.port) as proxy:
        through = f"redis://127.0.0.1:{proxy.server_address[1]}/0?name={name}"
        with RedisStore(through, writable=True, options=PATIENT) as writer:
            proxy.to_lose = 1
            batch = {
                key: np.concatenate([events([3, 4], user=user)[key] for user in (1, 2)])
                for key in events([])
            }
            # They are stored by then, and so are duplicates for the next try.
            assert writer.append(batch) == (0, 4)
            assert proxy.to_lose == 0
            assert writer.append(events([5])) == (1, 0)
            assert writer.size()[:2] == (2, 5)
            proxy.to_lose = 1
            writer.retain(Retention(max_events=1), now=0)
            assert writer.size()[:2] == (2, 2)
    assert (times(store, 1), times(store, 2)) == ([5], [4])


def test_a_server_that_is_down_is_named_without_the_password(name):
    port = free_port()
    down = f"redis://me:s3cret@127.0.0.1:{port}/2?name={name}"
    for call in (
        lambda: RedisStore(down, options=HASTY),
        lambda: RedisStore(down, writable=True, options=RedisOptions(retries=2, first_wait_s=0.01)),
        lambda: RedisStore.create(down, MANIFEST, options=HASTY),
        lambda: open_store(down),
    ):
        with pytest.raises(StoreUnavailableError, match=rf"127\.0\.0\.1:{port}/2\?") as caught:
            call()
        assert "s3cret" not in str(caught.value)


def test_a_server_that_goes_down_and_comes_back(durable_server, durable_address):
    with RedisStore.create(durable_address, MANIFEST, options=HASTY) as store:
        store.append(events([1, 2]))
        with store.read(1) as tree:
            durable_server.kill()
            for call in (
                lambda: store.append(events([3])),
                lambda: store.history(1, 5),
                lambda: tree.history(5),
                lambda: store.size(),
                lambda: list(store.scan()),
                lambda: store.commit_offset("log", "1"),
                lambda: store.publish(),
            ):
                with pytest.raises(StoreUnavailableError, match="cannot be reached"):
                    call()
        durable_server.start()
        assert times(store) == [1, 2]
        assert store.append(events([3])) == (1, 0)


def test_a_server_that_does_not_answer_in_time(name):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"redis://127.0.0.1:{silent.getsockname()[1]}?name={name}&socket_timeout=0.05"
        with pytest.raises(StoreUnavailableError, match="Timeout"):
            RedisStore(address, options=HASTY)


def test_many_writers_of_the_same_users_lose_nothing(store, address):
    writers, appends = 4, 25

    def write(writer):
        added = 0
        with RedisStore(address, writable=True) as own:
            for step in range(appends):
                # The last time comes from all writers.
                new = [writer * 1000 + step, writer * 1000 + step + 500, 10_000 + step]
                parts = [events(new, user=user) for user in (1, 2)]
                both = {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}
                added += own.append(both).added
        return added

    with ThreadPoolExecutor(writers) as pool:
        added = list(pool.map(write, range(writers)))
    own_times = {
        w * 1000 + step + more for w in range(writers) for step in range(25) for more in (0, 500)
    }
    expected = sorted(own_times | {10_000 + step for step in range(appends)})
    assert times(store, 1) == times(store, 2) == expected
    assert store.size()[:2] == (2, 2 * len(expected)) == (2, sum(added))


def test_a_reader_sees_one_moment_while_others_write(store, address):
    def write():
        with RedisStore(address, writable=True) as writer:
            for step in range(150):
                # Always as many of one category as of the other.
                pairs = [events([step], category=category) for category in (1, 2)]
                writer.append({key: np.concatenate([p[key] for p in pairs]) for key in pairs[0]})
                if step % 10 == 9:
                    writer.retain(Retention(max_events=30), now=0)

    seen = set()
    with open_store(address) as reader, ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            with reader.read(1) as tree:
                found = tree.search([1, 2], 100)
                first, second = (
                    found.columns["timestamp"][a:b].tolist()
                    for a, b in itertools.pairwise(found.offsets)
                )
                assert first == second
                assert first == list(range(first[0], first[-1] - 1, -1)) if first else True
                history = tree.history(100)
                assert (history["category"] == 1).sum() * 2 == len(history["item"])
                assert tree.window(100).length % 2 == 0
                counted = tree.evidence([1, 1], [1, 2], 10_000, 100)
                assert (counted.category[0] == counted.category[1]).all()
                assert counted.request[0] == 2 * counted.item[0, 0]
                seen.add(len(first))
        writing.result()
    assert times(store) == sorted([*range(120, 150)] * 2)
    assert len(seen) > 1


def test_a_read_begun_before_a_change_sees_all_of_it_or_nothing(store):
    store.append(events(range(100)))
    with store.read(1) as tree:
        assert tree.history(3)["timestamp"].tolist() == [97, 98, 99]
        store.append(events([50], item=7))
        store.retain(Retention(max_events=60), now=0)
        # The newest block was read before.
        assert tree.history(3)["timestamp"].tolist() == [97, 98, 99]
        assert tree.history(1000)["timestamp"].tolist() == sorted([*range(41, 100), 50])
        store.append(events([200]))
        assert tree.search([1], 1).columns["timestamp"].tolist() == [99]
        assert tree.evidence([7], [1], 1000, 100).request.tolist() == [60, 1, 41, 99]
        assert tree.window(1000).length == len(tree.all()["item"]) == 60
    assert times(store)[-1] == 200


def test_a_user_who_is_dropped_while_read(store):
    store.append(events(range(100)))
    with store.read(1) as tree:
        store.retain(Retention(max_age_s=1), now=1000)
        assert tree.history(5)["item"].size == 0
        assert tree.search([1], 5).offsets.tolist() == [0, 0]
        assert not tree.evidence([1], [1], 1000, 5).category.any()
        assert tree.all()["item"].size == 0


def test_a_new_version_is_seen_only_when_published(store, address, redis_server, name):
    store.append(events([1]))
    with RedisStore.create(address, MANIFEST) as new:
        assert new.version == store.version + 1
        new.load(small_users(3))
        assert [times(open_) for open_ in (store, new)] == [[1], [1]]
        with open_store(address) as reader:
            assert reader.size().users == 1
        new.publish()
        with open_store(address) as reader:
            assert reader.size()[:2] == (3, 3)
        new.publish()
        # The one before stays for those who have it open.
        assert times(store) == [1]
    assert redis_server.client.get(f"{name}:current") == b"2"


def test_publishing_removes_older_versions(address, redis_server, name):
    neighbour = redis_server.address(f"{name}.2")
    with RedisStore.create(neighbour, MANIFEST) as other:
        other.append(events([1]))
        opened = []
        for _ in range(3):
            opened.append(RedisStore.create(address, MANIFEST))
            # More than one step of the removal.
            opened[-1].load(small_users(1500))
            opened[-1].commit_offset("log", "9")
        for version in opened:
            version.publish()
        assert {key.split(":")[1] for key in keys(redis_server, name)} == {
            "2",
            "3",
            "current",
            "versions",
        }
        old, *kept = opened
        for call in (
            # An answer without events would be wrong.
            lambda: old.history(1, 5),
            lambda: old.size(),
            lambda: list(old.scan()),
            lambda: old.retain(Retention(), 0),
            lambda: old.append(events([1])),
            lambda: old.offset("log"),
            lambda: old.publish(),
            lambda: RedisStore(address, version=1),
        ):
            with pytest.raises(StoreError, match=r"version 1 .*open the store again"):
                call()
        assert not [key for key in keys(redis_server, name) if key.startswith(f"{name}:1:")]
        assert [store.size().users for store in kept] == [1500, 1500]
        assert times(other) == [1]
        for store in opened:
            store.close()


def test_a_version_whose_load_was_cut_off_is_not_published(address):
    def cut_off():
        yield from small_users(2)
        raise OSError("the disk is gone")

    with RedisStore.create(address, MANIFEST) as store:
        with pytest.raises(OSError, match="the disk is gone"):
            store.load(cut_off())
        with pytest.raises(StoreError, match="loading version 1 was not finished"):
            store.publish()
        with pytest.raises(StoreError, match="cut off; load into a new version"):
            store.load(small_users(2))
    with pytest.raises(FileNotFoundError, match="none of this name was published"):
        open_store(address)


def test_many_users_are_loaded_scanned_and_dropped(address):
    with RedisStore.create(address, MANIFEST) as store:
        assert store.load(small_users(3000)) == 3000
        assert [packed.user for packed in store.scan()] == list(range(3000))
        assert store.retain(Retention(max_age_s=10), now=2009) == 1999
        assert store.size()[:2] == (1001, 1001)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (b"\0\0\0\1", b"\1" * 400, "block 1 of user 1 is missing or damaged .the checksum"),
        (b"\0\0\0\1", None, "block 1 of user 1 is missing or damaged .0 bytes"),
        (b"", b"\1" * 400, "directory of user 1: the checksum differs"),
        (b"", b"\1", "directory of user 1: 1 bytes are too few"),
        (b"", None, "user 1 has lost the directory"),
    ],
    ids=["block", "missing block", "directory", "short directory", "missing directory"],
)
def test_a_damaged_user_is_refused(store, redis_server, name, field, value, message):
    store.append(events(range(40)))
    store.append(events(range(40), user=2))
    key = f"{name}:1:u:1"
    if value is None:
        redis_server.client.hdel(key, field)
    else:
        redis_server.client.hset(key, field, value)
    for call in (lambda: times(store), lambda: store.append(events(range(50)))):
        with pytest.raises(StoreCorruptedError, match=message):
            call()
    assert times(store, 2) == list(range(40))


def test_a_field_of_others_is_found_by_a_scan(store, redis_server, name):
    store.append(events([1]))
    redis_server.client.hset(f"{name}:1:u:1", "colour", "red")
    with pytest.raises(StoreCorruptedError, match="user 1 has a field that is none of the store's"):
        list(store.scan())


def test_a_newer_format_is_refused(store, address, redis_server, name):
    fields = {**json.loads(store.manifest.to_json()), "format_version": 99}
    redis_server.client.set(f"{name}:1:manifest", json.dumps(fields))
    with pytest.raises(StoreFormatError, match=r"the store has format 99.*update lifelong"):
        open_store(address)


def test_keys_of_another_program_are_told_apart(store, address, redis_server, name):
    client = redis_server.client
    client.set(f"{name}:1:u:5", "else")
    for call in (lambda: store.history(5, 1), lambda: store.append(events([1], user=5))):
        with pytest.raises(StoreCorruptedError, match=r"something else.*take another `name`"):
            call()
    client.set(f"{name}:current", "now")
    with pytest.raises(StoreCorruptedError, match=r"current holds b'now'; expected the number"):
        open_store(address)
    client.delete(f"{name}:current")
    client.rpush(f"{name}:current", "1")
    with pytest.raises(StoreCorruptedError, match="take another `name`"):
        open_store(address)


def test_a_full_server_takes_no_more_and_still_reads(durable_server, durable_address):
    with RedisStore.create(durable_address, MANIFEST) as store:
        store.append(events([1, 2]))
        durable_server.client.config_set("maxmemory", "1")
        for call in (
            lambda: store.append(events([3])),
            lambda: store.commit_offset("log", "1"),
            lambda: RedisStore.create(durable_address, MANIFEST),
        ):
            with pytest.raises(
                StoreFullError, match="what was stored before is still there"
            ) as full:
                call()
            # redis-py quotes the command, and so the events.
            assert "HSET" not in str(full.value)
        assert times(store) == [1, 2]
        durable_server.client.config_set("maxmemory", "0")
        assert store.append(events([3])) == (1, 0)
        assert store.size()[:2] == (1, 3)


def test_a_replica_is_not_written_to(durable_server, durable_address):
    with RedisStore.create(durable_address, MANIFEST) as store:
        store.append(events([1]))
        durable_server.client.replicaof("127.0.0.1", free_port())
        with pytest.raises(StoreError, match=r"is a replica.*write to the primary"):
            store.append(events([2]))
        assert times(store) == [1]


def test_a_wrong_password_is_refused_at_once(durable_server, durable_address):
    RedisStore.create(durable_address, MANIFEST).publish()
    durable_server.client.config_set("requirepass", "s3cret")
    with open_store(durable_address.replace("//", "//:s3cret@")) as store:
        assert times(store) == []
    for wrong in (durable_address.replace("//", "//:s3cres@"), durable_address):
        with pytest.raises(StoreError, match="refused user and password") as caught:
            RedisStore(wrong, options=RedisOptions(retries=1000))
        assert "s3cre" not in str(caught.value)


def test_a_server_that_evicts_is_warned_of(durable_server, durable_address, caplog):
    with RedisStore.create(durable_address, MANIFEST) as store:
        store.publish()
    assert not caplog.records
    durable_server.client.config_set("maxmemory", "1gb")
    durable_server.client.config_set("maxmemory-policy", "allkeys-lru")
    with caplog.at_level(logging.WARNING), RedisStore(durable_address, writable=True):
        assert "drops users when memory is short (maxmemory-policy allkeys-lru)" in caplog.text


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("redis://:pass/word@host:6379", "special characters of user and password as %XX"),
        ("redis://host:6379/0?name=a:b", "name is 'a:b'; expected letters"),
        ("redis://host:6379/0?name=*", r"name is '\*'; expected letters"),
        ("redis://host:6379/0?socket_timeout=soon", "Invalid value for 'socket_timeout'"),
        ("redis://host:6379/0?nme=a", "unexpected keyword argument 'nme'"),
    ],
)
def test_a_bad_address_is_refused(address, message):
    with pytest.raises(ValueError, match=message) as caught:
        open_store(address)
    assert "pass/word" not in str(caught.value)
