import collections
import errno
import os

import pytest

from lifelong.data import full_disk
from lifelong.data.full_disk import explain, is_full_disk

HDF5 = "Can't write data (file write failed: errno = 28, error message = 'No space left on device')"


def raised_from(error, cause):
    try:
        try:
            raise cause
        except Exception:
            raise error  # noqa: B904
    except Exception as found:
        return found


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EDQUOT, os.strerror(errno.EDQUOT)),
        OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
        OSError(HDF5),
        Exception("Error when executing query: database or disk is full query: INSERT"),
        RuntimeError(
            "Traceback ...\nOSError: [Errno 28] No space left on device [while running 'W']"
        ),
        raised_from(KeyError("x"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))),
    ],
)
def test_a_full_disk_is_recognised_whoever_met_it(error):
    assert is_full_disk(error)
    assert explain(error).startswith("the disk of ")


@pytest.mark.parametrize(
    "error", [ValueError("column 3"), OSError(errno.EACCES, "Permission denied")]
)
def test_other_errors_are_others(error):
    assert not is_full_disk(error)


@pytest.fixture
def disks(monkeypatch):
    """Bytes that are free on the disk of each folder."""
    free = {}
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(
        full_disk.shutil, "disk_usage", lambda path: usage(free.get(str(path), 1e9))
    )
    return free


def test_the_folder_with_the_least_room_is_named(disks, tmp_path):
    full = tmp_path / "full"
    full.mkdir()
    disks[str(full)] = 1_500_000
    error = OSError(errno.ENOSPC, "No space left on device")
    said = explain(error, [tmp_path, full / "not" / "there", "gs://bucket/x"])
    assert said == (
        f"the disk of {full} has no room left (No space left on device; 1.5 MB are free now). "
        "Make room there"
    )


def test_the_file_that_the_error_names_is_looked_at_first(disks, tmp_path):
    disks[str(tmp_path)] = 1
    error = OSError(errno.ENOSPC, "No space left on device", "/nowhere/file")
    assert explain(error, [tmp_path]).startswith("the disk of / has no room left")
