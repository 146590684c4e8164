import pytest

from lifelong.serving.follower.chunk import end_of_lines, opening_of


@pytest.mark.parametrize(
    ("data", "limit", "end"),
    [
        (b"", 3, 0),
        (b"abc", 3, 0),
        (b"a\nbc", 3, 2),
        (b"a\nb\nc\nd\n", 3, 6),
        (b"a\nb\nc\n", 3, 6),
        (b"\n\n\n\n", 1, 1),
    ],
)
def test_end_of_lines(data, limit, end):
    assert end_of_lines(data, limit) == end


@pytest.mark.parametrize("data", [b"a,b", b"a,b\n1,2\n", b"a,b\r\n1,2\r\n"])
def test_opening(data):
    assert opening_of(data) == b"a,b"
