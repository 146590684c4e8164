import pytest
import tensorflow as tf

from lifelong.components.running_model.serving_folder import (
    model_digest,
    note_push,
    running_version,
    serving_state,
)


@pytest.fixture(params=["disk", "ram"])
def folder(request, tmp_path):
    """A serving folder that does not exist yet."""
    place = str(tmp_path / "serving") if request.param == "disk" else "ram://serving-folder"
    yield place
    if tf.io.gfile.exists(place):
        tf.io.gfile.rmtree(place)


def write(path, text):
    tf.io.gfile.makedirs(path.rpartition("/")[0])
    with tf.io.gfile.GFile(path, "w") as file:
        file.write(text)


def push(folder, version, content="weights"):
    write(f"{folder}/{version}/variables/variables.index", content)
    write(f"{folder}/{version}/saved_model.pb", "graph")


def test_the_newest_whole_version_runs(folder):
    assert running_version(folder) is None
    push(folder, 9)
    push(folder, 10)
    # Half of a push, and what is no version.
    write(f"{folder}/11/variables/variables.index", "weights")
    write(f"{folder}/latest/saved_model.pb", "graph")
    assert running_version(folder) == (10, f"{folder}/10")


def test_a_folder_that_cannot_be_looked_at_is_not_one_where_nothing_runs(tmp_path):
    """Else a model would be pushed that nothing was compared with."""
    with pytest.raises(tf.errors.OpError):
        running_version("nonsense://bucket/serving")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="file is a file; models are pushed"):
        running_version(f"{tmp_path}/file")


def test_a_digest_is_of_names_and_content(folder):
    push(folder, 1)
    push(folder, 2)
    assert model_digest(f"{folder}/1") == model_digest(f"{folder}/2")
    write(f"{folder}/2/assets/vocabulary", "1")
    assert model_digest(f"{folder}/1") != model_digest(f"{folder}/2")
    write(f"{folder}/1/assets/vocabularies", "1")
    assert model_digest(f"{folder}/1") != model_digest(f"{folder}/2")
    push(folder, 3, "other weights")
    push(folder, 4)
    assert model_digest(f"{folder}/3") != model_digest(f"{folder}/4")


def test_the_state_is_that_of_the_model_not_of_its_number(folder):
    assert serving_state(folder) == ""
    push(folder, 1)
    before = serving_state(folder)
    push(folder, 2)
    assert serving_state(folder) == before
    push(folder, 3, "other weights")
    assert serving_state(folder) != before


def test_a_version_that_was_pushed_and_is_gone_shows(folder):
    """Else the state would be that in which it was pushed, and a runner would find that push."""
    push(folder, 1)
    note_push(folder, 1)
    before = serving_state(folder)
    push(folder, 2, "other weights")
    note_push(folder, 2)
    after = serving_state(folder)
    tf.io.gfile.rmtree(f"{folder}/2")
    assert len({before, after, serving_state(folder)}) == 3
