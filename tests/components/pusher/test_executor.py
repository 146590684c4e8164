import itertools
from pathlib import Path

import pytest
import tensorflow as tf
from tfx.dsl.io import fileio
from tfx.types import standard_artifacts
from tfx.utils import io_utils, path_utils
from tfx.v1 import proto

from lifelong.components.pusher import executor
from lifelong.components.pusher.component import Pusher
from lifelong.components.pusher.executor import Executor
from lifelong.components.running_model.serving_folder import running_version, serving_state


@pytest.fixture(params=["disk", "ram"])
def folder(request, tmp_path):
    place = str(tmp_path / "serving") if request.param == "disk" else "ram://pushed-models"
    yield place
    if tf.io.gfile.exists(place):
        tf.io.gfile.rmtree(place)


@pytest.fixture
def push(folder, tmp_path):
    """Pushes a model with this content, and returns what is noted of it."""
    numbers = itertools.count()

    def run(content, blessed=1):
        place = tmp_path / str(next(numbers))
        infra, model_blessing = (
            standard_artifacts.InfraBlessing(),
            standard_artifacts.ModelBlessing(),
        )
        infra.uri = str(place / "blessing")
        for name, text in (("variables/variables.index", content), ("saved_model.pb", "graph")):
            io_utils.write_string_file(f"{path_utils.stamped_model_path(infra.uri)}/{name}", text)
        for name in ("blessed", "has_model"):
            infra.set_int_custom_property(name, 1)
        model_blessing.set_int_custom_property("blessed", blessed)
        pushed = standard_artifacts.PushedModel()
        pushed.uri = str(place / "archive")
        component = Pusher(
            model_blessing=_channel(model_blessing),
            infra_blessing=_channel(infra),
            push_destination=proto.PushDestination(
                filesystem=proto.PushDestination.Filesystem(base_directory=folder)
            ),
        )
        Executor().Do(
            {"model_blessing": [model_blessing], "infra_blessing": [infra]},
            {"pushed_model": [pushed]},
            component.exec_properties,
        )
        return pushed

    return run


def _channel(artifact):
    from tfx.types import channel_utils

    return channel_utils.as_channel([artifact])


def versions(folder):
    return sorted(
        int(name.rstrip("/")) for name in tf.io.gfile.listdir(folder) if not name.startswith(".")
    )


def test_a_blessed_model_is_pushed_whole_and_noted(push, folder):
    pushed = push("weights")
    (version,) = versions(folder)
    assert pushed.get_int_custom_property("pushed") == 1
    assert pushed.get_string_custom_property("pushed_version") == str(version)
    assert pushed.get_string_custom_property("pushed_destination") == f"{folder}/{version}"
    assert running_version(folder) == (version, f"{folder}/{version}")
    assert fileio.exists(f"{folder}/{version}/variables/variables.index")
    assert (Path(pushed.uri) / "saved_model.pb").exists()
    assert serving_state(folder).endswith(f"last push {version}")
    names = {name.rstrip("/") for name in tf.io.gfile.listdir(folder)}
    assert names == {str(version), ".last_push"}


def test_the_model_in_use_is_not_pushed_again(push, folder):
    push("weights")
    (version,) = versions(folder)
    # Not even if it was not found better than itself.
    for blessed in (1, 0):
        again = push("weights", blessed)
        assert again.get_int_custom_property("pushed") == 0
        assert again.get_string_custom_property("running_version") == str(version)
    assert versions(folder) == [version]


def test_a_model_that_is_not_blessed_is_not_pushed(push, folder):
    refused = push("weights", blessed=0)
    assert refused.get_int_custom_property("pushed") == 0
    assert not refused.has_custom_property("running_version")
    assert running_version(folder) is None


def test_a_new_version_is_the_newest_whatever_numbers_there_are(push, folder):
    """Also where two come within a second, or others count in milliseconds."""
    push("weights")
    push("other weights")
    first, second = versions(folder)
    assert second > first
    far = 10**15
    io_utils.write_string_file(f"{folder}/{far}/saved_model.pb", "graph")
    push("third weights")
    assert running_version(folder).number == far + 1


def test_a_push_that_was_killed_is_not_seen_and_removed(push, folder, monkeypatch):
    push("weights")
    before = running_version(folder)
    copy_file = io_utils.copy_file

    def be_killed(source, target, *more):
        if target.startswith(folder) and target.endswith("saved_model.pb"):
            raise KeyboardInterrupt
        copy_file(source, target, *more)

    monkeypatch.setattr(executor.io_utils, "copy_file", be_killed)
    with pytest.raises(KeyboardInterrupt):
        push("other weights")
    assert running_version(folder) == before
    if "://" not in folder:
        assert versions(folder) == [before.number], "nothing half-written has a version's name"
    monkeypatch.undo()
    # Another push may be at work on it: what is left goes when it is old.
    push("other weights")
    assert len(running_version(folder).path) > 0
    assert any(map(is_left, tf.io.gfile.listdir(folder))) == ("://" not in folder)
    monkeypatch.setattr(executor, "_OLD_S", -1)
    push("third weights")
    assert not any(map(is_left, tf.io.gfile.listdir(folder)))


def is_left(name):
    return name.startswith(".unfinished")


def test_what_others_put_into_the_folder_stays(push, folder, monkeypatch):
    monkeypatch.setattr(executor, "_OLD_S", -1)
    push("weights")
    foreign = ("99999999999/precious.tflite", "20250101", ".notes/7")
    for name in foreign:
        io_utils.write_string_file(f"{folder}/{name}", "")
    push("other weights")
    assert all(fileio.exists(f"{folder}/{name}") for name in foreign)


def test_there_is_no_version_after_the_largest(push, folder):
    io_utils.write_string_file(f"{folder}/{2**63 - 1}/saved_model.pb", "graph")
    with pytest.raises(ValueError, match="has a version 9223372036854775807, the largest"):
        push("weights")


def test_the_loss_of_a_version_whose_push_was_killed_when_it_was_whole_is_seen(
    push, folder, monkeypatch
):
    push("weights")
    before = serving_state(folder)
    module, last_step = (fileio, "rename") if "://" not in folder else (io_utils, "copy_file")
    step = getattr(module, last_step)

    def be_killed(source, target, *more):
        step(source, target, *more)
        if target.startswith(folder):
            raise KeyboardInterrupt

    monkeypatch.setattr(module, last_step, be_killed)
    with pytest.raises(KeyboardInterrupt):
        push("other weights")
    monkeypatch.undo()
    newest = running_version(folder)
    push("other weights")
    tf.io.gfile.rmtree(newest.path)
    assert serving_state(folder) != before
