"""What the LMDB backend does beyond the interface: building, sharing, ids, and what it checks."""

import concurrent.futures
import os
import shutil

import lmdb
import numpy as np
import pytest

from lifelong.serving.behavior_store import (
    Manifest,
    Retention,
    StoreCorruptedError,
    StoreError,
    StoreFormatError,
    open_store,
)
from lifelong.serving.behavior_store.lmdb_file import DATA_FILE
from lifelong.serving.behavior_store.lmdb_store import (
    LmdbStore,
    build_shard,
    finish_build,
    shard_folder,
)
from lifelong.serving.behavior_store.packed_user import pack_user
from lifelong.serving.behavior_store.verify import verify

MANIFEST = Manifest(shards=2, block_size=8)


def events_of(user, count=30):
    number = np.arange(count)
    return {"item": 100 * user + number, "category": number % 3, "timestamp": 10 * number + user}


def append(store, user, count=30):
    return store.append({"user": np.full(count, user), **events_of(user, count)})


def packed(*users):
    return [pack_user(user, events_of(user), MANIFEST.block_size) for user in users]


def users_of(shard):
    return [user for user in range(20) if MANIFEST.shard_of_user(user) == shard]


@pytest.fixture
def store(tmp_path):
    """A store of users 0 to 19, open for writing."""
    with LmdbStore.create(tmp_path / "store", MANIFEST) as opened:
        opened.load(packed(*range(20)))
        yield opened


@pytest.fixture
def folder(store, tmp_path):
    return tmp_path / "store"


def test_a_store_is_not_created_over_another_or_a_part_of_one(tmp_path):
    LmdbStore.create(tmp_path / "whole", MANIFEST).close()
    build_shard(tmp_path / "part", MANIFEST, 1, ())
    for name in ("whole", "part"):
        with pytest.raises(FileExistsError, match=f"{name} holds a behaviour store, or part"):
            LmdbStore.create(tmp_path / name, MANIFEST)


def test_a_shard_is_built_again_by_a_repeated_attempt(tmp_path):
    first, second, *_ = users_of(0)
    build_shard(tmp_path, MANIFEST, 0, packed(first))
    assert build_shard(tmp_path, MANIFEST, 0, packed(second)) == 30
    build_shard(tmp_path, MANIFEST, 1, ())
    finish_build(tmp_path, MANIFEST)
    with open_store(tmp_path) as store:
        assert [user.user for user in store.scan()] == [second]


