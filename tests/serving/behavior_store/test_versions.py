import pytest

from lifelong.serving.behavior_store import Manifest, StoreError, open_store
from lifelong.serving.behavior_store.lmdb_store import LmdbStore
from lifelong.serving.behavior_store.redis_store import RedisStore
from lifelong.serving.behavior_store.versions import versions_at

EVENT = {"user": [1], "item": [2], "category": [3], "timestamp": [4]}


def manifest(source):
    return Manifest(source=source, shards=1)


def test_a_folder_is_opened(tmp_path):
    LmdbStore.create(tmp_path, manifest("a")).close()
    for address in (tmp_path, str(tmp_path)):
        with open_store(address) as store:
            assert store.manifest.source == "a"


def test_of_numbered_folders_the_highest_is_opened(tmp_path):
    for number in ("9", "10", "2"):
        LmdbStore.create(tmp_path / number, manifest(number)).close()
    (tmp_path / "11.part").mkdir()
    with open_store(tmp_path) as store:
        assert store.manifest.source == "10"


def test_a_folder_whose_name_is_no_int64_is_skipped_with_a_warning(tmp_path, caplog):
    for number in ("7", "0000008", "20261126215148123456", "9\u00b2"):
        LmdbStore.create(tmp_path / number, manifest(number)).close()
    versions = versions_at(tmp_path)
    for _ in range(2):
        assert versions.newest() == 8
    assert versions.name(8) == str(tmp_path / "0000008")
    assert caplog.text.count("'20261126215148123456' in") == 1
    for opened in (versions.open(8), open_store(tmp_path)):
        with opened as store:
            assert store.manifest.source == "0000008"


def test_a_folder_may_be_opened_for_writing(tmp_path):
    LmdbStore.create(tmp_path, manifest("a")).close()
    with open_store(tmp_path, writable=True) as store:
        assert store.append(EVENT) == (1, 0)
    with open_store(tmp_path) as store, pytest.raises(StoreError, match="opened for reading"):
        store.append(EVENT)


def test_the_current_version_in_redis_is_opened(redis_server):
    address = redis_server.address("test-open")
    for source in ("a", "b", "c"):
        with RedisStore.create(address, manifest(source)) as store:
            if source != "c":
                store.publish()
    with open_store(address, writable=True) as store:
        assert store.manifest.source == "b"
        assert store.append(EVENT) == (1, 0)
    with open_store(address) as store, pytest.raises(StoreError, match="opened for reading"):
        store.append(EVENT)


def test_where_no_store_is_that_is_said(tmp_path, redis_server):
    with pytest.raises(FileNotFoundError, match="holds no behaviour store"):
        open_store(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match="nobody holds no behaviour store"):
        open_store(redis_server.address("nobody"))


@pytest.mark.parametrize("opening", [open_store, versions_at])
def test_a_uri_has_to_be_fetched_first(opening):
    with pytest.raises(
        ValueError, match=r"lifelong fetch --source s3://b/shop --destination"
    ) as told:
        opening("s3://key:word@b/shop?scheme=http")
    assert "word" not in str(told.value)
