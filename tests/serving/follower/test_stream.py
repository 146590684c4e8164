import functools
import os

import pytest

from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.csv_format import CsvFormat
from lifelong.serving.follower.chunk import LONGEST_LINE
from lifelong.serving.follower.stream import StreamLines


@pytest.fixture
def pipe():
    """Gives the ends of a pipe: (reading, writing)."""
    read, write = os.pipe()
    ends = [read, write]
    yield ends
    for end in ends:
        os.close(end)


def close_writing(pipe):
    os.close(pipe.pop())


def test_what_has_arrived_is_given(pipe):
    source = StreamLines(pipe[0], "standard input", max_lines=2, wait_s=0)
    assert source.next() is None
    os.write(pipe[1], b"a\nb\nc\nd")
    chunks = [source.next(), source.next()]
    assert [(c.data, c.first, c.offset, c.position) for c in chunks] == [
        (b"a\nb\n", 1, 0, ""),
        (b"c\n", 3, 4, ""),
    ]
    assert source.next() is None
    assert not source.ended
    close_writing(pipe)
    last = source.next()
    assert (last.data, last.first, last.opening) == (b"d", 4, b"a")
    assert source.ended
    assert source.next() is None


def test_a_chunk_that_was_not_stored_is_given_again(pipe):
    source = StreamLines(pipe[0], "standard input", max_lines=1, wait_s=0)
    os.write(pipe[1], b"a\nb\n")
    chunk = source.next()
    source.resume("")
    assert source.next() is chunk
    assert source.next().data == b"b\n"


def test_a_line_that_is_too_long_is_left_out(tmp_path):
    path = tmp_path / "input"
    path.write_bytes(b"x" * (3 * LONGEST_LINE) + b"\nb\n")
    with path.open("rb") as file:
        source = StreamLines(file.fileno(), "standard input", max_lines=10, wait_s=0)
        chunks = []
        while not source.ended:
            if (chunk := source.next()) is not None:
                chunks.append(chunk)
    assert [(c.too_long, c.first) for c in chunks] == [(True, 1), (False, 2)]
    assert chunks[1].data == b"b\n"


def test_a_chunk_never_ends_within_a_row(pipe):
    end_of_rows = functools.partial(CsvFormat().end_of_rows, LogConfig())
    source = StreamLines(pipe[0], "standard input", 1, wait_s=0, end_of_rows=end_of_rows)
    os.write(pipe[1], b'1,"a\n\n')
    assert source.next() is None
    os.write(pipe[1], b'b"\n2,c\n3,"d\n')
    assert [(c.data, c.first) for c in (source.next(), source.next())] == [
        (b'1,"a\n\nb"\n', 1),
        (b"2,c\n", 4),
    ]
    assert source.next() is None
    close_writing(pipe)
    assert source.next().data == b'3,"d\n'
