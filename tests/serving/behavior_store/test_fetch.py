import json
import shutil

import pytest

from lifelong.serving.behavior_store import (
    StoreCorruptedError,
    StoreError,
    StoreFormatError,
    StoreLockedError,
    StoreUnavailableError,
    open_store,
)
from lifelong.serving.behavior_store.fetch import fetch_newest, source_at
from lifelong.serving.behavior_store.indexed_versions import IndexedVersions
from lifelong.serving.behavior_store.version_folder import VersionFolder
from tests.pushed_stores import push_below_uri, push_to_folder

PUSHES = {"folder": push_to_folder, "uri": push_below_uri, "mounted": push_below_uri}


class Setup:
    """A source of one layout, and a folder to fetch into."""

    def __init__(self, layout, tmp_path):
        self.pushed = tmp_path / "pushed"
        self.address = f"file://{self.pushed}" if layout == "uri" else str(self.pushed)
        self.here = tmp_path / "here"
        self._push = PUSHES[layout]

    def push(self, number, events):
        return self._push(self.pushed, number, events)

    def fetch(self, keep=2):
        return fetch_newest(source_at(self.address), VersionFolder(self.here, keep))

    def names(self):
        return sorted(path.name for path in self.here.iterdir() if path.name != ".writer.lock")

    def events(self):
        with open_store(self.here) as store:
            assert store.statistics_of([1], [1]).item.any()
            return len(store.history(1, 100)["item"])


@pytest.fixture(params=PUSHES)
def setup(request, tmp_path):
    return Setup(request.param, tmp_path)


@pytest.fixture
def remote(tmp_path):
    return Setup("uri", tmp_path)


def test_the_newest_version_is_fetched_once(setup):
    setup.push(9, events=4)
    folder = setup.push(10, events=5)
    size = sum(
        (folder / name).stat().st_size
        for name in ("manifest.json", "statistics.npy", "shard-00000/data.mdb")
    )
    fetched = setup.fetch()
    assert (fetched.number, fetched.bytes) == (10, size)
    assert fetched.seconds > 0
    assert setup.names() == ["10"]
    assert setup.events() == 5
    assert setup.fetch() is None


def test_newer_versions_come_and_old_ones_go_while_they_are_read(setup):
    setup.push(1, events=3)
    setup.fetch(keep=1)
    with open_store(setup.here) as reader:
        setup.push(2, events=4)
        setup.fetch(keep=1)
        assert setup.names() == ["2"]
        assert len(reader.history(1, 100)["item"]) == 3
    assert setup.events() == 4
    setup.push(3, events=5)
    setup.fetch(keep=2)
    assert setup.names() == ["2", "3"]


def test_a_damaged_version_is_not_fetched(setup):
    setup.push(1, events=3)
    setup.fetch()
    data = setup.push(2, events=4) / "shard-00000" / "data.mdb"
    data.write_bytes(bytes(b ^ (i % 4096 == 4000) for i, b in enumerate(data.read_bytes())))
    with pytest.raises(StoreCorruptedError, match=r"2\b.* is damaged.*push the store again"):
        setup.fetch()
    assert setup.names() == ["1"]


def test_where_no_version_is_that_is_said(setup):
    for _ in range(2):
        with pytest.raises(
            FileNotFoundError, match=r"pushed holds no whole version .*lifelong run"
        ):
            setup.fetch()
        setup.pushed.mkdir(exist_ok=True)
        (setup.pushed / "7").mkdir(exist_ok=True)


@pytest.mark.parametrize("lost", ["index.json", "shard-00000/data.mdb", "statistics.npy"])
def test_a_version_that_lacks_a_file_is_none(remote, lost):
    remote.push(1, events=3)
    (remote.push(2, events=4) / lost).unlink()
    assert remote.fetch().number == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"files": {"manifest.json": {"by',
        "[]",
        '{"files": {}}',
        '{"files": {"manifest.json": {"bytes": 3}}}',
        '{"files": {"../../manifest.json": {"bytes": 3, "sha256": ""}}}',
    ],
)
def test_one_whose_index_was_cut_off_is_none(remote, text):
    remote.push(1, events=3)
    (remote.push(2, events=4) / "index.json").write_text(text)
    assert remote.fetch().number == 1


def test_a_version_of_another_format_is_refused(tmp_path):
    setup = Setup("folder", tmp_path)
    manifest = setup.push(1, events=3) / "manifest.json"
    fields = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**fields, "format_version": 1_000}))
    with pytest.raises(StoreFormatError, match=r"has format 1000.*update lifelong"):
        setup.fetch()
    assert setup.names() == []


@pytest.mark.parametrize("name", ["manifest.json", "shard-00000/data.mdb", "statistics.npy"])
def test_an_interrupted_fetch_leaves_nothing_that_is_opened(remote, monkeypatch, name):
    remote.push(1, events=3)
    read = IndexedVersions.read

    def interrupted(self, number, index, file):
        if file == name:
            raise KeyboardInterrupt
        return read(self, number, index, file)

    monkeypatch.setattr(IndexedVersions, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        remote.fetch()
    assert remote.names() == []
    monkeypatch.undo()
    # One that was killed could not even tidy up.
    shutil.copytree(remote.pushed / "1", remote.here / ".1")
    assert remote.fetch().number == 1
    (remote.here / ".2").mkdir()
    assert remote.fetch() is None
    assert remote.names() == ["1"]


def test_a_source_that_cannot_be_reached_says_so(remote, monkeypatch):
    def unreachable(path, options):
        raise OSError("nobody answers")

    monkeypatch.setattr("lifelong.serving.behavior_store.indexed_versions.file_system", unreachable)
    with pytest.raises(StoreUnavailableError, match="pushed cannot be used now: nobody answers"):
        remote.fetch()


def test_a_source_that_went_back_is_not_followed_silently(setup):
    setup.push(7, events=4)
    setup.fetch()
    shutil.rmtree(setup.pushed / "7")
    setup.push(6, events=3)
    with pytest.raises(StoreError, match=r"has version 6, which is older than .*here/7"):
        setup.fetch()
    assert setup.names() == ["7"]


def test_a_store_that_is_written_to_is_not_copied(tmp_path):
    setup = Setup("folder", tmp_path)
    folder = setup.push(1, events=3)
    with open_store(folder, writable=True), pytest.raises(StoreLockedError, match="is writing to"):
        setup.fetch()
    assert setup.names() == []
    assert setup.fetch().number == 1


def test_events_that_were_appended_come_along_from_a_folder(tmp_path):
    setup = Setup("folder", tmp_path)
    with open_store(setup.push(1, events=3), writable=True) as store:
        store.append({"user": [1], "item": [2], "category": [3], "timestamp": [4]})
    setup.fetch()
    assert setup.events() == 4


@pytest.mark.parametrize(
    ("address", "message"),
    [("redis://host/0", "source is a store in Redis"), ("gcs3://a/b", "which PyArrow cannot open")],
)
def test_what_is_no_source_is_refused(address, message):
    with pytest.raises(ValueError, match=message):
        source_at(address)
