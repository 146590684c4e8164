import errno

import pytest

from lifelong.pipeline.reasons import reason_of

BEAM = """Traceback (most recent call last):
  File "apache_beam/runners/common.py", line 1435, in process
    ValueError: is no message where it is not at the beginning
lifelong.data.SomeError: first
During handling of the above exception, another exception occurred:
Traceback (most recent call last):
  File "read_logs.py", line 9, in process
ValueError: log.csv: row 7 has no item [while running 'Ingest/ReadLogs/Read']
"""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("heads is 0"), "heads is 0"),
        (ValueError("log.csv: bad [while running 'Ingest/Read']"), "log.csv: bad"),
        (RuntimeError(BEAM), "log.csv: row 7 has no item"),
        (RuntimeError(f"{BEAM}KeyError: 'item'"), "KeyError: 'item'"),
        (KeyError("item"), "KeyError: 'item'"),
        (ValueError(), "ValueError: "),
    ],
)
def test_what_libraries_add_is_left_out(error, reason):
    assert reason_of(error) == reason


def test_a_full_disk_is_a_sentence(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "weights.h5"))
    assert reason_of(error).startswith(f"the disk of {tmp_path} has no room left (No space left")
