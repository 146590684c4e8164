import os
import shutil

import grpc
import pytest
import tensorflow as tf
from google.protobuf import text_format

from lifelong.serving.server import versions as life
from lifelong.serving.server.errors import ServingError
from lifelong.serving.server.policy import VersionPolicy
from lifelong.serving.server.registry import ModelRegistry
from lifelong.serving.server.versions import ModelVersions


class Loaded:
    """Stands for a loaded model: the class under test only closes it."""

    def __init__(self, path, version):
        self.path = path
        self.version = version
        self.closed = False

    def close(self):
        self.closed = True


class Bench:
    """A base folder, a loader that can be told to fail, and a clock."""

    def __init__(self, base):
        self.base = base
        self.now = 0.0
        self.attempts = []
        self.models = {}
        self.bad = set()
        self.on_load = lambda: None
        self.versions = ModelVersions("m", str(base), self.load, clock=lambda: self.now)

    def load(self, path, version):
        self.attempts.append(version)
        self.on_load()
        if version in self.bad:
            raise ServingError(grpc.StatusCode.DATA_LOSS, "broken")
        self.models[version] = Loaded(path, version)
        return self.models[version]

    def add(self, name):
        (self.base / str(name)).mkdir()
        (self.base / str(name) / "saved_model.pb").touch()

    def poll(self):
        self.versions.poll()
        return {state.version: state.state for state in self.versions.states()}

    def newest(self):
        with self.versions.lease() as model:
            return model.version


@pytest.fixture
def bench(tmp_path):
    return Bench(tmp_path)


def test_only_the_latest_is_loaded(bench):
    bench.add(9)
    bench.add(10)
    assert bench.poll() == {10: life.AVAILABLE}
    assert bench.newest() == 10
    with (
        pytest.raises(ServingError, match=r"NOT_FOUND: .*Specific\(m, 9\)"),
        bench.versions.lease(9),
    ):
        pass


def test_what_is_not_a_version(bench):
    (bench.base / "12").mkdir()
    (bench.base / "13").write_text("a file")
    for name in ("latest", "-3", "1.5", "4x", "\u0663"):
        bench.add(name)
    assert bench.poll() == {}
    with pytest.raises(ServingError, match=r"NOT_FOUND: .*Latest\(m\)"):
        bench.newest()
    # With saved_model.pb it becomes one.
    (bench.base / "12" / "saved_model.pb").touch()
    assert bench.poll() == {12: life.AVAILABLE}


def test_leading_zeros_are_a_number(bench):
    bench.add("0007")
    assert bench.poll() == {7: life.AVAILABLE}
    assert bench.models[7].path.endswith("/0007")


@pytest.mark.parametrize(
    "name", ["20261126215148123456", "9223372036854775808", "7\u00b2", "\u0669", "9_0", "+9", "9 "]
)
def test_a_folder_whose_name_is_no_int64_leaves_the_running_version_alone(bench, caplog, name):
    bench.add(7)
    bench.poll()
    bench.add(name)
    for _ in range(3):
        assert bench.poll() == {7: life.AVAILABLE}
    assert [it.getMessage() for it in caplog.records if it.levelname == "WARNING"] == [
        f"model m: {name!r} is skipped: a version's name is a number from 0 to 2^63 - 1"
    ]


def test_the_largest_int64_is_a_version(bench):
    bench.add(2**63 - 1)
    assert bench.poll() == {2**63 - 1: life.AVAILABLE}


def test_a_name_that_is_not_utf_8_is_skipped(bench):
    bench.add(7)
    os.mkdir(os.fsencode(bench.base) + b"/8\xff")  # noqa: PTH102 (no text, which Path takes)
    assert bench.poll() == {7: life.AVAILABLE}


def test_of_two_folders_of_a_number_the_last_complete_one_is_the_version(bench, caplog):
    bench.add("0000008")
    # Still being copied: no version yet.
    (bench.base / "8").mkdir()
    assert bench.poll() == {8: life.AVAILABLE}
    assert bench.models[8].path.endswith("/0000008")
    (bench.base / "8" / "saved_model.pb").touch()
    for _ in range(2):
        assert bench.poll() == {8: life.AVAILABLE}
    assert bench.attempts == [8]
    assert not bench.models[8].closed
    assert caplog.text.count("'0000008' is skipped: '8' is version 8, too") == 1


def test_a_version_that_cannot_be_looked_at_is_served_on(bench, caplog, monkeypatch):
    bench.add(6)
    bench.add(7)
    bench.poll()
    bench.add(8)
    exists = tf.io.gfile.exists

    def failing(path):
        if "/6/" in path:
            return exists(path)
        raise tf.errors.PermissionDeniedError(None, None, "not now")

    monkeypatch.setattr(tf.io.gfile, "exists", failing)
    for _ in range(2):
        assert bench.poll() == {7: life.AVAILABLE}
    assert caplog.text.count("'8' cannot be read: not now") == 1
    monkeypatch.undo()
    assert bench.poll() == {8: life.AVAILABLE, 7: life.END}


def test_a_poll_that_fails_leaves_all_models_running_and_polls_the_others(
    bench, tmp_path, monkeypatch, caplog
):
    other = Bench(tmp_path / "other")
    other.base.mkdir()
    registry = ModelRegistry([bench.versions, other.versions])
    bench.add(1)
    registry.poll()
    monkeypatch.setattr(bench.versions, "_list", lambda: 1 / 0)
    other.add(2)
    registry.poll()
    assert bench.newest() == 1
    assert other.newest() == 2
    assert "model m: looking for versions failed; what is served is served on" in caplog.text


