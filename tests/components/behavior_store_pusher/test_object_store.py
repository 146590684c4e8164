import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import fs

from lifelong.components.behavior_store_pusher import object_store
from lifelong.components.behavior_store_pusher.executor import Executor
from lifelong.components.behavior_store_pusher.object_store import ObjectStore
from lifelong.components.behavior_tree_builder.store_files import read_manifest, store_uri
from lifelong.serving.behavior_store import (
    StoreCorruptedError,
    StoreUnavailableError,
    indexed_versions,
    open_store,
)
from lifelong_artifacts import PushedBehaviorStore

FILES = ["index.json", "manifest.json", "shard-00000/data.mdb", "statistics.npy"]


@pytest.fixture
def base(tmp_path):
    return tmp_path / "bucket" / "a store"


@pytest.fixture
def unchecked(monkeypatch):
    """Takes built stores as they are: to read each takes a process."""

    def fetch(uri, folder, events):
        shutil.copytree(uri, folder)
        return read_manifest(uri)

    monkeypatch.setattr(object_store, "fetch_whole_store", fetch)


def files(folder):
    return sorted(
        str(path.relative_to(folder))
        for path in Path(folder).rglob("*")
        if path.is_file() and path != Path(folder) / ".last_push"
    )


def versions(base):
    return sorted(int(path.name) for path in base.iterdir() if path.name != ".last_push")


def at(base, keep=2):
    return ObjectStore(f"file://{base}/", keep)


def test_a_version_is_a_store_with_an_index(base, built):
    assert at(base).current() is None
    first = at(base).push(store_uri(built("a", events=5)), 7, 5)
    assert first == (7, first.manifest, f"file://{base}/7")
    assert files(base / "7") == FILES
    assert at(base).current() == first
    at(base).push(store_uri(built("b", events=6)), 10, 6)
    assert at(base).current().manifest.source == "b"
    assert at(base).next_number() > 10
    with open_store(base / "10") as store:
        assert len(store.history(1, 100)["item"]) == 6
        assert store.statistics_of([1], [1]).item.any()


def test_the_newest_versions_are_kept_by_number_not_by_name(base, built, unchecked):
    uri = store_uri(built("a"))
    for number in (9, 10, 11, 100):
        at(base).push(uri, number, 5)
    assert versions(base) == [11, 100]
    at(base, keep=1).push(uri, 101, 5)
    assert versions(base) == [101]


def test_a_store_that_is_in_use_is_not_pushed_again(base, built):
    noted = []
    for name in ("a", "a", "b"):
        pushed = PushedBehaviorStore()
        properties = {"destination": f"file://{base}", "keep_versions": 2}
        Executor().Do({"behavior_tree": [built(name)]}, {"pushed_store": [pushed]}, properties)
        noted.append(pushed.get_int_custom_property("pushed_version"))
        uri = pushed.get_string_custom_property("pushed_destination")
        assert uri == f"file://{base}/{noted[-1]}"
    assert noted[0] == noted[1] < noted[2]
    assert versions(base) == noted[1:]


@pytest.mark.parametrize("lost", FILES)
def test_a_version_that_lacks_a_file_is_none(base, built, unchecked, lost):
    for number, name in ((1, "a"), (2, "b")):
        at(base).push(store_uri(built(name)), number, 5)
    (base / "2" / lost).unlink()
    assert at(base).current().number == 1
    at(base).push(store_uri(built("b")), 3, 5)
    assert versions(base) == [1, 3]


def test_a_damaged_manifest_is_of_no_use(base, built, unchecked):
    at(base).push(store_uri(built("a")), 1, 5)
    manifest = base / "1" / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"a"', b'"b"'))
    assert at(base).current() is None


def test_a_store_that_is_not_what_was_built_is_not_pushed(base, built):
    at(base).push(store_uri(built("a")), 1, 5)
    with pytest.raises(StoreCorruptedError, match="holds 5 events; 6 were built"):
        at(base).push(store_uri(built("b", events=5)), 2, 6)
    assert versions(base) == [1]


def test_only_versions_of_ours_are_removed(base, built, unchecked, caplog):
    for name in ("5/saved_model.pb", "06/data", "README.md", "shop/1/index.json", "12x/a", "3/x/y"):
        (base / name).parent.mkdir(parents=True, exist_ok=True)
        (base / name).write_text("of others")
    before = files(base)
    uri = store_uri(built("a"))
    at(base, keep=1).push(uri, 8, 5)
    (base / "8" / "notes.txt").write_text("of others")
    (base / "9").mkdir()
    at(base, keep=1).push(uri, 10, 5)
    left = [f"8/{name}" for name in ("notes.txt", *FILES)] + [f"10/{name}" for name in FILES]
    assert files(base) == sorted([*before, *left])
    assert not (base / "9").exists()
    assert f"{base}/5 is not removed: 'saved_model.pb' in it is no file of a store" in caplog.text


