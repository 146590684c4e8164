import dataclasses

import pytest

from lifelong.data.contract import VERSION, DataContract
from lifelong.serving.behavior_store import Manifest, StoreLockedError, open_store
from lifelong.serving.follower.live_store import LiveStore, check_store


@pytest.fixture
def live(tmp_path):
    told = []
    store = LiveStore(str(tmp_path), told.append, look_every_s=0)
    store.told = told
    return store


def test_a_store_that_is_named(tmp_path, new_store):
    live = LiveStore(str(new_store(tmp_path)), print, look_every_s=0)
    with live.open() as store:
        assert store.size().events == 0
        assert live.name == str(tmp_path)
        (tmp_path / "7").mkdir()
        assert not live.has_newer()


def test_no_store(live):
    with pytest.raises(FileNotFoundError, match="lifelong run"):
        live.open()


def test_the_newest_complete_version(tmp_path, new_store, live):
    for number in (9, 10):
        new_store(tmp_path / str(number))
    new_store(tmp_path / "11")
    (tmp_path / "11" / "manifest.json").unlink()
    with live.open():
        assert live.name == str(tmp_path / "10")
        assert not live.has_newer()


def test_a_newer_version_is_taken_when_it_can_be(tmp_path, new_store, live):
    new_store(tmp_path / "1")
    with live.open() as first:
        new_store(tmp_path / "2")
        with open_store(tmp_path / "2", writable=True):
            assert not live.has_newer()
            assert not live.has_newer()
            assert first.append(event()).added == 1
        assert live.has_newer()
    assert len(live.told) == 1
    assert "version 2 of the store cannot be used yet" in live.told[0]
    with live.open() as second:
        assert second.size().events == 0
        assert live.name == str(tmp_path / "2")
    with open_store(tmp_path / "1", writable=True):
        pass  # nobody holds it any more


def test_a_version_that_was_withdrawn_is_left(tmp_path, new_store, live):
    for number in (1, 2):
        new_store(tmp_path / str(number))
    with live.open():
        (tmp_path / "2").rename(tmp_path / "withdrawn")
        assert live.has_newer()
    with live.open():
        assert live.name == str(tmp_path / "1")


def test_a_store_in_other_hands_is_refused(tmp_path, new_store, live):
    new_store(tmp_path / "1")
    with live.open(), pytest.raises(StoreLockedError, match="is writing to"):
        LiveStore(str(tmp_path), print).open()


@pytest.mark.parametrize(
    "change", [{"features": {}}, {"contract": DataContract(VERSION, id_space="2024")}]
)
def test_a_store_of_other_data_is_refused(change):
    store = Manifest(features={"quantity": "float32"}, source="log", shards=3)
    check_store(store, dataclasses.replace(store, source="", shards=8), "here")
    with pytest.raises(ValueError, match=f"the store here has the {next(iter(change))}"):
        check_store(store, dataclasses.replace(store, **change), "here")


def event():
    return {
        "user": [1],
        "item": [2],
        "category": [3],
        "timestamp": [4],
        "channel": [5],
        "quantity": [6.0],
    }
