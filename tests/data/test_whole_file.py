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
    path.with_name("text.unfinished").mkdir()
    with pytest.raises(IsADirectoryError):
        write_atomically(path, "after")
    assert path.read_text() == "before"
