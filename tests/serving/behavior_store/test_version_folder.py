import pytest

from lifelong.serving.behavior_store import StoreLockedError, open_store
from lifelong.serving.behavior_store.lmdb_store import LmdbStore, only_writer
from lifelong.serving.behavior_store.manifest import Manifest
from lifelong.serving.behavior_store.version_folder import VersionFolder


@pytest.fixture
def base(tmp_path):
    return tmp_path / "versions"


def names(base):
    return sorted(path.name for path in base.iterdir() if path.name != ".writer.lock")


def fill(source="a"):
    return lambda folder: LmdbStore.create(folder, Manifest(shards=1, source=source)).close()


def test_the_newest_versions_are_kept_by_number_not_by_name(base):
    folder = VersionFolder(base, keep=2)
    for number in (9, 10, 11, 100):
        folder.add(number, fill())
    assert names(base) == ["100", "11"]
    VersionFolder(base, keep=1).add(101, fill())
    assert names(base) == ["101"]


def test_a_version_appears_whole(base):
    folder = VersionFolder(base, keep=2)
    folder.add(7, fill())

    def slow(part):
        fill("b")(part)
        assert folder.versions.numbers() == [7]
        return "filled"

    assert folder.add(8, slow) == "filled"
    with open_store(base) as store:
        assert store.manifest.source == "b"


def test_a_reader_keeps_a_version_that_is_removed(base):
    folder = VersionFolder(base, keep=1)
    folder.add(1, fill())
    with open_store(base) as reader:
        folder.add(2, fill("b"))
        assert names(base) == ["2"]
        assert len(reader.history(1, 100)["item"]) == 0


def test_numbers_grow_even_if_the_clock_does_not(base):
    folder = VersionFolder(base, keep=2)
    assert folder.next_number() < 9_999_999_999_999
    (base / "9999999999999").mkdir(parents=True)
    assert folder.next_number() == 10_000_000_000_000


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_of_a_version_that_fails_nothing_stays(base, error):
    folder = VersionFolder(base, keep=1)
    folder.add(1, fill())

    def fails(part):
        fill("b")(part)
        raise error

    with pytest.raises(error):
        folder.add(2, fails)
    assert names(base) == ["1"]


def test_what_a_killed_process_left_is_removed(base):
    (base / ".123").mkdir(parents=True)
    (base / ".123" / "manifest.json").write_text("{}")
    VersionFolder(base, keep=2).remove_leftovers()
    assert names(base) == []
    (base / ".124").mkdir()
    VersionFolder(base, keep=2).add(1, fill())
    assert names(base) == ["1"]


def test_what_has_the_number_already_is_not_replaced(base):
    (base / "7").mkdir(parents=True)
    with pytest.raises(FileExistsError, match="7 is there already and was not replaced: remove it"):
        VersionFolder(base, keep=1).add(7, fill())
    assert names(base) == ["7"]


def test_two_do_not_write_at_a_time(base):
    base.mkdir()
    (base / ".5").mkdir()
    with only_writer(base, ".writer.lock"), pytest.raises(StoreLockedError, match="is writing to"):
        VersionFolder(base, keep=1).add(7, fill())
    assert names(base) == [".5"]
