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


@pytest.fixture(params=["ram", "disk"])
def place(request, tmp_path):
    return f"{URI}/run" if request.param == "ram" else str(tmp_path / "a" / "b")


def test_what_was_kept_is_there_the_next_time(place):
    with checkpoint_folder(place) as folder:
        (folder.path / "backup").mkdir()
        (folder.path / "backup" / "ckpt-1.index").write_text("index")
        (folder.path / "epochs.csv").write_text("0")
        folder.callback().on_epoch_end(0, {})
        (folder.path / "epochs.csv").write_text("0 1")
    assert read(f"{place}/epochs.csv") == "0", "the second epoch did not end"
    with checkpoint_folder(place) as folder:
        assert (folder.path / "epochs.csv").read_text() == "0"
        assert (folder.path / "backup" / "ckpt-1.index").read_text() == "index"
        (folder.path / "epochs.csv").write_text("0 1")
        folder.keep()
    assert read(f"{place}/epochs.csv") == "0 1"


def test_what_the_next_epoch_replaced_is_removed(place):
    with checkpoint_folder(place) as folder:
        (folder.path / "backup").mkdir()
        for epoch in (1, 2):
            (folder.path / "backup" / f"ckpt-{epoch}.index").write_text("index")
            (folder.path / "best.weights.h5").write_text("weights")
            folder.keep()
            (folder.path / "backup" / f"ckpt-{epoch - 1}.index").unlink(missing_ok=True)
        folder.keep()
    assert tf.io.gfile.listdir(f"{place}/backup") == ["ckpt-2.index"]
    assert sorted(it.rstrip("/") for it in tf.io.gfile.listdir(place)) == [
        "backup",
        "best.weights.h5",
    ]


def test_half_of_a_copy_is_neither_read_nor_kept(place):
    with checkpoint_folder(place) as folder:
        (folder.path / "epochs.csv").write_text("0")
        folder.keep()
    with tf.io.gfile.GFile(f"{place}/best.weights.h5.part", "w") as file:
        file.write("half")
    with checkpoint_folder(place) as folder:
        assert [path.name for path in folder.path.iterdir()] == ["epochs.csv"]
        folder.keep()
    assert [name.rstrip("/") for name in tf.io.gfile.listdir(place)] == ["epochs.csv"]


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
