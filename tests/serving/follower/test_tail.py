import itertools
import os

import pytest

from lifelong.serving.follower.tail import FileTail


class Reading:
    """A tail, what it told, and a clock that stands still."""

    def __init__(self, path, follow=True, max_lines=1000):
        self.now, self.told, self.position = 0.0, [], ""
        self.tail = FileTail(path, follow, max_lines, self.told.append, 5.0, lambda: self.now)

    def start(self, position=""):
        self.tail.resume(position)
        return self

    def lines(self):
        """Everything there is to read now."""
        found = []
        while (chunk := self.tail.next()) is not None:
            found += chunk.data.split()
            self.position = chunk.position or self.position
        return found


@pytest.fixture
def path(tmp_path):
    return tmp_path / "events.jsonl"


@pytest.fixture
def reading(path):
    return lambda **options: Reading(path, **options)


def append(path, text):
    with path.open("a") as file:
        file.write(text)


def test_it_follows_a_growing_file(path, reading):
    path.write_text("a\nb\n")
    reader = reading().start()
    assert reader.lines() == [b"a", b"b"]
    append(path, "c\nd")
    assert reader.lines() == [b"c"]
    append(path, "d\n")
    assert reader.lines() == [b"dd"]
    assert reader.told == []
    assert not reader.tail.ended


def test_it_waits_for_a_file_that_is_not_there(path, reading):
    reader = reading().start()
    assert reader.lines() == []
    path.write_text("a\n")
    assert reader.lines() == [b"a"]
    assert reader.told == [f"{path} does not exist; waiting for it"]


def test_without_following_the_last_line_needs_no_end(path, reading):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        reading(follow=False).start()
    path.write_text("a\nb")
    reader = reading(follow=False).start()
    assert reader.lines() == [b"a", b"b"]
    assert reader.tail.ended
    # The line may be written to its end later: the next run reads it again, whole.
    append(path, "bb\n")
    assert reading(follow=False).start(reader.position).lines() == [b"bbb"]


def test_every_position_is_one_to_go_on_from(path, reading):
    path.write_text("".join(f"{i}\n" for i in range(50)))
    reader = reading(follow=False, max_lines=7).start()
    read = 0
    while (chunk := reader.tail.next()) is not None:
        read += len(chunk.data.split())
        again = reading(follow=False).start(chunk.position)
        assert again.lines() == [str(i).encode() for i in range(read, 50)]
        assert again.told == []


@pytest.mark.parametrize("text", ["x\n", "x\ny\nz\nw\n"])
def test_a_file_that_was_cut_off_is_read_anew(path, reading, text):
    path.write_text("a\nb\n")
    reader = reading().start()
    reader.lines()
    path.write_text(text)  # the same file, shorter or longer than what was read
    assert reader.lines() == text.encode().split()
    stopped = reading().start(reader.position)
    assert stopped.lines() == []
    path.write_text("q\nr\ns\nt\nu\n")
    stopped = reading().start(reader.position)
    assert stopped.lines() == [b"q", b"r", b"s", b"t", b"u"]
    for told in (reader.told, stopped.told):
        assert told == [f"{path} was cut off or rewritten; it is read anew"]


def test_a_replaced_file_is_read_to_its_end_first(path, reading):
    path.write_text("a\n")
    reader = reading().start()
    assert reader.lines() == [b"a"]
    old = path.rename(path.with_name("events.jsonl.1"))
    assert reader.lines() == []
    path.write_text("n\n")
    append(old, "b\n")
    assert reader.lines() == [b"b"]
    append(old, "c")  # its writer has not noticed yet
    reader.now += 4
    assert reader.lines() == []
    reader.now += 5
    assert reader.lines() == [b"c", b"n"]
    assert "was replaced" in reader.told[-1]
    append(path, "o\n")
    assert reader.lines() == [b"o"]


def test_files_that_were_rotated_while_nobody_read_are_read_first(path, reading):
    path.write_text("a\nb\n")
    stopped = reading(max_lines=1).start()
    position = stopped.tail.next().position
    clock = itertools.count(1_700_000_000)
    for text in ("c\n", "d\n", "e\n"):
        rotate(path, next(clock))
        path.write_text(text)
    path.with_name("events.jsonl.bak").write_text("not ours\n")
    for follow in (False, True):
        reader = reading(follow=follow).start(position)
        found = reader.lines()
        for _ in range(3):
            reader.now += 6
            found += reader.lines()
        assert found == [b"b", b"c", b"d", b"e"]
        assert "events.jsonl.3, events.jsonl.2, events.jsonl.1" in reader.told[0]


def rotate(path, now):
    for number in (3, 2, 1):
        if (old := path.with_name(f"{path.name}.{number}")).exists():
            old.rename(path.with_name(f"{path.name}.{number + 1}"))
    path.rename(path.with_name(f"{path.name}.1"))
    os.utime(path.with_name(f"{path.name}.1"), (now, now))


def test_a_file_that_is_gone_is_told(path, reading, tmp_path):
    path.write_text("a\n")
    reader = reading().start()
    reader.lines()
    other = tmp_path / "other"
    other.write_text("n\n")
    other.rename(path)
    again = reading().start(reader.position)
    assert again.lines() == [b"n"]
    assert "up to byte 2, and that one is not beside it" in again.told[0]


def test_a_note_that_is_no_position(path, reading):
    path.write_text("a\n")
    reader = reading().start("17")
    assert reader.lines() == [b"a"]
    assert "cannot be read" in reader.told[0]


def test_what_is_unread_is_counted_over_all_files(path, reading):
    path.write_text("a\nbb")
    reader = reading().start()
    reader.lines()
    path.rename(path.with_name("events.jsonl.1"))
    path.write_text("ccc\n")
    reader.lines()
    assert reader.tail.unread == 2 + 4
