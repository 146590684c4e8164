import os

import pytest

from lifelong.data.logs import quoting
from lifelong.data.logs.config import LogConfig
from lifelong.data.logs.csv_format import CsvFormat
from lifelong.serving.follower.chunk import LONGEST_LINE
from lifelong.serving.follower.followed_file import FollowedFile
from lifelong.serving.follower.position import EDGE, Position


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


@pytest.fixture
def followed(path):
    def opened(text=None, max_lines=1000):
        if text is not None:
            path.write_bytes(text)
        return FollowedFile(path, max_lines)

    return opened


def append(path, data):
    with path.open("ab") as file:
        file.write(data)


def test_only_whole_lines_are_given(path, followed):
    file = followed(b"one\ntwo\nthr")
    chunk = file.read()
    assert (chunk.data, chunk.first, chunk.offset, chunk.opening) == (b"one\ntwo\n", 1, 0, b"one")
    assert file.read() is None
    assert file.unread == 3
    append(path, b"ee\nfour\n")
    chunk = file.read()
    assert (chunk.data, chunk.first, chunk.offset, chunk.opening) == (
        b"three\nfour\n",
        3,
        8,
        b"one",
    )
    assert file.unread == 0


def test_a_chunk_has_at_most_so_many_lines(followed):
    file = followed(b"1\n2\n3\n4\n5\n", max_lines=2)
    assert [file.read().data for _ in range(3)] == [b"1\n2\n", b"3\n4\n", b"5\n"]


@pytest.mark.parametrize("size", [1, EDGE - 1, EDGE, EDGE + 1, 3 * EDGE])
def test_it_goes_on_at_a_position(followed, size):
    first, second = b"x" * (size - 1) + b"\n", b"y" * 50 + b"\n"
    position = Position.from_text(followed(first + second, max_lines=1).read().position)
    assert (position.offset, position.line) == (size, 2)
    again = followed()
    assert again.go_to(position)
    chunk = again.read()
    assert (chunk.data, chunk.first, chunk.offset) == (second, 2, size)
    assert chunk.opening == first.rstrip()


@pytest.mark.parametrize("damage", ["shorter", "beginning", "end"])
def test_a_position_of_other_content_is_refused(path, followed, damage):
    data = b"x" * 20_000 + b"\n"
    file = followed(data)
    position = Position.from_text(file.read().position)
    assert file.is_intact()
    changed = {
        "shorter": data[:-1],
        "beginning": b"y" + data[1:],
        "end": data[:-2] + b"y\n",
    }[damage]
    path.write_bytes(changed + (b"z" * 9 if damage != "shorter" else b""))
    assert not file.is_intact()
    assert not followed().go_to(position)


def test_the_rest_is_a_line_without_end(followed):
    file = followed(b"one\ntw")
    file.read()
    open_end = file.rest(is_final=False)
    assert (open_end.data, open_end.first, open_end.position) == (b"tw", 2, "")
    final = file.rest(is_final=True)
    assert final.data == b"tw"
    assert Position.from_text(final.position).offset == 6
    assert file.rest(is_final=True) is None


def test_a_line_that_is_too_long_is_left_out_once(path, followed):
    file = followed(b"a\n" + b"\0" * (2 * LONGEST_LINE + 10))
    assert file.read().data == b"a\n"
    chunk = file.read()
    assert chunk.too_long
    assert (chunk.first, chunk.offset) == (2, 2)
    assert file.read() is None
    append(path, b"\0\0\nb\n")
    # After a restart from the position inside the line, and without one, the rest is left out.
    again = followed()
    assert again.go_to(Position.from_text(chunk.position))
    for reader in (file, again):
        after = reader.read()
        assert (after.data, after.first, after.too_long) == (b"b\n", 3, False)


def end_of_csv(data, limit):
    return CsvFormat().end_of_rows(LogConfig(), data, limit)


def test_a_chunk_never_ends_within_a_row(path):
    first, second, third = b'1,"a\nb\n"\n', b"2,c\n", b'3,"d\n\n\ne"\n'
    path.write_bytes(first + second + third[:6])
    file = FollowedFile(path, 2, end_of_csv)
    chunk = file.read()
    assert (chunk.data, chunk.first, chunk.opening) == (first, 1, first.rstrip())
    chunk = file.read()
    assert (chunk.data, chunk.first) == (second, 4)
    assert file.read() is None, "the end of the row has not come yet"
    append(path, third[6:] + b"4,f\n")
    again = FollowedFile(path, 2, end_of_csv)
    assert again.go_to(Position.from_text(chunk.position))
    for reader in (file, again):
        assert [(c.data, c.first) for c in (reader.read(), reader.read())] == [
            (third, 5),
            (b"4,f\n", 9),
        ]


def test_a_row_waits_for_its_end_only_so_long(path, monkeypatch):
    monkeypatch.setattr(quoting, "LONGEST_ROW", 20)
    path.write_bytes(b'1,"a\n2,b\n')
    file = FollowedFile(path, 10, end_of_csv)
    assert file.read() is None
    append(path, b"3,c\n4,d\n5,e\n6,f\n")
    assert file.read().data.count(b"\n") == 6


@pytest.mark.parametrize("data", [b"1,2\r3,4\r5,6\r", b"\x1f\x8b\x08\0abc"])
def test_a_file_whose_lines_would_never_end_is_refused(path, followed, data):
    with pytest.raises(ValueError, match=f"^{path} (has lines that end with|is compressed)"):
        followed(data).read()


def test_a_pipe_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe it in"):
        FollowedFile(tmp_path / "pipe", 10)