class Killed(BaseException):
    """Ends a push as SIGKILL would: nothing tidies up."""


class Bucket(fs.FileSystemHandler):
    """The local disk, on which the process is killed before, or amid, a certain operation."""

    local = fs.LocalFileSystem()

    def __init__(self):
        self.steps = 0
        self.killed_at = -1
        # Changes what is written.
        self.spoiled = lambda data: data

    def step(self):
        self.steps += 1
        if self.steps == self.killed_at:
            raise Killed

    def get_file_info_selector(self, selector):
        self.step()
        return self.local.get_file_info(selector)

    def create_dir(self, path, recursive):
        self.step()
        self.local.create_dir(path, recursive=recursive)

    def delete_dir(self, path):
        self.step()
        self.local.delete_dir(path)

    def delete_file(self, path):
        self.step()
        self.local.delete_file(path)

    def open_input_stream(self, path):
        self.step()
        return self.local.open_input_stream(path)

    def open_output_stream(self, path, metadata):
        self.step()
        return pa.PythonFile(_Upload(self, path), mode="w")

    def normalize_path(self, path):
        return path

    def get_type_name(self):
        return "bucket"


class _Upload:
    """A file of which half is there when the process is killed amid writing it."""

    closed = False

    def __init__(self, bucket, path):
        self.bucket = bucket
        self.file = Path(path).open("wb")  # noqa: SIM115

    def write(self, data):
        data = self.bucket.spoiled(bytes(data))
        self.file.write(data[: len(data) // 2])
        self.file.flush()
        self.bucket.step()
        self.file.write(data[len(data) // 2 :])

    def flush(self):
        self.file.flush()

    def close(self):
        self.closed = True
        self.file.close()


# What a push has no use for.
for name in Bucket.__abstractmethods__:
    setattr(Bucket, name, lambda *_: pytest.fail("this is not needed"))
Bucket.__abstractmethods__ = frozenset()


@pytest.fixture
def bucket(monkeypatch):
    """In the place of all object stores."""
    handler = Bucket()

    def file_system(path, options):
        return fs.PyFileSystem(handler), path.partition("://")[2]

    monkeypatch.setattr(indexed_versions, "file_system", file_system)
    return handler


def test_a_push_may_be_killed_in_every_step(base, built, unchecked, bucket):
    old, new = store_uri(built("old")), store_uri(built("new"))
    for number in (1, 2, 3):
        bucket.steps = 0
        at(base).push(old, number, 5)
    steps = bucket.steps
    in_use = set()
    for killed_at in range(1, steps + 1):
        bucket.steps, bucket.killed_at = 0, killed_at
        with pytest.raises(Killed):
            at(base).push(new, number + 1, 5)
        bucket.killed_at = -1
        current = at(base).current()
        # Whole, whichever it is.
        assert files(base / str(current.number)) == FILES
        assert current.number == number + (current.manifest.source == "new")
        in_use.add(current.manifest.source)
        number += 2
        at(base).push(old, number, 5)
        assert versions(base) == [current.number, number]
    assert in_use == {"old", "new"}


@pytest.mark.parametrize("kind", ["cut", "changed"])
def test_a_copy_that_is_not_what_was_sent_comes_not_into_use(base, built, unchecked, bucket, kind):
    at(base).push(store_uri(built("a")), 1, 5)
    spoil = {"cut": lambda data: data[:-1], "changed": lambda data: b"x" + data[1:]}[kind]
    bucket.spoiled = lambda data: spoil(data) if len(data) > 10_000 else data
    with pytest.raises(StoreCorruptedError, match=r"2/shard-00000/data\.mdb is damaged: its "):
        at(base).push(store_uri(built("b")), 2, 5)
    assert at(base).current().number == 1
    bucket.spoiled = lambda data: data
    at(base).push(store_uri(built("b")), 3, 5)
    assert versions(base) == [1, 3]


@pytest.mark.parametrize("error", [OSError("nobody answers"), pa.ArrowInvalid("nobody answers")])
def test_one_that_cannot_be_reached_says_so(monkeypatch, error):
    def unreachable(path, options):
        raise error

    monkeypatch.setattr(indexed_versions, "file_system", unreachable)
    destination = ObjectStore("s3://key:word@bucket/shop?scheme=http", 2)
    with pytest.raises(
        StoreUnavailableError, match=r"^s3://bucket/shop cannot be used now: nobody"
    ):
        destination.current()