def test_the_new_one_is_loaded_before_the_old_one_goes(bench):
    bench.add(1)
    bench.poll()
    served = []
    bench.on_load = lambda: served.append(bench.newest())
    bench.add(2)
    assert bench.poll() == {2: life.AVAILABLE, 1: life.END}
    assert served == [1]
    assert bench.models[1].closed
    assert [state.version for state in bench.versions.states()] == [2, 1]


def test_a_running_call_keeps_its_version(bench):
    bench.add(1)
    bench.poll()
    with bench.versions.lease() as first, bench.versions.lease(1):
        bench.add(2)
        assert bench.poll() == {2: life.AVAILABLE, 1: life.UNLOADING}
        assert bench.newest() == 2
        assert not first.closed
    assert first.closed
    assert bench.poll() == {2: life.AVAILABLE, 1: life.END}


def test_a_failing_call_gives_its_version_back(bench):
    bench.add(1)
    bench.poll()
    with pytest.raises(KeyError), bench.versions.lease():
        raise KeyError
    bench.versions.close()
    assert bench.models[1].closed


def test_a_bad_version_keeps_the_old_one(bench):
    bench.add(1)
    bench.poll()
    bench.bad.add(2)
    bench.add(2)
    assert bench.poll() == {2: life.LOADING, 1: life.AVAILABLE}
    state = bench.versions.states()[0]
    assert (state.code, state.message) == (grpc.StatusCode.DATA_LOSS, "broken")
    assert bench.newest() == 1


def test_a_failed_load_is_tried_five_times_more_a_minute_apart(bench):
    bench.bad.add(1)
    bench.add(1)
    for retry in range(6):
        bench.now = 60.0 * retry
        bench.poll()
        bench.now += 59.0
        bench.poll()
        assert bench.attempts == [1] * (retry + 1)
    assert bench.poll() == {1: life.END}
    bench.now = 10_000.0
    bench.poll()
    assert len(bench.attempts) == 6
    assert bench.versions.states()[0].message == "broken"


def test_a_retry_may_succeed(bench):
    bench.bad.add(1)
    bench.add(1)
    bench.poll()
    bench.bad.clear()
    bench.now = 60.0
    assert bench.poll() == {1: life.AVAILABLE}
    assert bench.versions.states()[0].code is grpc.StatusCode.OK


def test_a_file_that_was_still_being_written_is_tried_again_at_once(bench):
    bench.bad.add(1)
    bench.add(1)
    assert bench.poll() == {1: life.LOADING}
    bench.bad.clear()
    assert bench.poll() == {1: life.LOADING}
    (bench.base / "1" / "saved_model.pb").write_bytes(b"the rest")
    assert bench.poll() == {1: life.AVAILABLE}


def test_a_newer_version_ends_the_retries_of_a_bad_one(bench):
    bench.bad.add(1)
    bench.add(1)
    bench.poll()
    bench.add(2)
    assert bench.poll() == {2: life.AVAILABLE, 1: life.END}
    assert bench.versions.states()[1].message == "broken"


def test_rollback_by_deleting_the_newest(bench):
    for version in (1, 2):
        bench.add(version)
    bench.poll()
    shutil.rmtree(bench.base / "2")
    assert bench.poll() == {2: life.END, 1: life.AVAILABLE}
    assert bench.newest() == 1
    bench.add(2)
    assert bench.poll() == {2: life.AVAILABLE, 1: life.END}


def policy(text):
    return text_format.Parse(text, VersionPolicy())


def test_more_than_one_version(bench):
    bench.versions.configure(str(bench.base), policy("latest { num_versions: 2 }"))
    for version in (1, 2, 3):
        bench.add(version)
    assert bench.poll() == {3: life.AVAILABLE, 2: life.AVAILABLE}
    # The newest is there first.
    assert bench.attempts == [3, 2]
    with bench.versions.lease(2) as model:
        assert model.version == 2
    bench.add(4)
    assert bench.poll() == {4: life.AVAILABLE, 3: life.AVAILABLE, 2: life.END}


def test_a_bad_version_beside_a_good_one(bench):
    bench.versions.configure(str(bench.base), policy("all {}"))
    bench.bad.add(2)
    for version in (1, 2):
        bench.add(version)
    assert bench.poll() == {2: life.LOADING, 1: life.AVAILABLE}
    assert bench.newest() == 1
    bench.bad.clear()
    bench.now = 60.0
    assert bench.poll() == {2: life.AVAILABLE, 1: life.AVAILABLE}


def test_no_version_that_is_wanted_loads(bench):
    bench.add(1)
    bench.poll()
    bench.versions.configure(str(bench.base), policy("specific { versions: 2 versions: 3 }"))
    bench.bad.update((2, 3))
    bench.add(2)
    bench.add(3)
    # What was served is served on.
    assert bench.poll() == {3: life.LOADING, 2: life.LOADING, 1: life.AVAILABLE}
    bench.bad.remove(2)
    bench.now = 60.0
    assert bench.poll() == {3: life.LOADING, 2: life.AVAILABLE, 1: life.END}


def test_closing_ends_what_was_still_tried(bench):
    bench.bad.add(1)
    bench.add(1)
    bench.poll()
    bench.versions.close()
    assert bench.versions.states()[0].state == life.END


def test_an_empty_folder_unloads_but_an_unreadable_one_does_not(bench):
    bench.add(1)
    bench.poll()
    bench.base.rename(bench.base.with_name("moved"))
    assert bench.poll() == {1: life.AVAILABLE}
    bench.base.mkdir()
    assert bench.poll() == {1: life.END}
