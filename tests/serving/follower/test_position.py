import pytest

from lifelong.serving.follower.position import Position

POSITION = Position(inode=7, offset=5, line=2, head=0x3610A686, tail=0x3610A686)  # crc32(hello)


def test_it_survives_being_written_as_text():
    assert Position.from_text(POSITION.to_text()) == POSITION


@pytest.mark.parametrize("text", ["17", "{}", '{"inode": 7}', "not json", "[]"])
def test_other_text_is_no_position(text):
    assert Position.from_text(text) is None


def test_it_knows_the_bytes_before_it():
    assert POSITION.matches(b"hello", b"hello")
    assert not POSITION.matches(b"hello", b"hallo")
    assert not POSITION.matches(b"hell", b"hell")
