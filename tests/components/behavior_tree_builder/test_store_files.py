import numpy as np
import pytest

from lifelong.components.behavior_tree_builder.store_files import (
    fetch_store,
    finish_store,
    put_shard,
    put_statistics,
    read_manifest,
)
from lifelong.serving.behavior_store import Manifest, StoreError, open_store
from lifelong.serving.behavior_store.lmdb_store import build_shard
from tests.sample_statistics import random_statistics

MANIFEST = Manifest(shards=2, source="somewhere")


@pytest.fixture
def local(tmp_path):
    """A folder with the shards of a store."""
    for number in range(MANIFEST.shards):
        build_shard(tmp_path / "local", MANIFEST, number, ())
    return tmp_path / "local"


@pytest.fixture(params=["", "file://"])
def uri(request, tmp_path):
    """A path, and a URI as of a remote file system."""
    return f"{request.param}{tmp_path}/artifact/store"


def test_a_store_goes_there_and_back(local, uri, tmp_path):
    size = sum(put_shard(local, number, uri) for number in range(2))
    assert size == sum(file.stat().st_size for file in local.glob("*/data.mdb"))
    assert finish_store(uri, MANIFEST) == len(MANIFEST.to_json())
    assert read_manifest(uri) == MANIFEST
    fetch_store(uri, tmp_path / "fetched")
    with open_store(tmp_path / "fetched") as store:
        assert store.manifest == MANIFEST
        assert store.size().events == 0


def test_its_statistics_go_with_it(tmp_path, uri):
    statistics = random_statistics(time=20_000 * 86_400)
    manifest = Manifest(shards=1, statistics_time=statistics.time)
    build_shard(tmp_path / "local", manifest, 0, ())
    put_shard(tmp_path / "local", 0, uri)
    with pytest.raises(FileNotFoundError, match=r"statistics\.npy is missing"):
        finish_store(uri, manifest)
    written = [put_statistics(statistics, uri) for _ in range(2)]
    finish_store(uri, manifest)
    fetch_store(uri, tmp_path / "fetched")
    assert [(tmp_path / "fetched" / "statistics.npy").stat().st_size] * 2 == written
    with open_store(tmp_path / "fetched") as store:
        assert store.manifest == manifest
        np.testing.assert_array_equal(store.all_statistics().totals, statistics.totals)
    names = {path.name for path in (tmp_path / "artifact" / "store").iterdir()}
    assert names == {"manifest.json", "shard-00000", "statistics.npy"}


def test_without_one_of_its_shards_there_is_no_store(local, uri, tmp_path):
    put_shard(local, 0, uri)
    with pytest.raises(FileNotFoundError, match=r"shard-00001/data\.mdb is missing"):
        finish_store(uri, MANIFEST)
    with pytest.raises((FileNotFoundError, StoreError)):
        open_store(tmp_path / "artifact" / "store")


def test_what_a_killed_worker_left_is_removed(local, uri, tmp_path):
    for number in (0, 1, 1):
        put_shard(local, number, uri)
    left = tmp_path / "artifact" / "store" / "shard-00001" / "data.mdb.0123.part"
    left.write_bytes(b"half")
    finish_store(uri, MANIFEST)
    files = {path.name for path in left.parent.iterdir()}
    assert files == {"data.mdb"}
