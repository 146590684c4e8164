import errno
from pathlib import Path

import pytest

from lifelong.data.folders import check_folder, make_folder


def test_a_folder_that_is_there_or_not_yet_can_be_used(tmp_path):
    check_folder("workdir", tmp_path)
    check_folder("workdir", tmp_path / "not" / "yet")
    make_folder("workdir", tmp_path / "not" / "yet")
    assert (tmp_path / "not" / "yet").is_dir()
    assert not list((tmp_path / "not" / "yet").iterdir())


@pytest.mark.parametrize("use", [check_folder, make_folder])
def test_a_file_in_its_place_or_above_is_named(tmp_path, use):
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(NotADirectoryError, match=r"^workdir is '.*/file', which is a file; name a"):
        use("workdir", tmp_path / "file")
    with pytest.raises(NotADirectoryError, match=r"is '.*/file/a/b', but .*/file is a file; name"):
        use("workdir", tmp_path / "file" / "a" / "b")
    with pytest.raises(NotADirectoryError, match="which is a link to nothing"):
        use("workdir", tmp_path / "link")


@pytest.mark.parametrize("method", ["mkdir", "touch"])
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path, monkeypatch, method):
    def refuse(*arguments, **options):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(OSError, match=r"cannot be written to \(Permission denied\); name another"):
        make_folder("workdir", tmp_path / "mine")
