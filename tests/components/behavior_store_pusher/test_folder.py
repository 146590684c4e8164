import shutil

import pytest

from lifelong.components.behavior_store_pusher.folder import LocalFolder
from lifelong.components.behavior_tree_builder.store_files import store_uri
from lifelong.serving.behavior_store import StoreError, open_store


@pytest.fixture
def base(tmp_path):
    return tmp_path / "versions"


def names(base):
    """Names of all that lies there, but for the two files of the writer."""
    beside = {".writer.lock", ".last_push"}
    return sorted(path.name for path in base.iterdir() if path.name not in beside)


def test_a_version_appears_whole_and_the_newest_is_opened(base, built):
    folder = LocalFolder(base, keep=2)
    assert folder.current() is None
    first = folder.push(store_uri(built("a", events=5)), 7, 5)
    assert first == (7, first.manifest, str(base / "7"))
    folder.push(store_uri(built("b", events=6)), 10, 6)
    assert folder.current().manifest.source == "b"
    with open_store(base) as store:
        assert len(store.history(1, 100)["item"]) == 6
        assert store.statistics_of([1], [1]).item.any()
    assert folder.next_number() > 10
    LocalFolder(base, keep=1).push(store_uri(built("c", events=7)), 11, 7)
    assert names(base) == ["11"]


def test_a_store_that_is_not_what_was_built_is_not_pushed(base, built):
    folder = LocalFolder(base, keep=1)
    folder.push(store_uri(built("a")), 1, 5)
    bad = built("bad")
    with pytest.raises(StoreError, match="holds 5 events; 6 were built"):
        folder.push(store_uri(bad), 2, 6)
    data = next((base.parent / "artifacts" / "bad").rglob("data.mdb"))
    whole = data.read_bytes()
    data.write_bytes(whole[:4096])
    with pytest.raises(StoreError):
        folder.push(store_uri(bad), 2, 5)
    # A bit of every page: whatever is in use is damaged.
    data.write_bytes(bytes(b ^ (i % 4096 == 4000) for i, b in enumerate(whole)))
    with pytest.raises(StoreError, match=r"is damaged and was not pushed: .*build it again"):
        folder.push(store_uri(bad), 2, 5)
    data.write_bytes(whole)
    counts = data.parents[1] / "statistics.npy"
    counts.write_bytes(counts.read_bytes()[:-9])
    with pytest.raises(StoreError, match=r"statistics\.npy is missing or damaged"):
        folder.push(store_uri(bad), 2, 5)
    assert names(base) == ["1"]
    assert folder.current().manifest.source == "a"


def test_a_damaged_version_is_none(base, built):
    folder = LocalFolder(base, keep=2)
    folder.push(store_uri(built("a")), 1, 5)
    shutil.rmtree(base / "1" / "shard-00000")
    assert folder.current() is None
