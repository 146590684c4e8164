import os
import resource

import pytest

from lifelong.data.whole_file import write_atomically


def test_text_and_bytes_are_written_as_they_are(tmp_path):
    write_atomically(tmp_path / "text", "a ± b\n")
    write_atomically(tmp_path / "bytes", b"\x89PNG\r\n")
    assert (tmp_path / "text").read_text() == "a ± b\n"
    assert (tmp_path / "bytes").read_bytes() == b"\x89PNG\r\n"
    assert len(list(tmp_path.iterdir())) == 2


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "text"
    path.write_text("before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal, so that the write fails as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_atomically(path, "after" * 10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_goes_on_pointing_to_its_file(tmp_path):
    (tmp_path / "file").write_text("before")
    (tmp_path / "link").symlink_to("file")
    write_atomically(tmp_path / "link", "after")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "after"


def test_a_pipe_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is a device or a pipe"):
        write_atomically(tmp_path / "pipe", "after")
    assert (tmp_path / "pipe").is_fifo()


def test_what_is_wrong_with_a_path_is_told_of_the_path_itself(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(IsADirectoryError, match=f"{tmp_path} is a folder"):
        write_atomically(tmp_path, "after")
    with pytest.raises(FileNotFoundError, match=f"{tmp_path}/nowhere does not exist"):
        write_atomically(tmp_path / "nowhere" / "text", "after")
    with pytest.raises(NotADirectoryError, match=f"{tmp_path}/file is no folder"):
        write_atomically(tmp_path / "file" / "text", "after")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