@pytest.mark.parametrize(
    ("users", "message"),
    [
        (users_of(1)[:1], "user .* belongs to shard 1, not 0"),
        ([users_of(0)[0]] * 2, "comes twice or after a user with a larger id"),
        (users_of(0)[1::-1], "comes twice or after a user with a larger id"),
    ],
)
def test_a_build_that_fails_leaves_nothing(users, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        build_shard(tmp_path, MANIFEST, 0, packed(*users))
    assert list(tmp_path.iterdir()) == []


def test_a_build_without_a_shard_or_with_another_manifest_is_not_finished(tmp_path):
    build_shard(tmp_path, MANIFEST, 0, ())
    with pytest.raises(StoreCorruptedError, match=r"shard-00001.* is missing"):
        finish_build(tmp_path, MANIFEST)
    build_shard(tmp_path, Manifest(shards=2), 1, ())
    with pytest.raises(StoreFormatError, match="is not shard 1"):
        finish_build(tmp_path, MANIFEST)
    with pytest.raises(StoreFormatError, match="building it was not finished"):
        open_store(tmp_path)


def test_ids_may_come_from_numpy(store):
    assert store.history(np.int64(3), 1)["item"].tolist() == [329]
    assert store.search(np.int32(3), np.array([1]), 1).columns["item"].tolist() == [328]
    with pytest.raises(TypeError):
        store.history("3", 1)


@pytest.mark.parametrize("user", [-1, -(2**63), 2**63 + 3, 2**64 + 3, 1 << 70])
def test_an_id_that_no_user_can_have_is_unknown(user, store):
    """Keys hold 63 bits of an id: what is beyond must not make it another user's."""
    assert len(store.history(user, 5)["item"]) == 0


def test_errors_of_the_reader_stay_what_they_are(store):
    for error in (KeyError("mine"), lmdb.MapFullError("mine")):
        with pytest.raises(type(error), match="mine"), store.read(3):
            raise error


def test_what_was_read_stays_after_the_read_has_ended(store):
    with store.read(3) as tree:
        history = tree.history(99)
    before = {name: column.copy() for name, column in history.items()}
    for user in range(20, 60):
        append(store, user)
    store.retain(Retention(max_events=1), now=0)
    assert all((history[name] == before[name]).all() for name in before)
    # What was not read then cannot be read any more.
    with store.read(4) as tree:
        pass
    with pytest.raises(StoreError, match="shard-0000"):
        tree.history(99)


def test_threads_share_a_store(store):
    def read(_):
        for user in range(20):
            assert store.history(user, 1)["item"].tolist()[0] >= 100 * user + 29

    def write(user):
        return append(store, user).added

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        reads = [pool.submit(read, number) for number in range(8)]
        writes = [pool.submit(write, user) for user in range(20, 60)]
        for done in reads:
            done.result()
        assert [done.result() for done in writes] == [30] * 40
    assert store.size()[:2] == (60, 60 * 30)


def test_counts_follow_every_change(store):
    def counted():
        users = list(store.scan())
        return len(users), sum(user.events for user in users)

    assert store.size()[:2] == counted() == (20, 600)
    assert append(store, 5, count=40) == (10, 30)
    assert store.size()[:2] == counted() == (20, 610)
    # The youngest event of user u is at 290 + u, but for user 5.
    assert store.retain(Retention(max_age_s=1), now=309) == 610 - (2 + 9)
    assert store.size()[:2] == counted() == (3, 11)
    assert store.retain(Retention(max_age_s=1), now=1000) == 11
    assert store.size()[:2] == counted() == (0, 0)
    append(store, 5)
    assert store.size()[:2] == counted() == (1, 30)


def test_nothing_is_written_for_events_that_are_there(store, folder):
    def state():
        return [path.read_bytes() for path in sorted(folder.glob(f"*/{DATA_FILE}"))]

    before = state()
    assert append(store, 5) == (0, 30)
    assert store.retain(Retention(max_events=50), now=0) == 0
    assert state() == before


def test_offsets_of_sources_with_long_names(store):
    store.commit_offset("/log/" * 300, "17:höher")
    assert store.offset("/log/" * 300) == "17:höher"
    assert store.offset("/log/" * 299) == ""


def test_a_damaged_offset_is_refused(store, folder):
    store.commit_offset("log", "offset 123456")
    store.close()
    # Packed as differences to the smallest, the space.
    stored, damaged = (
        bytes(byte - ord(" ") for byte in text) for text in (b"offset 123456", b"offset 123457")
    )
    path = shard_folder(folder, 0) / DATA_FILE
    data = path.read_bytes()
    assert stored in data
    path.write_bytes(data.replace(stored, damaged))
    with (
        open_store(folder) as again,
        pytest.raises(StoreCorruptedError, match="an offset that was"),
    ):
        again.offset("log")


def test_a_folder_that_was_replaced_is_not_taken_for_the_old_one(store, folder):
    shutil.copytree(folder, folder.with_name("copy"))
    shutil.rmtree(folder)
    folder.with_name("copy").rename(folder)
    with pytest.raises(StoreError, match="was replaced or removed while this process has it open"):
        open_store(folder)


def test_a_store_is_opened_by_several_names(store, folder):
    link = folder.with_name("link")
    link.symlink_to(folder)
    with open_store(link) as reader:
        append(store, 30)
        assert len(reader.history(30, 99)["item"]) == 30


def test_free_pages_at_the_end_may_be_missing(store, folder):
    """LMDB does not write them; a file that ends before pages in use is another matter."""
    store.close()
    shard = shard_folder(folder, 0)
    with lmdb.open(str(shard), map_size=1 << 30) as environment:
        for _ in range(2):  # in the second transaction LMDB knows of free pages
            with environment.begin(write=True) as txn:
                txn.put(b"a large value", bytes(1 << 20))
                txn.delete(b"a large value")
                txn.put(b"a small value", b"")
        end = (environment.info()["last_pgno"] + 1) * environment.stat()["psize"]
    size = (shard / DATA_FILE).stat().st_size
    assert size < end
    with open_store(folder, writable=True) as again:
        assert again.size()[:2] == (20, 600)
        append(again, users_of(0)[0], count=50)
    os.truncate(shard / DATA_FILE, size // 2)
    with pytest.raises(StoreCorruptedError, match=f"is cut off: it has {size // 2} bytes of {end}"):
        open_store(folder)


@pytest.mark.parametrize("slot", [0, 1])
@pytest.mark.parametrize(("field", "place"), [("magic", 16), ("page size", 40), ("number", 144)])
def test_a_damaged_beginning_is_refused(slot, field, place, store, folder):
    """Each of the two pages that LMDB begins with: it would take the older one for the current."""
    store.close()
    path = shard_folder(folder, 1) / DATA_FILE
    data = bytearray(path.read_bytes())
    data[4096 * slot + place] ^= 4
    path.write_bytes(data)
    with pytest.raises(StoreCorruptedError, match=f"{path} is damaged at its beginning"):
        open_store(folder)
    (damage,) = verify(folder).damage
    assert "is damaged at its beginning" in damage
