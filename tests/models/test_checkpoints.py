import pytest
import tensorflow as tf

from lifelong.models.checkpoints import checkpoint_folder

# TensorFlow's file system in memory: what is not local goes the way of gs:// and s3://.
URI = "ram://checkpoints"


@pytest.fixture(autouse=True)
def empty():
    yield
    if tf.io.gfile.exists(URI):
        tf.io.gfile.rmtree(URI)


def read(path):
    with tf.io.gfile.GFile(path) as file:
        return file.read()


def test_a_local_folder_is_used_as_it_is(tmp_path):
    with checkpoint_folder(tmp_path / "a" / "b") as folder:
        (folder.path / "weights").write_text("1")
        assert folder.callbacks() == []
        folder.keep()
    assert (tmp_path / "a" / "b" / "weights").read_text() == "1"


def test_what_was_kept_at_a_uri_is_there_the_next_time():
    with checkpoint_folder(f"{URI}/run") as folder:
        (folder.path / "backup").mkdir()
        (folder.path / "backup" / "ckpt-1.index").write_text("index")
        (folder.path / "epochs.csv").write_text("0")
        (callback,) = folder.callbacks()
        callback.on_epoch_end(0, {})
        (folder.path / "epochs.csv").write_text("0 1")
    assert read(f"{URI}/run/epochs.csv") == "0", "the second epoch did not end"
    with checkpoint_folder(f"{URI}/run") as folder:
        assert (folder.path / "epochs.csv").read_text() == "0"
        assert (folder.path / "backup" / "ckpt-1.index").read_text() == "index"
        (folder.path / "epochs.csv").write_text("0 1")
        folder.keep()
    assert read(f"{URI}/run/epochs.csv") == "0 1"


def test_a_copy_that_breaks_off_names_no_file_that_is_missing(monkeypatch):
    copied = []
    monkeypatch.setattr(tf.io.gfile, "copy", lambda path, target, overwrite: None)
    monkeypatch.setattr(
        tf.io.gfile, "rename", lambda path, target, overwrite: copied.append(target)
    )
    with checkpoint_folder(f"{URI}/run") as folder:
        for name in ("checkpoint", "ckpt-1.data", "ckpt-1.index"):
            (folder.path / name).write_text("")
        folder.keep()
    assert copied[-1] == f"{URI}/run/checkpoint"
    assert len(copied) == 3
